"""Encapsulated documents as they are (PS3.3 A.45, PS3.18 8.7.4): PDF, CDA, STL; and video streams.

What a file says of itself is not believed: a browser may get it only as what it begins like, and run nothing of it.
"""

from collections.abc import Iterator
from typing import Final

from dicomweb.rendered.rendered_media import BEGINNING, ENCAPSULATIONS, container
from dicomweb.single_part import Content
from storage.data_set import part10
from storage.errors import NotRenderable
from storage.files import Files
from storage.records import InstanceRecord, Layout

_DOCUMENT: Final = 0x00420011
_LENGTH: Final = 0x00420015
_AT_ONCE: Final = 256 * 1024

# Nothing in it may run, be framed or reach anybody, not even in a browser that opens it: the sandbox allows nothing.
SANDBOXED: Final = {"Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'"}


def document(files: Files, record: InstanceRecord) -> Content:
    """The document in `record`.

    Raises `NotRenderable` when there is none, or one that is not what its SOP Class says.
    """
    with files.open(record.blob_key) as file:
        read = part10.read(file)
    element = read.find(_DOCUMENT)
    if element is None or not element.length:
        raise _refused(record, "The document of this instance is missing.")
    size = min(read.number(_LENGTH) or element.length, element.length)
    beginning = bytes(read.buffer[element.offset : element.offset + min(size, BEGINNING)])
    beginnings = ENCAPSULATIONS[record.sop_class_uid].beginnings
    if beginnings and not beginning.lstrip().startswith(beginnings):
        raise _refused(record, "The document is not of the media type that its SOP Class demands.")
    start = element.offset
    return Content(size, lambda offset, length: _pieces(read, start + offset, length))


def video_type(files: Files, record: InstanceRecord, layout: Layout) -> str:
    """The media type that the stream of a video really is (PS3.5 8.2.5 to 8.2.8), or nothing."""
    offset, length = next(_stream(layout), (0, 0))
    return container(files.read(record.blob_key, offset, min(length, BEGINNING))) if length else ""


def video(files: Files, record: InstanceRecord, layout: Layout) -> Content:
    """The stream of a video, all fragments joined."""
    return Content.kept(files, record.blob_key, tuple(_stream(layout)))


def _stream(layout: Layout) -> Iterator[tuple[int, int]]:
    """Where the pieces of a stream lie. It is one for all frames (PS3.5 8.2.5), whatever the table takes them for."""
    for number in range(1, layout.frames.count + 1 if layout.frames else 1):
        assert layout.frames
        yield from layout.frames.ranges(number)


def _pieces(read: part10.Part10, offset: int, size: int) -> Iterator[bytes]:
    for begin in range(offset, offset + size, _AT_ONCE):
        yield bytes(read.buffer[begin : min(begin + _AT_ONCE, offset + size)])


def _refused(record: InstanceRecord, detail: str) -> NotRenderable:
    return NotRenderable(detail, sop_class_uid=record.sop_class_uid, sop_instance_uid=record.sop_instance_uid)
