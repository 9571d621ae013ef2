"""Data sets that come from outside (PS3.18 F.2), and what is kept of them."""

from typing import Any

import pytest

from storage.errors import CannotUnderstand
from storage.worklist.data_sets import DEEPEST, MOST_ELEMENTS, checked, element, first, has_value, text


def nested(times: int) -> dict[str, Any]:
    data_set: dict[str, Any] = {}
    for _ in range(times):
        data_set = {"0040A370": element("SQ", data_set)}
    return data_set


def test_tags_are_in_order_and_in_upper_case() -> None:
    given: dict[str, Any] = {
        "0040a370": {"vr": "SQ", "Value": [{"00100020": {"vr": "LO"}, "00080050": {"vr": "SH", "Value": ["1"]}}]}
    }
    found = checked({"00741204": element("LO", "x")} | given)
    assert list(found) == ["0040A370", "00741204"]
    assert list(found["0040A370"]["Value"][0]) == ["00080050", "00100020"]


def test_nothing_unknown_is_kept() -> None:
    given: dict[str, Any] = {"vr": "LO", "Value": [], "name": "x", "InlineBinary": None, "BulkDataURI": ""}
    assert checked({"00741204": given}) == {"00741204": {"vr": "LO"}}
    assert checked({"00741204": {"vr": "OB", "InlineBinary": "eA=="}})["00741204"]["InlineBinary"] == "eA=="


def test_depth_is_limited() -> None:
    assert checked(nested(DEEPEST)) == nested(DEEPEST)
    with pytest.raises(CannotUnderstand):
        checked(nested(DEEPEST + 1))


@pytest.mark.parametrize(
    "given",
    [
        {f"{tag:08X}": {"vr": "LO"} for tag in range(MOST_ELEMENTS + 1)},
        {"0040A370": {"vr": "SQ", "Value": [{}] * (MOST_ELEMENTS + 1)}},
        {"00741204": {"vr": "LO", "Value": ["x"] * (MOST_ELEMENTS + 1)}},
    ],
)
def test_width_is_limited(given: dict[str, Any]) -> None:
    with pytest.raises(CannotUnderstand):
        checked(given)


@pytest.mark.parametrize("value", [True, ["x"], {"x": "y"}, {"Alphabetic": "x"}])
def test_values_of_the_wrong_kind(value: object) -> None:
    with pytest.raises(CannotUnderstand):
        checked({"00741204": {"vr": "LO", "Value": [value]}})


@pytest.mark.parametrize("values", [(), ("",), (None,), ({},), (None, "")])
def test_what_has_no_value(values: tuple[object, ...]) -> None:
    data_set = {"00741204": element("LO", *values)}
    assert not has_value(data_set, "00741204")
    assert text(data_set, "00741204") == "" and first({}, "00741204") is None


def test_padding_is_no_part_of_a_value() -> None:
    assert text({"00081195": element("UI", "1.2\0")}, "00081195") == "1.2"
    assert text({"00081195": element("US", 5)}, "00081195") == ""
