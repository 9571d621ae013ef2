"""What staff may choose as a password (OWASP ASVS 5.0, 6.2): long, not guessed early, and nothing of name and house.

How many guesses a password takes is what zxcvbn says, which knows the 30,000 most common ones, alone, in parts and bent
(1337, capitals, doubled, backwards), names, English words, dates and rows of keys. It reads no German, so the words
that come to mind at a German hospital's desk stand here.
"""

import re
from collections.abc import Iterable
from typing import Final

from auth.errors import UnusablePassword

SHORTEST: Final = 12
LONGEST: Final = 200
FEWEST_GUESSES: Final = 10**9
"""Behind a throttle and a second factor: whoever steals the database has Argon2id and the pepper before them."""

_LONGEST_JUDGED: Final = 72
"""Characters; judging takes a fifth of a second for so many."""
_WORD: Final = re.compile(r"[^\W\d_]{4,}")
_OWN: Final = "durchblick"
GUESSED_EARLY: Final = (
    *("passwort", "kennwort", "geheim", "willkommen", "anmeldung", "hallo", "schatz", "ichliebedich"),
    *("klinik", "klinikum", "krankenhaus", "spital", "praxis", "station", "empfang", "hospital", "clinic", "reception"),
    *("radiologie", "radiology", "röntgen", "roentgen", "xray", "dicom", "pacs", "befund", "patient", "arzt", "doktor"),
    *("januar", "februar", "märz", "april", "mai", "juni", "juli", "august", "september", "oktober", "november"),
    *("dezember", "frühling", "sommer", "herbst", "winter", "ostern", "weihnachten"),
    *("montag", "dienstag", "mittwoch", "donnerstag", "freitag", "samstag", "sonntag"),
)


def judge(password: str, name: str, house: Iterable[str] = ()) -> None:
    """Raises `UnusablePassword` for what the account `name` had better not take. `house`: how others call the house."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise UnusablePassword("length", f"A password has {SHORTEST} to {LONGEST} characters.")
    folded = password.casefold()
    words = [word for text in (_OWN, name, *house) for word in _WORD.findall(text.casefold())]
    if any(word in folded for word in words):
        raise UnusablePassword("name", "A password holds no part of the account's name or of the name of the house.")
    if _guesses(password) < FEWEST_GUESSES:
        raise UnusablePassword(
            "common", "A password is none that is guessed early; take some words without connection."
        )


def _guesses(password: str) -> int:
    # Its lists take 15 MB and a tenth of a second; few processes ever see a password being chosen.
    from zxcvbn import zxcvbn

    return int(zxcvbn(password[:_LONGEST_JUDGED], list(GUESSED_EARLY))["guesses"])
