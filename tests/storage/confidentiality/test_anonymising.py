"""The Basic Application Level Confidentiality Profile, on made-up and on real instances."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.config import disable_value_validation
from pydicom.datadict import dictionary_has_tag
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from storage.confidentiality import basic_profile
from storage.confidentiality.anonymising import Anonymiser, burned_in
from storage.errors import CannotUnderstand
from tests.support.corpus import bundled
from tests.support.synthetic import ct, part10

SECRETS = ("Muster", "Erika", "TEST-1", "19500131", "Geheim", "Dr. Probe", "20260102", "101500")


def anonymised(data_set: Dataset, anonymiser: Anonymiser | None = None) -> tuple[dict[str, Any], bytes, Dataset]:
    """Data set in JSON, bytes of the file, and what pydicom reads of it."""
    json, pieces = (anonymiser or Anonymiser()).instance(BytesIO(part10(data_set)))
    content = b"".join(pieces)
    return json, content, pydicom.dcmread(BytesIO(content))


def image(**attributes: Any) -> Dataset:
    """A CT image that tells all sorts of things."""
    data_set = ct(
        ReferringPhysicianName="Dr. Probe^Paul",
        InstitutionName="Geheim",
        SeriesDate="20260102",
        ImageComments="Erika Muster, Geheim",
        StationName="Geheim",
        DeviceSerialNumber="Geheim",
        ProtocolName="Geheim",
        **attributes,
    )
    request = Dataset()
    request.RequestedProcedureDescription = "Geheim"
    data_set.RequestAttributesSequence = Sequence([request])
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "T-D3000", "SRT", "Chest"
    data_set.AnatomicRegionSequence = Sequence([code])
    data_set.add_new(0x00091010, "LO", "Geheim")
    data_set.add_new(0x60003000, "OW", b"Geheim  ")
    data_set.add_new(0x60004000, "LO", "Geheim")
    data_set.add_new(0x50003000, "OW", b"Geheim  ")
    return data_set


def test_nothing_is_left_that_tells_whose_it_is() -> None:
    _, content, _ = anonymised(image())
    assert [one for one in SECRETS if one.encode() in content] == []


def test_the_image_itself_stays() -> None:
    original = image()
    _, _, made = anonymised(original)
    assert (made.pixel_array == original.pixel_array).all()
    assert (made.RescaleIntercept, made.WindowCenter, made.Modality) == (-1024, 40, "CT")
    assert made.AnatomicRegionSequence[0].CodeMeaning == "Chest"
    assert made.SOPClassUID == original.SOPClassUID


def test_it_says_what_was_done() -> None:
    _, _, made = anonymised(image())
    assert made.PatientIdentityRemoved == "YES"
    assert made.DeidentificationMethodCodeSequence[0].CodeValue == "113100"
    assert made.LongitudinalTemporalInformationModified == "REMOVED"
    assert (made.PatientName, made.StudyDate, made.AccessionNumber) == ("ANONYM", "", "")


def test_uids_become_others_the_same_ones_everywhere() -> None:
    anonymiser = Anonymiser()
    first, second = image(), image()
    second.StudyInstanceUID = first.StudyInstanceUID
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = first.SOPClassUID, first.SOPInstanceUID
    second.DerivationCodeSequence = Sequence([reference])
    one, other = (anonymised(data_set, anonymiser)[2] for data_set in (first, second))
    assert one.StudyInstanceUID == other.StudyInstanceUID != first.StudyInstanceUID
    assert other.DerivationCodeSequence[0].ReferencedSOPInstanceUID == one.SOPInstanceUID
    assert other.DerivationCodeSequence[0].ReferencedSOPClassUID == first.SOPClassUID
    assert one.PatientID == other.PatientID
    assert one.file_meta.MediaStorageSOPInstanceUID == one.SOPInstanceUID


def test_another_copy_cannot_be_put_beside_it() -> None:
    original = image()
    one, other = (anonymised(original)[2] for _ in range(2))
    assert one.StudyInstanceUID != other.StudyInstanceUID
    assert one.PatientID != other.PatientID


def test_palettes_stay_though_they_are_long() -> None:
    palette = bytes(range(256)) * 8
    json, _, made = anonymised(image(RedPaletteColorLookupTableData=palette))
    assert made.RedPaletteColorLookupTableData == palette


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, "no"),
        ({"BurnedInAnnotation": "YES"}, "yes"),
        ({"Modality": "US"}, "perhaps"),
        ({"Modality": "US", "BurnedInAnnotation": "NO"}, "no"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "perhaps"),
    ],
    ids=["ct", "stated", "ultrasound", "denied", "secondary-capture"],
)
def test_what_may_be_written_into_the_pixels_is_told(attributes: dict[str, Any], expected: str) -> None:
    json, _, _ = anonymised(ct(**attributes))
    assert burned_in(json) == expected


def test_what_is_no_uncompressed_image_is_refused() -> None:
    report = ct(PixelData=None)
    with pytest.raises(CannotUnderstand):
        Anonymiser().instance(BytesIO(part10(report)))
    with pytest.raises(CannotUnderstand):
        Anonymiser().instance(BytesIO(b"no DICOM"))


def test_the_table_names_each_attribute_once_and_none_that_images_need() -> None:
    kinds = (basic_profile.REMOVED, basic_profile.EMPTIED, basic_profile.REPLACED, basic_profile.RENAMED)
    assert sum(map(len, kinds)) == len(frozenset().union(*kinds)) > 640
    named = {tag for kind in kinds for tag in kind}
    known = sum(dictionary_has_tag(int(tag, 16)) for tag in named)
    assert known > 0.95 * len(named), "the others are younger than pydicom"
    needed = ("00280010", "00280100", "00280030", "00080016", "00080060", "00281053", "00200037", "7FE00010")
    assert named.isdisjoint(needed)


@pytest.mark.parametrize("path", bundled(), ids=lambda path: path.name)
def test_real_images_come_out_readable_and_nameless(path: Path) -> None:
    with path.open("rb") as file:
        try:
            json, pieces = Anonymiser().instance(file)
            content = b"".join(pieces)
        except CannotUnderstand:
            return
    with disable_value_validation():
        made = pydicom.dcmread(BytesIO(content))
        original = pydicom.dcmread(path, force=True)
        assert made.PixelData == original.PixelData
        assert not any(element.tag.is_private for element in made.elements())
        name = str(original.get("PatientName", ""))
        assert len(name) < 4 or name not in str(made.PatientName)
        for keyword in ("PatientBirthDate", "AccessionNumber", "StudyDate", "InstitutionName"):
            assert made.get(keyword, "") in ("", None, "ANONYM")
