"""The pictures that patients see first are ready before they come, and only they see them."""

import html
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from gateway import first_pictures
from gateway.first_pictures import FirstPictures, seen_first
from gateway.house import House
from storage.errors import OutOfResources
from storage.imaging.decoder_pool import DecoderPool
from storage.ingest import Stored
from storage.prepared import PreparedPictures
from tests.gateway.portal_house import Portal, keep, opened, without_pixels
from tests.support.synthetic import ct

MEGABYTE = 1024 * 1024


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    with opened(tmp_path) as portal:
        yield portal


def preparing(house: House, most: int = MEGABYTE, stops: Callable[[], bool] = lambda: False) -> FirstPictures:
    """The worker's job over what has arrived, which is seen once already."""
    job = FirstPictures(house.storage, most, stops)
    assert job.prepare() == 0, "something might still be coming"
    return job


def prepared(house: House) -> list[Path]:
    return [path for path in (house.storage.folder / "cache" / "pictures").rglob("*") if path.is_file()]


def addresses(client: TestClient) -> list[str]:
    """What the overview's images are fetched from."""
    return [html.unescape(source) for source in re.findall(r'<img src="([^"]+)"', client.get("/").text)]


@pytest.fixture
def no_decoder(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From now on, whoever asks a decoder fails."""

    def forbid() -> None:
        monkeypatch.setattr(DecoderPool, "ask", lambda *_: pytest.fail("a decoder was asked"))

    return forbid


def test_nothing_of_the_overview_waits_for_a_decoder(portal: Portal, no_decoder: Callable[[], None]) -> None:
    with portal.patient() as client:
        before = [client.get(address).content for address in addresses(client)]
        assert len(before) == 2
        assert preparing(portal.house).prepare() == 4, "two for each of two studies with images"
        no_decoder()
        assert [client.get(address).content for address in addresses(client)] == before


def test_large_and_multi_frame_images_are_asked_for_as_they_were_prepared(
    portal: Portal, no_decoder: Callable[[], None]
) -> None:
    series: dict[str, Any] = {"StudyInstanceUID": "1.2.826.5", "StudyDate": "20260301"}
    cine = ct(rows=4, columns=4, NumberOfFrames=5, SeriesNumber=1, **series)
    cine.PixelData = cine.PixelData * 5
    for data_set in (
        cine,
        ct(rows=1500, columns=1200, SeriesNumber=2, **series),
        without_pixels(Modality="SR", **series),
    ):
        keep(portal.house, data_set)
    wide = keep(portal.house, ct(rows=700, columns=1100, StudyDate="20260401"))
    preparing(portal.house).prepare()
    no_decoder()
    with portal.patient() as client:
        found = addresses(client)
        assert any(wide.sop_instance_uid in address and "viewport=1024" in address for address in found)
        assert len(found) == 5
        assert {client.get(address).status_code for address in found} == {200}


def test_a_prepared_picture_is_nobody_elses(portal: Portal) -> None:
    preparing(portal.house).prepare()
    with portal.patient() as client, portal.patient(issued=portal.share_of(portal.foreign)) as stranger:
        assert len(prepared(portal.house)) == 4
        own = addresses(client)
        assert {client.get(address).status_code for address in own} == {200}
        assert {stranger.get(address).status_code for address in own} == {404}
        with portal.visitor() as nobody:
            assert {nobody.get(address).status_code for address in own} == {401}


def test_a_study_that_changes_is_prepared_anew_once_it_rests(portal: Portal) -> None:
    job = preparing(portal.house)
    job.prepare()
    before = set(prepared(portal.house))
    series: dict[str, Any] = {
        "StudyInstanceUID": portal.chest[0].study_instance_uid,
        "SeriesInstanceUID": portal.chest[0].series_instance_uid,
    }
    for number in (4, 5):
        keep(portal.house, ct(number=number, **series))
        assert job.prepare() == 0
    assert job.prepare() == 2
    after = set(prepared(portal.house))
    assert len(after) == len(before) and len(after & before) == 2, "those of the middle that was are dropped"
    assert job.prepare() == 0


def test_what_is_ready_is_not_made_again_after_a_restart(portal: Portal, no_decoder: Callable[[], None]) -> None:
    preparing(portal.house).prepare()
    no_decoder()
    assert preparing(portal.house).prepare() == 0


def test_pictures_go_with_what_they_show(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_pictures, "TIDY_SECONDS", 0.0)
    job = preparing(portal.house)
    job.prepare()
    for stored in portal.chest:
        _delete(portal.house, stored)
    job.prepare()
    assert len(prepared(portal.house)) == 2


def _delete(house: House, stored: Stored) -> None:
    sql = "DELETE FROM instance WHERE sop_instance_uid = ? RETURNING blob_key"
    (row,) = house.storage.database.write(
        lambda connection: connection.execute(sql, (stored.sop_instance_uid,)).fetchall()
    )
    house.storage.files.remove(row["blob_key"])


def test_an_image_that_cannot_be_drawn_spoils_no_other(portal: Portal) -> None:
    (row,) = portal.house.storage.database.read(
        "SELECT blob_key FROM instance WHERE sop_instance_uid = ?", (portal.foreign.sop_instance_uid,)
    )
    path = portal.house.storage.files.path(row["blob_key"])
    path.write_bytes(path.read_bytes()[:-300])
    assert preparing(portal.house).prepare() == 2


def test_a_study_waits_when_there_is_no_room(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    job = preparing(portal.house)
    with monkeypatch.context() as full:

        def refuse(*arguments: object) -> None:
            raise OutOfResources("no room")

        full.setattr(PreparedPictures, "keep", refuse)
        with pytest.raises(OutOfResources):
            job.prepare()
    assert job.prepare() + job.prepare() == 4


def test_all_pictures_together_have_a_limit(portal: Portal) -> None:
    sizes = sorted(_sizes(portal))
    for path in prepared(portal.house):
        path.unlink()
    most = sum(sizes) - 1
    preparing(portal.house, most).prepare()
    assert sum(path.stat().st_size for path in prepared(portal.house)) <= most


def _sizes(portal: Portal) -> list[int]:
    preparing(portal.house).prepare()
    return [path.stat().st_size for path in prepared(portal.house)]


def test_it_stops_between_two_pictures_when_told_to(portal: Portal) -> None:
    answers = iter([False, False, True, True, True])
    assert preparing(portal.house, stops=lambda: next(answers)).prepare() == 1


def test_of_a_study_of_many_series_the_first_are_prepared(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_pictures, "MOST_SERIES", 3)
    for number in range(1, 6):
        keep(portal.house, ct(StudyInstanceUID="1.2.826.7", SeriesNumber=number))
    assert len(list(seen_first(portal.house.storage.index, "1.2.826.7"))) == 4


def test_a_study_that_is_gone_has_none(portal: Portal) -> None:
    assert list(seen_first(portal.house.storage.index, "1.2.3")) == []
