"""The sheet that a patient takes home: one A4 page with QR code, access code, address, steps and end date.

Large print throughout (14 points and more). It names the patient by initials only and never holds the birth date,
which is what the finder of a lost sheet lacks.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Final

from qrcode import QRCode
from qrcode.constants import ERROR_CORRECT_M
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from auth.records import Issued
from auth.sheet_texts import TEXTS, Language, SheetTexts

_INK: Final = HexColor("#14262B")
_ACCENT: Final = HexColor("#0B5563")
_PANEL: Final = HexColor("#EAF3F4")
_WHITE: Final = HexColor("#FFFFFF")
_BLACK: Final = HexColor("#000000")

_REGULAR: Final = "Helvetica"
_BOLD: Final = "Helvetica-Bold"
_FIXED: Final = "Courier-Bold"

_WIDTH, _HEIGHT = A4
_MARGIN: Final = 54.0
_INNER: Final = _WIDTH - 2 * _MARGIN
_SMALLEST: Final = 14.0
_QR_SIDE: Final = 192.0


def sheet_pdf(
    issued: Issued, url: str, *, initials: str, language: Language = "de", site: str = "", contact: str = ""
) -> bytes:
    """The sheet as a PDF of one page; the same input makes the same bytes.

    `initials` may be empty. `url` is the portal's public address; the QR code holds `issued.link(url)`. `site` names
    the hospital, `contact` (lines separated by newlines) says whom to ask. Letters outside Windows-1252 lose their
    accents. Raises `ValueError` when `contact` needs more than three lines, or `site` or `url` more than two.
    """
    target = BytesIO()
    texts = TEXTS[language]
    canvas = Canvas(target, pagesize=A4, invariant=1, lang=language)
    canvas.setTitle(texts.title)
    canvas.setAuthor(_printable(site))
    _head(canvas, texts, issued, site=_printable(site), initials=_printable(initials))
    _qr(canvas, issued.link(url), left=_WIDTH - _MARGIN - _QR_SIDE, bottom=446)
    _steps(canvas, texts)
    _credentials(canvas, texts, _address(url), issued.code)
    _foot(canvas, texts, " · ".join(_printable(contact).split("\n")))
    canvas.showPage()
    canvas.save()
    return target.getvalue()


def _head(canvas: Canvas, texts: SheetTexts, issued: Issued, *, site: str, initials: str) -> None:
    canvas.setFillColor(_ACCENT)
    canvas.rect(0, _HEIGHT - 14, _WIDTH, 14, stroke=0, fill=1)
    _lines(canvas, site, _MARGIN, 782, _BOLD, 16, _ACCENT, width=_INNER, most=2)
    _line(canvas, texts.title, _MARGIN, 725, _BOLD, 38, _INK)
    _line(canvas, texts.access_for.format(initials) if initials else texts.access, _MARGIN, 693, _REGULAR, 20, _INK)
    _line(canvas, texts.valid_until.format(texts.long_date(issued.share.expires)), _MARGIN, 667, _BOLD, 20, _ACCENT)


def _qr(canvas: Canvas, link: str, *, left: float, bottom: float) -> None:
    """The link as vector squares with the quiet zone of four modules that ISO/IEC 18004 demands."""
    code = QRCode(error_correction=ERROR_CORRECT_M, border=4)
    code.add_data(link)
    code.make(fit=True)
    matrix = code.get_matrix()
    module = _QR_SIDE / len(matrix)
    canvas.setFillColor(_WHITE)
    canvas.setStrokeColor(_ACCENT)
    canvas.setLineWidth(1.5)
    canvas.roundRect(left, bottom, _QR_SIDE, _QR_SIDE, 10, stroke=1, fill=1)
    path = canvas.beginPath()
    for row, cells in enumerate(matrix):
        for start, length in _runs(cells):
            path.rect(left + start * module, bottom + _QR_SIDE - (row + 1) * module, length * module, module)
    canvas.setFillColor(_BLACK)
    canvas.drawPath(path, stroke=0, fill=1)


def _runs(cells: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Start and length of each run of dark modules."""
    start = None
    for place, dark in enumerate([*cells, False]):
        if dark and start is None:
            start = place
        elif not dark and start is not None:
            yield start, place - start
            start = None


def _steps(canvas: Canvas, texts: SheetTexts) -> None:
    top = 616.0
    for number, text in enumerate((texts.first_step, texts.second_step, texts.third_step), start=1):
        top = _step(canvas, number, text, top, _INNER - _QR_SIDE - 24 - 40) - 16


