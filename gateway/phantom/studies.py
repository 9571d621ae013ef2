"""The invented patient's three examinations as data sets, ready to be sent. UIDs and values are always the same."""

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
)

from gateway.phantom import ct, head, radiograph
from storage.identifiers import stand_in_uid

BIRTH_DATE: Final = "19640812"
PATIENT_ID: Final = "DEMO-1"
ISSUER: Final = "DURCHBLICK-DEMO"
_THREADS: Final = "OPENBLAS_NUM_THREADS"


@dataclass(frozen=True, slots=True)
class Amount:
    """How much to make: fewer and smaller CT slices for tests."""

    slices: int = ct.SLICES
    size: int = ct.SIZE
    processes: int = 2


@dataclass(frozen=True, slots=True)
class _Series:
    study: str
    number: int
    modality: str
    sop_class: str
    attributes: dict[str, Any]

    def image(self, instance: int, pixels: NDArray[Any], **attributes: Any) -> Dataset:
        """One image of the series."""
        data_set = Dataset()
        data_set.SpecificCharacterSet = "ISO_IR 192"
        data_set.PatientName = "Muster^Erika"
        data_set.PatientID = PATIENT_ID
        data_set.IssuerOfPatientID = ISSUER
        data_set.PatientBirthDate = BIRTH_DATE
        data_set.PatientSex = "F"
        data_set.ReferringPhysicianName = "Beispiel^Jan^^Dr."
        data_set.InstitutionName = "Musterklinikum Beispielstadt"
        data_set.Manufacturer = "Durchblick"
        data_set.ManufacturerModelName = "Phantom"
        data_set.StudyInstanceUID = _uid(self.study)
        data_set.SeriesInstanceUID = _uid(self.study, self.number)
        data_set.SOPClassUID = self.sop_class
        data_set.SOPInstanceUID = _uid(self.study, self.number, instance)
        data_set.Modality = self.modality
        data_set.SeriesNumber = self.number
        data_set.InstanceNumber = instance
        for keyword, value in {**_STUDIES[self.study], **self.attributes, **attributes}.items():
            setattr(data_set, keyword, value)
        _set_pixels(data_set, pixels)
        return data_set


_STUDIES: Final[dict[str, dict[str, Any]]] = {
    "cr": {
        "StudyDate": "20231106",
        "StudyTime": "093012",
        "StudyDescription": "Röntgen Thorax p.a.",
        "AccessionNumber": "DEMO-CR-1",
        "StudyID": "1",
    },
    "mr": {
        "StudyDate": "20240917",
        "StudyTime": "141530",
        "StudyDescription": "MRT Schädel nativ",
        "AccessionNumber": "DEMO-MR-2",
        "StudyID": "2",
    },
    "ct": {
        "StudyDate": "20260511",
        "StudyTime": "110745",
        "StudyDescription": "CT Thorax und Oberbauch mit Kontrastmittel",
        "AccessionNumber": "DEMO-CT-3",
        "StudyID": "3",
    },
}


def images(amount: Amount = Amount()) -> Iterator[Dataset]:
    """Every image: head MR (T1 and T2), chest CT, chest radiograph. The CT is computed in processes of its own."""
    yield from _head("T1 axial", 1, head.T1)
    yield from _head("T2 axial", 2, head.T2)
    volume = []
    for data_set, image in _chest(amount):
        yield data_set
        volume.append(image)
    yield _radiograph(volume, amount)


def _uid(*parts: object) -> str:
    return stand_in_uid("durchblick phantom 1", *map(str, parts))


def _set_pixels(data_set: Dataset, pixels: NDArray[Any]) -> None:
    data_set.Rows, data_set.Columns = pixels.shape
    data_set.SamplesPerPixel = 1
    data_set.BitsAllocated = 16
    data_set.HighBit = data_set.BitsStored - 1
    data_set.PixelRepresentation = int(pixels.dtype.kind == "i")
    data_set.PixelData = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    data_set["PixelData"].VR = "OW"
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data_set.file_meta.MediaStorageSOPClassUID = data_set.SOPClassUID
    data_set.file_meta.MediaStorageSOPInstanceUID = data_set.SOPInstanceUID


