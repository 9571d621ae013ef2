"""Films of series in an archive of their own: which there are, what is on them, and what is said where one failed."""

import re
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import MPEG4HP41

from gateway.checks import films
from gateway.config import Config
from gateway.downloads.films import MOST
from gateway.downloads.worker import Preparation
from gateway.house import House
from gateway.sections import DownloadsConfig
from gateway.series_files import mp4
from gateway.series_files.chosen import choose, milliseconds
from gateway.series_files.mp4 import Ffmpeg, FilmFailed
from storage.scope import WholeArchive
from tests.dicomweb.instances import encapsulated
from tests.gateway.downloads.test_pictures import made
from tests.gateway.portal_house import Portal, keep, order
from tests.gateway.series_files.test_mp4 import frames, needs_ffmpeg, probed
from tests.support.synthetic import ct


def numbered(number: int, of: int, frames_of: int = 1) -> bytes:
    """Pixels of 16 x 16: dark, but for bright rows as the number says, of `of`; each further frame has one more."""
    image = np.zeros((frames_of, 16, 16), np.int16)
    for place in range(frames_of):
        image[place, : 16 * (number + place) // of] = 2000
    return image.astype("<i2").tobytes()


def number_on(picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], of: int) -> int:
    """Which number is burnt into the picture at the top of a frame."""
    side = picture.shape[1]
    return round(of * float((picture[:side, side // 2].mean(-1) > 128).mean()))


@needs_ffmpeg
def test_slices_are_a_film_in_their_order_and_single_images_are_not(
    portal: Portal, house: House, tmp_path: Path
) -> None:
    placed = dict[str, Any](StudyInstanceUID="1.2.826.9", StudyDate="20260401", SeriesInstanceUID="1.2.826.9.1")
    for number in (3, 1, 2, 4):
        keep(house, ct(number=number, PixelData=numbered(number, 8), **placed))
    moving = placed | {"SeriesInstanceUID": "1.2.826.9.2", "NumberOfFrames": 5, "CineRate": 25, "SeriesNumber": 2}
    keep(house, ct(PixelData=numbered(1, 8, 5), **moving))
    keep(house, ct(PixelData=numbered(7, 8), **placed | {"SeriesInstanceUID": "1.2.826.9.3", "SeriesNumber": 3}))
    files = made(house, portal, "films")
    of_study = sorted(re.sub("-[A-Za-z-]+/", "/", name.partition("/")[2]) for name in files if name.startswith("01-"))
    assert of_study == ["01/film-01.MP4", "02/film-01.MP4", "03/0001.JPG"]
    for name, numbers, rate in (("01", [1, 2, 3, 4], "10/1"), ("02", [1, 2, 3, 4, 5], "25/1")):
        film = tmp_path / f"{name}.mp4"
        film.write_bytes(next(files[one] for one in files if re.fullmatch(f"01-[^/]+/{name}-[^/]+/film-01.MP4", one)))
        decoded = frames(film)
        assert [number_on(frame, 8) for frame in decoded] == numbers
        assert probed(film)["r_frame_rate"] == rate
        strip = decoded[0, 512:].mean(-1)
        assert strip.min() < 60 and strip.max() > 240, "whose it is stands below"
        assert b"Muster" not in film.read_bytes() and "Muster" not in str(probed(film))
    readme = files["README.TXT"].decode()
    assert "als Film (MP4)" in readme and "nicht zur Befundung geeignet" in readme and "fehlen" not in readme


@needs_ffmpeg
def test_a_video_goes_along_as_it_came(portal: Portal, house: House, tmp_path: Path) -> None:
    Ffmpeg("ffmpeg").film(iter([Image.new("RGB", (16, 16))] * 2), 100, tmp_path / "video.mp4")
    stream = (tmp_path / "video.mp4").read_bytes()
    incoming = house.storage.ingest.receive()
    incoming.write(encapsulated([stream], MPEG4HP41))
    house.storage.ingest.store(incoming, source="test")
    files = made(house, portal, "films")
    (video,) = [name for name in files if name.endswith("/video-01.MP4")]
    assert files[video].removesuffix(b"\0" * (len(stream) % 2)) == stream


class _FailsOnce:
    """Makes every film but the first."""

    def __init__(self) -> None:
        self.asked = 0

    def film(self, pictures: Iterator[Image.Image], milliseconds: int, target: Path) -> None:
        self.asked += 1
        target.write_bytes(b"film" if self.asked > 1 else b"half a f")
        assert len(list(pictures)) > 1 and milliseconds
        if self.asked == 1:
            raise FilmFailed


def test_one_film_that_fails_costs_no_other_and_is_named(
    portal: Portal, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mp4, "found", lambda program: _FailsOnce())
    keep(house, ct(StudyDate="20260401", NumberOfFrames=3, PixelData=numbered(1, 8, 3)))
    files = made(house, portal, "films")
    names = [name for name in files if name.endswith(".MP4")]
    assert len(names) == 1 and names[0].startswith("02-") and files[names[0]] == b"film"
    said = files["README.TXT"].decode().replace("\r\n", "\n")
    assert re.search(r"nicht herstellen ließen:\n01-[A-Za-z0-9-]+-2026-04-01/01-[A-Za-z-]+/film-01\.MP4\n\n", said)
    assert "could not be made:\n" in said
    assert [one.name for folder in house.downloads_folder.iterdir() for one in folder.glob("film*")] == []


def test_without_ffmpeg_there_are_no_films_and_the_check_says_so(
    portal: Portal, house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with portal.patient() as client:
        page = client.get("/downloads").text
        assert 'value="sheets"' in page and 'value="films"' not in page
        assert order(client, form="films") == 404
    for program, good in (("ffmpeg", True), ("/no/such/ffmpeg", False), ("", True)):
        config = Config(base=tmp_path, downloads=DownloadsConfig(ffmpeg=program))
        (finding,) = films(config)
        assert finding.good == good, finding
    # It was there when it was ordered.
    made_by = Preparation(house, lambda: False)
    assert made_by.maker("pictures")
    with pytest.raises(Exception, match="no FFmpeg"):
        made_by.maker("films")


@needs_ffmpeg
def test_a_program_that_is_no_ffmpeg_is_found_out(tmp_path: Path) -> None:
    for program, good in (("false", False), ("ffmpeg", True)):
        config = Config(base=tmp_path, downloads=DownloadsConfig(ffmpeg=program))
        (finding,) = films(config)
        assert finding.good == good, finding


def test_ten_thousand_images_are_a_film_of_bounded_length_at_their_own_pace(portal: Portal, house: House) -> None:
    first = portal.chest[0]
    (record, *_) = house.storage.index.instances(WholeArchive(), first.study_instance_uid)
    choice = choose([replace(record, number_of_frames=10_000)], MOST)
    assert (len(choice.images), choice.step) == (2500, 4)
    assert milliseconds({"00181063": {"vr": "DS", "Value": [40]}}, choice.step) == 160


def test_a_form_is_ordered_for_one_study(portal: Portal, house: House) -> None:
    study = portal.chest[0].study_instance_uid
    with portal.patient() as client:
        page = client.get("/downloads").text
        assert page.count(f'<option value="{study}">') == page.count('<option value="all">') >= 3
        assert order(client, study, "sheets") == 303
        assert order(client, portal.foreign.study_instance_uid, "sheets") == 404
        assert Preparation(house, lambda: False).work() == 1
        again = client.get("/downloads").text
        assert again.count(f'<option value="{study}">') == page.count(f'<option value="{study}">') - 1
        (only,) = house.downloads.of_share(portal.issued.share.id)
        assert (only.wish.study, only.wish.form) == (study, "sheets")
        answer = client.get(f"/downloads/{only.id}/x.zip")
        assert answer.status_code == 200 and BytesIO(answer.content).read(2) == b"PK"
