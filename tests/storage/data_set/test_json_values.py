"""Values of DICOM JSON: what is absent, empty or broken is the same, whatever others have sent."""

from typing import Any

import pytest

from storage.data_set import json_values

TAG = "00100020"


@pytest.mark.parametrize(
    "broken", [None, 7, "text", [], {}, {"Value": None}, {"Value": {}}, {"Value": "text"}], ids=repr
)
def test_what_is_broken_is_absent(broken: Any) -> None:
    data_set = {TAG: broken}
    assert json_values.values(data_set, TAG) == []
    assert json_values.items(data_set, TAG) == []
    assert json_values.numbers(data_set, TAG) == []
    assert json_values.first(data_set, TAG) is None
    assert json_values.item(data_set, TAG, 0) is None
    assert json_values.number(data_set, TAG) is None
    assert json_values.text(data_set, TAG) == json_values.written(data_set, TAG) == ""
    assert json_values.whole(data_set, TAG, 3) == 3


@pytest.mark.parametrize(
    ("values", "items", "numbers", "text", "written"),
    [
        ([{"a": 1}, None, 2, {}], [{"a": 1}, {}], [], "", "{'a': 1}"),
        ([1, 2.5], [], [1.0, 2.5], "", "1"),
        ([True], [], [], "", "True"),
        ([float("inf")], [], [], "", "inf"),
        ([" A\0 ", "B"], [], [], "A\0", "A"),
        ([None, "B"], [], [], "", ""),
    ],
    ids=["items", "numbers", "no number", "not finite", "padded", "empty first"],
)
def test_what_is_there(values: list[Any], items: list[Any], numbers: list[float], text: str, written: str) -> None:
    data_set = {TAG: {"vr": "UN", "Value": values}}
    assert json_values.values(data_set, TAG) == values
    assert json_values.items(data_set, TAG) == items
    assert json_values.numbers(data_set, TAG) == numbers
    assert (json_values.text(data_set, TAG), json_values.written(data_set, TAG)) == (text, written)
