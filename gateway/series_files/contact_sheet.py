"""A series as contact sheets: a PDF of A4 pages, twelve pictures on each, with whose they are on every page."""

from collections.abc import Iterator
from io import BytesIO
from typing import Final

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from auth.sheet_pen import Pen
from gateway.series_files.captions import Captions
from gateway.series_files.chosen import Image

SIDE: Final = 400
"""Of the square, in pixels, that a picture fits into: about 170 to the inch."""

QUALITY: Final = 88
COLUMNS, ROWS = 3, 4
_WIDTH, _HEIGHT = A4
_MARGIN: Final = 42.0
_GAP: Final = 10.0
_CELL: Final = (_WIDTH - 2 * _MARGIN - (COLUMNS - 1) * _GAP) / COLUMNS
_CAPTION: Final = 13.0
_HEAD: Final = 78.0
_FOOT: Final = 16.0
_PICTURE: Final = (_HEIGHT - 2 * _MARGIN - _HEAD - _FOOT) / ROWS - _CAPTION - _GAP
_INK: Final = HexColor("#14262B")
_DARK: Final = HexColor("#000000")
_LIGHT: Final = HexColor("#FFFFFF")

Drawn = Iterator[tuple[Image, bytes | None]]


class ContactSheets:
    """A PDF to which series are added one behind the other; the same input makes the same bytes."""

    def __init__(self, title: str, language: str) -> None:
        self._target = BytesIO()
        self._canvas = Canvas(self._target, pagesize=A4, invariant=1, lang=language)
        self._canvas.setTitle(title)

    def add(self, captions: Captions, pictures: Drawn, count: int) -> None:
        """The `count` pictures of a series, beginning on a new page."""
        a_page = COLUMNS * ROWS
        pen = Pen(self._canvas, _WIDTH, captions.from_right)
        pages = -(-count // a_page)
        for place, (image, picture) in enumerate(pictures):
            if place % a_page == 0:
                if place:
                    self._canvas.showPage()
                _frame(pen, captions, captions.page(place // a_page + 1, pages))
            row, column = divmod(place % a_page, COLUMNS)
            begin = _MARGIN + column * (_CELL + _GAP)
            bottom = _HEIGHT - _MARGIN - _HEAD - _PICTURE - row * (_PICTURE + _CAPTION + _GAP)
            _cell(pen, begin, bottom, captions.image(image.number), picture, captions.missing)
        self._canvas.showPage()

    def file(self) -> bytes:
        """The whole PDF."""
        self._canvas.save()
        return self._target.getvalue()


def contact_sheet(captions: Captions, pictures: Drawn, count: int, language: str) -> bytes:
    """The PDF of one series of `count` pictures, titled by the examination."""
    sheets = ContactSheets(next(iter(captions.lines), ""), language)
    sheets.add(captions, pictures, count)
    return sheets.file()


def _frame(pen: Pen, captions: Captions, page: str) -> None:
    """Whose pictures they are above, the notice and the page's number below."""
    base = _HEIGHT - _MARGIN - 12
    written = [(captions.name, True, 14.0), *((line, False, 11.0) for line in captions.lines)]
    for text, bold, size in [*written, (captions.part, False, 11.0)]:
        if text:
            _text(pen, text, base, size, bold=bold)
            base -= 16
    _text(pen, captions.notice, _MARGIN - 6, 12, bold=True)
    pen.line(page, _WIDTH - _MARGIN - pen.measured(page, 10), _MARGIN - 6, 10, _INK)


def _text(pen: Pen, text: str, base: float, size: float, *, bold: bool) -> None:
    """One line; what is too long for it is set smaller, and of a text without end stands the beginning."""
    inner = _WIDTH - 2 * _MARGIN
    while size > 8 and pen.measured(text, size, bold=bold) > inner:
        size -= 0.5
    pen.line(next(iter(pen.broken(text, size, inner, bold=bold)), ""), _MARGIN, base, size, _INK, bold=bold)


def _cell(pen: Pen, begin: float, bottom: float, caption: str, picture: bytes | None, missing: str) -> None:
    left, canvas = pen.left(begin, _CELL), pen.canvas
    canvas.setFillColor(_DARK)
    canvas.rect(left, bottom, _CELL, _PICTURE, stroke=0, fill=1)
    if picture is None:
        for place, line in enumerate(pen.broken(missing, 8, _CELL - 20)):
            middle = begin + (_CELL - pen.measured(line, 8)) / 2
            pen.line(line, middle, bottom + _PICTURE / 2 - 10 * place, 8, _LIGHT)
    else:
        reader = ImageReader(BytesIO(picture))
        canvas.drawImage(reader, left, bottom, _CELL, _PICTURE, preserveAspectRatio=True, anchor="c")
    pen.line(caption, begin, bottom - 10, 9, _INK)
