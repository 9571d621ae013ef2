"""Large values on their way in: on the disk, never in memory, whatever form they come in."""

import json
import tracemalloc
from collections.abc import Iterator

import pytest

from dicomweb.store.arriving import Body
from storage.data_set.native_model import encode
from storage.errors import OutOfResources, Refusal
from storage.files import Files
from storage.incoming import Incoming
from storage.storage import Storage
from tests.dicomweb.store.test_assembling import described
from tests.dicomweb.store.test_stow import left_over
from tests.dicomweb.store_bodies import JSON, XML, content_type
from tests.support.synthetic import ct, part10

DICOM = "application/dicom"
PIECE = bytes(512 * 1024)
PIECES = 128
SIZE = PIECES * len(PIECE)
MOST = 12 << 20


def large(form: str) -> Iterator[bytes]:
    """The body of a request with one image of 64 MB."""
    yield b"--b\r\nContent-Type: " + form.encode() + b"\r\n\r\n"
    if form == DICOM:
        whole = part10(ct(NumberOfFrames=SIZE // 512))
        at = whole.index(b"\xe0\x7f\x10\0OW\0\0") + 8
        yield whole[:at] + SIZE.to_bytes(4, "little")
    else:
        source = described(NumberOfFrames=SIZE // 512)
        yield json.dumps([source]).encode() if form == JSON else encode(source)
        yield b"\r\n--b\r\nContent-Location: pixels\r\n\r\n"
    for _ in range(PIECES):
        yield PIECE
    yield b"\r\n--b--\r\n"


def received(body: Body, form: str) -> list[Incoming | Refusal]:
    found: list[Incoming | Refusal] = []
    for piece in large(form):
        found += body.feed(piece)
    found += body.close()
    return [*found, *(body.assembled() or ())]


@pytest.mark.parametrize("form", [DICOM, JSON, XML])
def test_memory_does_not_grow_with_the_value(storage: Storage, form: str) -> None:
    tracemalloc.start()
    try:
        body = Body(storage.ingest, storage.pixels, {"content-type": content_type(form)}, "http://testserver/studies")
        (incoming,) = received(body, form)
        body.abandon()
        assert isinstance(incoming, Incoming)
        assert incoming.size > SIZE
        storage.ingest.store(incoming, source="test")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MOST
    assert not left_over(storage)


@pytest.mark.parametrize("form", [JSON, XML])
def test_what_is_given_up_leaves_nothing(storage: Storage, form: str) -> None:
    body = Body(storage.ingest, storage.pixels, {"content-type": content_type(form)}, "http://testserver/studies")
    for _, piece in zip(range(9), large(form), strict=False):
        body.feed(piece)
    body.abandon()
    assert not left_over(storage)


def test_no_room_for_what_is_set_aside(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """507 for the whole request: nothing of it could be put together."""

    def full(*_: object) -> None:
        raise OutOfResources("Free space is below the floor that is set for the store.")

    monkeypatch.setattr(Files, "scratch", full)
    with pytest.raises(OutOfResources):
        Body(storage.ingest, storage.pixels, {"content-type": content_type(JSON)}, "http://testserver/studies")
