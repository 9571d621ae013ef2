"""Synthetic studies for the doctor's tools: a CT volume whose values say where they are, an image of each scale."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DigitalXRayImageStorageForPresentation,
    PositronEmissionTomographyImageStorage,
    UltrasoundImageStorage,
)

from storage.identifiers import stand_in_uid
from tests.support.regions import contour, segmentation, structure_set
from tests.support.synthetic import ct

FRAME_OF_REFERENCE: Final = stand_in_uid("doctor", "frame of reference")
COLUMNS, ROWS, SLICES = 32, 24, 20
SPACING: Final = (1.5, 2.0, 2.5)
"""Between columns, rows and slices, in mm."""
ORIGIN: Final = (-20.0, -30.0, 100.0)


SEGMENT: Final[NDArray[np.uint8]] = np.random.default_rng(5).integers(0, 2, (ROWS, COLUMNS), np.uint8)
RING: Final = np.array([(4.0, 5.0), (20.0, 5.0), (20.0, 15.0), (4.0, 15.0)])
"""Columns and rows of the middles of pixels."""


def placed(name: str, series: str = "1", date: str = "20190101") -> dict[str, Any]:
    """What puts an instance into the study `name`."""
    study, uid = stand_in_uid("doctor", name), stand_in_uid("doctor", name, series)
    return {"StudyInstanceUID": study, "SeriesInstanceUID": uid, "StudyDate": date, "StudyDescription": name}


def values() -> NDArray[np.int16]:
    """The volume in Hounsfield units, slices x rows x columns: a plane in all three directions, and a bright cube."""
    slices, rows, columns = np.mgrid[:SLICES, :ROWS, :COLUMNS]
    ramp = 10 * columns + 7 * rows - 12 * slices
    ramp[8:12, 9:14, 20:25] = 1200
    whole: NDArray[np.int16] = ramp.astype(np.int16)
    return whole


def volume(tilt: float = 0.0, **attributes: Any) -> list[Dataset]:
    """The volume as axial CT images; `tilt` mm of the table for each slice, as a tilted gantry shears it."""
    images = []
    for number, plane in enumerate(values()):
        position = [ORIGIN[0], ORIGIN[1] + tilt * number, ORIGIN[2] + SPACING[2] * number]
        images.append(
            ct(
                ROWS,
                COLUMNS,
                number + 1,
                PixelData=(plane + 1024).astype("<i2").tobytes(),
                ImagePositionPatient=position,
                ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
                PixelSpacing=[SPACING[1], SPACING[0]],
                SliceThickness=SPACING[2],
                FrameOfReferenceUID=FRAME_OF_REFERENCE,
                WindowCenter="300",
                WindowWidth="1500",
                **attributes,
            )
        )
    return images


def pet(**attributes: Any) -> Dataset:
    """A PET image of 1000 Bq/ml, of 70 kg and 350 MBq of F-18, an hour after its injection."""
    image = ct(
        ROWS,
        COLUMNS,
        SOPClassUID=PositronEmissionTomographyImageStorage,
        Modality="PT",
        RescaleIntercept="0",
        RescaleSlope="2",
        PixelData=np.full((ROWS, COLUMNS), 500, "<i2").tobytes(),
        PixelSpacing=[4, 4],
        Units="BQML",
        CorrectedImage=["DECY", "ATTN", "SCAT"],
        DecayCorrection="START",
        PatientWeight="70",
        SeriesDate="20190101",
        SeriesTime="110000",
        AcquisitionDate="20190101",
        AcquisitionTime="110500",
        **attributes,
    )
    dose = Dataset()
    dose.RadiopharmaceuticalStartTime = "100000"
    dose.RadionuclideTotalDose = "350000000"
    dose.RadionuclideHalfLife = "6588"
    image.RadiopharmaceuticalInformationSequence = Sequence([dose])
    return image


def radiograph(**attributes: Any) -> Dataset:
    """A radiograph that knows only its detector."""
    return ct(
        ROWS,
        COLUMNS,
        SOPClassUID=DigitalXRayImageStorageForPresentation,
        Modality="DX",
        ImagerPixelSpacing=[0.5, 0.5],
        **attributes,
    )


def ultrasound(**attributes: Any) -> Dataset:
    """An ultrasound image whose left half has a scale of its own."""
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = 1, 1, 0
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 0, 0
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = COLUMNS // 2 - 1, ROWS - 1
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX = region.PhysicalDeltaY = 0.04
    image = ct(ROWS, COLUMNS, SOPClassUID=UltrasoundImageStorage, Modality="US", **attributes)
    image.SequenceOfUltrasoundRegions = Sequence([region])
    return image


def drawn_upon() -> list[Dataset]:
    """Three slices, with a segmentation of the second of them and a structure set of the third."""
    images = volume(**placed("drawn upon", date="20190105"))[:3]
    second, third = ([float(value) for value in image.ImagePositionPatient] for image in images[1:])
    segments = segmentation(images[0], SEGMENT[np.newaxis], [second], [1], SeriesDescription="Segmente")
    corners = np.column_stack([RING * SPACING[:2], np.zeros(len(RING))]) + third
    contours = structure_set(images[0], [("Ring", [contour(corners, images[2])])], SeriesDescription="Konturen")
    return [*images, segments, contours]


def studies() -> dict[str, list[Dataset]]:
    """By the names under which tests find them."""
    return {
        "volume": volume(**placed("volume")),
        "pet": [pet(**placed("pet", date="20190102"))],
        "radiograph": [radiograph(**placed("radiograph", date="20190103"))],
        "drawn upon": drawn_upon(),
        "ultrasound": [ultrasound(**placed("ultrasound", date="20190104"))],
    }
