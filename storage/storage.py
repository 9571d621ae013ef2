"""One folder with everything that is kept, and the services over it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from storage.audit import Audit
from storage.database import Database
from storage.deletion import Deletion, Drop
from storage.drawn import DrawnPictures
from storage.files import Files, make_folder
from storage.index import Index
from storage.ingest import Ingest
from storage.page_ends import PageEnds
from storage.pixels import Pixels
from storage.prepared import PreparedPictures
from storage.schema import MIGRATIONS
from storage.sweep import SweepReport, sweep
from storage.worklist.worklist import Worklist


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """What an operator may set; sizes in bytes."""

    free_space_floor: int = 500_000_000
    """Nothing more is received when less than this would be free."""
    decoders: int = 2
    decoder_memory: int = 1 << 30
    decoder_seconds: float = 20.0
    drawn_pictures: int = 256 << 20
    """How much may be kept of pictures that somebody asked for."""


@dataclass(frozen=True, slots=True)
class Storage:
    """The services of one folder; each process opens its own. All of them may be used from any thread."""

    folder: Path
    files: Files
    database: Database
    index: Index
    ingest: Ingest
    pixels: Pixels
    pictures: PreparedPictures
    drawn: DrawnPictures
    deletion: Deletion
    audit: Audit
    worklist: Worklist
    page_ends: PageEnds

    @classmethod
    def open(cls, folder: Path, settings: StorageSettings | None = None, caches: Sequence[Drop] = ()) -> "Storage":
        """Open or create the storage in `folder`, and finish what a crashed process left in its incoming folder.

        Each of `caches` is called with what is deleted, so that what was made of it elsewhere goes too.

            <folder>/durchblick.sqlite  the index
            <folder>/blobs/             the instances
            <folder>/incoming/          what is arriving
            <folder>/cache/             what can be made again

        Raises `OutOfResources` when it cannot be written.
        """
        settings = settings or StorageSettings()
        make_folder(folder.absolute())
        cache = folder / "cache"
        cache.mkdir(mode=0o700, exist_ok=True)
        files = Files(folder, settings.free_space_floor)
        database = Database(folder / "durchblick.sqlite")
        database.migrate(MIGRATIONS)
        audit, index = Audit(database), Index(database)
        ingest = Ingest(files, index, audit)
        sweep(files, database, ingest, whole=False)
        pictures = PreparedPictures(cache / "pictures", files)
        drawn = DrawnPictures(PreparedPictures(cache / "drawn", files), settings.drawn_pictures)
        limits = settings.decoders, settings.decoder_memory, settings.decoder_seconds
        pixels = Pixels(files, *limits, cache, pictures, drawn)
        deletion = Deletion(files, database, [pictures.drop, drawn.drop, *caches])
        worklist, page_ends = Worklist(database), PageEnds(cache / "page_ends.sqlite")
        return cls(
            folder, files, database, index, ingest, pixels, pictures, drawn, deletion, audit, worklist, page_ends
        )

    def sweep(self) -> SweepReport:
        """Compare files and index both ways, and finish what crashed processes left."""
        return sweep(self.files, self.database, self.ingest)

    def close(self) -> None:
        """Finish what is pending and let go of everything."""
        self.pixels.close()
        self.page_ends.close()
        self.database.close()
        self.files.close()
