"""What belongs into a download, and how large that will be about."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from dicomweb.media_types import EXPLICIT_LITTLE, is_video
from storage.index import Index
from storage.records import InstanceRecord
from storage.scope import StudyScope

_PICTURES_AND_VIEWER: Final = 1.08


def records_of(index: Index, scope: StudyScope, study: str = "") -> list[InstanceRecord]:
    """The instances of `study`, or of all studies that `scope` shows, newest study first.

    Raises `NoSuchInstance` when there are none of that study.
    """
    studies = [study] if study else [summary.study_instance_uid for summary in index.studies(scope)]
    return [record for one in studies for record in index.instances(scope, one)]


def content_of(records: Iterable[InstanceRecord]) -> str:
    """A digest that is the same for the same instances and another for others."""
    listed = sorted((record.sop_instance_uid, record.digest) for record in records)
    return hashlib.sha256(repr(listed).encode()).hexdigest()


def images_of(records: Iterable[InstanceRecord]) -> int:
    """How many steps it takes to prepare them: one for each image, and for each instance without one."""
    return sum(max(record.number_of_frames, 1) for record in records)


def size_about(records: Sequence[InstanceRecord]) -> int:
    """Bytes of the archive, as far as they can be told beforehand."""
    return round(sum(map(_unpacked, records)) * _PICTURES_AND_VIEWER)


def is_unpacked(record: InstanceRecord) -> bool:
    """Whether it goes into an archive as it is kept: STD-GEN-CD (PS3.11 D.3) wants Explicit VR Little Endian."""
    return record.transfer_syntax_uid == EXPLICIT_LITTLE or is_video(record.transfer_syntax_uid)


def _unpacked(record: InstanceRecord) -> int:
    if is_unpacked(record):
        return record.size
    pixels = record.image_rows * record.image_columns * record.number_of_frames * -(-record.bits_allocated // 8)
    return max(record.size, pixels)
