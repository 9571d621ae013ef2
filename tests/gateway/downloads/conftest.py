"""A portal with two patients, and archives prepared of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from auth.shares import Issued
from gateway.downloads.contents import content_of, images_of, records_of
from gateway.downloads.downloads import Download, Wish
from gateway.downloads.layout import Prepared
from gateway.downloads.worker import Preparation
from gateway.house import House
from tests.gateway.portal_house import Portal, opened


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    with opened(tmp_path) as portal:
        yield portal


@pytest.fixture
def house(portal: Portal) -> House:
    return portal.house


def order(house: House, issued: Issued, study: str = "") -> Download:
    """What pressing the button does."""
    records = records_of(house.storage.index, issued.share.scope, study)
    return house.downloads.order(Wish(issued.share.id, study), content_of(records), images_of(records))


def work(house: House) -> int:
    """What the worker does until nothing is left."""
    return Preparation(house, lambda: False).work()


@dataclass(frozen=True)
class Archive:
    """A prepared download and its archive, read back."""

    download: Download
    prepared: Prepared
    content: bytes
    files: dict[str, bytes]


def prepare(house: House, issued: Issued, study: str = "") -> Archive:
    """Order, prepare and read back; what can be read by Python's zipfile is whole."""
    ordered = order(house, issued, study)
    assert work(house) == 1
    download = house.downloads.find(issued.share.id, ordered.id)
    prepared = Prepared(house.downloads_folder / download.id, house.storage.files)
    content = b"".join(prepared.archive())
    with ZipFile(BytesIO(content)) as opened_again:
        assert opened_again.testzip() is None
        files = {name: opened_again.read(name) for name in opened_again.namelist()}
    return Archive(download, prepared, content, files)
