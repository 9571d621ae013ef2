"""QR codes (ISO/IEC 18004) as dark runs of modules, for PDF and SVG."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qrcode import QRCode
from qrcode.constants import ERROR_CORRECT_M


@dataclass(frozen=True, slots=True)
class QrPicture:
    """A code of `size` x `size` modules, its quiet zone of four modules included."""

    size: int
    path: str
    """Data of an SVG path in units of modules."""


def matrix(text: str) -> list[list[bool]]:
    """The modules of a code for `text`, row by row, True for dark ones."""
    code = QRCode(error_correction=ERROR_CORRECT_M, border=4)
    code.add_data(text)
    code.make(fit=True)
    rows: list[list[bool]] = code.get_matrix()
    return rows


def runs(cells: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Start and length of each run of dark modules."""
    start = None
    for place, dark in enumerate([*cells, False]):
        if dark and start is None:
            start = place
        elif not dark and start is not None:
            yield start, place - start
            start = None


def picture(text: str) -> QrPicture:
    """A code for `text` to be drawn as one SVG path."""
    rows = matrix(text)
    path = "".join(
        f"M{start} {row}h{length}v1h-{length}z" for row, cells in enumerate(rows) for start, length in runs(cells)
    )
    return QrPicture(len(rows), path)
