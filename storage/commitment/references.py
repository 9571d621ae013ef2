"""The words of storage commitment: SOP classes and instances, verdicts on them, and the codes of PS3.3 C.14.1."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import orjson

STORAGE_COMMITMENT: Final = "1.2.840.10008.1.20.1"
"""Storage Commitment Push Model SOP Class."""

WELL_KNOWN_INSTANCE: Final = "1.2.840.10008.1.20.1.1"
"""Storage Commitment Push Model SOP Instance (PS3.4 J.3.5)."""

REQUEST_COMMITMENT: Final = 1
"""Action Type ID (PS3.4 table J.3-1)."""

ALL_COMMITTED: Final = 1
SOME_FAILED: Final = 2
"""Event Type IDs (PS3.4 table J.3-2)."""

COMMITTED: Final = 0
PROCESSING_FAILURE: Final = 0x0110
NO_SUCH_OBJECT_INSTANCE: Final = 0x0112
CLASS_INSTANCE_CONFLICT: Final = 0x0119
REFERENCED_SOP_CLASS_NOT_SUPPORTED: Final = 0x0122
DUPLICATE_TRANSACTION_UID: Final = 0x0131
RESOURCE_LIMITATION: Final = 0x0213

FAILURE_REASONS: Final = {
    PROCESSING_FAILURE: "The kept file is damaged, or could not be read.",
    NO_SUCH_OBJECT_INSTANCE: "The instance is not kept here.",
    CLASS_INSTANCE_CONFLICT: "The instance is kept under another SOP class.",
    REFERENCED_SOP_CLASS_NOT_SUPPORTED: "The SOP class is none that is stored here.",
    DUPLICATE_TRANSACTION_UID: "The Transaction UID was used before, for other instances.",
    RESOURCE_LIMITATION: "The store is under too much pressure to look.",
}
"""When each Failure Reason (0008,1197) is given (PS3.3 C.14.1.1)."""

PROMISE: Final = (
    "A committed instance is kept, byte for byte as it was received, without a limit of time, until the site's "
    "retention rules or a deletion by an authorised person remove it."
)
"""What a commitment means here (PS3.2 wants it stated)."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One item of a Referenced SOP Sequence."""

    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one reference: `COMMITTED`, or one of the `FAILURE_REASONS` (a peer may give others)."""

    reference: Reference
    reason: int = COMMITTED

    @property
    def is_committed(self) -> bool:
        """Whether the instance will be kept."""
        return self.reason == COMMITTED


def content(references: Iterable[Reference]) -> str:
    """A digest that two requests share when they are about the same instances."""
    lines = sorted({f"{one.sop_class_uid} {one.sop_instance_uid}" for one in references})
    return sha256("\n".join(lines).encode()).hexdigest()


def pack(references: Iterable[Reference]) -> bytes:
    """The form in which the database keeps references."""
    return zlib.compress(orjson.dumps([(one.sop_class_uid, one.sop_instance_uid) for one in references]))


def unpack(packed: bytes) -> tuple[Reference, ...]:
    """The references that `pack` was given."""
    return tuple(Reference(*one) for one in orjson.loads(zlib.decompress(packed)))


def pack_verdicts(verdicts: Iterable[Verdict]) -> bytes:
    """The form in which the database keeps verdicts."""
    return zlib.compress(
        orjson.dumps([(v.reference.sop_class_uid, v.reference.sop_instance_uid, v.reason) for v in verdicts])
    )


def unpack_verdicts(packed: bytes) -> tuple[Verdict, ...]:
    """The verdicts that `pack_verdicts` was given."""
    return tuple(Verdict(Reference(*names), reason) for *names, reason in orjson.loads(zlib.decompress(packed)))
