"""Reads the Native DICOM Model (PS3.19 A.1) of strangers into the DICOM JSON model.

expat does the parsing. A document with a document type is refused before anything in it is read, so there are no
entities; depth and number of elements are bounded.
"""

from collections.abc import Callable
from math import isfinite
from typing import Any, Final
from xml.parsers import expat

from storage.data_set.dicom_json import Json
from storage.data_set.native_model import COMPONENTS, GROUPS
from storage.data_set.value_representations import (
    dictionary_value_representation,
    is_private,
    is_private_creator,
    private_value_representation,
    unambiguous,
)
from storage.errors import CannotUnderstand

MOST_ELEMENTS: Final = 1_000_000
DEEPEST: Final = 64
"""How many sequences may be inside one another, as in the scanner of encoded data sets."""

_ROOT: Final = "NativeDicomModel"
_FIRST_BLOCK: Final = 0x10
_LAST_BLOCK: Final = 0xFF
# Where leading and trailing blanks mean nothing (PS3.5 6.2), as indentation by an XML writer would not either.
_TRIMMED: Final = frozenset({"AE", "AS", "AT", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"})
_INTEGERS: Final = frozenset({"IS", "SL", "SS", "SV", "UL", "US", "UV"})
_KINDS: Final = {"SQ": "Item", "PN": "PersonName"}
_SPECIAL: Final = {
    **{"nan": "NaN", "inf": "Infinity", "infinity": "Infinity"},
    **{"-inf": "-Infinity", "-infinity": "-Infinity"},
}

# Which elements may be in which; what is not listed, such as an extension of some vendor, is passed over.
_INSIDE: Final[dict[str, frozenset[str]]] = {
    _ROOT: frozenset({"DicomAttribute"}),
    "Item": frozenset({"DicomAttribute"}),
    "DicomAttribute": frozenset({"Value", "Item", "PersonName", "InlineBinary", "BulkData"}),
    "PersonName": frozenset(GROUPS),
    **dict.fromkeys(GROUPS, frozenset(COMPONENTS)),
}


def decode(document: bytes) -> Json:
    """The data set of a document, tags in ascending order.

    Private attributes of the form gggg00ee get the block of their creator, a free one where there is none. Raises
    `CannotUnderstand` for what is no well-formed XML, no Native DICOM Model, or too much.
    """
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_document_type
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(document, True)
    except (expat.ExpatError, LookupError, ValueError):
        raise CannotUnderstand("The XML document is not well-formed.") from None
    return reader.data_set


def _refuse_document_type(*_: Any) -> None:
    raise CannotUnderstand("XML documents with a document type are not taken.")


class _Attribute:
    """One DicomAttribute that is being read."""

    def __init__(self, attributes: dict[str, str]) -> None:
        self.tag = _tag(attributes.get("tag", ""))
        self.creator = attributes.get("privateCreator")
        self.vr = attributes.get("vr", "")
        self.values: dict[int, Any] = {}
        self.kind = ""
        self.number = 0
        self.binary: str | None = None
        self.uri: str | None = None

    def put(self, value: Any) -> None:
        """The value of the number that was announced, or of the next one."""
        if self.number in self.values:
            raise CannotUnderstand(f"An XML element of attribute {self.tag:08X} has a number that another one has.")
        self.values[self.number] = value

    def json(self, tag: int) -> Json:
        vr = self.vr or _missing_vr(tag, self)
        if len(vr) != 2 or not vr.isascii() or not vr.isupper():
            raise CannotUnderstand(f"Attribute {tag:08X} has a VR that is none.")
        if self.binary is not None:
            return {"vr": vr, "InlineBinary": "".join(self.binary.split())}
        if self.uri is not None:
            return {"vr": vr, "BulkDataURI": self.uri}
        if self.kind not in ("", _KINDS.get(vr, "Value")):
            raise CannotUnderstand(f"Attribute {tag:08X} of VR {vr} has values of another kind.")
        return {"vr": vr, "Value": _values(vr, self.values)} if self.values else {"vr": vr}


class _Reader:
    """Follows the parser. Every open element has a name; data sets, attributes and names have what is read of them."""

    def __init__(self) -> None:
        self.data_set: Json = {}
        self._names: list[str] = []
        self._passed_over = 0
        self._count = 0
        self._data_sets: list[list[_Attribute]] = []
        self._attributes: list[_Attribute] = []
        self._name: dict[str, list[str]] = {}
        self._text: list[str] = []

    def start(self, qualified: str, attributes: dict[str, str]) -> None:
        name = qualified.rpartition(" ")[2]
        self._count += 1
        if self._count > MOST_ELEMENTS or len(self._data_sets) > DEEPEST:
            raise CannotUnderstand(f"The XML document has over {MOST_ELEMENTS} elements, or is over {DEEPEST} deep.")
        if self._passed_over or (self._names and name not in _INSIDE.get(self._names[-1], ())):
            self._passed_over += 1
            return
        if not self._names and name != _ROOT:
            raise CannotUnderstand(f"The XML document is no {_ROOT}.")
        self._names.append(name)
        self._text.clear()
        self._open(name, attributes)

    def _open(self, name: str, attributes: dict[str, str]) -> None:
        if name in (_ROOT, "Item"):
            self._data_sets.append([])
        if name in ("Value", "Item", "PersonName"):
            attribute = self._attributes[-1]
            attribute.kind = attribute.kind or name
            if attribute.kind != name:
                raise CannotUnderstand(f"Attribute {attribute.tag:08X} has values of different kinds.")
            attribute.number = _number(attributes.get("number", ""), len(attribute.values) + 1)
        if name == "DicomAttribute":
            self._attributes.append(_Attribute(attributes))
        elif name == "PersonName":
            self._name = {}
        elif name in GROUPS:
            self._name[name] = []
        elif name == "BulkData":
            self._attributes[-1].uri = attributes.get("uri") or attributes.get("uuid", "")

    def text(self, data: str) -> None:
        if not self._passed_over:
            self._text.append(data)

    def end(self, _: str) -> None:
        if self._passed_over:
            self._passed_over -= 1
            return
        name = self._names.pop()
        if close := _CLOSING.get(name):
            close(self)
        elif name in COMPONENTS:
            self._end_component(name)
        self._text.clear()

    def _end_component(self, name: str) -> None:
        group = self._name[self._names[-1]]
        place = COMPONENTS.index(name)
        group.extend([""] * (place + 1 - len(group)))
        group[place] = "".join(self._text)

    def _end_value(self) -> None:
        self._attributes[-1].put("".join(self._text))

    def _end_binary(self) -> None:
        self._attributes[-1].binary = "".join(self._text)

    def _end_name(self) -> None:
        self._attributes[-1].put({group: "^".join(parts) for group, parts in self._name.items()} or None)

    def _end_attribute(self) -> None:
        self._data_sets[-1].append(self._attributes.pop())

    def _end_item(self) -> None:
        self._attributes[-1].put(_placed(self._data_sets.pop()))

    def _end_root(self) -> None:
        self.data_set = _placed(self._data_sets.pop())


_CLOSING: Final[dict[str, Callable[[_Reader], None]]] = {
    "Value": _Reader._end_value,
    "InlineBinary": _Reader._end_binary,
    "PersonName": _Reader._end_name,
    "DicomAttribute": _Reader._end_attribute,
    "Item": _Reader._end_item,
    _ROOT: _Reader._end_root,
}


def _placed(attributes: list[_Attribute]) -> Json:
    """The attributes under their tags; those that only name a creator are placed in its block, a new one if need be."""
    blocks: dict[tuple[int, str], int] = {}
    taken: set[int] = set()
    for one in attributes:
        if is_private(one.tag) and is_private_creator(one.tag) and one.creator is None:
            blocks.setdefault((one.tag >> 16, str(one.values.get(1, "")).strip()), one.tag & 0xFF)
            taken.add(one.tag)
    json: Json = {}
    for one in attributes:
        tag = one.tag
        if one.creator is not None and is_private(tag):
            tag = _in_block(one, blocks, taken, json)
        if f"{tag:08X}" in json:
            raise CannotUnderstand(f"Attribute {tag:08X} is there twice.")
        if tag & 0xFFFF:
            json[f"{tag:08X}"] = one.json(tag)
    return dict(sorted(json.items()))


def _in_block(one: _Attribute, blocks: dict[tuple[int, str], int], taken: set[int], json: Json) -> int:
    """The tag of a private attribute of a named creator; the creator is added to `json` where it is missing."""
    group, creator = one.tag >> 16, (one.creator or "").strip()
    block = one.tag >> 8 & 0xFF
    if block < _FIRST_BLOCK:
        free = (number for number in range(_FIRST_BLOCK, _LAST_BLOCK + 1) if group << 16 | number not in taken)
        block = blocks.get((group, creator)) or next(free, 0)
    if not block:
        raise CannotUnderstand(f"The private group {group:04X} has more creators than it can have.")
    reserved = group << 16 | block
    if reserved not in taken:
        taken.add(reserved)
        blocks.setdefault((group, creator), block)
        json[f"{reserved:08X}"] = {"vr": "LO", "Value": [creator]}
    return group << 16 | block << 8 | one.tag & 0xFF


def _tag(text: str) -> int:
    if len(text) != 8 or not text.isascii() or not text.isalnum():
        raise CannotUnderstand("A DicomAttribute has no tag of eight hexadecimal digits.")
    return int(text, 16)


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else otherwise


def _missing_vr(tag: int, attribute: _Attribute) -> str:
    """The VR is optional in a document; the dictionary has that of most attributes."""
    if attribute.creator and is_private(tag):
        return private_value_representation(tag, attribute.creator)
    negative = any(str(value).lstrip().startswith("-") for value in attribute.values.values())
    return unambiguous(dictionary_value_representation(tag), pixels_are_signed=negative)


def _values(vr: str, numbered: dict[int, Any]) -> list[Any]:
    """The values in the order of their numbers; a gap is not filled, as numbers count up by one (table A.1.5-2)."""
    values = [numbered[number] for number in sorted(numbered)]
    if vr in ("SQ", "PN"):
        return values
    if vr in _TRIMMED:
        values = [value.strip() for value in values]
    convert = _integer if vr in _INTEGERS else _decimal if vr == "DS" else _float if vr in ("FD", "FL") else str
    return [convert(value) if value else None for value in values]


def _integer(text: str) -> int | float | str:
    try:
        return int(text) if "_" not in text else text
    except ValueError:
        return _decimal(text)


def _decimal(text: str) -> float | str:
    """The number, or the text itself where it is none that a Decimal String could be."""
    try:
        number = float(text)
    except ValueError:
        return text
    return number if isfinite(number) and "_" not in text else text


def _float(text: str) -> float | str:
    """The number, or one of the words that the JSON model has for what is none."""
    number = _decimal(text)
    return number if isinstance(number, float) else _SPECIAL.get(str(text).lower().removeprefix("+"), text)
