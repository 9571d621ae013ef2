"""The sheet that a patient takes home: one page with QR code, access code, address, steps and end date.

Large print throughout (14 points and more). It names the patient by initials only and never holds the birth date,
which is what the finder of a lost sheet lacks.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Final, Literal

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4, LETTER
from reportlab.lib.utils import ImageReader, simpleSplit
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from auth import qr
from auth.records import Issued
from auth.sheet_letters import set_letter
from auth.sheet_texts import TEXTS, Language, SheetTexts

_INK: Final = HexColor("#14262B")
_ACCENT: Final = HexColor("#0B5563")
_PANEL: Final = HexColor("#EAF3F4")
_WHITE: Final = HexColor("#FFFFFF")
_BLACK: Final = HexColor("#000000")

_REGULAR: Final = "Helvetica"
_BOLD: Final = "Helvetica-Bold"
_FIXED: Final = "Courier-Bold"

_MARGIN: Final = 54.0
_SMALLEST: Final = 14.0
_QR_SIDE: Final = 192.0
_LOGO_HEIGHT: Final = 52.0
_LOGO_WIDTH: Final = 180.0

Paper = Literal["A4", "Letter"]


@dataclass(frozen=True, slots=True)
class _Page:
    """Where things stand on a paper, in points from its lower edge; the head hangs from the upper one."""

    size: tuple[float, float]
    qr: float
    panel: float
    panel_height: float
    safe: float
    notice: float
    rule: float

    @property
    def width(self) -> float:
        """Of the whole page."""
        return self.size[0]

    @property
    def top(self) -> float:
        """The upper edge."""
        return self.size[1]

    @property
    def inner(self) -> float:
        """Between the margins."""
        return self.size[0] - 2 * _MARGIN


# The shorter paper is wider, so that its paragraphs need fewer lines.
_PAGES: Final[dict[Paper, _Page]] = {
    "A4": _Page(A4, qr=446, panel=222, panel_height=194, safe=188, notice=94, rule=74),
    "Letter": _Page(LETTER, qr=410, panel=208, panel_height=182, safe=178, notice=90, rule=72),
}


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Who hands the sheet out: name, whom to ask (lines separated by newlines), and a PNG or JPEG (b"": none)."""

    site: str = ""
    contact: str = ""
    logo: bytes = b""


@dataclass(frozen=True, slots=True)
class Handout:
    """What a sheet says besides the words of its steps: for whom it is, until when, and the secrets."""

    texts: SheetTexts
    subject: str
    until: str
    link: str = field(repr=False)
    """What the QR code holds."""
    code: str = field(repr=False)
    """What is typed, its groups separated by hyphens."""


def sheet_pdf(
    issued: Issued,
    url: str,
    *,
    initials: str,
    language: Language = "de",
    paper: Paper = "A4",
    head: Letterhead = Letterhead(),
) -> bytes:
    """The sheet of a share.

    `initials` may be empty. `url` is the portal's public address; the QR code holds `issued.link(url)`. The rest is as
    with `handout_pdf`.
    """
    texts = TEXTS[language]
    subject = texts.access_for.format(_printable(initials)) if initials else texts.access
    until = texts.valid_until.format(texts.long_date(issued.share.expires))
    handout = Handout(texts, subject, until, issued.link(url), issued.code)
    return handout_pdf(handout, url, language=language, paper=paper, head=head)


def handout_pdf(handout: Handout, url: str, *, language: Language, paper: Paper, head: Letterhead) -> bytes:
    """A sheet as a PDF of one page; the same input makes the same bytes.

    `url` is the address that people type. Letters outside Windows-1252 lose their accents. Raises `ValueError` when
    `contact` needs more than three lines, `site` or `url` more than two, or `logo` is no picture.
    """
    target = BytesIO()
    texts, page = handout.texts, _PAGES[paper]
    canvas = Canvas(target, pagesize=page.size, invariant=1, lang=language)
    canvas.setTitle(texts.title)
    canvas.setAuthor(_printable(head.site))
    _logo(canvas, page, head.logo)
    _head(canvas, page, handout, site=_printable(head.site), logo=bool(head.logo))
    _qr(canvas, handout.link, left=page.width - _MARGIN - _QR_SIDE, bottom=page.qr)
    _steps(canvas, page, texts)
    _credentials(canvas, page, texts, _address(url), handout.code)
    _foot(canvas, page, texts, " · ".join(_printable(head.contact).split("\n")))
    canvas.showPage()
    canvas.save()
    return target.getvalue()


def _logo(canvas: Canvas, page: _Page, logo: bytes) -> None:
    """In the upper right corner, as large as its place allows."""
    if not logo:
        return
    try:
        image = ImageReader(BytesIO(logo))
        width, height = image.getSize()
    except Exception as error:
        raise ValueError("The logo is no picture that can be read.") from error
    scale = min(_LOGO_WIDTH / width, _LOGO_HEIGHT / height)
    left, bottom = page.width - _MARGIN - width * scale, page.top - 26 - height * scale
    canvas.drawImage(image, left, bottom, width * scale, height * scale, mask="auto")


