"""Pictures alone, and contact sheets: what is in these archives, and what stands on every picture and page."""

import json
import re
import sqlite3
from io import BytesIO
from urllib.parse import quote
from zipfile import ZipFile

import pytest
from PIL import Image

from auth.clock import system_clock
from gateway.downloads.contents import content_of, images_of, records_of
from gateway.downloads.downloads import Downloads, Form, Wish
from gateway.downloads.layout import Prepared
from gateway.downloads.told import plain_name
from gateway.downloads.worker import Preparation
from gateway.house import House
from gateway.series_files.captions import Captions
from gateway.series_files.strip import NARROWEST, Strip, Strips
from storage.deletion import Target
from storage.scope import WholeArchive
from tests.gateway.downloads.conftest import work
from tests.gateway.portal_house import Portal, keep, order
from tests.support.synthetic import ct

CAPTIONS = Captions(
    name="Erika Muster",
    lines=("CT, 1. März 2026", "Lunge"),
    part="",
    notice="Nicht zur Befundung!",
    missing="fehlt",
    image=lambda number: f"Bild {number}",
    page=lambda *_: "",
)


def has_ink_on_paper(strip: Image.Image) -> bool:
    """Whether there are white and nearly black pixels."""
    shades = strip.histogram()
    return sum(shades[:60]) > 0 < sum(shades[240:])


def made(house: House, portal: Portal, form: Form, language: str = "de") -> dict[str, bytes]:
    """The files of an archive of everything."""
    share = portal.issued.share
    records = records_of(house.storage.index, share.scope)
    ordered = house.downloads.order(Wish(share.id, "", form, language), content_of(records), images_of(records))
    assert work(house) == 1
    found = house.downloads.find(share.id, ordered.id)
    assert found.percent == 100
    prepared = Prepared(house.downloads_folder / found.id, house.storage.files)
    with ZipFile(BytesIO(b"".join(prepared.archive()))) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_every_image_is_a_jpeg_in_a_folder_with_a_plain_name(portal: Portal, house: House) -> None:
    files = made(house, portal, "pictures")
    pictures = sorted(name for name in files if name.endswith(".JPG"))
    assert len(pictures) == 3
    assert all(re.fullmatch(r"0\d-[A-Za-z0-9-]+/0\d-[A-Za-z0-9-]+/000\d\.JPG", one) for one in pictures), pictures
    assert pictures[0].startswith("01-Computertomographie-Brustkorb-2026-01-12/01-")
    for name in pictures:
        with Image.open(BytesIO(files[name])) as picture:
            columns, rows = picture.size
            # The strip is below the picture: white with dark letters.
            strip = picture.convert("L").crop((0, rows - 40, columns, rows))
            assert columns >= NARROWEST and has_ink_on_paper(strip)
    readme = files["README.TXT"].decode()
    assert "nicht zur Befundung geeignet" in readme and "not for diagnosis" in readme
    manifest = json.loads(files["MANIFEST.JSN"])
    assert set(manifest["files"]) >= set(pictures)


def test_moving_images_are_films_too_and_documents_go_along(portal: Portal, house: House) -> None:
    keep(house, ct(StudyDate="20260401", NumberOfFrames=3, PixelData=bytes(3 * 16 * 16 * 2)))
    keep(house, ct(StudyDate="20260402", BitsAllocated=16, PixelData=b"short"))
    names = made(house, portal, "pictures")
    (film,) = [name for name in names if name.endswith("film-01.WEBP")]
    with Image.open(BytesIO(names[film])) as opened:
        assert getattr(opened, "n_frames", 0) == 3
    folder = film.rpartition("/")[0]
    assert sorted(name for name in names if name.startswith(folder) and name.endswith(".JPG")) == [
        f"{folder}/000{number}.JPG" for number in (1, 2, 3)
    ]
    assert "Nicht enthalten sind 2 Objekte" in names["README.TXT"].decode()


