"""What the tests of our client side share: a store, instances in it, and who calls."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dimse.scu.caller import Caller
from storage.records import InstanceRecord
from storage.scope import WholeArchive
from storage.storage import Storage, StorageSettings
from tests.support.patience import UNHURRIED

CALLER = Caller("DURCHBLICK", patience=UNHURRIED)


@contextmanager
def opened(folder: Path) -> Iterator[Storage]:
    """A store in `folder` until the end of the block."""
    storage = Storage.open(folder, StorageSettings(free_space_floor=0))
    try:
        yield storage
    finally:
        storage.close()


def keep(storage: Storage, *contents: bytes) -> list[InstanceRecord]:
    """Keep these files and return their records, in this order."""
    records = []
    for content in contents:
        incoming = storage.ingest.receive()
        incoming.write(content)
        stored = storage.ingest.store(incoming, source="test")
        uids = (stored.study_instance_uid, stored.series_instance_uid, stored.sop_instance_uid)
        records.append(storage.index.instance(WholeArchive(), *uids))
    return records
