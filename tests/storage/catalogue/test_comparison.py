import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.attributes import Matching
from storage.catalogue import comparable
from storage.catalogue.comparison import Like, comparison

TEXT = st.text("aA%_!*?.\\\nä", max_size=8)
PATTERNS = st.builds("{}{}{}".format, TEXT, st.sampled_from("*?"), st.text("aA*?", max_size=4))


@settings(max_examples=300, deadline=None)
@given(text=st.text("aA", max_size=5) | TEXT, pattern=PATTERNS)
def test_patterns_cover_in_python_what_they_cover_in_sql(text: str, pattern: str) -> None:
    with sqlite3.connect(":memory:") as connection:
        connection.execute("PRAGMA case_sensitive_like = ON")
        like = comparison(Matching.TEXT, pattern)
        assert isinstance(like, Like)
        condition = like.sql("?")
        (covered,) = connection.execute(f"SELECT {condition.sql}", (text, *condition.parameters)).fetchone()
    assert like.holds(text) == bool(covered)


def test_no_pattern_makes_it_slow() -> None:
    assert not comparison(Matching.TEXT, "*a" * 2_000 + "*b").holds("a" * 100_000)


@pytest.mark.parametrize(
    ("key", "inside", "outside"),
    [
        ("2026", ["20260101", "20261231235959.999999", "2026"], ["2025", "2027", ""]),
        ("202602", ["20260228235959"], ["20260301", "20260131"]),
        ("20240229-", ["2024022912", "2025"], ["20240228"]),
        ("-20260102101530", ["20260102101530.999"], ["20260102101531"]),
        ("20260101-20260102", ["2026010223"], ["20260103"]),
        ("20260102120000+0100", ["20260102110000", "20260102130000+0200", "20260102060000-0500"], ["20260102120000"]),
        ("20260101-0500", ["20260101050000"], ["20260101040000"]),
        ("20260101-0500-20260102-0500", ["20260102"], ["20260103060000"]),
        ("nonsense", [], ["2026", ""]),
        ("20260101-nonsense", [], ["20260101"]),
        ("20261345", [], []),
    ],
)
def test_date_times(key: str, inside: list[str], outside: list[str]) -> None:
    wanted = comparison(Matching.DATE_TIME, key)
    assert [value for value in inside if not wanted.holds(comparable.date_time(value))] == []
    assert [value for value in outside if wanted.holds(comparable.date_time(value))] == []


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7),
        ("007", 7),
        (" +7 ", 7),
        ("7.0", 7),
        ("7.5", 7.5),
        ("1e2", 100),
        ("1_0", None),
        ("nan", None),
        ("x", None),
    ],
)
def test_numbers(text: str, number: float | None) -> None:
    assert comparable.decimal(text) == number
    assert comparison(Matching.NUMBER, text).holds(number) is (number is not None)