def test_contact_sheets_are_a_pdf_for_each_study(portal: Portal, house: House) -> None:
    files = made(house, portal, "sheets")
    pdfs = [name for name in files if name.endswith(".PDF")]
    assert pdfs == ["01-Computertomographie-Brustkorb-2026-01-12.PDF"]
    assert files[pdfs[0]].startswith(b"%PDF")
    assert not [name for name in files if name.endswith((".JPG", ".WEBP"))]
    assert "kleine Bilder auf A4-Seiten" in files["README.TXT"].decode()


def test_letters_that_cannot_be_set_are_english(portal: Portal, house: House) -> None:
    files = made(house, portal, "pictures", "ru")
    assert all(name.isascii() for name in files)
    assert any("Computed-tomography" in name for name in files)
    assert "не годятся для диагностики" in files["README.TXT"].decode()


def test_patients_order_them_and_they_die_with_what_they_show(portal: Portal, house: House) -> None:
    with portal.patient(language="uk") as client:
        for form, ending in (("pictures", "JPEG"), ("sheets", "PDF")):
            assert order(client, form=form) == 303
            work(house)
            page = client.get("/downloads").text
            choices = page.partition(f'id="which-{form}"')[2].partition("</select>")[0]
            assert choices.count("<option") == 2 and 'value="all"' not in choices, "it is there, and nothing is new"
            (url,) = re.findall(rf'href="(/downloads/[0-9a-f]{{16}}/[^"]*{ending}\.zip)"', page)
            answer = client.get(url)
            assert answer.status_code == 200 and answer.content.startswith(b"PK")
            told = answer.headers["content-disposition"]
            assert told == f"attachment; filename*=UTF-8''{quote(f'Мої-знімки-{ending}.zip')}"
        keep(house, ct(StudyDate="20260401"))
        assert client.get("/downloads").text.partition('id="which-pictures"')[2].count('value="all"')
        assert order(client, form="gold") == 404
        house.storage.deletion.delete(WholeArchive(), Target(portal.report.study_instance_uid), source="test")
        assert client.get(url).status_code == 404
        house.shares.revoke(portal.issued.share.id)
        Preparation(house, lambda: False).tidy()
        assert house.downloads.all() == [] and list(house.downloads_folder.iterdir()) == []


def test_names_of_files_are_plain_whatever_headers_say() -> None:
    assert plain_name(1, "Schädel/../größer: <x>", "2026 03 03") == "01-Schaedel-groesser-x-2026-03-03"
    assert plain_name(2, "\u202e снимок") == "02" and plain_name(3, "İstanbul é") == "03-Istanbul-e"
    assert len(plain_name(4, "word " * 100)) <= 63


@pytest.mark.parametrize(("mode", "size"), [("L", (300, 200)), ("RGB", (2048, 100))], ids=["narrow", "wide"])
def test_the_strip_stands_below_the_picture(mode: str, size: tuple[int, int]) -> None:
    source = BytesIO()
    Image.new(mode, size, "gray").save(source, "PNG")
    with Image.open(BytesIO(Strips(CAPTIONS).below(source.getvalue(), 7))) as found:
        width = max(size[0], NARROWEST)
        assert (found.mode, found.size) == (mode, (width, size[1] + Strip(CAPTIONS, width).height))
        grey = found.convert("L")
        assert grey.getpixel((width // 2, size[1] // 2)) == pytest.approx(128, abs=4)
        strip = grey.crop((0, size[1], width, found.height))
        assert has_ink_on_paper(strip)


def test_downloads_of_before_there_were_forms_are_kept(portal: Portal, house: House) -> None:
    database = house.storage.database

    def as_it_was(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM _sqlite_migrations WHERE migration_set = 'downloads' AND name = '002_forms'")
        connection.execute("ALTER TABLE download RENAME COLUMN form TO anonymised")
        connection.execute("UPDATE download SET anonymised = CASE WHEN anonymised = 'archive' THEN 0 ELSE 1 END")

    for form in ("archive", "anonymised"):
        house.downloads.order(Wish(portal.issued.share.id, "", form), "content", 3)
    before = [one.id for one in house.downloads.all()]
    database.write(as_it_was)
    after = Downloads(database, system_clock).all()
    assert [one.id for one in after] == before
    assert sorted(one.wish.form for one in after) == ["anonymised", "archive"]
