"""The content tree of a structured report (PS3.3 C.17.3), read from its DICOM JSON (PS3.18 F.2) into plain words."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from storage.data_set.json_values import Json, first, items, values

_DEEPEST: Final = 48
_MOST_ITEMS: Final = 50_000

_VALUE_TYPE, _RELATIONSHIP, _CONTENT = "0040A040", "0040A010", "0040A730"
_CONCEPT_NAME, _CONCEPT, _CODE_MEANING, _CODE_VALUE = "0040A043", "0040A168", "00080104", "00080100"
_SCHEME, _REFERENCED_SOP, _FRAMES, _REFERENCE = "00080102", "00081199", "00081160", "0040DB73"
_INSTANCE, _CLASS = "00081155", "00081150"
# Where text lies that needs no more than to be read, by value type (C.17.3.2.1 and following).
_PLAIN: Final = {"TEXT": "0040A160", "UIDREF": "0040A124", "PNAME": "0040A123"}
_MOMENTS: Final = {"DATETIME": "0040A120", "DATE": "0040A121", "TIME": "0040A122"}
_REFERRING: Final = frozenset({"IMAGE", "COMPOSITE", "WAVEFORM"})
_SHAPES: Final = frozenset({"SCOORD", "SCOORD3D", "TCOORD"})
# Evidence says under which study and series a referenced instance lies.
_EVIDENCE: Final = ("0040A375", "0040A385")


@dataclass(frozen=True, slots=True)
class Referenced:
    """An instance that an item names; without `path` where the evidence does not say where it lies."""

    sop_instance_uid: str
    path: str
    frames: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One content item: what it is about, what it says, and how deep it lies; `name` or `text` may be empty."""

    depth: int
    is_container: bool
    name: str
    text: str
    reference: Referenced | None = None


def text(json: Json, tag: str) -> str:
    """The first value as text, of a name its first group that is not empty."""
    found = first(json, tag)
    if isinstance(found, dict):
        return next((name(group) for group in found.values() if group), "")
    return "" if found is None else str(found).strip()


def meaning(json: Json, tag: str) -> str:
    """What the first code of a code sequence means, or the code itself."""
    for code in items(json, tag):
        return text(code, _CODE_MEANING) or text(code, _CODE_VALUE)
    return ""


def name(written: str) -> str:
    """A person name as it is read: prefix, given, middle and family name, suffix (PS3.5 6.2.1.2)."""
    family, given, middle, prefix, suffix = (*written.split("^"), "", "", "", "", "")[:5]
    return " ".join(part for part in (prefix, given, middle, family, suffix) if part.strip())


def moment(written: str) -> str:
    """A date, a time or both, as ISO 8601 has them; what is none stays as it is."""
    if len(written) >= 8 and written[:8].isdigit():
        date, time = f"{written[:4]}-{written[4:6]}-{written[6:8]}", written[8:]
        return f"{date} {_time(time)}".strip()
    return _time(written)


def content(report: Json) -> Iterator[Item]:
    """Every item of the tree from its root on, depth first, as far as it is of any reasonable size."""
    places = _places(report)
    pending: list[tuple[int, Json]] = [(0, report)]
    for _ in range(_MOST_ITEMS):
        if not pending:
            return
        depth, node = pending.pop()
        yield _item(depth, node, places)
        if depth < _DEEPEST:
            pending += [(depth + 1, child) for child in reversed(items(node, _CONTENT))]


def _item(depth: int, node: Json, places: dict[str, str]) -> Item:
    kind = text(node, _VALUE_TYPE)
    referenced = _referenced(node, places) if kind in _REFERRING else None
    return Item(depth, kind == "CONTAINER" or depth == 0, meaning(node, _CONCEPT_NAME), _said(kind, node), referenced)


def _said(kind: str, node: Json) -> str:
    if kind in _PLAIN:
        return text(node, _PLAIN[kind])
    if kind in _MOMENTS:
        return moment(text(node, _MOMENTS[kind]))
    if kind == "CODE":
        return meaning(node, _CONCEPT)
    if kind == "NUM":
        return _measured(node)
    if kind in _SHAPES:
        return _shape(node)
    target = values(node, _REFERENCE)
    return "see item " + ".".join(str(number) for number in target) if target else ""


def _measured(node: Json) -> str:
    """A number with its unit; UCUM's own spelling where there is one, and nothing for "no units" (PS3.16 CID 82)."""
    for measured in items(node, "0040A300"):
        unit = next(iter(items(measured, "004008EA")), {})
        code, is_ucum = text(unit, _CODE_VALUE), text(unit, _SCHEME) == "UCUM"
        written = code if is_ucum and not code.startswith("{") else text(unit, _CODE_MEANING)
        number = " ".join(str(one) for one in values(measured, "0040A30A"))
        return f"{number} {'' if code == '1' else written}".strip()
    return meaning(node, "0040A301")


def _shape(node: Json) -> str:
    kind = text(node, "00700023") or text(node, "0040A130")
    numbers = values(node, "00700022")
    shown = ", ".join(f"{number:g}" for number in numbers[:12] if isinstance(number, int | float))
    more = ", …" if len(numbers) > 12 else ""
    return f"{kind.lower()} {shown}{more}".strip()


def _referenced(node: Json, places: dict[str, str]) -> Referenced | None:
    for reference in items(node, _REFERENCED_SOP):
        uid = text(reference, _INSTANCE)
        numbers = tuple(frame for frame in values(reference, _FRAMES) if isinstance(frame, int) and frame > 0)
        return Referenced(uid, places.get(uid, ""), numbers)
    return None


def _places(report: Json) -> dict[str, str]:
    """The path of every instance in the evidence (C.17.2.3)."""
    return {
        text(instance, _INSTANCE): f"/studies/{text(study, '0020000D')}/series/{text(series, '0020000E')}"
        f"/instances/{text(instance, _INSTANCE)}"
        for tag in _EVIDENCE
        for study in items(report, tag)
        for series in items(study, "00081115")
        for instance in items(series, _REFERENCED_SOP)
    }


def _time(written: str) -> str:
    digits = written.partition(".")[0]
    if not digits[:4].isdigit() or len(digits) < 4:
        return written
    return ":".join(digits[at : at + 2] for at in range(0, min(len(digits), 6), 2)) + digits[6:]
