"""Pictures that were made before anybody asks for them, in files that can be made again at any time.

    <folder>/<renderer>/<2 hex>/<32 hex of study>/<digest>-<nonce>.<16 hex of frame and rendering>

They show a patient as the blobs do, so they go when their blob goes. Nobody is let in here: who asks for a picture has
its record from the index, which has looked at the scope.
"""

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

from storage import imaging
from storage.files import Files, study_folder
from storage.imaging.rendering import Rendering
from storage.incoming import exhausted
from storage.records import InstanceRecord

_CODECS: Final = ("imagecodecs", "numpy", "pillow", "pylibjpeg-openjpeg", "pylibjpeg-rle")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A picture: frame `frame` (from 1) of a kept instance, drawn in this way."""

    record: InstanceRecord
    frame: int
    rendering: Rendering

    @property
    def name(self) -> str:
        """Its path below the pictures of one renderer, made of nothing but names of our own."""
        drawn = hashlib.sha256(repr((self.frame, self.rendering)).encode()).hexdigest()
        return f"{self.record.blob_key}.{drawn[:16]}"


class PreparedPictures:
    """Safe to use from any thread and several processes; all methods block."""

    def __init__(self, folder: Path, files: Files) -> None:
        """Keep pictures below `folder`, which is made when it is needed; their instances are in `files`."""
        self._folder = folder
        self._files = files

    def find(self, wanted: Wanted) -> bytes | None:
        """The picture, if it was prepared."""
        try:
            return self._path(wanted).read_bytes()
        except OSError:
            return None

    def keep(self, wanted: Wanted, picture: bytes) -> None:
        """Prepare a picture: whole or not at all, also when the machine stops. Raises `OutOfResources`."""
        path = self._path(wanted)
        draft = path.with_name(f"draft-{secrets.token_hex(8)}")
        with exhausted():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                with draft.open("xb") as file:
                    file.write(picture)
                    file.flush()
                    os.fdatasync(file.fileno())
                draft.replace(path)
            except OSError:
                draft.unlink(missing_ok=True)
                raise

    def retain(self, study_instance_uid: str, wanted: Iterable[Wanted]) -> None:
        """Drop every picture of a study but these: it has changed, and the others are what nobody sees first now."""
        names = {Path(one.name).name for one in wanted}
        with suppress(FileNotFoundError):
            for path in (self._own() / study_folder(study_instance_uid)).iterdir():
                if path.name not in names:
                    path.unlink(missing_ok=True)

    def drop(self, study_instance_uid: str, blob_keys: Iterable[str]) -> None:
        """Drop every picture of these instances of a study, whichever renderer made it. Raises OSError."""
        names = {key.rpartition("/")[2] for key in blob_keys}
        for folder in self._folder.glob(f"*/{study_folder(study_instance_uid)}"):
            for path in folder.iterdir():
                if path.name.partition(".")[0] in names:
                    path.unlink(missing_ok=True)

    def tidy(self, most: int) -> int:
        """Drop pictures whose instance is gone or whose renderer is another, then whole studies, those that arrived
        first before others, until the rest has at most `most` bytes. Returns how many bytes are left.
        """
        with suppress(FileNotFoundError):
            for renderer in self._folder.iterdir():
                if renderer != self._own():
                    shutil.rmtree(renderer, ignore_errors=True)
        left = 0
        for _, size, folder in sorted((self._looked_through(folder) for folder in self._studies()), reverse=True):
            if not size or left + size > most:
                shutil.rmtree(folder, ignore_errors=True)
            else:
                left += size
        return left

    def _looked_through(self, folder: Path) -> tuple[float, int, Path]:
        """When a study last arrived and the bytes of its pictures, after those without an instance have gone."""
        arrived, size = 0.0, 0
        for path in folder.iterdir():
            blob = f"{folder.parent.name}/{folder.name}/{path.name.partition('.')[0]}"
            try:
                arrived = max(arrived, self._files.path(blob).stat().st_mtime)
                size += path.stat().st_size
            except (FileNotFoundError, ValueError):
                path.unlink(missing_ok=True)
        return arrived, size, folder

    def _studies(self) -> Iterator[Path]:
        if self._own().exists():
            for prefix in self._own().iterdir():
                yield from prefix.iterdir()

    def _path(self, wanted: Wanted) -> Path:
        return self._own() / wanted.name

    def _own(self) -> Path:
        return self._folder / _renderer()


@cache
def _renderer() -> str:
    """A name for how pictures look: another one when our code that draws them, or a codec, is another."""
    digest = hashlib.sha256(" ".join(version(codec) for codec in _CODECS).encode())
    for module in sorted(Path(imaging.__file__).parent.glob("*.py")):
        digest.update(module.read_bytes())
    return digest.hexdigest()[:16]
