"""What the worker does with orders, and which downloads it removes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from auth.shares import Shares
from gateway.downloads.downloads import KEPT_SECONDS, Downloads
from gateway.downloads.layout import File, Layout, Made, Prepared
from gateway.downloads.worker import Preparation
from gateway.house import House
from storage.deletion import Target
from storage.errors import NoSuchInstance, OutOfResources
from storage.scope import ListedStudies, WholeArchive
from tests.gateway.downloads.conftest import order, prepare, work
from tests.gateway.portal_house import Portal, keep
from tests.support.synthetic import ct


def preparation(house: House, is_stopping: Callable[[], bool] = lambda: False) -> Preparation:
    return Preparation(house, is_stopping)


def left(house: House) -> tuple[int, int]:
    """How many rows and how many folders there are."""
    folders = list(house.downloads_folder.iterdir()) if house.downloads_folder.exists() else []
    return len(house.downloads.all()), len(folders)


def test_all_studies_or_one_are_prepared(portal: Portal, house: House) -> None:
    everything = prepare(house, portal.issued)
    one = prepare(house, portal.issued, portal.chest[0].study_instance_uid)
    assert [len(one.split()) for one in everything.prepared.layout.sources.values()] == [3, 1]
    assert [len(one.split()) for one in one.prepared.layout.sources.values()] == [3]
    assert left(house) == (2, 2)


def test_nothing_of_others_is_in_it(portal: Portal, house: House) -> None:
    with pytest.raises(NoSuchInstance):
        order(house, portal.issued, portal.foreign.study_instance_uid)
    assert portal.foreign.study_instance_uid.encode() not in prepare(house, portal.issued).content


def test_a_worker_that_is_told_to_stop_leaves_the_work_to_the_next(portal: Portal, house: House) -> None:
    order(house, portal.issued)
    asked = iter([False, True, True, True])
    assert preparation(house, lambda: next(asked)).work() == 0
    assert left(house) == (1, 0)
    assert work(house) == 1


def test_busy_decoders_postpone_it(portal: Portal, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    ordered = order(house, portal.issued)

    def busy(*_: object) -> bytes:
        raise OutOfResources("busy")

    monkeypatch.setattr("storage.pixels.Pixels.draw", busy)
    assert work(house) == 0
    (download,) = house.downloads.all()
    assert (download.id, download.state) == (ordered.id, "waiting")
    assert left(house) == (1, 0)


def test_an_order_of_an_ended_share_fails(portal: Portal, house: House) -> None:
    order(house, portal.issued)
    house.shares.revoke(portal.issued.share.id)
    assert work(house) == 0
    assert house.downloads.all()[0].state == "failed"


def test_downloads_die_with_their_share(portal: Portal, house: House) -> None:
    prepare(house, portal.issued)
    preparation(house).tidy()
    assert left(house) == (1, 1)
    house.shares.revoke(portal.issued.share.id)
    preparation(house).tidy()
    assert left(house) == (0, 0)


def test_downloads_of_an_expired_share_go(portal: Portal, house: House) -> None:
    prepare(house, portal.issued)
    later = datetime.now(UTC) + timedelta(days=60)
    shares = Shares(house.storage.database, b"p" * 32, lambda: later)
    preparation(replace(house, shares=shares)).tidy()
    assert left(house) == (0, 0)


def test_downloads_of_what_is_deleted_go(portal: Portal, house: House) -> None:
    prepare(house, portal.issued)
    other = prepare(house, portal.issued, portal.chest[0].study_instance_uid)
    house.storage.deletion.delete(WholeArchive(), Target(portal.report.study_instance_uid), source="test")
    assert [folder.name for folder in house.downloads_folder.iterdir()] == [other.download.id], "at once"
    preparation(house).tidy()
    assert left(house) == (1, 1)


def test_what_is_deleted_while_it_is_prepared_is_not_published(
    portal: Portal, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordered = order(house, portal.issued)
    finish = Made.finish

    def deleted(made: Made, files: Sequence[File], sources: Iterable[tuple[str, str]]) -> Layout:
        house.storage.deletion.delete(WholeArchive(), Target(portal.report.study_instance_uid), source="test")
        return finish(made, files, sources)

    monkeypatch.setattr(Made, "finish", deleted)
    assert work(house) == 0
    assert [(one.id, one.state) for one in house.downloads.all()] == [(ordered.id, "failed")]
    assert left(house) == (1, 0)


def test_a_download_shows_only_what_a_scope_shows(portal: Portal, house: House) -> None:
    layout, index = prepare(house, portal.issued).prepared.layout, house.storage.index
    both = frozenset({portal.chest[0].study_instance_uid, portal.report.study_instance_uid})
    assert layout.studies == tuple(sorted(both, key=lambda uid: uid == portal.report.study_instance_uid))
    assert layout.is_shown(index, ListedStudies(both))
    for study in both:
        assert not layout.is_shown(index, ListedStudies(both - {study}))


def test_what_an_earlier_version_prepared_is_ordered_anew_and_goes_with_any_deletion(
    portal: Portal, house: House
) -> None:
    archive = prepare(house, portal.issued)
    (layout,) = house.downloads_folder.glob("*/layout")
    layout.write_bytes(b'{"files":[],"sources":[],"etag":""}')
    with pytest.raises(NoSuchInstance):
        Prepared(layout.parent, house.storage.files)
    house.storage.deletion.delete(WholeArchive(), Target(portal.report.study_instance_uid), source="test")
    assert not layout.parent.exists()
    assert archive.prepared.layout.files == len(archive.files)


def test_files_are_listed_line_by_line(house: House, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    made = Made(folder)
    files = [made.append(f"{number:04d}", [b"%d" % number]) for number in range(1201)]
    layout = made.finish(files, [("1.2", "a/b"), ("1.3", "c/d"), ("1.2", "e/f")])
    made.close()
    prepared = Prepared(folder, house.storage.files)
    assert prepared.layout == layout and layout.sources == {"1.2": "a/b e/f", "1.3": "c/d"}
    assert list(prepared.files()) == files
    assert len((folder / "layout").read_bytes().splitlines()) == 1 + 3
    whole = b"".join(prepared.archive())
    assert (len(whole), layout.files) == (layout.size, 1201)
    assert b"".join(prepared.archive(layout.size - 1000)) == whole[-1000:]


def test_what_came_later_does_not_remove_a_download(portal: Portal, house: House) -> None:
    prepare(house, portal.issued)
    keep(house, ct(StudyDate="20260401"))
    preparation(house).tidy()
    assert left(house) == (1, 1)


def test_old_downloads_go(portal: Portal, house: House) -> None:
    prepare(house, portal.issued)
    later = datetime.now(UTC) + timedelta(seconds=KEPT_SECONDS + 60)
    downloads = Downloads(house.storage.database, lambda: later)
    preparation(replace(house, downloads=downloads)).tidy()
    assert left(house) == (0, 0)


def test_those_that_were_asked_for_last_stay_when_there_is_no_room(portal: Portal, house: House) -> None:
    prepare(house, portal.issued)
    section = house.config.storage.model_copy(update={"downloads_mb": 0})
    preparation(replace(house, config=house.config.model_copy(update={"storage": section}))).tidy()
    assert left(house) == (0, 0)


def test_folders_that_belong_to_no_download_go(portal: Portal, house: House) -> None:
    prepare(house, portal.issued)
    for name in ("0123456789abcdef", "0123456789abcdef-0123456789abcdef"):
        (house.downloads_folder / name).mkdir()
    preparation(house).tidy()
    assert left(house) == (1, 1)


def test_what_a_killed_worker_left_is_removed_and_what_is_being_made_is_not(portal: Portal, house: House) -> None:
    ordered = order(house, portal.issued)
    task = house.downloads.take_up()
    assert task
    drafts = [house.downloads_folder / f"{ordered.id}-{holder}" for holder in (task.holder, "0123456789abcdef")]
    for draft in drafts:
        draft.mkdir(parents=True)
    preparation(house).tidy()
    assert [draft.exists() for draft in drafts] == [True, False]
    house.downloads.hand_back(task)
    assert work(house) == 1
    preparation(house).tidy()
    assert [one.name for one in house.downloads_folder.iterdir()] == [ordered.id]
