"""The sheet that a patient takes home: one page with QR code, access code, address, steps and end date.

Large print throughout (14 points and more). It names the patient by initials only and never holds the birth date,
which is what the finder of a lost sheet lacks.
"""

from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Final, Literal

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4, LETTER
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from auth import qr
from auth.lettering import printable
from auth.records import Issued
from auth.sheet_pen import SMALLEST, Pen
from auth.sheet_texts import TEXTS, Language, SheetTexts

_INK: Final = HexColor("#14262B")
_ACCENT: Final = HexColor("#0B5563")
_PANEL: Final = HexColor("#EAF3F4")
_WHITE: Final = HexColor("#FFFFFF")
_BLACK: Final = HexColor("#000000")

_FIXED: Final = "Courier-Bold"

_MARGIN: Final = 54.0
_QR_SIDE: Final = 192.0
_LOGO_HEIGHT: Final = 52.0
_LOGO_WIDTH: Final = 180.0
_LEADING: Final = 1.35
_STEPS_SIZE: Final = 15.0
_STEPS_GAP: Final = 16.0

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
    subject = texts.access_for.format(initials) if initials else texts.access
    until = texts.valid_until.format(texts.long_date(issued.share.expires))
    handout = Handout(texts, subject, until, issued.link(url), issued.code)
    return handout_pdf(handout, url, language=language, paper=paper, head=head)


def handout_pdf(handout: Handout, url: str, *, language: Language, paper: Paper, head: Letterhead) -> bytes:
    """A sheet as a PDF of one page; the same input makes the same bytes.

    `url` is the address that people type. A language that is read from the right has everything mirrored but code and
    address. Raises `ValueError` when `contact` needs more than three lines, `site` or `url` more than two, or `logo`
    is no picture.
    """
    target = BytesIO()
    texts, page = handout.texts, _PAGES[paper]
    canvas = Canvas(target, pagesize=page.size, invariant=1, lang=language)
    canvas.setTitle(texts.title)
    canvas.setAuthor(printable(head.site))
    pen = Pen(canvas, page.width, texts.from_right)
    _logo(pen, page, head.logo)
    _head(pen, page, handout, site=head.site, logo=bool(head.logo))
    _qr(pen, handout.link, begin=page.width - _MARGIN - _QR_SIDE, bottom=page.qr)
    _steps(pen, page, texts)
    _credentials(pen, page, texts, _address(url), handout.code)
    _foot(pen, page, texts, " · ".join(head.contact.split("\n")))
    canvas.showPage()
    canvas.save()
    return target.getvalue()


def _logo(pen: Pen, page: _Page, logo: bytes) -> None:
    """In the upper corner where lines end, as large as its place allows."""
    if not logo:
        return
    try:
        image = ImageReader(BytesIO(logo))
        width, height = image.getSize()
    except Exception as error:
        raise ValueError("The logo is no picture that can be read.") from error
    scale = min(_LOGO_WIDTH / width, _LOGO_HEIGHT / height)
    left = pen.left(page.width - _MARGIN - width * scale, width * scale)
    pen.canvas.drawImage(image, left, page.top - 26 - height * scale, width * scale, height * scale, mask="auto")


def _head(pen: Pen, page: _Page, handout: Handout, *, site: str, logo: bool) -> None:
    pen.canvas.setFillColor(_ACCENT)
    pen.canvas.rect(0, page.top - 14, page.width, 14, stroke=0, fill=1)
    width = page.inner - (_LOGO_WIDTH + 16 if logo else 0)
    pen.lines(site, _MARGIN, page.top - 60, 16, _ACCENT, width=width, most=2, bold=True)
    pen.lines(handout.texts.title, _MARGIN, page.top - 117, 38, _INK, width=page.inner, most=1, bold=True)
    pen.lines(handout.subject, _MARGIN, page.top - 149, 20, _INK, width=page.inner, most=1)
    pen.lines(handout.until, _MARGIN, page.top - 175, 20, _ACCENT, width=page.inner, most=1, bold=True)


def _qr(pen: Pen, link: str, *, begin: float, bottom: float) -> None:
    """The link as vector squares with the quiet zone of four modules that ISO/IEC 18004 demands."""
    rows = qr.matrix(link)
    module, left, canvas = _QR_SIDE / len(rows), pen.left(begin, _QR_SIDE), pen.canvas
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


