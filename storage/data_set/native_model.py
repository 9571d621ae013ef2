"""Data sets as XML: the Native DICOM Model (PS3.19 A.1), written from the DICOM JSON model of the same data set."""

import re
from functools import lru_cache
from typing import Any, Final
from xml.sax.saxutils import quoteattr

from storage.data_set.dicom_json import Json
from storage.data_set.value_representations import dictionary_keyword, is_private, is_private_creator

NAMESPACE: Final = "http://dicom.nema.org/PS3.19/models/NativeDICOM"

# PS3.19 table A.1.5-2: component groups of a person name, and the components in the order of PS3.5 6.2.1.
GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
COMPONENTS: Final = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")

_HEAD: Final = (
    f'<?xml version="1.0" encoding="UTF-8"?>\n<NativeDicomModel xmlns="{NAMESPACE}" xml:space="preserve">'
).encode()
_TAIL: Final = b"</NativeDicomModel>"
# XML 1.0 section 2.2 leaves these out even as references.
_IMPOSSIBLE: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SPECIAL: Final = re.compile("[&<>\r]|[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}


def encode(data_set: Json) -> bytes:
    """`data_set` as a document in UTF-8, tags in ascending order, without group lengths.

    Private attributes have the form gggg00ee and name their creator (table A.1.5-2). Characters that XML 1.0 cannot
    hold become U+FFFD.
    """
    pieces: list[str] = []
    _write_data_set(data_set, pieces)
    return _HEAD + "".join(pieces).encode() + _TAIL


def _write_data_set(data_set: Json, pieces: list[str]) -> None:
    creators: dict[str, str] = {}
    blocks: dict[tuple[str, str], str] = {}
    for tag in sorted(data_set):
        number, element = int(tag, 16), data_set[tag]
        if number & 0xFFFF == 0:
            continue
        if not is_private(number):
            pieces.append(_start(tag, element["vr"]))
        elif is_private_creator(number):
            _note_creator(tag, element, creators, blocks)
            pieces.append(_start(tag, element["vr"]))
        else:
            pieces.append(_private_start(tag, element["vr"], creators, blocks))
        _write_value(element, pieces)
        pieces.append("</DicomAttribute>")


@lru_cache(maxsize=8192)
def _start(tag: str, vr: str) -> str:
    keyword = dictionary_keyword(int(tag, 16))
    named = f' keyword="{keyword}"' if keyword else ""
    return f'<DicomAttribute tag="{tag}" vr="{vr}"{named}>'


def _note_creator(tag: str, element: Json, creators: dict[str, str], blocks: dict[tuple[str, str], str]) -> None:
    values = element.get("Value")
    if values and isinstance(values[0], str) and not _IMPOSSIBLE.search(values[0]):
        block = tag[:4] + tag[6:]
        creators[block] = values[0]
        blocks.setdefault((tag[:4], values[0]), block)


def _private_start(tag: str, vr: str, creators: dict[str, str], blocks: dict[tuple[str, str], str]) -> str:
    """An attribute without creator keeps its tag, and so does one in a block that its creator has besides another."""
    block = tag[:6]
    creator = creators.get(block)
    if creator is None:
        return f'<DicomAttribute tag="{tag}" vr="{vr}">'
    written = f"{tag[:4]}00{tag[6:]}" if blocks[tag[:4], creator] == block else tag
    return f'<DicomAttribute tag="{written}" vr="{vr}" privateCreator={quoteattr(creator)}>'


def _write_value(element: Json, pieces: list[str]) -> None:
    if values := element.get("Value"):
        write = _WRITERS.get(element["vr"], _write_plain)
        for number, value in enumerate(values, 1):
            write(number, value, pieces)
    elif inline := element.get("InlineBinary"):
        pieces.append(f"<InlineBinary>{inline}</InlineBinary>")
    elif "BulkDataURI" in element:
        pieces.append(f"<BulkData uri={quoteattr(_IMPOSSIBLE.sub(_replaced, element['BulkDataURI']))}/>")


def _write_plain(number: int, value: Any, pieces: list[str]) -> None:
    if value is None:
        pieces.append(f'<Value number="{number}"/>')
        return
    text = value if isinstance(value, str) else repr(value).removesuffix(".0")
    pieces.append(f'<Value number="{number}">{_escaped(text)}</Value>')


def _write_item(number: int, item: Any, pieces: list[str]) -> None:
    pieces.append(f'<Item number="{number}">')
    _write_data_set(item or {}, pieces)
    pieces.append("</Item>")


def _write_name(number: int, name: Any, pieces: list[str]) -> None:
    pieces.append(f'<PersonName number="{number}">')
    for group in GROUPS:
        if name and group in name:
            pieces.append(f"<{group}>{_components(name[group])}</{group}>")
    pieces.append("</PersonName>")


def _components(group: str) -> str:
    """The components that are not empty, and the last one, so that nothing of the name is lost."""
    parts = group.split("^", len(COMPONENTS) - 1)
    named = list(zip(COMPONENTS, parts, strict=False))
    kept = [pair for pair in named if pair[1] or pair == named[-1]]
    return "".join(f"<{name}>{_escaped(part)}</{name}>" for name, part in kept)


def _escaped(text: str) -> str:
    return _SPECIAL.sub(_replaced, text)


def _replaced(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[0], "\ufffd")


_WRITERS: Final = {"SQ": _write_item, "PN": _write_name}
