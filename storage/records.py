"""The values that the index gives out."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import orjson

from storage.data_set.frames import FrameTable
from storage.query import Place

_WORTH_COMPRESSING: Final = 512


@dataclass(frozen=True, slots=True)
class InstanceRecord:
    """One kept instance: who it is, where its bytes lie, and the shape of its image (0 where it has none)."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    blob_key: str
    size: int
    """Bytes of the whole Part 10 file."""
    data_set_offset: int
    """Where the data set begins in it."""
    digest: str
    """BLAKE3 (hex) of the data set as it lies in the file."""
    modality: str
    instance_number: int | None
    number_of_frames: int
    """At least 1 when there is Pixel Data, else 0."""
    image_rows: int
    image_columns: int
    bits_allocated: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the frames of an instance and its bulk data lie in its blob."""

    frames: FrameTable | None
    bulk_data: Mapping[str, tuple[int, int]]
    """Path of each BulkDataURI in the metadata (such as "54000100/0/54001010") to offset and length."""
    in_file: bool = True
    """False for deflated data sets: bulk data count from the start of the inflated data set then."""


@dataclass(frozen=True, slots=True)
class Results:
    """One page of a search: DICOM JSON data sets without Retrieve URL, and how many more matches lie beyond it."""

    data_sets: list[dict[str, Any]]
    remaining: int
    last: Place | None = None
    """Where the last of them stands; None when there is none."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """A JSON array of data sets (PS3.18 F.2) compressed by gzip, and an entity tag that changes when it does."""

    gzipped: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class ChangedSeries:
    """A series, and how often it has changed so far."""

    study_instance_uid: str
    series_instance_uid: str
    changes: int


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Study Instance UIDs, latest arrival first, and the place up to which arrivals were looked at."""

    studies: list[str]
    place: int


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A study to which something came: the places of the first and of the last of it, and when the last came."""

    study_instance_uid: str
    first: int
    last: int
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Arrived:
    """An instance with its place in the order of arrivals, which rises and is never used again."""

    record: InstanceRecord
    place: int
    source: str
    """Who brought it: "AE@address" for C-STORE, else the kind of intake."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How much is kept."""

    studies: int
    series: int
    instances: int


@dataclass(frozen=True, slots=True)
class SeriesSummary:
    """What a reader of images wants to know of a series before opening it; counts are of visible instances."""

    series_instance_uid: str
    modality: str
    series_number: int | None
    series_description: str
    body_part_examined: str
    instances: int
    frames: int
    representative: InstanceRecord | None
    """The image in the middle of the series; None when it holds no image."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """What is kept with the series, and with its representative, as DICOM JSON."""


@dataclass(frozen=True, slots=True)
class StudySummary:
    """A study with its series in their order; dates and times as YYYYMMDD and HHMMSS.FFFFFF, "" when unknown."""

    study_instance_uid: str
    study_date: str
    study_time: str
    study_description: str
    modalities: tuple[str, ...]
    patient_name: str
    """Alphabetic group of the name as stored (PS3.5 6.2.1)."""
    series: tuple[SeriesSummary, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """What is kept with the study as DICOM JSON."""


@dataclass(frozen=True, slots=True)
class StudyOverview:
    """A study as staff look at it. Texts are as stored, "" where unknown; counts include held instances."""

    study_instance_uid: str
    patient_name: str
    patient_id: str
    issuer_of_patient_id: str
    patient_birth_date: str
    patient_sex: str
    study_date: str
    accession_number: str
    study_description: str
    modalities: tuple[str, ...]
    series: int
    instances: int
    held: int
    latest: str
    """When the last instance came, ISO 8601 in UTC."""
    origin: str
    """Who sent the first of it: an AE title, or STOW-RS, or what was imported."""


@dataclass(frozen=True, slots=True)
class HeldStudy:
    """A study with instances of a patient who is not its own, and who that is by one of these instances (`held_`)."""

    study_instance_uid: str
    patient_name: str
    patient_id: str
    issuer_of_patient_id: str
    patient_birth_date: str
    patient_sex: str
    study_date: str
    accession_number: str
    study_description: str
    instances: int
    latest: str
    source: str
    held_patient_name: str
    held_patient_id: str
    held_issuer_of_patient_id: str
    held_patient_birth_date: str


def encode_metadata(data_set: Mapping[str, Any]) -> bytes:
    """The form in which the index keeps an instance's DICOM JSON."""
    return zlib.compress(orjson.dumps(data_set), 1)


def decode_metadata(kept: bytes) -> dict[str, Any]:
    """The DICOM JSON that `encode_metadata` was given."""
    data_set: dict[str, Any] = orjson.loads(zlib.decompress(kept))
    return data_set


def encode_layout(layout: Layout) -> bytes:
    """The form in which the index keeps a layout."""
    frames = layout.frames.to_json() if layout.frames else None
    json = orjson.dumps([frames, dict(layout.bulk_data), layout.in_file])
    return json if len(json) <= _WORTH_COMPRESSING else zlib.compress(json, 1)


def decode_layout(kept: bytes) -> Layout:
    """The layout that `encode_layout` was given."""
    json = kept if kept.startswith(b"[") else zlib.decompress(kept)
    frames, bulk_data, in_file = orjson.loads(json)
    ranges = {path: (offset, length) for path, (offset, length) in bulk_data.items()}
    return Layout(FrameTable.from_json(frames) if frames else None, ranges, in_file)
