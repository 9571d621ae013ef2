"""DICOM JSON of strangers (PS3.18 annex F): our own comes through unchanged, what is no data set is refused."""

from struct import error as StructError
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.data_set import json_reader
from storage.data_set.encoder import encode
from storage.data_set.json_reader import decode
from storage.errors import CannotUnderstand
from tests.storage.data_set.test_encoder import DATA_SETS, sorted_tags

EXPLICIT = "1.2.840.10008.1.2.1"
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 1 << 40) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
ELEMENTS = st.fixed_dictionaries(
    {"vr": st.sampled_from(["US", "SQ", "PN", "DS", "IS", "FD", "AT", "LO", "OB", "UN", "UR"]) | ANYTHING},
    optional={"Value": ANYTHING, "InlineBinary": ANYTHING, "BulkDataURI": ANYTHING},
)


@settings(max_examples=40, deadline=None)
@given(DATA_SETS.map(sorted_tags))
def test_our_own_comes_through_unchanged(json: dict[str, Any]) -> None:
    expected = {
        tag: {key: value for key, value in element.items() if value != []} for tag, element in sorted(json.items())
    }
    assert decode(orjson.dumps([json, json])) == [expected, expected]
    assert decode(b"\xef\xbb\xbf" + orjson.dumps(json)) == [expected]


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(["00280010", "00400275", "00100010", "00091001"]), ELEMENTS, max_size=3))
def test_anything_is_refused_or_of_the_form_that_can_be_encoded(found: dict[str, Any]) -> None:
    """Whatever is in it, no other error than a refusal; what comes through, the encoder takes or refuses as a value."""
    try:
        (data_set,) = decode(orjson.dumps(found))
    except CannotUnderstand:
        return
    assert all(len(element["vr"]) == 2 for element in data_set.values())
    if not any("BulkDataURI" in element for element in data_set.values()):
        try:
            encode(data_set, EXPLICIT)
        except (ArithmeticError, LookupError, StructError, TypeError, ValueError):
            return


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ({"vr": "IS", "Value": ["1A", "5", 5.5, None]}, ["1A", "5", 5.5, None]),
        ({"vr": "US", "Value": 5}, [5]),
        ({"vr": "UV", "Value": ["18446744073709551615"]}, ["18446744073709551615"]),
        ({"vr": "FD", "Value": ["NaN", "-Infinity", 1]}, ["NaN", "-Infinity", 1.0]),
        ({"vr": "DS", "Value": ["0.10", 1]}, ["0.10", 1.0]),
        ({"vr": "PN", "Value": [{"Alphabetic": "A", "Phonetic": "", "Other": "x"}, {}]}, [{"Alphabetic": "A"}, {}]),
        ({"Value": ["x"]}, ["x"]),
        ({"vr": "SQ", "Value": [None, {}]}, [{}, {}]),
    ],
)
def test_ways_to_write_values(element: dict[str, Any], expected: list[Any]) -> None:
    """F.2.3 to F.2.5; what has no VR has that of the dictionary."""
    (data_set,) = decode(orjson.dumps({"00081030": element}))
    assert data_set["00081030"]["Value"] == expected


@pytest.mark.parametrize("empty", [{"vr": "LO", "Value": []}, {"vr": "LO", "Value": None}, {"vr": "LO"}, {}])
def test_ways_to_write_nothing(empty: dict[str, Any]) -> None:
    assert decode(orjson.dumps({"00081030": empty})) == [{"00081030": {"vr": "LO"}}]


@pytest.mark.parametrize(
    "document",
    [b"", b"null", b"5", b"{", b"[[]]", b'{"x": {}}', b'{"0008103": {}}', b'{"0008103G": {}}', b"[" * 900, b"\xff"],
)
def test_what_is_no_data_set(document: bytes) -> None:
    with pytest.raises(CannotUnderstand):
        decode(document)


def test_size_and_depth_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    deep: dict[str, Any] = {}
    for _ in range(json_reader.DEEPEST):
        deep = {"00400275": {"vr": "SQ", "Value": [deep]}}
    assert len(decode(orjson.dumps(deep))) == 1
    with pytest.raises(CannotUnderstand):
        decode(orjson.dumps({"00400275": {"vr": "SQ", "Value": [deep]}}))
    monkeypatch.setattr(json_reader, "MOST_CONTAINERS", 3)
    with pytest.raises(CannotUnderstand):
        decode(b"[{},{},{}]")
