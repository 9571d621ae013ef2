"""The index: every question about what is kept takes the caller's scope first, and every answer is bounded by it."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from storage.attributes import Level
from storage.audit import note
from storage.catalogue import arrivals, entries, overviews, search, summaries, tombstones
from storage.catalogue.condition import Condition
from storage.catalogue.entries import Entry
from storage.catalogue.metadata import MetadataStore
from storage.catalogue.summaries import RECORD_COLUMNS, record
from storage.catalogue.tombstones import absent
from storage.catalogue.visibility import ORDER, SOURCES, visible
from storage.database import Database
from storage.errors import NoSuchInstance
from storage.query import Query
from storage.records import (
    Arrivals,
    Arrived,
    ChangedSeries,
    Counts,
    HeldStudy,
    InstanceRecord,
    Layout,
    Metadata,
    Results,
    SeriesSummary,
    StudyOverview,
    StudySummary,
    Unsettled,
    decode_layout,
)
from storage.scope import PatientIdentity, StudyScope

__all__ = ["Index", "InstanceRecord", "Layout", "Metadata", "Results", "SeriesSummary", "StudySummary"]


class Index:
    """Safe to use from any thread; all methods block. Held instances are shown to `WholeArchive` only."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._metadata = MetadataStore(database)

    def enter(self, entry: Entry) -> str:
        """Index an instance durably and return the blob key under which it is kept.

        That is another key than the entry's, and nothing changes, when the very same instance was there before.
        Raises `DuplicateInstance` when other bytes are kept under its SOP Instance UID.
        """
        return self._database.write(lambda connection: entries.enter(connection, entry))

    def relocate(self, entry: Entry) -> str | None:
        """Let the index entry of the very same data set, made before, refer to the blob of `entry`, durably.

        Returns the key of the blob that it referred to; None, and nothing is changed, when it has been deleted.
        """
        return self._database.write(lambda connection: entries.relocate(connection, entry))

    def search(self, scope: StudyScope, query: Query) -> Results:
        """The matches of `query` (PS3.18 8.3.4 and 10.6) in a stable order, newest study first."""
        return search.search(self._database, scope, query)

    def find(
        self, scope: StudyScope, query: Query, given_up: Callable[[], bool] = lambda: False
    ) -> Iterator[dict[str, Any]]:
        """All matches of `query`, whatever its limit, in the same order, as one by one they are asked for.

        Memory is bounded however many there are, and nothing is locked meanwhile: what is stored or deleted in
        between may show or not. It ends early when `given_up` says so, which is asked now and then.
        """
        return search.find(self._database, scope, query, given_up)

    def instances(
        self, scope: StudyScope, study: str, series: str | None = None, sop_instance: str | None = None
    ) -> list[InstanceRecord]:
        """What is visible of a study, of one of its series, or one instance of these, by series and instance number.

        Raises `NoSuchInstance` when that is nothing, also for an instance of another series or study, and `Gone` when
        it was deleted.
        """
        named = {_STUDY: study, _SERIES: series, _INSTANCE: sop_instance}
        where = visible(scope, Level.INSTANCE)
        for column, uid in named.items():
            if uid is not None:
                where = where & Condition(f"{column} = ?", (uid,))
        rows = self._database.read(
            f"SELECT {RECORD_COLUMNS} FROM {SOURCES[Level.INSTANCE]} WHERE {where.sql}"
            f" ORDER BY {ORDER[Level.SERIES]}, {ORDER[Level.INSTANCE]}",
            where.parameters,
        )
        if not rows:
            raise absent(self._database, scope, study, series or "", sop_instance or "")
        return [record(row) for row in rows]

    def instance(self, scope: StudyScope, study: str, series: str, sop_instance: str) -> InstanceRecord:
        """One visible instance under exactly these parents, or `NoSuchInstance`."""
        return self.instances(scope, study, series, sop_instance)[0]

    def blob_keys(self, scope: StudyScope, study: str) -> frozenset[str]:
        """The blob keys of what is visible of a study; none when that is nothing."""
        where = visible(scope, Level.INSTANCE) & Condition(f"{_STUDY} = ?", (study,))
        # In one row: thousands of them would take twice as long, and let the garbage be collected.
        sql = f"SELECT group_concat(blob_key, ' ') FROM {SOURCES[Level.INSTANCE]} WHERE {where.sql}"
        return frozenset((self._database.read(sql, where.parameters)[0][0] or "").split())

    def located(self, scope: StudyScope, study: str, series: str, sop_instance: str) -> tuple[InstanceRecord, Layout]:
        """`instance` and its `layout` by one question to the database; raises as `instances` does."""
        named = Condition(f"{_INSTANCE} = ? AND {_SERIES} = ? AND {_STUDY} = ?", (sop_instance, series, study))
        where = visible(scope, Level.INSTANCE) & named
        rows = self._database.read(
            f"""SELECT {RECORD_COLUMNS}, detail.layout FROM {SOURCES[Level.INSTANCE]}
            JOIN instance_detail AS detail ON detail.instance_id = instance.id WHERE {where.sql}""",
            where.parameters,
        )
        if not rows:
            raise absent(self._database, scope, study, series, sop_instance)
        return record(rows[0]), decode_layout(rows[0]["layout"])

    def layout(self, record: InstanceRecord) -> Layout:
        """Where the frames and bulk data of `record` lie in its blob; `NoSuchInstance` when it is gone."""
        rows = self._database.read(_LAYOUT, (record.sop_instance_uid,))
        if not rows:
            raise NoSuchInstance("This instance is no longer kept.")
        return decode_layout(rows[0]["layout"])

    def metadata(
        self,
        scope: StudyScope,
        study: str,
        series: str | None = None,
        sop_instance: str | None = None,
        *,
        bulk_data_root: str,
    ) -> Metadata:
        """The data sets of what `instances` would return, without bulk data (PS3.18 10.4.1.1.2), or its error.

        A BulkDataURI is {bulk_data_root}/studies/{}/series/{}/instances/{}/bulkdata/{path}.
        """
        if series is None:
            return self._metadata.of_study(scope, study, bulk_data_root)
        if sop_instance is None:
            return self._metadata.of_series(scope, study, series, bulk_data_root)
        return self._metadata.of_instance(scope, study, series, sop_instance, bulk_data_root)

    def data_sets(
        self,
        scope: StudyScope,
        study: str,
        series: str | None = None,
        sop_instance: str | None = None,
        *,
        bulk_data_root: str,
    ) -> Iterator[bytes]:
        """The elements of the array that is `metadata`, one by one, in memory that does not grow with their number."""
        return self._metadata.each(scope, study, series, sop_instance, bulk_data_root)

    def studies(self, scope: StudyScope, limit: int | None = None) -> list[StudySummary]:
        """The visible studies with their series, newest first; at most `limit`, and only these are looked at."""
        return summaries.studies(self._database, scope, limit)

    def summary(self, scope: StudyScope, study: str) -> StudySummary:
        """One study with its visible series, or `NoSuchInstance`."""
        found = summaries.study(self._database, scope, study)
        if found is None:
            raise absent(self._database, scope, study)
        return found

    def changed_series(self, scope: StudyScope, bulk_data_root: str, limit: int) -> list[ChangedSeries]:
        """Series, newest first, whose metadata as patients get them were not put together since they changed."""
        return self._metadata.changed_series(scope, bulk_data_root, limit)

    def arrivals(self, scope: StudyScope, after: int | None) -> Arrivals:
        """The visible studies that got instances since an earlier call, whose answer had the place `after`.

        With None, and where `after` is no place any more because the newest were deleted, those of the newest 100,000
        instances.
        """
        return arrivals.arrivals(self._database, scope, after)

    def unsettled(self, scope: StudyScope, after: int) -> list[Unsettled]:
        """The visible studies to which something came behind the place `after`, in the order in which it began."""
        return arrivals.unsettled(self._database, scope, after)

    def arrived(self, scope: StudyScope, study: str, after: int, upto: int) -> list[Arrived]:
        """The visible instances of `study` that came behind the place `after` up to `upto`, in that order."""
        return arrivals.arrived(self._database, scope, study, after, upto)

    def counts(self, scope: StudyScope) -> Counts:
        """How many studies, series and instances are visible."""
        return summaries.counts(self._database, scope)

    def overviews(self, scope: StudyScope, query: Query) -> list[StudyOverview]:
        """The studies that match `query`, newest first, with how much of each has come.

        Raises `CannotUnderstand` for another level than STUDY and for attributes that have no column.
        """
        return overviews.overviews(self._database, scope, query)

    def deleted(self, scope: StudyScope, study: str) -> datetime | None:
        """When the whole of a study was deleted last, if `scope` would have shown it; it may have come again since."""
        return tombstones.deleted(self._database, scope, study)

    def held(self, scope: StudyScope, limit: int = 200) -> list[HeldStudy]:
        """Studies with instances that are held because their patient is not the one of their study, latest first."""
        return overviews.held(self._database, scope, limit)

    def held_instances(self, scope: StudyScope, study: str) -> list[tuple[str, str, str]]:
        """The UIDs, from the study down, of the held instances of a study."""
        return overviews.held_instances(self._database, scope, study)

    def lookalikes(self, scope: StudyScope, identities: Sequence[PatientIdentity]) -> list[StudyOverview]:
        """Studies with the PatientID of one of `identities`, but another issuer, birth date or name than each of them.

        Two patients, or a mistake: somebody has to look.
        """
        return overviews.lookalikes(self._database, scope, identities)

    def accept_held(self, scope: StudyScope, study: str, *, source: str) -> int:
        """Show the held instances of `study` to patients too, because `source` has looked; how many there were."""

        def work(connection: sqlite3.Connection) -> int:
            shown = overviews.accept_held(connection, scope, study)
            if shown:
                note(connection, "held instances accepted", study, f"source={source} instances={shown}")
            return shown

        return self._database.write(work)

    def assign_origins(self, sites: Mapping[str, str]) -> None:
        """Let studies belong to sites by who sent their first instance: AE title to key of the site.

        Takes effect at once for all studies and replaces what was told before; writes only when it differs.
        """
        known = self._database.read("SELECT origin, site FROM site_origin")
        if {row["origin"]: row["site"] for row in known} != dict(sites):
            self._database.write(lambda connection: overviews.assign_origins(connection, sites))


_STUDY: Final = "study.study_instance_uid"
_SERIES: Final = "series.series_instance_uid"
_INSTANCE: Final = "instance.sop_instance_uid"

_LAYOUT: Final = """
    SELECT detail.layout FROM instance JOIN instance_detail AS detail ON detail.instance_id = instance.id
    WHERE instance.sop_instance_uid = ?"""
