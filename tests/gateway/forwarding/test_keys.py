"""Attributes that rules may name."""

import pytest

from gateway.forwarding.keys import keyword_of


@pytest.mark.parametrize(
    "named", ["StudyDescription", " StudyDescription ", "(0008,1030)", "0008,1030", "00081030", "(0008, 1030)"]
)
def test_an_attribute_is_named_by_keyword_or_tag(named: str) -> None:
    assert keyword_of(named) == "StudyDescription"


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ("StudyDescriptions", "no keyword"),
        ("", "no keyword"),
        ("(0009,1001)", "no keyword"),
        ("PixelData", "no values"),
        ("(0008,1110)", "no values"),
        ("OverlayData", "no keyword"),
    ],
)
def test_what_cannot_be_compared_is_no_condition(named: str, why: str) -> None:
    """A condition that is passed over would send everything."""
    with pytest.raises(ValueError, match=why):
        keyword_of(named)
