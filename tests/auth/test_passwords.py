"""No password of staff is one that is guessed early, and who chooses one reads why."""

import pytest
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from auth.errors import UnusablePassword
from auth.passwords import LONGEST, SHORTEST, judge

COMMON = list(FREQUENCY_LISTS["passwords"])
NAME, HOUSE = "erika.probe", ["Klinikum Musterstadt", "Nordhaus am See"]


def reason(password: str) -> str:
    """Why it is refused; empty when it is not."""
    try:
        judge(password, NAME, HOUSE)
    except UnusablePassword as unusable:
        return unusable.reason
    return ""


@pytest.mark.parametrize(
    "password",
    [
        "sieben graue Katzen",
        "correct horse battery",
        "tannenbaum lampe",
        "Vq7#kk!02mZx",
        "ключ под ковриком",
        ("Im Garten hinter der Scheune blüht selten ein blauer Rittersporn. " * 4)[:LONGEST],
    ],
    ids=["German", "English", "two words", "random", "Cyrillic", "longest"],
)
def test_what_nobody_guesses_is_taken(password: str) -> None:
    assert reason(password) == ""


def test_the_most_common_ones_that_are_long_enough_are_refused() -> None:
    """Some of the 30,000 most common ones that are, and of the first 3,000, doubled until they are."""
    assert len(COMMON) == 30_000
    long = [one for one in COMMON if len(one) >= SHORTEST]
    doubled = [one * -(-SHORTEST // len(one)) for one in COMMON[:3000:30]]
    taken = [one for one in (*long[::3], *doubled) if reason(one) not in ("common", "name")]
    assert len(long) > 200 and taken == []


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("x" * (SHORTEST - 1), "length"),
        ("x" * (LONGEST + 1), "length"),
        ("x" * LONGEST, "common"),
        ("abcabcabcabcabc", "common"),
        ("P4ssw0rd2026!", "common"),
        ("drowssapdrowssap", "common"),
        ("qwertzuiopü123", "common"),
        ("Willkommen123!", "common"),
        ("Radiologie2026", "common"),
        ("Sommer2026!!!!", "common"),
        ("Dienstag2026!", "common"),
        ("Frau Probe von nebenan", "name"),
        ("ERIKA und die Katzen", "name"),
        ("Lampen im klinikum", "name"),
        ("NORDHAUS lampe tisch", "name"),
        ("DurchBlick lampe tisch", "name"),
    ],
)
def test_what_others_guess_is_refused_with_the_reason(password: str, why: str) -> None:
    assert reason(password) == why
