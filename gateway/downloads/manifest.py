"""The signed manifest of an archive: which files left the house, and the SHA-256 of each.

MANIFEST.JSN    JSON: {"format": ..., "site": ..., "made": "YYYY-MM-DD", "files": {name: SHA-256 in hex}}
MANIFEST.SIG    the Ed25519 signature of those bytes, in base64
"""

import base64
import binascii
import hashlib
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import IO, Final

import orjson

from gateway.downloads.layout import File
from gateway.downloads.site_key import SiteKey, is_signed

FORMAT: Final = "durchblick manifest 1"
MANIFEST: Final = "MANIFEST.JSN"
SIGNATURE: Final = "MANIFEST.SIG"

_LARGEST: Final = 64 << 20
_PIECE: Final = 1 << 20


def manifest_of(files: Iterable[File], site: str, made: date) -> bytes:
    """The manifest of these files."""
    digests = {file.name: file.sha256 for file in files}
    json = {"format": FORMAT, "site": site, "made": made.isoformat(), "files": digests}
    return orjson.dumps(json, option=orjson.OPT_INDENT_2)


def signature_of(manifest: bytes, key: SiteKey) -> bytes:
    """What stands in `SIGNATURE`."""
    return base64.b64encode(key.sign(manifest)) + b"\n"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found: `problem` says why nothing can be told; names of files otherwise."""

    problem: str = ""
    site: str = ""
    made: str = ""
    intact: int = 0
    changed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)

    @property
    def is_genuine(self) -> bool:
        """Whether every file is there as it left the house; files that were added do not count."""
        return not (self.problem or self.changed or self.missing)


def verify(path: Path, public_pem: str) -> Verdict:
    """Compare the archive or folder at `path` with its manifest, and that with the key. OSError if it is unreadable."""
    try:
        with _opened(path) as (names, open_file):
            return _compare(names, open_file, public_pem)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError):
        return Verdict("This is no ZIP archive, or a damaged one.")


def _compare(names: set[str], open_file: Callable[[str], IO[bytes]], public_pem: str) -> Verdict:
    if not {MANIFEST, SIGNATURE} <= names:
        return Verdict("There is no signed manifest in it.")
    manifest, signature = (_content(open_file, name) for name in (MANIFEST, SIGNATURE))
    try:
        genuine = is_signed(public_pem, _decoded(signature), manifest)
    except ValueError:
        return Verdict("The public key is no Ed25519 key in PEM.")
    if not genuine:
        return Verdict("The signature does not fit: the manifest was changed, or it was signed with another key.")
    json = orjson.loads(manifest)
    listed: dict[str, str] = json["files"]
    found = {name: _digest(open_file, name) for name in sorted(listed.keys() & names)}
    return Verdict(
        site=json["site"],
        made=json["made"],
        intact=sum(digest == listed[name] for name, digest in found.items()),
        changed=[name for name, digest in found.items() if digest != listed[name]],
        missing=sorted(listed.keys() - names),
        added=sorted(names - listed.keys() - {MANIFEST, SIGNATURE}),
    )


@contextmanager
def _opened(path: Path) -> Iterator[tuple[set[str], Callable[[str], IO[bytes]]]]:
    """The names of the files in a folder or archive, and how to open one."""
    if path.is_dir():
        found = {one.relative_to(path).as_posix() for one in path.rglob("*") if one.is_file()}
        yield found, lambda name: (path / name).open("rb")
        return
    with zipfile.ZipFile(path) as archive:
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
        # Programs differ in which of two files of one name they unpack.
        once = set(names)
        if len(once) < len(names):
            raise zipfile.BadZipFile
        yield once, archive.open


def _decoded(signature: bytes) -> bytes:
    try:
        return base64.b64decode(signature)
    except binascii.Error:
        return b""


def _content(open_file: Callable[[str], IO[bytes]], name: str) -> bytes:
    with open_file(name) as file:
        return file.read(_LARGEST)


def _digest(open_file: Callable[[str], IO[bytes]], name: str) -> str:
    digest = hashlib.sha256()
    try:
        with open_file(name) as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
    except zipfile.BadZipFile:
        # Its own checksum says already that it is another file now.
        return ""
    return digest.hexdigest()
