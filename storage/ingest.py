"""The one way in: what arrives by C-STORE, STOW-RS, upload or import becomes a kept instance here, or is refused."""

import logging
import secrets
import traceback
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, Final

from storage.audit import Audit
from storage.catalogue.entries import Entry
from storage.data_set.part10 import FileMeta
from storage.database import CommitUnknown
from storage.errors import DuplicateInstance, NoSuchInstance, NotAuthorised, OutOfResources, ProcessingFailure, Refusal
from storage.examine import Examiner
from storage.files import Files
from storage.identifiers import stand_in_uid
from storage.incoming import Incoming, out_of_resources
from storage.index import Index
from storage.records import InstanceRecord
from storage.scope import ListedStudies, StudyScope, WholeArchive
from storage.verify import intact

_log = logging.getLogger("durchblick.storage")

_EVERYTHING: Final = WholeArchive()
_LONGEST_UID: Final = 64
DOES_NOT_MATCH_SOP_CLASS: Final = 0xB007


@dataclass(frozen=True, slots=True)
class Stored:
    """An instance that is kept; `new` is False when it was before, with the same bytes."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    new: bool
    warning_reason: int = 0
    """B007H when the data set lacks a name that its SOP Class demands, or one is too long (PS3.18 table I.2-1)."""


class Ingest:
    """Safe to use from any thread; all methods block."""

    def __init__(self, files: Files, index: Index, audit: Audit) -> None:
        self._files = files
        self._index = index
        self._audit = audit
        self._examiner = Examiner()

    def receive(self, meta: FileMeta | None = None) -> Incoming:
        """Begin an instance. With `meta` (C-STORE) a bare data set follows, without it a whole Part 10 stream.

        Raises `OutOfResources` when there is no room.
        """
        return self._files.receive(meta)

    def scratch(self) -> BinaryIO:
        """A nameless file for what instances are put together from (see `Files.scratch`)."""
        return self._files.scratch()

    def store(
        self, incoming: Incoming, *, source: str, study_instance_uid: str = "", scope: StudyScope = _EVERYTHING
    ) -> Stored:
        """Keep what has arrived: when this returns, its bytes and its index entry are durable.

        `source` says where it came from (an AE title, a kind of upload). With `study_instance_uid` the instance must
        belong to that study, and in any case to one that `scope` lists. `incoming` is used up either way. Raises a
        `Refusal` that names the instance as far as it is known; nothing is left of a refused one.
        """
        meta = incoming.meta or FileMeta("", "", "")
        try:
            entry = self._examine(incoming, source, study_instance_uid)
            _admit(entry.record, scope)
            return self._keep(incoming, entry)
        except Refusal as refusal:
            refusal.sop_class_uid = refusal.sop_class_uid or meta.sop_class_uid
            refusal.sop_instance_uid = refusal.sop_instance_uid or meta.sop_instance_uid
            raise
        except Exception as error:
            raise _unexpected(error, meta) from error
        finally:
            incoming.abandon()

    def _examine(self, incoming: Incoming, source: str, study_instance_uid: str) -> Entry:
        try:
            # The disk has work while the header is read.
            incoming.hasten()
            return self._examiner.examine(incoming, source, study_instance_uid)
        except OSError as error:
            raise out_of_resources(error) from error

    def _keep(self, incoming: Incoming, entry: Entry) -> Stored:
        record = entry.record
        try:
            new = self._keep_durably(incoming, entry)
        except Refusal as refusal:
            if isinstance(refusal, DuplicateInstance):
                self._audit.record("duplicate refused", record.sop_instance_uid, f"source={entry.source}")
            refusal.sop_class_uid, refusal.sop_instance_uid = record.sop_class_uid, record.sop_instance_uid
            raise
        return Stored(
            record.study_instance_uid,
            record.series_instance_uid,
            record.sop_instance_uid,
            record.sop_class_uid,
            new,
            _warning_reason(record),
        )

    def _keep_durably(self, incoming: Incoming, entry: Entry) -> bool:
        """File first, then index, so that no index entry ever lacks its file."""
        record = entry.record
        # The blob of a resumed file may have its index entry from before the crash: then it must not be removed.
        removable = not incoming.was_synced
        key = record.blob_key
        self._files.keep(incoming, key)
        try:
            kept = self._index.enter(entry)
        except CommitUnknown:
            raise
        except Exception:
            if removable:
                with suppress(OSError):
                    self._files.remove(key)
            raise
        if kept == key:
            return True
        superfluous = key if self._is_intact(record) else self._mend(entry)
        with suppress(OSError):
            self._files.remove(superfluous)
        return False

    def _mend(self, entry: Entry) -> str:
        """Let the new blob take the place of the damaged one, and return the key of that."""
        record = entry.record
        damaged = self._index.relocate(entry)
        if damaged is None:
            self._files.remove(record.blob_key)
            raise OutOfResources("The instance was deleted while it came again; it may be sent once more.")
        self._audit.record("damaged blob replaced", record.sop_instance_uid, f"source={entry.source}")
        return damaged

    def _is_intact(self, record: InstanceRecord) -> bool:
        """Whether what was kept before is still whole: a sender that sends again may do so because it is not."""
        try:
            kept = self._index.instance(
                WholeArchive(), record.study_instance_uid, record.series_instance_uid, record.sop_instance_uid
            )
            return intact(self._files, kept)
        except (OSError, NoSuchInstance):
            return False


def _warning_reason(record: InstanceRecord) -> int:
    """What is kept although PS3.3 and PS3.5 9.1 would not have it so: no Study or Series UID, or a longer one."""
    names = {"study": record.study_instance_uid, "series": record.series_instance_uid}
    if any(
        name.startswith("2.25.") and name == stand_in_uid(what, record.sop_instance_uid) for what, name in names.items()
    ):
        return DOES_NOT_MATCH_SOP_CLASS
    too_long = any(
        len(name) > _LONGEST_UID for name in (*names.values(), record.sop_instance_uid, record.sop_class_uid)
    )
    return DOES_NOT_MATCH_SOP_CLASS if too_long else 0


def _admit(record: InstanceRecord, scope: StudyScope) -> None:
    """Raise `NotAuthorised` unless `scope` is everything or lists the study: a patient's scope is there to read."""
    listed = isinstance(scope, ListedStudies) and record.study_instance_uid in scope.study_instance_uids
    if not listed and not isinstance(scope, WholeArchive):
        raise NotAuthorised(
            "The instance belongs to a study that the caller may not add to.",
            sop_class_uid=record.sop_class_uid,
            sop_instance_uid=record.sop_instance_uid,
        )


def _unexpected(error: Exception, meta: FileMeta) -> ProcessingFailure:
    """A refusal whose id is in the log, beside where it happened; the error's own words might name a patient."""
    failure = secrets.token_hex(4)
    places = " ".join(f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__))
    _log.error("store failed id=%s error=%s at=%s", failure, type(error).__name__, places)
    return ProcessingFailure(
        f"The instance could not be stored; see id {failure} in the log.",
        sop_class_uid=meta.sop_class_uid,
        sop_instance_uid=meta.sop_instance_uid,
    )
