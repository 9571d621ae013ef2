"""Value representations (PS3.5 section 6.2) and the data dictionary (PS3.6) as the reader needs them.

pydicom is imported where it is asked, because decoder processes read headers too but never need the dictionary: that
halves the time until a decoder answers, and its memory.
"""

from functools import lru_cache
from typing import Final

# PS3.5 7.1.2: these announce their length in 16 bits, the others in 32 bits after two reserved bytes.
_SHORT: Final = ("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST")
_LONG: Final = ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")
SHORT_FORM: Final = {code.encode(): code for code in (*_SHORT, "TM", "UI", "UL", "US")}
LONG_FORM: Final = {code.encode(): code for code in _LONG}

OTHER: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW"})

_LUT_DATA: Final = frozenset({"US or OW", "US or SS or OW"})


@lru_cache(maxsize=8192)
def dictionary_value_representation(tag: int) -> str:
    """VR of the standard attribute `tag`, as the dictionary prints it ("US or SS"), or "UN" if it is not known.

    Group lengths are UL and private creators LO (PS3.5 7.2 and 7.8.1).
    """
    from pydicom.datadict import dictionary_VR

    try:
        vr = dictionary_VR(tag)
    except KeyError:
        vr = "UN"
    if vr != "UN":
        return "UN" if vr == "NONE" else vr
    if tag & 0xFFFF == 0:
        return "UL"
    return "LO" if is_private_creator(tag) else "UN"


def dictionary_keyword(tag: int) -> str:
    """Keyword of the standard attribute `tag`, or "" if it is not known."""
    from pydicom.datadict import keyword_for_tag

    return keyword_for_tag(tag)


def has_several_values(tag: int) -> bool:
    """Whether the attribute may have more than one value; so may one that the dictionary does not know."""
    from pydicom.datadict import dictionary_VM

    try:
        return dictionary_VM(tag) != "1"
    except KeyError:
        return True


@lru_cache(maxsize=8192)
def private_value_representation(tag: int, creator: str) -> str:
    """VR of a private attribute of a well-known `creator`, else "UN"."""
    from pydicom.datadict import private_dictionary_VR

    try:
        return private_dictionary_VR(tag, creator)
    except KeyError:
        return "UN"


def is_private(tag: int) -> bool:
    """Whether the group of `tag` is odd (PS3.5 7.8)."""
    return bool(tag & 0x10000)


def is_private_creator(tag: int) -> bool:
    """Whether `tag` reserves a block of private attributes (PS3.5 7.8.1)."""
    return is_private(tag) and 0x10 <= tag & 0xFFFF <= 0xFF


def unambiguous(vr: str, *, pixels_are_signed: bool) -> str:
    """Which of the VRs that the dictionary leaves open an Implicit VR data set uses (PS3.5 annex A.1)."""
    if vr == "US or SS":
        return "SS" if pixels_are_signed else "US"
    return "OW" if vr == "OB or OW" or vr in _LUT_DATA else vr


def describe(tag: int) -> str:
    """Name of an attribute for a message; private ones by number. Never holds a value."""
    from pydicom.datadict import dictionary_description

    try:
        return dictionary_description(tag)
    except KeyError:
        return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