def _steps(pen: Pen, page: _Page, texts: SheetTexts) -> None:
    """Numbered, as large as there is room for above the panel."""
    width, room = page.inner - _QR_SIDE - 24 - 40, page.top - 226 - page.panel - page.panel_height - _STEPS_GAP
    steps = (texts.first_step, texts.second_step, texts.third_step)
    size = _STEPS_SIZE
    while size > SMALLEST and _height(pen, steps, size, width) > room:
        size -= 0.5
    top = page.top - 226
    for number, text in enumerate(steps, start=1):
        top = _step(pen, number, text, top, size, width) - _STEPS_GAP


def _height(pen: Pen, steps: tuple[str, ...], size: float, width: float) -> float:
    lines = sum(len(pen.broken(step, size, width)) for step in steps)
    return lines * size * _LEADING + (len(steps) - 1) * _STEPS_GAP


def _step(pen: Pen, number: int, text: str, top: float, size: float, width: float) -> float:
    """Draw a numbered step whose first line stands at `top`; returns where a next line would stand."""
    middle = pen.left(_MARGIN, 28) + 14
    pen.canvas.setFillColor(_ACCENT)
    pen.canvas.circle(middle, top + 5, 14, stroke=0, fill=1)
    half = pen.measured(str(number), 16, bold=True) / 2
    pen.line(str(number), _MARGIN + 14 - half, top - 0.5, 16, _WHITE, bold=True)
    return _paragraph(pen, text, _MARGIN + 40, top, size, width)


def _credentials(pen: Pen, page: _Page, texts: SheetTexts, address: str, code: str) -> None:
    """The panel with all that has to be typed."""
    begin, width, top = _MARGIN + 20, page.inner - 40, page.panel + page.panel_height
    pen.canvas.setFillColor(_PANEL)
    pen.canvas.roundRect(_MARGIN, page.panel, page.inner, page.panel_height, 10, stroke=0, fill=1)
    pen.line(texts.address, begin, top - 28, 14, _INK)
    pen.lines(address, begin, top - 52, 20, _ACCENT, width=width, most=2, bold=True)
    pen.line(texts.code, begin, top - 88, 14, _INK)
    _groups(pen.canvas, code.split("-"), begin, top - 174, width)


def _groups(canvas: Canvas, groups: list[str], left: float, bottom: float, width: float) -> None:
    """A code is read from the left in every language."""
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


def _foot(pen: Pen, page: _Page, texts: SheetTexts, contact: str) -> None:
    _paragraph(pen, texts.keep_safe, _MARGIN, page.safe, SMALLEST, page.inner)
    pen.canvas.setFillColor(_ACCENT)
    pen.canvas.rect(pen.left(_MARGIN, 4), page.notice, 4, 50, stroke=0, fill=1)
    pen.lines(texts.notice, _MARGIN + 18, page.notice + 32, 18, _INK, width=page.inner - 18, most=1, bold=True)
    pen.lines(texts.notice_reason, _MARGIN + 18, page.notice + 8, 14, _INK, width=page.inner - 18, most=2)
    if contact:
        pen.canvas.setStrokeColor(_ACCENT)
        pen.canvas.setLineWidth(0.75)
        pen.canvas.line(_MARGIN, page.rule, page.width - _MARGIN, page.rule)
        _contact(pen, page, texts, contact)


def _contact(pen: Pen, page: _Page, texts: SheetTexts, contact: str) -> None:
    """Whom to ask. Beside words from the right it stands by itself, for the parts of a number would change places."""
    if not pen.from_right:
        asked = f"{texts.questions} {contact}"
        pen.lines(asked, _MARGIN, page.rule - 32, 14, _INK, width=page.inner, most=3)
        return
    pen.line(texts.questions, _MARGIN, page.rule - 19, 14, _INK)
    ours = replace(pen, from_right=False)
    lines = pen.broken(contact, SMALLEST, page.inner)
    if len(lines) > 2:
        raise ValueError(f"There is no room on the sheet for a text of {len(contact)} characters.")
    for place, line in enumerate(lines):
        left = pen.left(_MARGIN, ours.measured(line, SMALLEST))
        ours.line(line, left, page.rule - 19 - (place + 1) * 15.5, SMALLEST, _INK)


def _paragraph(pen: Pen, text: str, begin: float, base: float, size: float, width: float) -> float:
    """Lines of ink from `base` down; returns where a next one would stand."""
    for line in pen.broken(text, size, width):
        pen.line(line, begin, base, size, _INK)
        base -= size * _LEADING
    return base


def _address(url: str) -> str:
    """The address as one types it: browsers add https by themselves."""
    return url.removeprefix("https://").rstrip("/")