def _head(canvas: Canvas, page: _Page, handout: Handout, *, site: str, logo: bool) -> None:
    canvas.setFillColor(_ACCENT)
    canvas.rect(0, page.top - 14, page.width, 14, stroke=0, fill=1)
    width = page.inner - (_LOGO_WIDTH + 16 if logo else 0)
    _lines(canvas, site, _MARGIN, page.top - 60, _BOLD, 16, _ACCENT, width=width, most=2)
    _line(canvas, handout.texts.title, _MARGIN, page.top - 117, _BOLD, 38, _INK)
    _line(canvas, handout.subject, _MARGIN, page.top - 149, _REGULAR, 20, _INK)
    _line(canvas, handout.until, _MARGIN, page.top - 175, _BOLD, 20, _ACCENT)


def _qr(canvas: Canvas, link: str, *, left: float, bottom: float) -> None:
    """The link as vector squares with the quiet zone of four modules that ISO/IEC 18004 demands."""
    rows = qr.matrix(link)
    module = _QR_SIDE / len(rows)
    canvas.setFillColor(_WHITE)
    canvas.setStrokeColor(_ACCENT)
    canvas.setLineWidth(1.5)
    canvas.roundRect(left, bottom, _QR_SIDE, _QR_SIDE, 10, stroke=1, fill=1)
    path = canvas.beginPath()
    for row, cells in enumerate(rows):
        for start, length in qr.runs(cells):
            path.rect(left + start * module, bottom + _QR_SIDE - (row + 1) * module, length * module, module)
    canvas.setFillColor(_BLACK)
    canvas.drawPath(path, stroke=0, fill=1)


def _steps(canvas: Canvas, page: _Page, texts: SheetTexts) -> None:
    top = page.top - 226
    for number, text in enumerate((texts.first_step, texts.second_step, texts.third_step), start=1):
        top = _step(canvas, number, text, top, page.inner - _QR_SIDE - 24 - 40) - 16


def _step(canvas: Canvas, number: int, text: str, top: float, width: float) -> float:
    """Draw a numbered step whose first line stands at `top`; returns where a next line would stand."""
    canvas.setFillColor(_ACCENT)
    canvas.circle(_MARGIN + 14, top + 5, 14, stroke=0, fill=1)
    canvas.setFillColor(_WHITE)
    canvas.setFont(_BOLD, 16)
    canvas.drawCentredString(_MARGIN + 14, top - 0.5, str(number))
    return _paragraph(canvas, text, _MARGIN + 40, top, _REGULAR, 15, width)


def _credentials(canvas: Canvas, page: _Page, texts: SheetTexts, address: str, code: str) -> None:
    """The panel with all that has to be typed."""
    left, width, top = _MARGIN + 20, page.inner - 40, page.panel + page.panel_height
    canvas.setFillColor(_PANEL)
    canvas.roundRect(_MARGIN, page.panel, page.inner, page.panel_height, 10, stroke=0, fill=1)
    _line(canvas, texts.address, left, top - 28, _REGULAR, 14, _INK)
    _lines(canvas, address, left, top - 52, _BOLD, 20, _ACCENT, width=width, most=2)
    _line(canvas, texts.code, left, top - 88, _REGULAR, 14, _INK)
    _groups(canvas, code.split("-"), left, top - 174, width)


def _groups(canvas: Canvas, groups: Sequence[str], left: float, bottom: float, width: float) -> None:
    gap = 10.0
    box = (width - gap * (len(groups) - 1)) / len(groups)
    size = min(36.0, (box - 6) / stringWidth("0" * max(map(len, groups)), _FIXED, 1))
    for place, group in enumerate(groups):
        start = left + place * (box + gap)
        canvas.setFillColor(_WHITE)
        canvas.roundRect(start, bottom, box, 72, 8, stroke=0, fill=1)
        canvas.setFillColor(_BLACK)
        canvas.setFont(_FIXED, size)
        canvas.drawCentredString(start + box / 2, bottom + 36 - 0.31 * size, group)


def _foot(canvas: Canvas, page: _Page, texts: SheetTexts, contact: str) -> None:
    _paragraph(canvas, texts.keep_safe, _MARGIN, page.safe, _REGULAR, 14, page.inner)
    canvas.setFillColor(_ACCENT)
    canvas.rect(_MARGIN, page.notice, 4, 50, stroke=0, fill=1)
    _line(canvas, texts.notice, _MARGIN + 18, page.notice + 32, _BOLD, 18, _INK)
    _line(canvas, texts.notice_reason, _MARGIN + 18, page.notice + 8, _REGULAR, 14, _INK)
    if contact:
        canvas.setStrokeColor(_ACCENT)
        canvas.setLineWidth(0.75)
        canvas.line(_MARGIN, page.rule, page.width - _MARGIN, page.rule)
        asked = f"{texts.questions} {contact}"
        _lines(canvas, asked, _MARGIN, page.rule - 32, _REGULAR, 14, _INK, width=page.inner, most=3)


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
    return "".join(set_letter(character) or "?" for character in unicodedata.normalize("NFC", text))
