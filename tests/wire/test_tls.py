"""Senders of other people over TLS: DCMTK with its BCP 195 profile, and pynetdicom."""

import logging
from collections.abc import Iterator
from logging.handlers import QueueHandler
from pathlib import Path
from queue import SimpleQueue

import pytest
from pydicom import dcmread
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE

from dimse.settings import TlsSettings
from dimse.tls import client_context
from storage.storage import Storage, StorageSettings
from tests.dimse.node import Node, running
from tests.support import dcmtk
from tests.support.certificates import Authority, Identity
from tests.support.gateway import free_port
from tests.support.patience import PATIENCE
from tests.support.synthetic import ct, part10

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pynetdicom")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def theirs(authority: Authority) -> Identity:
    return authority.issue("modality")


@pytest.fixture
def tls(authority: Authority) -> TlsSettings:
    ours = authority.issue("gateway")
    return TlsSettings(free_port(), ours.certificate, ours.key, authority.file)


@pytest.fixture
def node(tmp_path: Path, tls: TlsSettings) -> Iterator[tuple[Node, Storage]]:
    storage = Storage.open(tmp_path / "data", StorageSettings(free_space_floor=0))
    with running(storage.ingest, tls=tls) as node:
        yield node, storage
    storage.close()


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{number}.dcm" for number in range(3)]
    for path in paths:
        path.write_bytes(part10(ct(256, 256)))
    return paths


def kept(storage: Storage) -> int:
    return len([path for path in (storage.folder / "blobs").rglob("*") if path.is_file()])


@pytest.fixture
def warnings() -> Iterator[SimpleQueue[logging.LogRecord]]:
    """What the node warns of from now on; the peer may have gone before it does."""
    queue: SimpleQueue[logging.LogRecord] = SimpleQueue()
    handler = QueueHandler(queue)
    handler.setLevel(logging.WARNING)
    log = logging.getLogger("durchblick.dimse")
    log.addHandler(handler)
    yield queue
    log.removeHandler(handler)


@pytest.mark.parametrize("profile", ["--profile-bcp195-nd", "--profile-bcp195"])
def test_storescu_and_echoscu(
    node: tuple[Node, Storage],
    tls: TlsSettings,
    authority: Authority,
    theirs: Identity,
    images: list[Path],
    profile: str,
) -> None:
    secure = ["+tls", str(theirs.key), str(theirs.certificate), "+cf", str(authority.file), profile]
    echoed = dcmtk.run("echoscu", *secure, port=tls.port)
    assert echoed.returncode == 0, echoed.stderr
    sent = dcmtk.run("storescu", *secure, port=tls.port, files=images)
    assert sent.returncode == 0, sent.stderr
    assert kept(node[1]) == len(images)


def test_storescu_without_a_certificate_or_without_tls_is_refused(
    node: tuple[Node, Storage], tls: TlsSettings, authority: Authority, warnings: SimpleQueue[logging.LogRecord]
) -> None:
    assert dcmtk.run("echoscu", "+tla", "+cf", str(authority.file), port=tls.port).returncode != 0
    assert "it shows no certificate" in warnings.get(timeout=PATIENCE).getMessage()
    assert dcmtk.run("echoscu", "-to", "5", "-ta", "5", port=tls.port).returncode != 0
    assert "it does not speak TLS on this port" in warnings.get(timeout=PATIENCE).getMessage()
    assert dcmtk.run("echoscu", port=node[0].port).returncode == 0


def test_pynetdicom(
    node: tuple[Node, Storage], tls: TlsSettings, authority: Authority, theirs: Identity, images: list[Path]
) -> None:
    context = client_context(TlsSettings(0, theirs.certificate, theirs.key, authority.file))
    entity = AE("PYNETDICOM")
    entity.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
    association = entity.associate("127.0.0.1", tls.port, ae_title="DURCHBLICK", tls_args=(context, "127.0.0.1"))
    assert association.is_established
    statuses = [association.send_c_store(dcmread(path)).Status for path in images]
    association.release()
    assert statuses == [0, 0, 0]
    assert kept(node[1]) == len(images)
