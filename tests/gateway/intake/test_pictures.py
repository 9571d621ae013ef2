"""The small pictures of what lies in quarantine: drawn by children with limits, and never anything worse than none."""

from contextlib import closing
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless

from gateway.intake import pictures
from gateway.intake.pictures import drawing
from storage.errors import NotRenderable, OutOfResources
from storage.pixels import Pixels
from storage.scope import WholeArchive
from tests.gateway.intake.conftest import Sender
from tests.support.keeping import Keeping
from tests.support.synthetic import ct, part10

STUDY = "1.2.9"


def image(series: str, **attributes: Any) -> Any:
    return ct(StudyInstanceUID=STUDY, SeriesInstanceUID=series, **attributes)


def damaged(series: str) -> bytes:
    """What calls itself JPEG 2000 and is none."""
    data_set = image(series)
    data_set.PixelData = encapsulate([b"\xff\x4f\xff\x51 no more of it"])
    data_set["PixelData"].VR = "OB"
    return part10(data_set, JPEG2000Lossless)


def report(series: str) -> bytes:
    data_set = image(series, Modality="SR", PixelData=None)
    for keyword in ("Rows", "Columns", "BitsAllocated"):
        delattr(data_set, keyword)
    return part10(data_set)


def told(sender: Sender) -> dict[str, str]:
    """For each series what became of its picture."""
    return {one["series"]: one["picture"] for study in sender.upload.findings["studies"] for one in study["shown"]}


def test_each_series_has_a_picture_or_a_reason(sender: Sender, keeping: Keeping) -> None:
    for number, data in enumerate((part10(image("1.1")), damaged("1.2"), report("1.3"))):
        sender.send(data, f"IM{number}")
    sender.finish()
    with closing(Pixels(keeping.files, processes=1)) as pixels:
        assert sender.intake.examination(drawing(pixels), lambda: False).work() == 1
    assert told(sender) == {"1.1": "drawn", "1.2": "failed", "1.3": "none"}
    content = sender.intake.quarantine.picture(sender.upload, "1.1")
    assert content is not None
    with Image.open(BytesIO(content)) as picture:
        assert picture.format == "JPEG" and max(picture.size) <= 256
    assert sender.intake.quarantine.picture(sender.upload, "1.2") is None
    for other in ("../../durchblick.sqlite", "", "\udcff", "1.1\0"):
        assert sender.intake.quarantine.picture(sender.upload, other) is None
    assert keeping.index.counts(WholeArchive()).instances == 0
    assert not list((keeping.folder / "cache").rglob("*.jpg"))


def test_too_many_series_and_too_slow_ones_are_left_out(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1, 4):
        sender.send(part10(image(f"1.{number}", number=number)), f"IM{number}")
    monkeypatch.setattr(pictures, "MOST_SERIES", 2)
    sender.examined()
    assert told(sender) == {"1.1": "drawn", "1.2": "drawn"}
    monkeypatch.setattr(pictures, "SECONDS", 0.0)
    sender.intake.uploads.ask(sender.upload, "More?", "staff-1")
    sender.send(part10(image("1.4", number=4)), "IM4")
    sender.examined()
    assert told(sender) == {"1.1": "left out", "1.2": "left out"}


def test_without_room_the_upload_is_looked_at_later(sender: Sender) -> None:
    def full(*_: Any) -> bytes:
        raise OutOfResources("full")

    sender.send(part10(image("1.1")))
    sender.finish()
    assert sender.intake.examination(full, lambda: False).work() == 0
    assert sender.upload.state == "sent"


def test_pictures_go_with_the_upload(sender: Sender, keeping: Keeping) -> None:
    sender.send(part10(image("1.1")))
    sender.examined()
    assert sender.intake.quarantine.picture(sender.upload, "1.1")
    sender.intake.uploads.accept(sender.upload, {}, "staff-1")
    sender.intake.acceptance(keeping.ingest, lambda: False).work()
    assert sender.intake.quarantine.picture(sender.upload, "1.1") is None


def test_what_cannot_be_drawn_keeps_nothing_back(sender: Sender) -> None:
    def refuse(*_: Any) -> bytes:
        raise NotRenderable("no")

    sender.send(part10(image("1.1")))
    sender.finish()
    assert sender.intake.examination(refuse, lambda: False).work() == 1
    assert (sender.upload.state, told(sender)) == ("waiting", {"1.1": "failed"})
