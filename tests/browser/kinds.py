"""Synthetic instances of every kind that a patient may have, for the browser tests."""

from io import BytesIO
from typing import Any, Protocol

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage
from pypdf import PdfWriter

from storage.identifiers import stand_in_uid
from tests.browser import pictures
from tests.support.presentation_states import presentation_state
from tests.support.synthetic import ct
from tests.support.waveforms import ecg, heartbeats

_SPACE = stand_in_uid("browser", "space")


class Placed(Protocol):
    """Makes the attributes that put instances into one series of a study of that name and date."""

    def __call__(self, name: str, date: str, **attributes: str | None) -> dict[str, Any]: ...


def studies(placed: Placed) -> dict[str, list[Dataset]]:
    """By the names that tests use."""
    across = {**placed("body", "20190201"), "SeriesInstanceUID": stand_in_uid("browser", "scout")}
    axial = [body(number, **placed("body", "20190201")) for number in (1, 2, 3)]
    marked = plain_image(**placed("marked", "20190301"))
    return {
        "film": [film(**placed("film", "20190101", Modality="US"))],
        "body": [
            *axial,
            scout(**across),
        ],
        "marked": [marked, blackening(marked)],
        "planes": [with_planes(number, **placed("planes", "20190401")) for number in (1, 2)],
        "document": [document(**placed("document", "20180101", Modality="DOC"))],
        "ecg": [ecg(heartbeats(), **placed("ecg", "20190501"))],
        "hostile": [hostile(**placed("hostile", "20190701"))],
        "long": [long_film(**placed("long", "20190601", Modality="US", PatientID="TEST-3"))],
    }


def film(**attributes: Any) -> Dataset:
    """Twelve frames, frame n of the even grey 20n, for 40 ms each."""
    made = pictures.multi_frame(12, **attributes)
    made.FrameTime = "40"
    return made


def long_film(**attributes: Any) -> Dataset:
    """Ten thousand frames of 4 x 4 pixels; frame n of the even grey n modulo 251. Its patient has nothing else."""
    made = pictures.multi_frame(1, **attributes)
    made.Rows = made.Columns = 4
    made.NumberOfFrames = 10_000
    made.PixelData = b"".join(bytes([number % 251]) * 16 for number in range(1, 10_001))
    return made


HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>\u202etx'\""


def hostile(**attributes: Any) -> Dataset:
    """An image whose description wants to be something else than text, and whose geometry and window are nonsense."""
    made = plain_image(**attributes)
    made.SeriesDescription = HOSTILE
    made.ImageOrientationPatient, made.PixelSpacing = [0, 0, 0, 0, 0, 0], ["0", "0"]
    made.WindowCenter, made.WindowWidth = "40", "0"
    return made


def body(number: int, **attributes: Any) -> Dataset:
    """An axial image, 2 mm a pixel, 100 mm below the one before."""
    made = pictures.image(pictures.VARIANTS[1], number, **attributes)
    made.ImageOrientationPatient, made.PixelSpacing = [1, 0, 0, 0, 1, 0], ["2", "2"]
    made.ImagePositionPatient = [-40, -24, -100 * (number - 1)]
    made.FrameOfReferenceUID = _SPACE
    return made


def scout(**attributes: Any) -> Dataset:
    """The body from the front, 10 mm a pixel, from 50 mm above the first axial image on."""
    made = pictures.image(pictures.VARIANTS[1], 1, **attributes)
    made.ImageOrientationPatient, made.PixelSpacing = [1, 0, 0, 0, 0, -1], ["10", "10"]
    made.ImagePositionPatient = [-200, 0, 50]
    made.FrameOfReferenceUID, made.ImageType = _SPACE, ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    made.SeriesNumber, made.SeriesDescription = 2, "Topogramm"
    return made


def document(**attributes: Any) -> Dataset:
    """A PDF document of one empty page."""
    made = ct(SOPClassUID=EncapsulatedPDFStorage, PixelData=None, **attributes)
    for keyword in ("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "SamplesPerPixel"):
        delattr(made, keyword)
    page, written = PdfWriter(), BytesIO()
    page.add_blank_page(100, 100)
    page.write(written)
    made.EncapsulatedDocument = written.getvalue()
    made.EncapsulatedDocumentLength = len(made.EncapsulatedDocument)
    made.MIMETypeOfEncapsulatedDocument = "application/pdf"
    return made


def plain_image(**attributes: Any) -> Dataset:
    """An image of grey values up to white."""
    return pictures.image(pictures.VARIANTS[1], 1, **attributes)


def blackening(image: Dataset) -> Dataset:
    """A presentation state whose window makes all of `image` black."""
    state, window = presentation_state(image), Dataset()
    window.WindowCenter, window.WindowWidth = "90000", "100"
    state.SoftcopyVOILUTSequence = [window]
    state.ContentDescription = "Alles schwarz"
    return state


def with_planes(number: int, **attributes: Any) -> Dataset:
    """A dark image with an overlay of two pixels in row 3 and a shutter; the second keeps its overlay in bit 15."""
    made = ct(pictures.ROWS, pictures.COLUMNS, number, RescaleIntercept="0", **attributes)
    made.BitsStored, made.HighBit, made.PixelRepresentation = 12, 11, 0
    plane = np.zeros((pictures.ROWS, pictures.COLUMNS), "u1")
    plane[2, 4:6] = 1
    stored = np.zeros(plane.shape, "<u2")
    made.add_new(0x60000010, "US", pictures.ROWS)
    made.add_new(0x60000011, "US", pictures.COLUMNS)
    made.add_new(0x60000040, "CS", "G")
    made.add_new(0x60000050, "SS", [1, 1])
    if number == 1:
        made.add_new(0x60000100, "US", 1)
        made.add_new(0x60000102, "US", 0)
        made.add_new(0x60003000, "OW", np.packbits(plane, bitorder="little").tobytes())
    else:
        made.add_new(0x60000100, "US", 16)
        made.add_new(0x60000102, "US", 15)
        stored |= plane.astype("<u2") << 15
    made.PixelData = stored.tobytes()
    made.ShutterShape = "RECTANGULAR"
    made.ShutterLeftVerticalEdge, made.ShutterRightVerticalEdge = 3, 20
    made.ShutterUpperHorizontalEdge, made.ShutterLowerHorizontalEdge = 2, 20
    made.ShutterPresentationValue = 0x8000
    return made