def _step(canvas: Canvas, number: int, text: str, top: float, width: float) -> float:
    """Draw a numbered step whose first line stands at `top`; returns where a next line would stand."""
    canvas.setFillColor(_ACCENT)
    canvas.circle(_MARGIN + 14, top + 5, 14, stroke=0, fill=1)
    canvas.setFillColor(_WHITE)
    canvas.setFont(_BOLD, 16)
    canvas.drawCentredString(_MARGIN + 14, top - 0.5, str(number))
    return _paragraph(canvas, text, _MARGIN + 40, top, _REGULAR, 15, width)


def _credentials(canvas: Canvas, texts: SheetTexts, address: str, code: str) -> None:
    """The panel with all that has to be typed."""
    left, width = _MARGIN + 20, _INNER - 40
    canvas.setFillColor(_PANEL)
    canvas.roundRect(_MARGIN, 222, _INNER, 194, 10, stroke=0, fill=1)
    _line(canvas, texts.address, left, 388, _REGULAR, 14, _INK)
    _lines(canvas, address, left, 364, _BOLD, 20, _ACCENT, width=width, most=2)
    _line(canvas, texts.code, left, 328, _REGULAR, 14, _INK)
    _groups(canvas, code.split("-"), left, 242, width)


def _groups(canvas: Canvas, groups: Sequence[str], left: float, bottom: float, width: float) -> None:
    gap = 10.0
    box = (width - gap * (len(groups) - 1)) / len(groups)
    for place, group in enumerate(groups):
        start = left + place * (box + gap)
        canvas.setFillColor(_WHITE)
        canvas.roundRect(start, bottom, box, 72, 8, stroke=0, fill=1)
        canvas.setFillColor(_BLACK)
        canvas.setFont(_FIXED, 36)
        canvas.drawCentredString(start + box / 2, bottom + 25, group)


def _foot(canvas: Canvas, texts: SheetTexts, contact: str) -> None:
    _paragraph(canvas, texts.keep_safe, _MARGIN, 188, _REGULAR, 14, _INNER)
    canvas.setFillColor(_ACCENT)
    canvas.rect(_MARGIN, 94, 4, 50, stroke=0, fill=1)
    _line(canvas, texts.notice, _MARGIN + 18, 126, _BOLD, 18, _INK)
    _line(canvas, texts.notice_reason, _MARGIN + 18, 102, _REGULAR, 14, _INK)
    if contact:
        canvas.setStrokeColor(_ACCENT)
        canvas.setLineWidth(0.75)
        canvas.line(_MARGIN, 74, _WIDTH - _MARGIN, 74)
        _lines(canvas, f"{texts.questions} {contact}", _MARGIN, 42, _REGULAR, 14, _INK, width=_INNER, most=3)


def _line(canvas: Canvas, text: str, left: float, base: float, font: str, size: float, colour: Color) -> None:
    canvas.setFillColor(colour)
    canvas.setFont(font, size)
    canvas.drawString(left, base, text)


def _lines(
    canvas: Canvas,
    text: str,
    left: float,
    base: float,
    font: str,
    size: float,
    colour: Color,
    *,
    width: float,
    most: int,
) -> None:
    """One line, set smaller (down to 14 points) where it would not fit, then several, centred about its height."""
    while size > _SMALLEST and stringWidth(text, font, size) > width:
        size -= 0.5
    lines = list(_broken(text, font, size, width))
    if len(lines) > most:
        raise ValueError(f"There is no room on the sheet for a text of {len(text)} characters.")
    leading = size * 1.25
    for place, line in enumerate(lines):
        _line(canvas, line, left, base + leading * ((len(lines) - 1) / 2 - place), font, size, colour)


def _broken(text: str, font: str, size: float, width: float) -> Iterator[str]:
    """Lines no wider than `width`, broken between words, and within words that are wider."""
    for line in simpleSplit(text, font, size, width):
        part = ""
        for character in line:
            if stringWidth(part + character, font, size) > width:
                yield part
                part = ""
            part += character
        yield part


def _paragraph(canvas: Canvas, text: str, left: float, base: float, font: str, size: float, width: float) -> float:
    """Lines of ink from `base` down; returns where a next one would stand."""
    canvas.setFillColor(_INK)
    canvas.setFont(font, size)
    for line in simpleSplit(text, font, size, width):
        canvas.drawString(left, base, line)
        base -= size * 1.35
    return base


def _address(url: str) -> str:
    """The address as one types it: browsers add https by themselves."""
    return _printable(url.removeprefix("https://").rstrip("/"))


def _printable(text: str) -> str:
    """`text` in the characters of the PDF's own fonts (Windows-1252); accents fall where they must."""
    return "".join(_printable_character(character) for character in unicodedata.normalize("NFC", text))


def _printable_character(character: str) -> str:
    for candidate in (character, unicodedata.normalize("NFKD", character)):
        kept = candidate.encode("cp1252", "ignore").decode("cp1252")
        if kept:
            return kept
    return "?"
