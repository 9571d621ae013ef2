import pytest
from pydicom._dicom_dict import DicomDictionary
from pydicom.values import converters

from storage.data_set.value_representations import (
    LONG_FORM,
    SHORT_FORM,
    describe,
    dictionary_value_representation,
    is_private_creator,
    private_value_representation,
    unambiguous,
)


@pytest.mark.parametrize(
    ("tag", "vr"),
    [
        (0x00100010, "PN"),
        (0x7FE00010, "OB or OW"),
        (0x00280106, "US or SS"),
        (0x60023000, "OB or OW"),  # One of the repeating groups (PS3.5 7.6).
        (0x00090000, "UL"),
        (0x00090010, "LO"),
        (0x00091010, "UN"),
        (0x00100011, "UN"),
        (0xFFFEE000, "UN"),
    ],
)
def test_dictionary(tag: int, vr: str) -> None:
    assert dictionary_value_representation(tag) == vr


def test_every_vr_has_one_form() -> None:
    known = {vr for vr in converters if len(vr) == 2}
    assert set(SHORT_FORM.values()) | set(LONG_FORM.values()) == known
    assert not set(SHORT_FORM) & set(LONG_FORM)


def test_nothing_stays_ambiguous() -> None:
    for vr, *_ in DicomDictionary.values():
        if vr != "NONE":
            assert unambiguous(vr, pixels_are_signed=False).encode() in SHORT_FORM.keys() | LONG_FORM.keys()
    assert unambiguous("US or SS", pixels_are_signed=True) == "SS"
    assert unambiguous("US or OW", pixels_are_signed=True) == "OW"


def test_private_attributes_of_known_makers() -> None:
    assert private_value_representation(0x00091001, "GEMS_IDEN_01") == "LO"
    assert private_value_representation(0x00091001, "NOBODY KNOWN") == "UN"
    assert private_value_representation(0x000910FE, "GEMS_IDEN_01") == "UN"


@pytest.mark.parametrize("tag", [0x00090010, 0x000900FF])
def test_private_creators(tag: int) -> None:
    assert is_private_creator(tag)


@pytest.mark.parametrize("tag", [0x00080010, 0x00090100, 0x0009000F, 0x00090000])
def test_what_creates_no_private_block(tag: int) -> None:
    assert not is_private_creator(tag)


def test_describe() -> None:
    assert describe(0x7FE00010) == "Pixel Data"
    assert describe(0x0009101A) == "(0009,101A)"
