"""Grayscale Softcopy Presentation States for images of an invented patient (PS3.3 A.33.1)."""

from collections.abc import Sequence

from pydicom.dataset import Dataset
from pydicom.uid import UID, generate_uid


def presentation_state(*images: Dataset, frames: Sequence[int] = ()) -> Dataset:
    """A state for `images`, all of one series, that changes nothing; `frames` are those it is for, if not for all."""
    first = images[0]
    state = Dataset()
    for keyword in ("StudyInstanceUID", "PatientName", "PatientID", "PatientBirthDate", "StudyDate", "StudyTime"):
        setattr(state, keyword, first[keyword].value)
    state.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.11.1")
    state.SOPInstanceUID, state.SeriesInstanceUID = generate_uid(), generate_uid()
    state.Modality, state.InstanceNumber, state.SeriesNumber = "PR", 1, 9
    state.ContentLabel, state.PresentationCreationDate, state.PresentationCreationTime = "TEST", "20260102", "101500"
    state.ContentCreatorName = state.ContentDescription = ""
    series = Dataset()
    series.SeriesInstanceUID = first.SeriesInstanceUID
    series.ReferencedImageSequence = [_reference(image, frames) for image in images]
    area = Dataset()
    area.DisplayedAreaTopLeftHandCorner = [1, 1]
    area.DisplayedAreaBottomRightHandCorner = [first.Columns, first.Rows]
    area.PresentationSizeMode, area.PresentationPixelAspectRatio = "SCALE TO FIT", [1, 1]
    state.ReferencedSeriesSequence, state.DisplayedAreaSelectionSequence = [series], [area]
    state.PresentationLUTShape = "IDENTITY"
    return state


def _reference(image: Dataset, frames: Sequence[int]) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    if frames:
        reference.ReferencedFrameNumber = list(frames)
    return reference
