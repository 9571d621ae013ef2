"""The files that browsers load, read once, under URLs that change with their content.

`/static/css/portal.css?v=4f6c…` may be kept for ever, because another content has another URL. Modules name each other
relatively (`import … from "./stack.js"`); such names get their version too, so a browser never mixes two releases.
Modules go without comments and indentation, which are a third of them; every line stays where it is.
"""

import gzip
import hashlib
import posixpath
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import viewer_static
from dicomweb.negotiation import accepts_gzip

STATIC_FOLDER: Final = Path(viewer_static.__file__).parent
MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
# Statements at the start of a line and awaited dynamic imports; the import("…") of a type comment may be circular.
_IMPORT: Final = re.compile(
    r"""(?m)(?:^(?:import|export|\})(?:[^"\n]*\bfrom)? |\bawait import\()"(?P<path>\.{1,2}/[\w/.-]+\.js)(?=")"""
)


# Comments that have lines of their own; what they say of types only the check of types reads.
_COMMENT: Final = re.compile(r"(?ms)^[ \t]*(?:/\*\*(?:(?!\*/).)*\*/|//[^\n]*)$")

_INDENTATION: Final = re.compile(r"(?m)^[ \t]+")


class CircularImport(Exception):
    """Two modules import each other, so neither can have a URL that depends on its content."""


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is sent: `version` is the start of the SHA-256 of `content`; `gzipped` is empty if no use."""

    content: bytes
    gzipped: bytes
    media_type: str
    version: str


class StaticFiles:
    """All servable files below `folder`; reading happens here, once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, StaticFile] = {}
        self._imports: dict[str, list[str]] = {}
        for path in sorted(folder.rglob("*")):
            if path.suffix in MEDIA_TYPES and path.name != "jsconfig.json":
                self._load(path.relative_to(folder).as_posix(), ())

    def url(self, name: str) -> str:
        """The URL of the file `name` (e.g. "js/main.js") in its present version. KeyError if there is none."""
        return f"/static/{name}?v={self._files[name].version}"

    def names(self) -> list[str]:
        """The names of all files."""
        return list(self._files)

    def gzipped_size(self, name: str) -> int:
        """Bytes of a file as those get it who take gzip."""
        found = self._files[name]
        return len(found.gzipped or found.content)

    def started_by(self, name: str) -> list[str]:
        """The names of everything that the module `name` cannot start without, itself first."""
        found = [name]
        for module in found:
            found += [imported for imported in self._imports[module] if imported not in found]
        return found

    def modules(self, name: str) -> list[str]:
        """The URLs of `started_by`.

        A page that names them (`<link rel="modulepreload">`) gets them at once; otherwise browsers find each only when
        the one that imports it has come, a round trip later.
        """
        return [self.url(module) for module in self.started_by(name)]

    def routes(self) -> list[Route]:
        """The one route that serves them."""
        return [Route("/static/{name:path}", self.retrieve, methods=["GET"])]

    async def retrieve(self, request: Request) -> Response:
        """One file; for ever under the URL of its version, revalidated under any other."""
        found = self._files.get(request.path_params["name"])
        if found is None:
            return Response(status_code=404)
        current = request.query_params.get("v") == found.version
        headers = {
            "content-type": found.media_type,
            "etag": f'"{found.version}"',
            "cache-control": "public, max-age=31536000, immutable" if current else "no-cache",
            "vary": "accept-encoding",
        }
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
        if found.gzipped and accepts_gzip(request):
            return Response(found.gzipped, headers={**headers, "content-encoding": "gzip"})
        return Response(found.content, headers=headers)

    def _load(self, name: str, importers: tuple[str, ...]) -> StaticFile:
        if name in importers:
            raise CircularImport(" -> ".join((*importers, name)))
        if name not in self._files:
            content = (self._folder / name).read_bytes()
            if name.endswith(".js"):
                module = _COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), content.decode())
                content = self._with_versions(name, _INDENTATION.sub("", module), importers).encode()
            self._files[name] = _file(content, MEDIA_TYPES[Path(name).suffix])
        return self._files[name]

    def _with_versions(self, name: str, module: str, importers: tuple[str, ...]) -> str:
        self._imports[name] = []

        def versioned(match: re.Match[str]) -> str:
            imported = posixpath.normpath(posixpath.join(posixpath.dirname(name), match["path"]))
            if not match[0].startswith("await"):
                self._imports[name].append(imported)
            return f"{match[0]}?v={self._load(imported, (*importers, name)).version}"

        return _IMPORT.sub(versioned, module)


def _file(content: bytes, media_type: str) -> StaticFile:
    gzipped = gzip.compress(content, 9, mtime=0)
    worth_it = len(gzipped) < len(content)
    return StaticFile(content, gzipped if worth_it else b"", media_type, hashlib.sha256(content).hexdigest()[:12])
