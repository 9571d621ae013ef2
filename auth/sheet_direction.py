"""The order in which a line is drawn that has words from the left and from the right.

The implicit rules of the Unicode Bidirectional Algorithm (UAX #9 revision 50, 3.3.4 to 3.4), for one line without
explicit formatting characters, which the caller has taken out; paired brackets (rule N0) follow their surroundings.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

_STRONG: Final = frozenset("LR") | {"AL"}
_NUMBERS: Final = frozenset({"EN", "AN"})
_NEUTRAL: Final = frozenset({"ON", "WS", "B", "S", "BN"})


def visual_runs(text: str, *, from_right: bool) -> list[tuple[str, bool]]:
    """The runs of `text` from left to right as they are drawn, each in the order of reading and whether from the right.

    `from_right`: the direction of the paragraph.
    """
    base = 1 if from_right else 0
    levels = _levels(_resolved([unicodedata.bidirectional(one) or "L" for one in text], base), base)
    for place in reversed(range(len(text))):
        # Rule L1: spaces at the end stand where the line ends.
        if not text[place].isspace():
            break
        levels[place] = base
    places = _reordered(levels)
    return [
        ("".join(text[place] for place in sorted(group)), level % 2 == 1)
        for level, group in ((levels[run[0]], run) for run in _neighbours(places, levels))
    ]


def _resolved(types: list[str], base: int) -> list[str]:
    """Each character's type after the rules W1 to W7, N1 and N2: L, R, EN or AN."""
    outer = "R" if base else "L"
    _weak(types, outer)
    start = 0
    for neutral, group in groupby(types[:], key=_NEUTRAL.__contains__):
        end = start + len(list(group))
        if neutral:
            before = _side(types[start - 1]) if start else outer
            after = _side(types[end]) if end < len(types) else outer
            types[start:end] = [before if before == after else outer] * (end - start)
        start = end
    return types


def _weak(types: list[str], outer: str) -> None:
    previous = outer
    for place, one in enumerate(types):  # W1
        types[place] = previous = previous if one == "NSM" else one
    strong = outer
    for place, one in enumerate(types):  # W2, W3
        strong = one if one in _STRONG else strong
        if one == "EN" and strong == "AL":
            types[place] = "AN"
    types[:] = ["R" if one == "AL" else one for one in types]
    for place in range(1, len(types) - 1):  # W4
        before, one, after = types[place - 1 : place + 2]
        if before == after and ((one == "ES" and before == "EN") or (one == "CS" and before in _NUMBERS)):
            types[place] = before
    start = 0
    for one, group in groupby(types[:]):  # W5
        end = start + len(list(group))
        if one == "ET" and "EN" in (types[start - 1] if start else "", types[end] if end < len(types) else ""):
            types[start:end] = ["EN"] * (end - start)
        start = end
    types[:] = ["ON" if one in ("ES", "ET", "CS") else one for one in types]  # W6
    strong = outer
    for place, one in enumerate(types):  # W7
        strong = one if one in _STRONG else strong
        if one == "EN" and strong == "L":
            types[place] = "L"


def _side(kind: str) -> str:
    """Numbers count as words from the right where neutrals are concerned."""
    return "L" if kind == "L" else "R"


def _levels(types: Sequence[str], base: int) -> list[int]:
    """Rules I1 and I2."""
    deeper = {"L": base and 2, "R": 1, "EN": 2, "AN": 2}
    return [deeper[one] for one in types]


def _reordered(levels: Sequence[int]) -> list[int]:
    """Rule L2: the places of the characters from left to right."""
    places = list(range(len(levels)))
    for level in (2, 1):
        start = 0
        for inside, group in groupby(places[:], key=lambda place: levels[place] >= level):
            end = start + len(list(group))
            if inside:
                places[start:end] = reversed(places[start:end])
            start = end
    return places


def _neighbours(places: Sequence[int], levels: Sequence[int]) -> Iterator[list[int]]:
    """Runs of places that follow each other, up or down, on one level."""
    run: list[int] = []
    for place in places:
        if run and (levels[place] != levels[run[-1]] or abs(place - run[-1]) != 1):
            yield run
            run = []
        run.append(place)
    if run:
        yield run
