"""The order of words from the left and from the right in one line, by examples of UAX #9 and of the sheet."""

import pytest

from auth.sheet_direction import visual_runs


def _drawn(text: str, from_right: bool) -> str:
    """Capital letters stand for Hebrew ones, as in UAX #9, and are drawn from the right."""
    hebrew = "".join(chr(ord("א") + ord(one) - ord("A")) if "A" <= one <= "Z" else one for one in text)
    runs = visual_runs(hebrew, from_right=from_right)
    drawn = "".join(run[::-1] if is_from_right else run for run, is_from_right in runs)
    return "".join(chr(ord(one) - ord("א") + ord("A")) if "א" <= one <= "ת" else one for one in drawn)


@pytest.mark.parametrize(
    ("text", "left", "right"),
    [
        ("car means CAR.", "car means RAC.", ".RAC car means"),
        ("CAR means car", "RAC means car", "means car RAC"),
        ("VALID 31 MAY 2027", "2027 YAM 31 DILAV", "2027 YAM 31 DILAV"),
        ("CODE 1,5-2.", "1,5-2 EDOC.", ".1,5-2 EDOC"),
        ("A 10% B", "B 10% A", "B 10% A"),
        ("tel 5 A", "tel 5 A", "A tel 5"),
        ("", "", ""),
        ("...", "...", "..."),
    ],
)
def test_lines_are_drawn_as_the_standard_says(text: str, left: str, right: str) -> None:
    assert _drawn(text, False) == left
    assert _drawn(text, True) == right


def test_numbers_after_arabic_letters_are_arabic_numbers() -> None:
    assert visual_runs("سنة 2027-2028", from_right=True) == [
        ("2028", False),
        ("-", True),
        ("2027", False),
        ("سنة ", True),
    ]


def test_spaces_at_the_end_of_a_line_stand_at_its_end() -> None:
    assert visual_runs("abc ", from_right=True) == [(" ", True), ("abc", False)]


def test_marks_belong_to_their_letters() -> None:
    assert visual_runs("a\u0301b\u05d0\u05b4", from_right=False) == [("a\u0301b", False), ("\u05d0\u05b4", True)]
