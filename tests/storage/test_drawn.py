"""Pictures that were asked for: drawn once, kept within bounds, gone with what they show."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.drawn import DrawnPictures
from storage.errors import NotRenderable, OutOfResources
from storage.imaging.rendering import Rendering
from storage.prepared import PreparedPictures, Wanted
from tests.support.keeping import EVERYTHING, Keeping
from tests.support.patience import PATIENCE
from tests.support.synthetic import ct

MOST = 4096


@pytest.fixture
def kept(keeping: Keeping) -> PreparedPictures:
    return PreparedPictures(keeping.folder / "drawn", keeping.files)


@pytest.fixture
def pictures(kept: PreparedPictures) -> DrawnPictures:
    return DrawnPictures(kept, MOST)


@pytest.fixture
def wanted(keeping: Keeping) -> Wanted:
    stored = keeping.put(ct())
    record = keeping.index.instances(EVERYTHING, stored.study_instance_uid)[0]
    return Wanted(record, 1, Rendering())


def files_of(keeping: Keeping) -> list[Path]:
    return [path for path in (keeping.folder / "drawn").rglob("*") if path.is_file()]


def never() -> bytes:
    raise AssertionError("drawn again")


def test_what_was_drawn_is_kept(pictures: DrawnPictures, wanted: Wanted) -> None:
    assert pictures.picture(wanted, lambda: b"picture") == b"picture"
    assert pictures.picture(wanted, never) == b"picture"


def test_how_it_was_drawn_tells_pictures_apart(pictures: DrawnPictures, wanted: Wanted) -> None:
    others = [
        Wanted(wanted.record, 2, wanted.rendering),
        Wanted(wanted.record, 1, Rendering(quality=3)),
        Wanted(wanted.record, 1, wanted.rendering, "digest"),
    ]
    for number, one in enumerate([wanted, *others]):
        assert pictures.picture(one, lambda made=b"%d" % number: made) == b"%d" % number  # type: ignore[misc]


def test_many_who_ask_at_once_wait_for_one_drawing(pictures: DrawnPictures, wanted: Wanted) -> None:
    """All sixteen have asked before the only drawing is allowed to end."""
    started, may_end, drawings = threading.Event(), threading.Event(), []

    def draw() -> bytes:
        drawings.append(1)
        started.set()
        assert may_end.wait(PATIENCE)
        return b"picture"

    with ThreadPoolExecutor(16) as pool:
        first = pool.submit(pictures.picture, wanted, draw)
        assert started.wait(PATIENCE)
        others = [pool.submit(pictures.picture, wanted, draw) for _ in range(15)]
        may_end.set()
        assert {one.result(PATIENCE) for one in (first, *others)} == {b"picture"}
    assert len(drawings) == 1


def test_who_looks_just_before_it_is_kept_does_not_draw_it_again(
    pictures: DrawnPictures, wanted: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures.picture(wanted, lambda: b"picture")
    kept, looks = PreparedPictures.find, iter([None])
    monkeypatch.setattr(PreparedPictures, "find", lambda *asked: next(looks, kept(*asked)))
    assert pictures.picture(wanted, lambda: b"another") == b"picture"


def test_a_refusal_reaches_all_and_is_not_kept(pictures: DrawnPictures, wanted: Wanted) -> None:
    def refuse() -> bytes:
        raise NotRenderable("damaged")

    with pytest.raises(NotRenderable):
        pictures.picture(wanted, refuse)
    assert pictures.picture(wanted, lambda: b"mended") == b"mended"


def test_a_full_disk_withholds_nothing(
    pictures: DrawnPictures, kept: PreparedPictures, wanted: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OutOfResources("full")

    monkeypatch.setattr(kept, "keep", full)
    assert pictures.picture(wanted, lambda: b"picture") == b"picture"


def test_the_oldest_go_when_there_are_too_many(keeping: Keeping, pictures: DrawnPictures, wanted: Wanted) -> None:
    def one(number: int) -> Wanted:
        return Wanted(wanted.record, number, wanted.rendering)

    for number in range(1, 60):
        pictures.picture(one(number), lambda: b"x" * 200)
        for path in files_of(keeping):
            if path.stat().st_mtime > 1e6:
                os.utime(path, (number, number))
    assert sum(path.stat().st_size for path in files_of(keeping)) <= MOST + MOST // 16 + 200
    assert pictures.picture(one(59), never)
    with pytest.raises(AssertionError):
        pictures.picture(one(1), never)


def _instance_gone(keeping: Keeping, wanted: Wanted) -> None:
    keeping.files.remove(wanted.record.blob_key)


def _old_draft(keeping: Keeping, wanted: Wanted) -> None:
    (file,) = files_of(keeping)
    os.utime(file.rename(file.with_name("draft-0123456789abcdef")), (1, 1))


@pytest.mark.parametrize("happens", [_instance_gone, _old_draft])
def test_what_shows_nothing_any_more_goes(
    keeping: Keeping, pictures: DrawnPictures, wanted: Wanted, happens: Callable[[Keeping, Wanted], None]
) -> None:
    pictures.picture(wanted, lambda: b"picture")
    assert len(files_of(keeping)) == 1
    happens(keeping, wanted)
    pictures.tidy()
    assert files_of(keeping) == []


def test_pictures_of_what_is_deleted_go_at_once(keeping: Keeping, pictures: DrawnPictures, wanted: Wanted) -> None:
    other = keeping.put(ct(StudyInstanceUID=wanted.record.study_instance_uid))
    (record,) = keeping.index.instances(
        EVERYTHING, other.study_instance_uid, other.series_instance_uid, other.sop_instance_uid
    )
    for one in (wanted, Wanted(record, 1, wanted.rendering)):
        pictures.picture(one, lambda: b"picture")
    pictures.drop(record.study_instance_uid, [record.blob_key])
    assert pictures.picture(wanted, never) == b"picture"
    with pytest.raises(AssertionError):
        pictures.picture(Wanted(record, 1, wanted.rendering), never)


def test_a_draft_that_is_being_written_stays(keeping: Keeping, pictures: DrawnPictures, wanted: Wanted) -> None:
    pictures.picture(wanted, lambda: b"picture")
    (file,) = files_of(keeping)
    file.rename(file.with_name("draft-0123456789abcdef"))
    pictures.tidy()
    assert len(files_of(keeping)) == 1


def test_nothing_is_kept_where_nothing_may_be(keeping: Keeping, kept: PreparedPictures, wanted: Wanted) -> None:
    assert DrawnPictures(kept, 0).picture(wanted, lambda: b"picture") == b"picture"
    assert files_of(keeping) == []
