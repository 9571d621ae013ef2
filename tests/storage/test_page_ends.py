"""Ends of pages: known to every process, and never worth a failure."""

import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from storage.page_ends import PageEnds
from storage.query import Place
from storage.waiting import WouldWait, without_waiting

PLACE = Place(("20260101", "", "1.2"), (7, "1.2.3"), (2**40, "1.2.3.4"))
QUESTION = bytes(32)


@pytest.fixture
def ends(tmp_path: Path) -> Iterator[PageEnds]:
    with closing(PageEnds(tmp_path / "ends.sqlite", most=2)) as opened:
        yield opened


def test_what_one_process_keeps_another_finds(ends: PageEnds, tmp_path: Path) -> None:
    with closing(PageEnds(tmp_path / "ends.sqlite", most=2)) as other:
        assert other.get(QUESTION, 1) is None
        ends.put(QUESTION, 1, PLACE)
        assert other.get(QUESTION, 1) == PLACE
        moved = replace(PLACE, instance=(1, "1.2.3.5"))
        other.put(QUESTION, 1, moved)
        assert ends.get(QUESTION, 1) == moved
        assert ends.get(QUESTION, 2) is ends.get(bytes(31) + b"\1", 1) is None


def test_no_more_are_kept_than_fit_and_the_latest_stay(ends: PageEnds) -> None:
    for offset in (1, 2, 1, 3):
        ends.put(QUESTION, offset, PLACE)
    assert [ends.get(QUESTION, offset) is not None for offset in (1, 2, 3)] == [True, False, True]


def test_a_damaged_file_costs_nothing_but_a_line_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "ends.sqlite").write_bytes(b"this is no database" * 100)
    with closing(PageEnds(tmp_path / "ends.sqlite")) as ends, caplog.at_level(logging.WARNING):
        ends.put(QUESTION, 1, PLACE)
        assert ends.get(QUESTION, 1) is None
    assert [record.getMessage() for record in caplog.records] == ["page_ends_failing error=SQLITE_NOTADB"] * 2


def test_where_nobody_may_wait_what_is_known_is_not_written_again(ends: PageEnds) -> None:
    with pytest.raises(WouldWait), without_waiting():
        ends.put(QUESTION, 1, PLACE)
    assert ends.get(QUESTION, 1) is None
    ends.put(QUESTION, 1, PLACE)
    with without_waiting():
        ends.put(QUESTION, 1, PLACE)
        assert ends.get(QUESTION, 1) == PLACE
