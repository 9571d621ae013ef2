"""Prepared pictures: whole or not there, found again, gone with what they show, never more than allowed."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from storage import prepared
from storage.errors import OutOfResources
from storage.imaging.rendering import Rendering
from storage.ingest import Stored
from storage.prepared import PreparedPictures, Wanted
from tests.support.keeping import EVERYTHING, Keeping
from tests.support.synthetic import ct


@pytest.fixture
def pictures(keeping: Keeping) -> PreparedPictures:
    return PreparedPictures(keeping.folder / "pictures", keeping.files)


def of(keeping: Keeping, stored: Stored, frame: int = 1, quality: int = 85) -> Wanted:
    (record,) = keeping.index.instances(
        EVERYTHING, stored.study_instance_uid, stored.series_instance_uid, stored.sop_instance_uid
    )
    return Wanted(record, frame, Rendering(quality=quality))


def files_of(keeping: Keeping) -> list[Path]:
    return [path for path in (keeping.folder / "pictures").rglob("*") if path.is_file()]


def test_what_was_kept_is_found_and_nothing_else(keeping: Keeping, pictures: PreparedPictures) -> None:
    first, second = keeping.put(ct()), keeping.put(ct())
    wanted = of(keeping, first)
    assert pictures.find(wanted) is None
    pictures.keep(wanted, b"one")
    pictures.keep(wanted, b"one again")
    assert pictures.find(of(keeping, first)) == b"one again"
    for other in (of(keeping, first, frame=2), of(keeping, first, quality=86), of(keeping, second)):
        assert pictures.find(other) is None
    assert len(files_of(keeping)) == 1


def test_only_the_owner_may_look_inside(keeping: Keeping, pictures: PreparedPictures) -> None:
    pictures.keep(of(keeping, keeping.put(ct())), b"picture")
    (file,) = files_of(keeping)
    assert file.parent.stat().st_mode & 0o077 == 0


def test_a_picture_that_cannot_be_written_leaves_nothing(
    keeping: Keeping, pictures: PreparedPictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(handle: int) -> None:
        raise OSError(28, "No space left on device")

    wanted = of(keeping, keeping.put(ct()))
    monkeypatch.setattr(os, "fdatasync", fail)
    with pytest.raises(OutOfResources):
        pictures.keep(wanted, b"picture")
    assert files_of(keeping) == [] and pictures.find(wanted) is None


def test_a_study_retains_what_is_still_wanted(keeping: Keeping, pictures: PreparedPictures) -> None:
    stored, other = keeping.put(ct()), keeping.put(ct())
    kept, dropped, foreign = of(keeping, stored), of(keeping, stored, frame=2), of(keeping, other)
    for wanted in (kept, dropped, foreign):
        pictures.keep(wanted, b"picture")
    pictures.retain(stored.study_instance_uid, [kept])
    pictures.retain("1.2.3", [])
    assert [bool(pictures.find(wanted)) for wanted in (kept, dropped, foreign)] == [True, False, True]


def _instance_gone(keeping: Keeping, pictures: PreparedPictures, wanted: Wanted) -> None:
    keeping.files.remove(wanted.record.blob_key)


def _draft_left(keeping: Keeping, pictures: PreparedPictures, wanted: Wanted) -> None:
    (file,) = files_of(keeping)
    file.rename(file.with_name("draft-0123456789abcdef"))


def _other_renderer(keeping: Keeping, pictures: PreparedPictures, wanted: Wanted) -> None:
    (own,) = (keeping.folder / "pictures").iterdir()
    own.rename(own.with_name("older"))


@pytest.mark.parametrize("happens", [_instance_gone, _draft_left, _other_renderer])
def test_what_shows_nothing_any_more_goes(
    keeping: Keeping, pictures: PreparedPictures, happens: Callable[[Keeping, PreparedPictures, Wanted], None]
) -> None:
    wanted = of(keeping, keeping.put(ct()))
    pictures.keep(wanted, b"picture")
    assert pictures.tidy(1000) == 7
    happens(keeping, pictures, wanted)
    assert pictures.tidy(1000) == 0
    assert files_of(keeping) == []


def test_when_there_are_too_many_the_latest_studies_stay(keeping: Keeping, pictures: PreparedPictures) -> None:
    all_wanted = [of(keeping, keeping.put(ct())) for _ in range(5)]
    for number, wanted in enumerate(all_wanted):
        os.utime(keeping.files.path(wanted.record.blob_key), (0, 1_000 * number))
    for wanted in reversed(all_wanted):
        pictures.keep(wanted, b"x" * 100)
    assert pictures.tidy(350) == 300
    assert [bool(pictures.find(wanted)) for wanted in all_wanted] == [False, False, True, True, True]
    assert pictures.tidy(0) == 0
    assert files_of(keeping) == []


def test_nothing_to_tidy(pictures: PreparedPictures) -> None:
    assert pictures.tidy(1000) == 0


def test_another_renderer_does_not_find_them(
    keeping: Keeping, pictures: PreparedPictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = of(keeping, keeping.put(ct()))
    pictures.keep(wanted, b"picture")
    monkeypatch.setattr(prepared, "_renderer", lambda: "newer")
    assert pictures.find(wanted) is None
