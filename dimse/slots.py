"""How many associations one AE has over all processes: it takes one of so many slots for each.

A slot is a file that is locked as long as the association lives. The kernel lets go of it whatever becomes of the
process. Names of files are hashes: an AE title never becomes part of a path.
"""

import errno
import fcntl
import hashlib
import os
from pathlib import Path


class Slots:
    """The slots of all AEs below one folder, which the processes of one gateway share."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`, made when missing. Raises OSError."""
        folder.mkdir(mode=0o700, exist_ok=True)
        self._folder = folder

    def take(self, ae_title: str, limit: int) -> int | None:
        """Take one of `limit` slots of this AE, to be given to `free`; None when all are taken. Raises OSError."""
        name = hashlib.sha256(ae_title.encode()).hexdigest()[:32]
        for number in range(limit):
            slot = os.open(self._folder / f"{name}-{number}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if _locked(slot):
                return slot
            os.close(slot)
        return None

    def free(self, slot: int) -> None:
        """Let others have the slot."""
        os.close(slot)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        os.close(handle)
        raise
    return True
