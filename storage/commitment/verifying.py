"""Verdicts on instances, from what is on the disk now."""

import logging
from collections.abc import Callable, Sequence

from storage.commitment.references import (
    CLASS_INSTANCE_CONFLICT,
    COMMITTED,
    NO_SUCH_OBJECT_INSTANCE,
    PROCESSING_FAILURE,
    REFERENCED_SOP_CLASS_NOT_SUPPORTED,
    RESOURCE_LIMITATION,
    Reference,
    Verdict,
)
from storage.errors import NoSuchInstance, OutOfResources
from storage.records import InstanceRecord
from storage.scope import StudyScope, WholeArchive
from storage.sop_classes import is_storage
from storage.storage import Storage
from storage.verify import indexed, intact

_log = logging.getLogger("durchblick.storage")

_AT_ONCE = 1000
_EVERYTHING = WholeArchive()


class Verifier:
    """Safe to use from any thread; blocks for as long as it takes to read every byte of every instance."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def verdicts(
        self, references: Sequence[Reference], look_up: Callable[[], None], scope: StudyScope = _EVERYTHING
    ) -> tuple[Verdict, ...]:
        """One for each reference, in order; what `scope` does not show is not here.

        `look_up` is called all the while and may raise to stop.
        """
        found: list[Verdict] = []
        for at in range(0, len(references), _AT_ONCE):
            some = references[at : at + _AT_ONCE]
            look_up()
            try:
                records = indexed(self._storage.database, scope, (one.sop_instance_uid for one in some))
            except OutOfResources:
                found += [Verdict(one, RESOURCE_LIMITATION) for one in some]
                continue
            found += [Verdict(one, self._reason(one, records.get(one.sop_instance_uid), look_up)) for one in some]
        return tuple(found)

    def _reason(self, reference: Reference, record: InstanceRecord | None, look_up: Callable[[], None]) -> int:
        if record is None:
            is_known = is_storage(reference.sop_class_uid)
            return NO_SUCH_OBJECT_INSTANCE if is_known else REFERENCED_SOP_CLASS_NOT_SUPPORTED
        if record.sop_class_uid != reference.sop_class_uid:
            return CLASS_INSTANCE_CONFLICT
        try:
            if intact(self._storage.files, record, look_up):
                return COMMITTED
            return self._damaged(record, "damaged", PROCESSING_FAILURE)
        except NoSuchInstance:
            return self._damaged(record, "missing", NO_SUCH_OBJECT_INSTANCE)
        except OSError as error:
            return self._damaged(record, f"errno {error.errno}", PROCESSING_FAILURE)

    def _damaged(self, record: InstanceRecord, what: str, reason: int) -> int:
        """An instance that we acknowledged is not there as it came: the operator must learn it."""
        _log.error("kept_file_unusable blob=%s what=%r", record.blob_key, what)
        self._storage.audit.record("kept file unusable", record.sop_instance_uid, what)
        return reason
