"""The sheet: what it says, what it must not say, and that a phone can read it."""

import os
import shutil
import subprocess
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from pypdf import PdfReader

from auth.codes import complete
from auth.records import Issued, Share
from auth.sheet import Letterhead, Paper, sheet_pdf
from auth.sheet_texts import LANGUAGES, TEXTS, Language
from storage.scope import PatientIdentity

BIRTH_DATE = "19500131"
BIRTH_DATE_WRITTEN = ("19500131", "31.01.1950", "31.1.1950", "31. Januar 1950", "31 January 1950", "1950")
URL = "https://bilder.klinikum-beispielstadt.example"
ISSUED = Issued(
    Share(
        "0123456789ab",
        PatientIdentity("TEST-1", "", BIRTH_DATE),
        PatientIdentity("TEST-1", "", BIRTH_DATE),
        datetime(2026, 3, 1, 12, tzinfo=UTC),
        datetime(2027, 3, 31, 23, 59, 59, tzinfo=UTC),
        "live",
    ),
    complete("7K3D9WQF20HXPM4"),
    "ABCDEFGHJKMNPQRSTVWXYZ0123",
)


def sheet(
    language: Language = "de",
    url: str = URL,
    site: str = "Klinikum Beispielstadt",
    contact: str = "",
    *,
    paper: Paper = "A4",
    logo: bytes = b"",
) -> bytes:
    head = Letterhead(site, contact, logo)
    return sheet_pdf(ISSUED, url, initials="E. M.", language=language, paper=paper, head=head)


def picture(width: int, height: int) -> bytes:
    """A PNG, half of it transparent."""
    target = BytesIO()
    image = Image.new("RGBA", (width, height), (200, 30, 30, 255))
    image.paste((0, 0, 0, 0), (0, 0, width // 2, height))
    image.save(target, "PNG")
    return target.getvalue()


def text(pdf: bytes) -> str:
    (page,) = PdfReader(BytesIO(pdf)).pages
    return " ".join(page.extract_text().split())


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("de", ("Ihre Bilder online", "Gültig bis 31. März 2027", "Nicht zur Befundung geeignet!", "Zugang für E. M.")),
        ("en", ("Your images online", "Valid until 31 March 2027", "Not for diagnostic use", "Access for E. M.")),
        ("fr", ("Vos images en ligne", "Valable jusqu’au 31 mars 2027", "Accès pour E. M.")),
        ("tr", ("Görüntüleriniz internette", "31 Mart 2027 tarihine kadar geçerli", "E. M. için erişim")),
        ("uk", ("Ваші знімки онлайн", "Діє до 31 березня 2027", "Доступ для E. M.")),
        ("ru", ("Ваши снимки онлайн", "Действует до 31 марта 2027", "Доступ для E. M.")),
        ("pl", ("Państwa zdjęcia online", "Ważny do 31 marca 2027", "Dostęp dla E. M.")),
    ],
)
def test_it_says_what_a_patient_needs(language: Language, words: tuple[str, ...]) -> None:
    written = text(sheet(language, contact="Telefon 0000 123\nbilder@example.org"))
    code = " ".join(ISSUED.code.split("-"))
    address = "bilder.klinikum-beispielstadt.example"
    for expected in (*words, code, address, "Klinikum Beispielstadt", "Telefon 0000 123 · bilder@example.org"):
        assert expected in written


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_never_says_the_birth_date_nor_who_the_patient_is(language: Language) -> None:
    pdf = sheet(language)
    reader = PdfReader(BytesIO(pdf))
    everything = text(pdf) + str(reader.metadata)
    for secret in (*BIRTH_DATE_WRITTEN, "TEST-1", ISSUED.share.id, ISSUED.token):
        assert secret not in everything
        assert secret.encode() not in pdf


@pytest.mark.parametrize("language", ["de", "ar"])
def test_the_same_sheet_is_the_same_bytes(language: Language) -> None:
    assert sheet(language) == sheet(language)


