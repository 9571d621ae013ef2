"""The pepper: 32 random bytes beside the database, never in it, without which its digests are worth nothing.

Keep a copy apart from the database's backups. When it is lost, every access code must be issued anew.
"""

import logging
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from auth.errors import UnusablePepper

_log = logging.getLogger("durchblick.auth")

PEPPER_LENGTH: Final = 32


def load_pepper(folder: Path) -> bytes:
    """The pepper in `folder`/secrets/pepper, made on first use (mode 0600); several processes may ask at once.

    Raises `UnusablePepper` when the file has another length, can be read by others, or cannot be read or made.
    """
    path = pepper_file(folder)
    try:
        if not path.exists():
            _make(path)
    except OSError as error:
        raise UnusablePepper(f"The pepper in {path} cannot be made ({error.strerror}).") from error
    return read_pepper(folder)


def pepper_file(folder: Path) -> Path:
    """Where the pepper lies."""
    return folder / "secrets" / "pepper"


def read_pepper(folder: Path) -> bytes:
    """The pepper as `load_pepper` returns it, but `UnusablePepper` when there is none."""
    path = pepper_file(folder)
    try:
        mode = path.stat().st_mode
        pepper = path.read_bytes()
    except OSError as error:
        raise UnusablePepper(f"The pepper in {path} cannot be read ({error.strerror}).") from error
    if mode & 0o077:
        raise UnusablePepper(f"The pepper in {path} can be read by others: chmod 600 {path}")
    if len(pepper) != PEPPER_LENGTH:
        raise UnusablePepper(f"The pepper in {path} has not {PEPPER_LENGTH} bytes; bring back its copy.")
    return pepper


def _make(path: Path) -> None:
    """Write a whole pepper under another name first: link gives its name to the first of several, and durably."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"pepper.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(PEPPER_LENGTH))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(draft)
            _log.info("pepper made")
    finally:
        draft.unlink()
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
