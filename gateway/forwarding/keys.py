"""The attributes that rules may name: by keyword or by tag, as PS3.6 has them, and only those that can be compared."""

import re
from typing import Final

from storage.attributes import Matching, attribute

_TAG: Final = re.compile(r"\(?([0-9A-Fa-f]{4}),? ?([0-9A-Fa-f]{4})\)?")
_INCOMPARABLE: Final = frozenset({Matching.NONE, Matching.SEQUENCE})


def keyword_of(text: str) -> str:
    """The keyword of an attribute that is named by it, or by its tag: StudyDescription, (0008,1030), 00081030.

    Raises ValueError with a sentence for what the data dictionary does not know, and for sequences and binary values,
    which no value of a rule can be compared with.
    """
    # Here, because every process reads the configuration, and the supervisor needs nothing else of pydicom.
    from pydicom.datadict import keyword_for_tag, tag_for_keyword

    named = text.strip()
    found = _TAG.fullmatch(named)
    tag = int(found[1] + found[2], 16) if found else tag_for_keyword(named)
    keyword = "" if tag is None else keyword_for_tag(tag)
    if tag is None or not keyword:
        raise ValueError(f"{named} is no keyword of DICOM, such as StudyDescription")
    if attribute(f"{tag:08X}").matching in _INCOMPARABLE:
        raise ValueError(f"{named} has no values that a rule could compare, as StudyDescription has")
    return keyword
