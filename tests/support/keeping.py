"""The part of the storage that keeps and finds instances, without the decoders, in a folder of a test."""

from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from storage.audit import Audit
from storage.database import Database
from storage.files import Files
from storage.index import Index
from storage.ingest import Ingest, Stored
from storage.schema import MIGRATIONS
from storage.scope import WholeArchive
from storage.sweep import SweepReport, sweep
from tests.support.synthetic import part10

EVERYTHING = WholeArchive()


class Keeping:
    """Files, database, index and ingest of one folder; opening it again after `close` is a restart."""

    def __init__(self, folder: Path, free_space_floor: int = 0) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.files = Files(folder, free_space_floor)
        self.database = Database(folder / "durchblick.sqlite")
        self.database.migrate(MIGRATIONS)
        self.audit = Audit(self.database)
        self.index = Index(self.database)
        self.ingest = Ingest(self.files, self.index, self.audit)

    def put(self, data: bytes | Dataset, **options: Any) -> Stored:
        """Store a Part 10 file the way STOW-RS does."""
        incoming = self.ingest.receive()
        incoming.write(data if isinstance(data, bytes) else part10(data))
        return self.ingest.store(incoming, source="test", **options)

    def sweep(self) -> SweepReport:
        return sweep(self.files, self.database, self.ingest)

    def blobs(self) -> list[Path]:
        return sorted(path for path in (self.folder / "blobs").rglob("*") if path.is_file())

    def arriving(self) -> list[Path]:
        return sorted(path for path in (self.folder / "incoming").rglob("*") if path.is_file())

    def bytes_of(self, stored: Stored) -> bytes:
        """The kept file of an instance."""
        record = self.index.instance(
            EVERYTHING, stored.study_instance_uid, stored.series_instance_uid, stored.sop_instance_uid
        )
        return self.files.path(record.blob_key).read_bytes()

    def audited(self) -> list[tuple[str, str]]:
        return [(row["event"], row["subject"]) for row in self.database.read("SELECT event, subject FROM audit")]

    def close(self) -> None:
        self.database.close()
        self.files.close()
