from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.data_set.encoder import encode
from storage.data_set.form import Form
from tests.storage.data_set.test_encoder import DATA_SETS, EXPLICIT, SYNTAXES


@settings(max_examples=150, deadline=None)
@given(
    template=DATA_SETS,
    data_set=DATA_SETS,
    terms=st.sampled_from(["ISO_IR 100", "ISO_IR 144", "ISO_IR 192"]),
    syntax=st.sampled_from(SYNTAXES),
)
def test_a_form_encodes_like_the_encoder(
    template: dict[str, Any], data_set: dict[str, Any], terms: str, syntax: str
) -> None:
    template = {tag: {"vr": element["vr"]} for tag, element in template.items()}
    template |= {"00080005": {"vr": "CS", "Value": [terms]}, "00080056": {"vr": "CS", "Value": ["ONLINE"]}}
    known = {tag: element for tag, element in data_set.items() if tag in template}
    assert Form(template, syntax).encode(data_set) == encode(template | known, syntax)


NAMES: list[Any] = [
    {"vr": "PN", "Value": [{"Alphabetic": "Müller^Jörg", "Ideographic": "山田"}]},
    {"vr": "PN", "Value": [{"Ideographic": "山田"}]},
    {"vr": "PN", "Value": [{"Alphabetic": "A"}, {"Alphabetic": "B"}]},
    {"vr": "PN", "Value": [None]},
    {"vr": "PN", "Value": [{}]},
    {"vr": "PN"},
    {"vr": "LO", "Value": ["another VR"]},
    {"vr": "LO", "Value": ["x" * 2_000]},
    {"vr": "LO", "Value": ["x" * 1_023]},
    {"vr": "UN", "InlineBinary": "AAEC"},
]


@pytest.mark.parametrize("element", NAMES)
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_values_that_are_unusual(element: dict[str, Any], syntax: str) -> None:
    template = {"00100010": {"vr": "PN"}, "00200013": {"vr": "IS"}}
    data_set = {"00100010": element, "00200013": {"vr": "IS", "Value": [-7]}}
    assert Form(template, syntax).encode(data_set) == encode(data_set, syntax)


def test_what_the_template_does_not_name_is_left_out() -> None:
    form = Form({"00100020": {"vr": "LO"}}, EXPLICIT)
    data_set = {"00100020": {"vr": "LO", "Value": ["TEST-1"]}, "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Ä"}]}}
    assert form.encode(data_set) == encode({"00100020": data_set["00100020"]}, EXPLICIT)
