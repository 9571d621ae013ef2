"""Synthetic Segmentations and RT Structure Sets for series of synthetic images."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import UID, RTStructureSetStorage, SegmentationStorage, generate_uid

from tests.support.synthetic import ct

LABEL_MAP = UID("1.2.840.10008.5.1.4.1.1.66.7")
Masks = NDArray[Any]


def group(keyword: str, **attributes: Any) -> tuple[str, list[Dataset]]:
    """A functional group of one item."""
    return keyword, [item(**attributes)]


def item(**attributes: Any) -> Dataset:
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def segmentation(
    image: Dataset,
    masks: Masks,
    positions: Sequence[Sequence[float]],
    segments: Sequence[int],
    *,
    kind: str = "BINARY",
    sources: Sequence[Dataset] = (),
    spacing: Sequence[float] | None = None,
    orientation: Sequence[float] | None = None,
    **attributes: Any,
) -> Dataset:
    """A SEG in the study of `image`: `masks` (frames x rows x columns) at `positions`, each of a segment."""
    frames, rows, columns = masks.shape
    made = _beside(image, SegmentationStorage, "SEG", FrameOfReferenceUID=image.FrameOfReferenceUID)
    made.Rows, made.Columns, made.NumberOfFrames = rows, columns, frames
    bits = 1 if kind == "BINARY" else 8
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = bits, bits, bits - 1, 0
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.SegmentationType = kind
    made.ReferencedSeriesSequence = [item(SeriesInstanceUID=image.SeriesInstanceUID)]
    if kind == "FRACTIONAL":
        made.MaximumFractionalValue = 200
    if kind == "LABELMAP":
        made.SOPClassUID = LABEL_MAP
    numbers = sorted(set(segments))
    made.SegmentSequence = [item(SegmentNumber=number, SegmentLabel=f"Segment {number}") for number in numbers]
    shared = item(
        PlaneOrientationSequence=[item(ImageOrientationPatient=list(orientation or image.ImageOrientationPatient))],
        PixelMeasuresSequence=[item(PixelSpacing=list(spacing or image.PixelSpacing), SliceThickness="2.5")],
    )
    made.SharedFunctionalGroupsSequence = [shared]
    made.PerFrameFunctionalGroupsSequence = [
        item(
            PlanePositionSequence=[item(ImagePositionPatient=list(position))],
            SegmentIdentificationSequence=[item(ReferencedSegmentNumber=number)],
        )
        for position, number in zip(positions, segments, strict=True)
    ]
    for frame, source in zip(made.PerFrameFunctionalGroupsSequence, sources, strict=False):
        frame.DerivationImageSequence = [item(SourceImageSequence=[_reference(source)])]
    packed = np.packbits(masks.ravel().astype(np.uint8), bitorder="little") if bits == 1 else masks.astype(np.uint8)
    content = packed.tobytes()
    made.PixelData = content + b"\0" * (len(content) % 2)
    made["PixelData"].VR = "OB"
    return _with(made, attributes)


def structure_set(image: Dataset, rois: Sequence[tuple[str, Sequence[Dataset]]], **attributes: Any) -> Dataset:
    """An RTSTRUCT in the study of `image`: names of ROIs with their contours."""
    made = _beside(image, RTStructureSetStorage, "RTSTRUCT")
    series = item(SeriesInstanceUID=image.SeriesInstanceUID)
    study = item(RTReferencedSeriesSequence=[series])
    space = item(FrameOfReferenceUID=image.FrameOfReferenceUID, RTReferencedStudySequence=[study])
    made.ReferencedFrameOfReferenceSequence = [space]
    made.StructureSetROISequence = [
        item(ROINumber=number, ROIName=name, ReferencedFrameOfReferenceUID=image.FrameOfReferenceUID)
        for number, (name, _) in enumerate(rois, 1)
    ]
    made.ROIContourSequence = [
        item(ReferencedROINumber=number, ContourSequence=list(contours), ROIDisplayColor=[0, 0, 90])
        for number, (_, contours) in enumerate(rois, 1)
    ]
    return _with(made, attributes)


def contour(points: NDArray[np.float64], *images: Dataset, kind: str = "CLOSED_PLANAR") -> Dataset:
    """A contour through `points` (n x 3) that names these images."""
    made = item(ContourGeometricType=kind, NumberOfContourPoints=len(points))
    made.ContourData = [f"{value:.6g}" for value in points.ravel()]
    if images:
        made.ContourImageSequence = [_reference(image) for image in images]
    return made


def _reference(image: Dataset) -> Dataset:
    return item(ReferencedSOPClassUID=image.SOPClassUID, ReferencedSOPInstanceUID=image.SOPInstanceUID)


def _beside(image: Dataset, sop_class: UID, modality: str, **attributes: Any) -> Dataset:
    """An instance of a series of its own in the study of `image`, without pixels."""
    made = ct(StudyInstanceUID=image.StudyInstanceUID, StudyDate=image.StudyDate, SeriesNumber=90, **attributes)
    made.PatientID, made.SOPClassUID, made.Modality, made.SeriesInstanceUID = (
        image.PatientID,
        sop_class,
        modality,
        generate_uid(),
    )
    made.SeriesDescription = f"{modality} Muster"
    pixels = ("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel")
    windows = ("PhotometricInterpretation", "WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept")
    for keyword in (*pixels, *windows, "PixelData"):
        delattr(made, keyword)
    return made


def _with(made: Dataset, attributes: dict[str, Any]) -> Dataset:
    for keyword, value in attributes.items():
        if value is None:
            delattr(made, keyword)
        else:
            setattr(made, keyword, value)
    return made