def _head(description: str, number: int, weighting: head.Weighting) -> Iterator[Dataset]:
    attributes = {
        "SeriesDescription": description,
        "BodyPartExamined": "HEAD",
        "ScanningSequence": "SE",
        "SequenceVariant": "NONE",
        "MagneticFieldStrength": "3",
        "FrameOfReferenceUID": _uid("mr", "frame of reference"),
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsStored": 12,
        "WindowCenter": "430",
        "WindowWidth": "900",
        "PixelSpacing": [str(head.PIXEL_MM)] * 2,
        "SliceThickness": "5",
        "SpacingBetweenSlices": str(head.SLICE_MM),
    }
    series = _Series("mr", number, "MR", MRImageStorage, attributes)
    for instance, pixels in enumerate(head.slices(weighting), 1):
        yield series.image(instance, pixels, **_position(head.SIZE * head.PIXEL_MM, -instance * head.SLICE_MM))


def _chest(amount: Amount) -> Iterator[tuple[Dataset, ct.Image]]:
    step = ct.SLICE_MM * ct.SLICES / amount.slices
    attributes = {
        "SeriesDescription": "Thorax/Oberbauch venös 2,75 mm",
        "BodyPartExamined": "CHEST",
        "ContrastBolusAgent": "erfunden",
        "KVP": "120",
        "ConvolutionKernel": "STANDARD",
        "FrameOfReferenceUID": _uid("ct", "frame of reference"),
        "PatientPosition": "HFS",
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsStored": 16,
        "RescaleIntercept": "0",
        "RescaleSlope": "1",
        "RescaleType": "HU",
        "WindowCenter": ["40", "-600"],
        "WindowWidth": ["400", "1500"],
        "WindowCenterWidthExplanation": ["Weichteile", "Lunge"],
        "PixelSpacing": [f"{ct.PIXEL_MM * ct.SIZE / amount.size:g}"] * 2,
        "SliceThickness": f"{step:g}",
    }
    series = _Series("ct", 1, "CT", CTImageStorage, attributes)
    for instance, pixels in enumerate(_computed(amount), 1):
        z = -instance * step
        yield series.image(instance, pixels, SliceLocation=f"{z:g}", **_position(ct.SIZE * ct.PIXEL_MM, z)), pixels


def _computed(amount: Amount) -> Iterator[ct.Image]:
    make = partial(ct.image, count=amount.slices, size=amount.size)
    if amount.processes < 2:
        yield from map(make, range(amount.slices))
        return
    # Not forked: the caller has threads.
    with _one_thread_each(), ProcessPoolExecutor(amount.processes, get_context("spawn")) as pool:
        yield from pool.map(make, range(amount.slices), chunksize=4)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """For processes that start meanwhile: numpy's matrix products otherwise take every core in each of them."""
    before = os.environ.get(_THREADS)
    os.environ[_THREADS] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_THREADS]
        else:
            os.environ[_THREADS] = before


def _position(field: float, z: float) -> dict[str, Any]:
    """Image Plane module (PS3.3 C.7.6.2) of an axial slice of a field of view (mm) around the origin."""
    corner = f"{-field / 2:g}"
    return {"ImagePositionPatient": [corner, corner, f"{z:g}"], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}


def _radiograph(volume: list[ct.Image], amount: Amount) -> Dataset:
    pixels = radiograph.chest(volume, ct.SLICE_MM * ct.SLICES / amount.slices)
    attributes = {
        "SeriesDescription": "Thorax p.a.",
        "BodyPartExamined": "CHEST",
        "ViewPosition": "PA",
        "PatientOrientation": ["L", "F"],
        "PhotometricInterpretation": "MONOCHROME1",
        "BitsStored": 12,
        "WindowCenter": "2048",
        "WindowWidth": "4096",
        "ImagerPixelSpacing": [str(radiograph.PIXEL)] * 2,
    }
    series = _Series("cr", 1, "CR", ComputedRadiographyImageStorage, attributes)
    return series.image(1, np.uint16(4095) - pixels)
