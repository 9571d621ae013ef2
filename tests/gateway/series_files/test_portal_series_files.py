"""The routes of a series' files: for whoever has the share, with the words of the visitor, a few at a time."""

import shutil
import subprocess
import unicodedata
from io import BytesIO
from pathlib import Path
from threading import Event, Thread
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image
from pypdf import PdfReader
from starlette.testclient import TestClient

from gateway.portal.series_files import Places
from gateway.series_files import film as films
from gateway.series_files.mp4 import Ffmpeg, FilmFailed
from storage.audit_trail import AuditTrail
from storage.errors import OutOfResources
from storage.pixels import Rendering
from storage.scope import ListedStudies
from tests.gateway.portal_house import BIRTH_DATE, Portal, keep, series_path
from tests.gateway.series_files.test_mp4 import needs_ffmpeg, probed
from tests.support.patience import PATIENCE
from tests.support.synthetic import ct

FORMS = ("film.webp", "film.mp4", "contact-sheet.pdf")


def _text(client: TestClient, path: str) -> str:
    answer = client.get(f"{path}/contact-sheet.pdf")
    assert answer.status_code == 200
    return " ".join(page.extract_text() for page in PdfReader(BytesIO(answer.content)).pages)


def _read_by_people(client: TestClient, path: str) -> str:
    """The contact sheet's text in the order of reading, its letters in their plain forms (NFKC)."""
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is missing")
    pdf = client.get(f"{path}/contact-sheet.pdf").content
    shown = subprocess.run(["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True)
    normal = unicodedata.normalize("NFKC", shown.stdout.decode())
    return "".join(one for one in normal if unicodedata.category(one) != "Cf")


def test_the_film_shows_what_is_rendered(portal: Portal) -> None:
    storage, path = portal.house.storage, series_path(portal.chest[0])
    with portal.patient() as client:
        answer = client.get(f"{path}/film.webp", params={"window": "-960,200,linear"})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
        assert answer.headers["content-disposition"] == 'attachment; filename="Serie-20260112.webp"'
        assert answer.headers["cache-control"] == "no-store"
    chest = portal.chest[0]
    records = storage.index.instances(portal.issued.share.scope, chest.study_instance_uid, chest.series_instance_uid)
    rendering = Rendering("image/png", (-960.0, 200.0, "LINEAR"), (films.SIDE, films.SIDE), enlarge=True)
    with Image.open(BytesIO(answer.content)) as film:
        assert getattr(film, "n_frames", 1) == len(records) == 3
        for place, record in enumerate(records):
            film.seek(place)
            seen = np.asarray(film.convert("L")).astype(int)[: films.SIDE]
            drawn = storage.pixels.draw(record, storage.index.layout(record), 1, rendering)
            with Image.open(BytesIO(drawn)) as picture:
                expected = np.asarray(picture.convert("L")).astype(int)
            assert expected.max() - expected.min() > 100, "there is something to see"
            assert np.abs(seen - expected).mean() <= 3


def test_the_contact_sheet_is_in_the_visitors_language(portal: Portal) -> None:
    path = series_path(portal.chest[0])
    for language, written in {
        "de": ("12. Januar 2026", "Bild 3 von 3", "Nicht zur Befundung geeignet!"),
        "fr": ("12 janvier 2026", "Image 3 sur 3"),
        "tr": ("12 Ocak 2026", "Görüntü 3 / 3"),
        "ru": ("12 января 2026", "Снимок 3 из 3"),
        "ar": ("يناير", "2026", "من"),
    }.items():
        with portal.patient(language=language) as client:
            text = _read_by_people(client, path)
            (name,) = [line for line in text.splitlines() if "Erika Muster" in line]
            assert name.startswith(" " * 20) == (language == "ar"), "Arabic pages begin on the right"
            assert [part for part in written if part not in text] == []


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Yıldız^Ayşe", "Ayşe Yıldız"),
        ("Żółć^Łukasz", "Łukasz Żółć"),
        ("Проба^Анна", "Анна Проба"),
        ("التجريبية^ليلى", "ليلى التجريبية"),
        ("Yamada^Tarou=山田^太郎", "Tarou Yamada"),
        ("=山田^太郎=Yamada^Tarou", "Tarou Yamada"),
        ("山田^太郎", "Name: siehe Portal"),
        ("", "Name: siehe Portal"),
    ],
    ids=["Turkish", "Polish", "Russian", "Arabic", "groups", "a later group", "another writing", "none"],
)
def test_names_are_written_in_their_own_letters(portal: Portal, name: str, written: str) -> None:
    stored = keep(portal.house, ct(PatientName=name, PatientID="TEST-3", SeriesDescription="Проба"))
    with portal.patient(issued=portal.share_of(stored)) as client:
        text = _read_by_people(client, series_path(stored))
        # Readers of PDF take the gap behind some joined letters for a space.
        assert written.replace(" ", "") in text.replace(" ", "") and "?" not in text


