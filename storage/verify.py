"""Whether what the index promises is really on the disk: looked at, not remembered."""

import os
from collections.abc import Callable, Iterable
from typing import Final

from blake3 import blake3

from storage.attributes import Level
from storage.catalogue.summaries import RECORD_COLUMNS, record
from storage.catalogue.visibility import SOURCES, visible
from storage.database import Database
from storage.files import Files
from storage.records import InstanceRecord
from storage.scope import StudyScope

_PIECE: Final = 1 << 20
_AT_ONCE: Final = 500


def indexed(database: Database, scope: StudyScope, sop_instance_uids: Iterable[str]) -> dict[str, InstanceRecord]:
    """The records of those of these instances that are indexed and visible, by SOP Instance UID."""
    wanted = sorted(set(sop_instance_uids))
    where = visible(scope, Level.INSTANCE)
    found = {}
    for at in range(0, len(wanted), _AT_ONCE):
        some = wanted[at : at + _AT_ONCE]
        marks = ", ".join("?" * len(some))
        rows = database.read(
            f"SELECT {RECORD_COLUMNS} FROM {SOURCES[Level.INSTANCE]}"
            f" WHERE {where.sql} AND instance.sop_instance_uid IN ({marks})",
            (*where.parameters, *some),
        )
        found.update({row["sop_instance_uid"]: record(row) for row in rows})
    return found


def intact(files: Files, record: InstanceRecord, look_up: Callable[[], None] = lambda: None) -> bool:
    """Whether the blob of `record` has its size and its data set the BLAKE3 digest that it came with.

    Reads all of it, a megabyte at a time; `look_up` is called before each and may raise to stop. The page cache is
    emptied of it before, so that the disk answers, and afterwards. Raises `NoSuchInstance` when the blob is gone,
    OSError when it cannot be read.
    """
    with files.open(record.blob_key) as blob:
        handle = blob.fileno()
        if os.fstat(handle).st_size != record.size:
            return False
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        digest = blake3()
        at = record.data_set_offset
        while at < record.size:
            look_up()
            piece = os.pread(handle, _PIECE, at)
            if not piece:
                return False
            digest.update(piece)
            at += len(piece)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    return digest.hexdigest() == record.digest
