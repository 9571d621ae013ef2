"""Rendered media types (PS3.18 table 8.7.4-1): in which of them an instance can be shown, as data."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from dicomweb.media_types import RENDERED, Representation, is_video
from storage.records import InstanceRecord

JPEG, PNG, GIF = "image/jpeg", "image/png", "image/gif"
HTML, PLAIN, XML = "text/html", "text/plain", "text/xml"


class Category(Enum):
    """The resource categories of table 8.7.4-1, text told apart by what the instance holds."""

    IMAGE = "an image"
    VIDEO = "a video"
    REPORT = "a structured report"
    ENCAPSULATED = "an encapsulated document"
    PRESENTATION_STATE = "a presentation state"
    NOTHING = "nothing that can be shown"


@dataclass(frozen=True, slots=True)
class Encapsulation:
    """An Encapsulated Document Storage SOP Class: its media type, and how such a document begins."""

    media_type: str
    beginnings: tuple[bytes, ...]


_ENCAPSULATED: Final = "1.2.840.10008.5.1.4.1.1.104."
ENCAPSULATIONS: Final = {
    _ENCAPSULATED + "1": Encapsulation("application/pdf", (b"%PDF-",)),
    _ENCAPSULATED + "2": Encapsulation("text/xml", (b"<", b"\xef\xbb\xbf<")),
    _ENCAPSULATED + "3": Encapsulation("model/stl", ()),
    _ENCAPSULATED + "4": Encapsulation("model/obj", ()),
    _ENCAPSULATED + "5": Encapsulation("model/mtl", ()),
}
_STRUCTURED_REPORTS: Final = "1.2.840.10008.5.1.4.1.1.88."
# Grayscale, Color and Pseudo-Color Softcopy.
_PRESENTATION_STATES: Final = frozenset(f"1.2.840.10008.5.1.4.1.1.11.{number}" for number in (1, 2, 3))

_PICTURES: Final = (JPEG, PNG, GIF)
_TEXTS: Final = (HTML, PLAIN, XML)
# How a stream begins that is what its media type says: a file of ISO 14496-12 names its type at the fifth byte.
_STREAMS: Final = (
    ("video/mp4", 4, (b"ftyp",)),
    ("video/mpeg", 0, (b"\0\0\1\xba", b"\0\0\1\xb3")),
)
BEGINNING: Final = 16
"""Bytes of a video that tell its container."""


def category(record: InstanceRecord) -> Category:
    """What an instance is for the eye."""
    if record.number_of_frames:
        return Category.VIDEO if is_video(record.transfer_syntax_uid) else Category.IMAGE
    if record.sop_class_uid in ENCAPSULATIONS:
        return Category.ENCAPSULATED
    if record.sop_class_uid.startswith(_STRUCTURED_REPORTS):
        return Category.REPORT
    if record.sop_class_uid in _PRESENTATION_STATES:
        return Category.PRESENTATION_STATE
    return Category.NOTHING


def media_types(record: InstanceRecord, video: str = "") -> tuple[str, ...]:
    """In which media types it can be shown, the default first; `video` is what its stream turned out to be."""
    match category(record):
        case Category.IMAGE | Category.PRESENTATION_STATE:
            return _PICTURES
        case Category.REPORT:
            return _TEXTS
        case Category.ENCAPSULATED:
            return (ENCAPSULATIONS[record.sop_class_uid].media_type,)
        case Category.VIDEO:
            return (video,) if video else ()
        case Category.NOTHING:
            return ()


def container(beginning: bytes) -> str:
    """The media type of a video stream that begins so, or nothing for one that no browser plays as it is."""
    for media_type, at, marks in _STREAMS:
        if any(beginning[at : at + len(mark)] == mark for mark in marks):
            return media_type
    return ""


def offers(types: tuple[str, ...], *, single: bool) -> tuple[Representation, ...]:
    """These media types in the forms in which they are on offer, single parts first where there are any."""
    return tuple(offer for offer in RENDERED if offer.media_type in types and (single or offer.multipart))