@needs_ffmpeg
def test_the_film_is_one_for_phones_where_there_is_ffmpeg(
    portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = series_path(portal.chest[0])
    with portal.patient(language="ru") as client:
        assert f'href="{path}/film.mp4"' in client.get(path).text
        answer = client.get(f"{path}/film.mp4")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")
        file = quote("Серия-20260112.mp4")
        assert answer.headers["content-disposition"] == f"attachment; filename*=UTF-8''{file}"
    (tmp_path / "film.mp4").write_bytes(answer.content)
    assert probed(tmp_path / "film.mp4")["nb_read_frames"] == "3"

    def fails(*_: object) -> None:
        raise FilmFailed

    with portal.patient() as client:
        monkeypatch.setattr(Ffmpeg, "film", fails)
        assert client.get(f"{path}/film.mp4").status_code == 503
    monkeypatch.setenv("PATH", str(tmp_path))
    with portal.patient() as client:
        assert f'href="{path}/film.webp"' in client.get(path).text
        assert client.get(f"{path}/film.mp4").status_code == 404


@needs_ffmpeg
@pytest.mark.parametrize("form", FORMS)
def test_only_what_is_shared_is_made(portal: Portal, form: str) -> None:
    own, foreign = series_path(portal.chest[0]), series_path(portal.foreign)
    mixed = f"/studies/{portal.foreign.study_instance_uid}/series/{portal.chest[0].series_instance_uid}"
    with portal.patient() as client:
        assert client.head(f"{own}/{form}").status_code == 200
        for path in (foreign, mixed, series_path(portal.report), "/studies/1.2.3/series/4.5"):
            assert client.get(f"{path}/{form}").status_code == 404
        assert client.get(f"{own}/{form}?window=nothing").status_code == 400
    with portal.visitor() as client:
        answer = client.get(f"{own}/{form}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/?ended")
    scope = ListedStudies(frozenset({portal.chest[0].study_instance_uid}))
    issued = portal.house.shares.create(scope, BIRTH_DATE, 30)
    with portal.patient(issued=issued) as client:
        portal.house.shares.revoke(issued.share.id)
        answer = client.get(f"{own}/{form}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/?ended")


def test_what_was_handed_out_is_in_the_audit(portal: Portal) -> None:
    study = portal.chest[0].study_instance_uid
    with portal.patient() as client:
        before = _downloads(portal, study)
        client.head(f"{series_path(portal.chest[0])}/film.webp")
        assert _downloads(portal, study) == before
        client.get(f"{series_path(portal.chest[0])}/film.webp")
        assert _downloads(portal, study) == before + 1


def _downloads(portal: Portal, study: str) -> int:
    events = AuditTrail(portal.house.storage.database).events()
    return sum(event.event == "instances downloaded" and event.subject == study for event in events)


def test_who_finds_no_place_is_told_to_come_back(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Places) -> None:
        raise OutOfResources("full")

    monkeypatch.setattr(Places, "take", full)
    with portal.patient() as client:
        answer = client.get(f"{series_path(portal.chest[0])}/film.webp")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert "Gerade ist viel los" in answer.text


def test_who_finds_nowhere_to_wait_is_refused_at_once() -> None:
    places = Places(at_once=1, waiting=0, patience=30.0)
    with places.take(), pytest.raises(OutOfResources), places.take():
        pass


def test_who_waits_comes_next() -> None:
    places, inside, leave = Places(at_once=1, waiting=1, patience=30.0), Event(), Event()
    worked: list[bool] = []

    def work() -> None:
        with places.take():
            inside.set()
            worked.append(leave.wait(PATIENCE))

    threads = [Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert inside.wait(PATIENCE) and worked == []
    leave.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert worked == [True, True]


def test_who_waits_too_long_is_refused() -> None:
    places = Places(at_once=1, waiting=1, patience=0.01)
    with places.take(), pytest.raises(OutOfResources), places.take():
        pass
    with places.take():
        pass
