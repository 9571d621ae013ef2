"""ES modules as one classic script: pages that are opened from a disk may load no module from a file.

Each module becomes a function that is called once and returns what it exports, so that names do not meet. It
understands how the modules of `viewer_static` are written and refuses the rest: imports of names at the beginning of a
line, exports of declarations, no default exports, no dynamic imports.
"""

import re
from pathlib import Path
from typing import Final

_IMPORT: Final = re.compile(r'^import \{(?P<names>[^}]*)\} from "(?P<path>\.{1,2}/[\w/.-]+\.js)";$', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?P<kind>(?:async )?function|class|const) (?P<name>\w+)", re.MULTILINE)
_COMMENT: Final = re.compile(r"^[ \t]*(?:/\*\*.*?\*/[ \t]*|//[^\n]*)\n", re.MULTILINE | re.DOTALL)
_TYPE: Final = re.compile(r"/\*\* @type \{.*?\} \*/ ?", re.DOTALL)
_REST: Final = re.compile(r"^(?:import|export)\b|\bimport\(|^\s*export default|\bawait import\b", re.MULTILINE)


class NotClassic(ValueError):
    """A module is written in a way that this does not understand."""


def classic(entry: Path) -> str:
    """The module `entry` and all that it imports as a script in strict mode that leaves no global name behind.

    Raises `NotClassic`.
    """
    modules: dict[Path, str] = {}
    _add(entry.resolve(), modules, ())
    places = {path: f"m{number}" for number, path in enumerate(modules)}
    bodies = [_called(places[path], _translated(path, text, places)) for path, text in modules.items()]
    return '"use strict";\n(() => {\n' + "\n".join(bodies) + "\n})();\n"


def _add(path: Path, modules: dict[Path, str], importers: tuple[Path, ...]) -> None:
    """Put a module behind all that it imports."""
    if path in importers:
        raise NotClassic(f"{path.name} imports itself by a detour")
    if path in modules:
        return
    text = _TYPE.sub("", _COMMENT.sub("", path.read_text(encoding="utf-8")))
    for match in _IMPORT.finditer(text):
        _add((path.parent / match["path"]).resolve(), modules, (*importers, path))
    modules[path] = text


def _translated(path: Path, text: str, places: dict[Path, str]) -> str:
    """The body of the function that a module becomes."""

    def taken(match: re.Match[str]) -> str:
        names = re.sub(r"(\w+)\s+as\s+(\w+)", r"\1: \2", match["names"])
        return f"const {{{names}}} = {places[(path.parent / match['path']).resolve()]};"

    exported = [match["name"] for match in _EXPORT.finditer(text)]
    body = _EXPORT.sub(r"\g<kind> \g<name>", _IMPORT.sub(taken, text))
    if found := _REST.search(body):
        line = body.count("\n", 0, found.start()) + 1
        raise NotClassic(f"{path.name}, line {line} without comments: {found[0]} is not understood")
    return f"{body.strip()}\nreturn {{ {', '.join(exported)} }};"


def _called(place: str, body: str) -> str:
    return f"const {place} = (() => {{\n{body}\n}})();"
