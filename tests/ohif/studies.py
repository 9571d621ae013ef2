"""The studies that OHIF is shown: synthetic images whose every grey is known, and real objects of the shared data."""

from collections.abc import Callable
from io import BytesIO
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage, JPEG2000Lossless, JPEGLSLossless
from reportlab.pdfgen.canvas import Canvas

from storage.identifiers import stand_in_uid
from tests.storage.encodings import file_of
from tests.support.pixel_sources import encapsulated
from tests.support.synthetic import ct, part10

SIDE: Final = 128
SLICES: Final = 12
Samples = NDArray[np.int16]

# Names that only UTF-8, or several component groups, can hold.
PATIENTS: Final = {
    "stack": "Müßter^Jürgen",
    "jpeg2000": "Beispiel^Änne Özlem",
    "jpegls": "Probe^Łucja=試験^花子",
    "pdf": "Vorlage^Søren",
}


def study_uid(name: str) -> str:
    """The Study Instance UID of the synthetic study `name`."""
    return stand_in_uid("ohif", name)


def series_uid(name: str) -> str:
    """The UID of its only series."""
    return stand_in_uid("ohif", name, "1")


def samples(number: int) -> Samples:
    """Image `number` of a stack: a ramp from left to right, and in the middle a square of the grey 20 x `number`."""
    image = np.tile(np.arange(SIDE, dtype=np.int16) * 2, (SIDE, 1))
    image[SIDE // 4 : SIDE * 3 // 4, SIDE // 4 : SIDE * 3 // 4] = 20 * number
    return image


def _slice(name: str, number: int) -> Dataset:
    image = ct(SIDE, SIDE, number, RescaleIntercept="0", WindowCenter="128", WindowWidth="256", **_identity(name))
    image.SOPInstanceUID = stand_in_uid("ohif", name, "1", str(number))
    image.FrameOfReferenceUID = stand_in_uid("ohif", name, "frame")
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    image.ImagePositionPatient = [0, 0, -3 * number]
    image.PixelSpacing, image.SliceThickness = [1, 1], 3
    image.PixelData = samples(number).astype("<i2").tobytes()
    return image


def document() -> bytes:
    """A PDF of one page, too long to stand in metadata itself."""
    target = BytesIO()
    canvas = Canvas(target, pageCompression=0, invariant=1)
    for line in range(50):
        canvas.drawString(72, 770 - 14 * line, f"Befund, Zeile {line}: " + "unauffällig " * 5)
    canvas.save()
    return target.getvalue()


def _encapsulated_document() -> Dataset:
    pdf = ct(Modality="DOC", **_identity("pdf"))
    for keyword in ("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData"):
        delattr(pdf, keyword)
    pdf.SOPClassUID, pdf.SOPInstanceUID = EncapsulatedPDFStorage, stand_in_uid("ohif", "pdf", "1", "1")
    pdf.MIMETypeOfEncapsulatedDocument = "application/pdf"
    pdf.EncapsulatedDocument = document() + b"\0" * (len(document()) % 2)
    pdf.EncapsulatedDocumentLength = len(document())
    return pdf


def _identity(name: str) -> dict[str, Any]:
    return {
        "PatientName": PATIENTS[name],
        "PatientID": f"OHIF-{name}",
        "StudyDescription": f"Prüfung {name}",
        "StudyInstanceUID": study_uid(name),
        "SeriesInstanceUID": series_uid(name),
    }


def _compressed(name: str, transfer_syntax: str, encode: Callable[[Samples], bytes | bytearray]) -> list[bytes]:
    images = [encapsulated(_slice(name, number), bytes(encode(samples(number)))) for number in range(1, 4)]
    return [file_of(image, transfer_syntax) for image in images]


def files() -> list[bytes]:
    """Every synthetic image as a Part 10 file."""
    return [
        part10(_encapsulated_document()),
        *(part10(_slice("stack", number)) for number in range(1, SLICES + 1)),
        *_compressed("jpeg2000", JPEG2000Lossless, lambda one: imagecodecs.jpeg2k_encode(one, 0, codecformat="j2k")),
        *_compressed("jpegls", JPEGLSLossless, lambda one: imagecodecs.jpegls_encode(one.view("u2"))),
    ]
