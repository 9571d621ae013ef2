"""Reads study and series descriptions: what they say when every word of them is known, and nothing otherwise."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from gateway.pages.words.anatomy import is_part
from gateway.pages.words.vocabulary import FOR_MODALITIES, LAST, LONGEST, MODALITIES, PHRASES, Sort

_TOKEN: Final = re.compile(r"[^\W\d_]+\d*[^\W_]*|\d+(?:[.,]\d+)?[^\W_]*")
# Thickness, kernels, matrices, counts: "2,75mm", "B30f", "1x1x1", "5".
_MEASURE: Final = re.compile(r"\d+(?:[.,]\d+)?(?:mm|cm|s|x[\dx]+)?|[bhi]r?\d{2}[a-z]?|ms\d+|x\d+")
_DIFFUSION: Final = re.compile(r"b\d{1,4}")
_LONGEST_TEXT: Final = 200


@dataclass(frozen=True, slots=True)
class Reading:
    """What a description says; a field is empty where it says nothing, or two things that cannot both be."""

    regions: tuple[str, ...] = ()
    side: str = ""
    contrast: str = ""
    kind: str = ""
    plane: str = ""
    view: str = ""


NOTHING: Final = Reading()

# Of several kinds in one description the first that stands here names the images: an ADC map comes of diffusion images.
_FIRST_OF_KINDS: Final = ("LOCALIZER", "ADC", "DWI", "SWI", "TOF", "FLAIR", "STIR")


def read(description: str, modalities: Collection[str]) -> Reading:
    """What `description` says of a study or series of these modalities; `NOTHING` when a word of it is not known."""
    found = _sorted_words(description, modalities)
    if found is None:
        return NOTHING
    sides = found.get(Sort.SIDE, [])
    return Reading(
        regions=largest(found.get(Sort.REGION, [])),
        side=_one(sides) if len(found.get(Sort.REGION, [])) == 1 else "",
        contrast=_contrast(found.get(Sort.CONTRAST, [])),
        kind=_kind(found.get(Sort.KIND, [])),
        plane=_one(found.get(Sort.PLANE, [])),
        view=_one(found.get(Sort.VIEW, [])),
    )


def largest(regions: Collection[str]) -> tuple[str, ...]:
    """These regions, each once, without those that lie in another of them."""
    each = tuple(dict.fromkeys(regions))
    return tuple(one for one in each if not any(one != other and is_part(one, other) for other in each))


def _sorted_words(description: str, modalities: Collection[str]) -> dict[Sort, list[str]] | None:
    """The known values by their sort, or None when there is an unknown word or one that does not fit."""
    # What stands before a caret is the folder of a protocol, which may be another part of the body.
    if "^" in description or len(description) > _LONGEST_TEXT:
        return None
    tokens = _TOKEN.findall(_undotted(unicodedata.normalize("NFC", description).casefold()))
    found: dict[Sort, list[str]] = {}
    place = 0
    while place < len(tokens):
        sort, value, length = _next(tokens, place, modalities)
        if sort is None:
            return None
        found.setdefault(sort, []).append(value)
        place += length
    written = found.get(Sort.MODALITY, [])
    return found if all(MODALITIES[one] & set(modalities) for one in written) else None


def _next(tokens: list[str], place: int, modalities: Collection[str]) -> tuple[Sort | None, str, int]:
    """Sort, value and length of the longest known phrase that begins at `place`."""
    for length in range(min(LONGEST, len(tokens) - place), 0, -1):
        sort, value = PHRASES.get(tuple(tokens[place : place + length]), (None, ""))
        if sort is not None and FOR_MODALITIES.get(sort, set(modalities)) & set(modalities):
            return sort, value, length
    token = tokens[place]
    if place == len(tokens) - 1 and token in LAST:
        return Sort.SIDE, LAST[token], 1
    if "MR" in modalities and _DIFFUSION.fullmatch(token):
        return Sort.KIND, "DWI", 1
    return (Sort.NOISE, "", 1) if _MEASURE.fullmatch(token) else (None, "", 1)


def _undotted(text: str) -> str:
    """Without the dots of abbreviations: "p.a." is "pa"."""
    return re.sub(r"(?<=[^\W\d_])\.(?=[^\W\d_]\b|\W|$)", "", text)


def _one(values: list[str]) -> str:
    return values[0] if len(set(values)) == 1 else ""


def _contrast(values: list[str]) -> str:
    return "both" if {"with", "without"} <= set(values) else _one(values)


def _kind(values: list[str]) -> str:
    return next((kind for kind in _FIRST_OF_KINDS if kind in values), _one(values))


def agreed(described: Collection[str], coded: Collection[str]) -> tuple[str, ...]:
    """The regions that description and codes agree on, the more exact of both; nothing when they contradict."""
    if not described or not coded:
        return largest(described or coded)
    if all(any(is_part(one, other) or is_part(other, one) for other in described) for one in coded):
        return largest(described)
    if all(any(is_part(one, other) or is_part(other, one) for other in coded) for one in described):
        return largest(coded)
    return ()
