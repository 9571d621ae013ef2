"""A node with a store, from which real peers retrieve."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from dimse.scu.storage import StorageScu
from dimse.services.dispatch import Services
from dimse.settings import Peer
from storage.errors import Refusal
from storage.records import InstanceRecord
from storage.scope import WholeArchive
from storage.storage import Storage, StorageSettings
from tests.dimse.node import Node, running
from tests.support.synthetic import ct, part10

STUDY, SERIES = generate_uid(), generate_uid()


class Gateway:
    """A listening node over a store in a folder; `peers` are those that may be moved to."""

    def __init__(self, storage: Storage, node: Node, peers: dict[str, Peer]) -> None:
        self.storage = storage
        self.port = node.port
        self.peers = peers

    def keep(self, *files: bytes) -> list[InstanceRecord]:
        """Keep these and return their records, in this order."""
        records = []
        for file in files:
            incoming = self.storage.ingest.receive()
            incoming.write(file)
            stored = self.storage.ingest.store(incoming, source="test")
            uids = (stored.study_instance_uid, stored.series_instance_uid, stored.sop_instance_uid)
            records.append(self.storage.index.instance(WholeArchive(), *uids))
        return records

    def keep_what_is_possible(self, files: Iterable[bytes]) -> list[InstanceRecord]:
        """Keep those that the store takes, several at once."""

        def kept(file: bytes) -> list[InstanceRecord]:
            try:
                return self.keep(file)
            except Refusal:
                return []

        with ThreadPoolExecutor(8) as threads:
            return [record for records in threads.map(kept, files) for record in records]

    def path(self, record: InstanceRecord) -> Path:
        return self.storage.files.path(record.blob_key)

    def data_set(self, record: InstanceRecord) -> bytes:
        return self.path(record).read_bytes()[record.data_set_offset :]


@contextmanager
def serving(folder: Path) -> Iterator[Gateway]:
    """A gateway that keeps its data in `folder`, and does not wait before it tries a destination again."""
    storage = Storage.open(folder / "data", StorageSettings(free_space_floor=0))
    peers: dict[str, Peer] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dimse.services.dispatch.StorageScu", partial(StorageScu, pause_seconds=0))
        with running(storage.ingest, services=Services(storage, find=peers.get)) as node:
            yield Gateway(storage, node, peers)
    storage.close()


def of_study(number: int = 1, **attributes: Any) -> Dataset:
    parents = {"StudyInstanceUID": STUDY, "SeriesInstanceUID": SERIES}
    return ct(number=number, **(parents | attributes))


def slices(count: int, **attributes: Any) -> list[bytes]:
    return [part10(of_study(number, **attributes)) for number in range(1, count + 1)]
