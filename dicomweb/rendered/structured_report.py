"""Structured reports for people (PS3.18 table 8.7.4-1, category text): as HTML without scripts, as plain text.

Whatever the report says is text to us: every value is escaped, and addresses are made of UIDs only.
"""

from collections.abc import Iterator
from html import escape
from typing import Final

from dicomweb.rendered.report_items import Item, content, moment, text
from storage.data_set.json_values import Json, items
from storage.errors import MalformedIdentifier
from storage.identifiers import uid

_HEAD: Final = (
    ("Patient", "00100010"),
    ("Patient ID", "00100020"),
    ("Birth date", "00100030"),
    ("Study", "00081030"),
    ("Study date", "00080020"),
    ("Institution", "00080080"),
    ("Completion", "0040A491"),
    ("Verification", "0040A493"),
)
_DATES: Final = frozenset({"00100030", "00080020"})
_VERIFIERS: Final = ("0040A073", "0040A075", "0040A030")
_DEEPEST_HEADING: Final = 6

# No style may run under its policy: these two are what makes it fit phones and dark rooms.
_BEGINNING: Final = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
"""


def as_html(report: Json, base_url: str) -> Iterator[str]:
    """The report as an HTML document, in pieces; references to instances lead below `base_url`."""
    tree = content(report)
    title = escape(next(tree).name or "Structured report")
    yield f"{_BEGINNING}<title>{title}</title></head>\n<body>\n"
    yield f"<main>\n<h1>{title}</h1>\n<dl>\n"
    for label, said in _head(report):
        yield f"<dt>{label}</dt><dd>{escape(said)}</dd>\n"
    yield "</dl>\n"
    yield from _nested(tree, base_url)
    yield "</main>\n</body>\n</html>\n"


def as_text(report: Json) -> Iterator[str]:
    """The report as plain text, in pieces: one line an item, indented as deep as it lies."""
    tree = content(report)
    yield f"{_line(next(tree).name or 'Structured report')}\n\n"
    for label, said in _head(report):
        yield f"{label}: {_line(said)}\n"
    yield "\n"
    for item in tree:
        said = item.text or (item.reference.sop_instance_uid if item.reference else "")
        label = f"{item.name}: " if item.name and said else item.name
        yield f"{'  ' * (item.depth - 1)}{_line(label + said)}\n"


def _head(report: Json) -> Iterator[tuple[str, str]]:
    for label, tag in _HEAD:
        said = text(report, tag)
        if said:
            yield label, moment(said) if tag in _DATES else said
    sequence, name, time = _VERIFIERS
    for verifier in items(report, sequence):
        yield "Verified by", f"{text(verifier, name)} {moment(text(verifier, time))}".strip()


def _nested(tree: Iterator[Item], base_url: str) -> Iterator[str]:
    """Containers as sections under headings, everything else as lists within lists."""
    open_elements: list[tuple[int, str]] = []
    for item in tree:
        while open_elements and open_elements[-1][0] >= item.depth:
            # A list ends only before what is not its next item.
            depth, end = open_elements.pop()
            if depth == item.depth and end == "</li></ul>\n" and not item.is_container:
                yield "</li>\n<li>"
                open_elements.append((depth, end))
                yield _said(item, base_url)
                break
            yield end
        else:
            yield ("<section>\n" if item.is_container else "<ul><li>") + _said(item, base_url)
            open_elements.append((item.depth, "</section>\n" if item.is_container else "</li></ul>\n"))
    for _, end in reversed(open_elements):
        yield end


def _said(item: Item, base_url: str) -> str:
    if item.is_container:
        level = min(item.depth + 1, _DEEPEST_HEADING)
        return f"<h{level}>{escape(item.name)}</h{level}>\n" if item.name else ""
    name = f"<strong>{escape(item.name)}</strong> " if item.name else ""
    said = escape(item.text).replace("\r\n", "\n").replace("\r", "\n").replace("\n", "<br>")
    return f"{name}{said}{_link(item, base_url)}"


def _link(item: Item, base_url: str) -> str:
    """The referenced instance as a link to its picture, or as its UID where nobody can say where it lies."""
    reference = item.reference
    if reference is None:
        return ""
    frames = f"/frames/{','.join(str(number) for number in reference.frames)}" if reference.frames else ""
    shown = escape(reference.sop_instance_uid)
    if not _is_path(reference.path):
        return f"<code>{shown}</code>"
    return f'<a href="{escape(base_url + reference.path + frames)}/rendered">{shown}</a>'


def _is_path(path: str) -> bool:
    """Whether the path is made of UIDs as it should."""
    parts = path.split("/")
    try:
        return len(parts) == 7 and all(uid(part, "UID") for part in parts[2::2])
    except MalformedIdentifier:
        return False


def _line(said: str) -> str:
    return " ".join(said.split())
