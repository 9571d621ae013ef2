"""The intake as a whole: links, uploads and their quarantine, and the worker's jobs over them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from auth.clock import Clock
from gateway.intake.accepting import Acceptance
from gateway.intake.beginnings import Beginnings, MostBegun
from gateway.intake.examining import Examination
from gateway.intake.links import UploadLinks
from gateway.intake.pictures import Draw
from gateway.intake.quarantine import Quarantine
from gateway.intake.scanning import Scanner
from gateway.intake.tidying import Tidying
from gateway.intake.uploads import Limits, Uploads
from gateway.sections import IntakeConfig
from storage.database import Database
from storage.ingest import Ingest
from storage.storage import StorageSettings


@dataclass(frozen=True, slots=True)
class Intake:
    """What takes part in an upload."""

    links: UploadLinks
    beginnings: Beginnings
    uploads: Uploads
    quarantine: Quarantine
    scanner: Scanner | None

    @classmethod
    def of(
        cls, database: Database, pepper: bytes, clock: Clock, config: IntakeConfig, folder: Path, kept: StorageSettings
    ) -> "Intake":
        """Uploads lie below `folder`; `kept` are the settings of the great archive, which they leave room for."""
        floor = max(kept.free_space_floor, config.free_space_floor_mb << 20)
        limits = Limits(
            files=config.most_files,
            bytes=config.most_gb << 30,
            open_for=timedelta(hours=config.open_hours),
            kept_for=timedelta(days=config.kept_days),
        )
        return cls(
            links=UploadLinks(database, pepper, clock),
            beginnings=Beginnings(
                database, pepper, clock, MostBegun(config.hourly_by_link, config.hourly_from_network)
            ),
            uploads=Uploads(database, pepper, clock, limits),
            quarantine=Quarantine(folder, replace(kept, free_space_floor=floor)),
            scanner=Scanner(config.scan, config.scan_seconds) if config.scan else None,
        )

    def examination(self, draw: Draw, is_stopping: Callable[[], bool]) -> Examination:
        """Who reads what was sent; `draw` makes the small pictures."""
        return Examination(self.uploads, self.quarantine, self.scanner, draw, is_stopping)

    def acceptance(self, ingest: Ingest, is_stopping: Callable[[], bool]) -> Acceptance:
        """Who takes what was accepted into the archive behind `ingest`."""
        return Acceptance(self.uploads, self.quarantine, ingest, is_stopping)

    def tidying(self) -> Tidying:
        """Who removes what nobody waits for."""
        return Tidying(self.uploads, self.quarantine)
