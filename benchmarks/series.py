"""Series of CT slices for servers that are asked for images: as they are, and compressed."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom.uid import generate_uid

from benchmarks.phantom_ct import slices
from storage.scope import WholeArchive
from storage.storage import Storage, StorageSettings


@dataclass(frozen=True, slots=True)
class Series:
    """Files of one series; the resources of DICOMweb for its study, for it, and for each of its instances."""

    files: Sequence[bytes]
    study: str
    path: str
    instances: Sequence[str]


def native(count: int) -> Series:
    """So many slices in Explicit VR Little Endian, 530 kB each."""
    return _series([instance.file for instance in slices(count)])


def compressed(series: Series, count: int, transfer_syntax_uid: str, folder: Path) -> Series:
    """So many slices of a series as another one, compressed by way of a storage in `folder`."""
    storage = Storage.open(folder, StorageSettings(free_space_floor=0))
    try:
        for file in series.files[:count]:
            incoming = storage.ingest.receive()
            incoming.write(file)
            study = storage.ingest.store(incoming, source="benchmark").study_instance_uid
        records = storage.index.instances(WholeArchive(), study)
        uids = generate_uid(), generate_uid()
        made = [_renamed(storage.pixels.transcoded(record, transfer_syntax_uid), *uids) for record in records]
    finally:
        storage.close()
    return _series(made)


def _series(files: Sequence[bytes]) -> Series:
    heads = [pydicom.dcmread(io.BytesIO(file), stop_before_pixels=True) for file in files]
    study = f"/studies/{heads[0].StudyInstanceUID}"
    path = f"{study}/series/{heads[0].SeriesInstanceUID}"
    return Series(files, study, path, [f"{path}/instances/{one.SOPInstanceUID}" for one in heads])


def _renamed(file: BinaryIO, study: str, series: str) -> bytes:
    """The same image as another instance of another study."""
    with file:
        image = pydicom.dcmread(file)
    image.StudyInstanceUID, image.SeriesInstanceUID, image.SOPInstanceUID = study, series, generate_uid()
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    target = io.BytesIO()
    image.save_as(target, enforce_file_format=True)
    return target.getvalue()