@pytest.mark.parametrize(("paper", "size"), [("A4", (595, 842)), ("Letter", (612, 792))], ids=["A4", "Letter"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_print_is_large_and_stays_on_the_page(language: Language, paper: Paper, size: tuple[int, int]) -> None:
    site = "Universitätsklinikum Beispielstadt, Institut für Radiologie und Neuroradiologie"
    long_url = "https://patientenportal.radiologie.universitaetsklinikum-beispielstadt.example"
    contact = "Telefon 0000 123456\nradiologie@universitaetsklinikum-beispielstadt.example"
    pdf = sheet(language, long_url, site, contact, paper=paper)
    (page,) = PdfReader(BytesIO(pdf)).pages
    sizes: list[float] = []

    def visit(written: str, _current: object, _text: object, _font: object, size: float) -> None:
        if written.strip():
            sizes.append(size)

    page.extract_text(visitor_text=visit)
    assert len(sizes) > 10
    assert min(sizes) >= 14
    assert (round(page.mediabox.width), round(page.mediabox.height)) == size


def test_letters_that_the_font_lacks_keep_their_base() -> None:
    pdf = sheet_pdf(ISSUED, URL, initials="Ş. Ł.", head=Letterhead("Klinik Šumava – „Süd“ 病院"))
    written = text(pdf)
    assert "Zugang für Ş. Ł." in written
    assert "Klinik Šumava – „Süd“ ??" in written


def test_arabic_is_joined_and_read_from_the_right(tmp_path: Path) -> None:
    """As a reader of PDF sees it: letters in their joined forms, which stand for the plain ones (UAX #15, NFKC)."""
    pdf = sheet("ar", contact="Telefon +49 (0)551 123456")
    (tmp_path / "sheet.pdf").write_bytes(pdf)
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is missing")
    shown = subprocess.run(["pdftotext", "-layout", "sheet.pdf", "-"], cwd=tmp_path, capture_output=True, check=True)
    written = shown.stdout.decode()
    plain = "".join(one for one in unicodedata.normalize("NFKC", written) if unicodedata.category(one) != "Cf")
    texts = TEXTS["ar"]
    for expected in (texts.title, texts.code, texts.notice, texts.questions, "مارس", "2027", "E. M."):
        assert expected in plain, expected
    assert sum("\ufe70" <= one <= "\ufefc" for one in written) > 100
    assert "Telefon +49 (0)551 123456" in plain and " ".join(ISSUED.code.split("-")) in " ".join(plain.split())


def test_letters_of_any_language_stand_on_any_sheet() -> None:
    written = unicodedata.normalize("NFKC", text(sheet("de", site="Клініка Північ", contact="عيادة الشمال")))
    assert "Клініка Північ" in written and "?" not in written.replace("Fragen?", "")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_month_has_a_name(language: Language) -> None:
    texts = TEXTS[language]
    written = {texts.long_date(datetime(2027, month, 1, tzinfo=UTC)) for month in range(1, 13)}
    assert len(written) == 12
    assert "24" in texts.long_date(datetime(2027, 12, 24, tzinfo=UTC))


def rendered(pdf: bytes, folder: Path) -> Image.Image:
    """The page as a printer of 150 dots an inch would show it."""
    if shutil.which("pdftoppm") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("pdftoppm is missing: install poppler-utils")
        pytest.skip("pdftoppm is missing")
    (folder / "sheet.pdf").write_bytes(pdf)
    subprocess.run(["pdftoppm", "-r", "150", "-png", "-singlefile", "sheet.pdf", "sheet"], cwd=folder, check=True)
    return Image.open(folder / "sheet.png")


@pytest.mark.parametrize("paper", ["A4", "Letter"])
@pytest.mark.parametrize("language", ["de", "ar"])
def test_a_phone_reads_the_link(tmp_path: Path, language: Language, paper: Paper) -> None:
    pyzbar = pytest.importorskip("pyzbar.pyzbar", exc_type=ImportError)
    with rendered(sheet(language, paper=paper), tmp_path) as page:
        (symbol,) = pyzbar.decode(page)
        (blurred,) = pyzbar.decode(page.convert("L").resize((page.width // 2, page.height // 2)))
    assert symbol.type == "QRCODE"
    assert symbol.data.decode() == blurred.data.decode() == f"{URL}/z#{ISSUED.token}"


@pytest.mark.parametrize("shape", [(1200, 200), (300, 600)], ids=["wide", "tall"])
def test_a_logo_stands_in_the_upper_right_corner(tmp_path: Path, shape: tuple[int, int]) -> None:
    with rendered(sheet(logo=picture(*shape)), tmp_path) as page:
        pixels = page.convert("RGB")
        red = [
            (x, y)
            for x in range(0, page.width, 4)
            for y in range(0, page.height, 4)
            if _is_red(pixels.getpixel((x, y)))
        ]
    left, right = min(x for x, _ in red) * 72 / 150, max(x for x, _ in red) * 72 / 150
    top, below = min(y for _, y in red) * 72 / 150, max(y for _, y in red) * 72 / 150
    assert 361 <= left < right <= 541 and 26 <= top < below <= 79


def _is_red(colour: object) -> bool:
    return isinstance(colour, tuple) and colour[0] > 150 and max(colour[1:]) < 80


def test_a_logo_that_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="no picture"):
        sheet(logo=b"GIF89a but not really")


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_long_texts_stay_within_the_margins(tmp_path: Path, paper: Paper) -> None:
    site = "Universitätsklinikum Beispielstadt, Institut für Radiologie und Neuroradiologie, Haus 7, zweiter Stock"
    long_url = "https://" + "patientenportal-der-radiologie." * 2 + "universitaetsklinikum-beispielstadt.example"
    contact = "Telefon 0000 123456\nTelefax 0000 1234567\nradiologie@universitaetsklinikum-beispielstadt.example"
    with rendered(sheet("de", long_url, site, contact, paper=paper), tmp_path) as page:
        grey = page.convert("L")
    margin, band = 50 * 150 // 72, 20 * 150 // 72
    right = grey.crop((grey.width - margin, band, grey.width, grey.height))
    left = grey.crop((0, band, margin, grey.height))
    below = grey.crop((0, grey.height - band, grey.width, grey.height))
    assert right.getextrema() == left.getextrema() == below.getextrema() == (255, 255)


def test_what_has_no_room_is_said_and_not_cut() -> None:
    for site, contact in (("Klinikum " * 50, ""), ("", "Telefon\n" * 50)):
        with pytest.raises(ValueError, match="no room"):
            sheet(site=site, contact=contact)


def test_another_end_makes_another_sheet() -> None:
    later = replace(ISSUED, share=replace(ISSUED.share, expires=datetime(2028, 2, 29, tzinfo=UTC)))
    assert "Gültig bis 29. Februar 2028" in text(sheet_pdf(later, URL, initials="E. M."))


@pytest.mark.parametrize(("language", "words"), [("de", "Ihr Zugang Gültig"), ("en", "Your access Valid")])
def test_nobody_is_named_where_no_name_is_known(language: Language, words: str) -> None:
    assert words in text(sheet_pdf(ISSUED, URL, initials="", language=language))
