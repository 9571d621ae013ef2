"""Search parameters as PS3.18 8.3.4 has them, and what is said about those that we do not know."""

from urllib.parse import quote

import pytest

from dicomweb.problems import BadRequest
from dicomweb.search.search_parameters import MAXIMUM_RESULTS, Search, parse_search
from storage.attributes import Level
from storage.query import EMPTY


def keys(search: Search) -> dict[str, tuple[str, ...]]:
    return {match.attribute.keyword: match.values for match in search.matches}


def study(query: str) -> Search:
    return parse_search(query, Level.STUDY)


@pytest.mark.parametrize("name", ["PatientName", "00100010"])
def test_keys_by_keyword_and_by_tag(name: str) -> None:
    assert keys(study(f"{name}=Muster%5EErika")) == {"PatientName": ("Muster^Erika",)}


def test_a_tag_in_small_letters() -> None:
    assert keys(study("0020000d=1.2")) == {"StudyInstanceUID": ("1.2",)}


def test_only_uids_are_lists() -> None:
    found = study("StudyInstanceUID=1.2,1.3%2C1.4%5C1.5&PatientName=Muster%2C%20Erika&StudyDescription=a,b")
    assert keys(found) == {
        "StudyInstanceUID": ("1.2", "1.3", "1.4", "1.5"),
        "PatientName": ("Muster, Erika",),
        "StudyDescription": ("a,b",),
    }


def test_repeated_keys_are_alternatives() -> None:
    assert keys(study("ModalitiesInStudy=CT&PatientID=1&ModalitiesInStudy=MR")) == {
        "ModalitiesInStudy": ("CT", "MR"),
        "PatientID": ("1",),
    }


def test_text_is_utf_8() -> None:
    assert keys(study(f"PatientName={quote('Müller*')}")) == {"PatientName": ("Müller*",)}


def test_path_keys_are_matched_too() -> None:
    found = parse_search("Modality=CT", Level.SERIES, [("StudyInstanceUID", "1.2")])
    assert keys(found) == {"StudyInstanceUID": ("1.2",), "Modality": ("CT",)}


def test_keys_that_are_asked_for_are_returned() -> None:
    assert study("StudyID=7&AccessionNumber=").query().include >= {"00200010", "00080050"}


@pytest.mark.parametrize(
    ("value", "tags"),
    [
        ("StudyDescription", {"00081030"}),
        ("00081030", {"00081030"}),
        ("StudyDescription,PatientAge", {"00081030", "00101010"}),
        ("StudyDescription%2C00101010", {"00081030", "00101010"}),
        ("StudyDescription&includefield=PatientAge", {"00081030", "00101010"}),
        # A private attribute comes with its creator (PS3.18 10.6.3.3).
        ("0009110c", {"0009110C", "00090011"}),
    ],
)
def test_include(value: str, tags: set[str]) -> None:
    found = study(f"includefield={value}")
    assert found.query().include == tags
    assert not found.warnings and not found.include_all


def test_include_all() -> None:
    assert study("includefield=all").query().include_all


def test_unknown_include_is_named_and_restricts_nothing() -> None:
    found = study("includefield=PatientNmae")
    assert found.warnings == ["The following attributes are not known and have not been included: PatientNmae"]
    assert not found.matches_nothing


@pytest.mark.parametrize(
    ("query", "nothing"),
    [
        ("PatientNmae=Muster*", True),
        ("StationName=CT1", True),
        ("Modality=CT", True),
        ("RequestAttributesSequence.ScheduledProcedureStepID=1", True),
        ("PatientNmae=Muster*&PatientID=1", False),
        # These do not leave anything out, so they do not save the answer from being everything.
        ("PatientNmae=Muster*&PatientID=", True),
        ("PatientNmae=Muster*&PatientID=*", True),
    ],
)
def test_unsupported_keys_never_widen(query: str, nothing: bool) -> None:
    found = study(query)
    assert found.matches_nothing is nothing
    name = query.partition("=")[0]
    assert found.warnings == [f"The following search attributes are not supported: {name}"]


def test_an_unsupported_key_without_value_asks_for_its_attribute() -> None:
    found = study("StationName=")
    assert found.include == {"00081010"}
    assert not found.matches_nothing and not found.warnings


def test_an_unsupported_key_below_a_path_is_bounded_by_the_path() -> None:
    assert not parse_search("_=1", Level.SERIES, [("StudyInstanceUID", "1.2")]).matches_nothing


@pytest.mark.parametrize("name", ["fuzzymatching", "emptyvaluematching", "multiplevaluematching"])
def test_switches(name: str) -> None:
    """PS3.18 8.3.4.2, 8.3.4.5, 8.3.4.6."""
    for given in ("true", "false"):
        assert study(f"{name}={given}").warnings == []
    for given in ("yes", "TRUE", "", "true&" + name + "=true"):
        with pytest.raises(BadRequest, match="true or false"):
            study(f"{name}={given}")


def test_what_the_switches_switch() -> None:
    query = 'PatientName=A&PatientID=""&OtherPatientNames=B%5CC&ModalitiesInStudy=CT&ModalitiesInStudy=MR'
    name, patient, others, modalities = study(query).matches
    assert not name.fuzzy and not others.every and not modalities.every
    # Two quotation marks, padded: a value like others.
    assert patient.values == ('"" ',)
    switches = "".join(f"&{name}matching=true" for name in ("fuzzy", "emptyvalue", "multiplevalue"))
    name, patient, others, modalities = study(query + switches).matches
    assert name.fuzzy and others.fuzzy and not modalities.fuzzy
    assert patient.values == (EMPTY,)
    assert others.every and modalities.every and not name.every


def test_multiple_values_are_for_attributes_that_have_several() -> None:
    """PS3.4 C.2.2.2.8: of one that has a single value no two can match."""
    found = study("PatientID=1%5C2&StudyInstanceUID=1.2%5C1.3&StudyDate=20260101%5C20260102&multiplevaluematching=true")
    assert [match.every for match in found.matches] == [False, False, False]


def test_keyword_and_tag_are_one_key() -> None:
    assert keys(study("PatientID=1&00100020=2")) == {"PatientID": ("1", "2")}


def test_a_backslash_separates_values_where_there_can_be_several() -> None:
    """PS3.5 6.2: it is a letter in long texts."""
    assert keys(study("ModalitiesInStudy=CT%5CMR&PatientComments=a%5Cb")) == {
        "ModalitiesInStudy": ("CT", "MR"),
        "PatientComments": ("a\\b",),
    }


@pytest.mark.parametrize(
    "name",
    [
        "RequestAttributesSequence.ScheduledProcedureStepID",
        "00400275.00400009",
        "RequestAttributesSequence.00400009",
        "00400275.ScheduledProcedureStepID",
    ],
)
def test_attributes_of_items(name: str) -> None:
    """PS3.18 8.3.4.1."""
    (match,) = parse_search(f"{name}=7", Level.SERIES).matches
    assert (match.attribute.keyword, len(match.item)) == ("RequestAttributesSequence", 1)
    assert (match.item[0].attribute.keyword, match.item[0].values) == ("ScheduledProcedureStepID", ("7",))
    (match,) = parse_search(f"includefield={name}", Level.SERIES).matches
    assert match.is_universal and match.item[0].attribute.tag == "00400009"


def test_keys_of_one_sequence_are_of_one_item() -> None:
    """PS3.4 C.2.2.2.6."""
    path = "RequestAttributesSequence"
    protocol = "ScheduledProtocolCodeSequence.CodeValue"
    query = f"{path}.RequestedProcedureID=A&{path}.{protocol}=B&{path}.ScheduledProcedureStepID="
    (match,) = parse_search(query, Level.SERIES).matches
    procedure, codes, step = match.item
    assert (procedure.values, codes.item[0].values, step.is_universal) == (("A",), ("B",), True)


@pytest.mark.parametrize(
    "name",
    [
        "PatientName.PatientID",
        "OtherPatientIDsSequence.",
        ".PatientID",
        "OtherPatientIDsSequence..PatientID",
        "OtherPatientIDsSequence.Nonsense",
        "OtherPatientIDsSequence." * 17 + "PatientID",
        "OtherPatientIDsSequence",
        "7FE00010",
        "0010,0020",
        "0010002",
    ],
)
def test_names_that_are_no_keys(name: str) -> None:
    found = parse_search(f"{quote(name)}=1", Level.INSTANCE)
    assert found.unsupported == [name] and found.matches_nothing


def test_a_sequence_can_be_asked_for_being_empty() -> None:
    (match,) = study('OtherPatientIDsSequence=""&emptyvaluematching=true').matches
    assert match.values == (EMPTY,)


def test_private_and_unknown_attributes_are_keys_of_instances() -> None:
    assert not parse_search("00091002=1&00210123=2", Level.INSTANCE).warnings
    assert study("00091002=1").unsupported == ["00091002"]


def test_the_time_zone_of_the_keys() -> None:
    for given, expected in {"%2B0100": "+0100", "+0100": "+0100", "-0930": "-0930", "": ""}.items():
        found = study(f"TimezoneOffsetFromUTC={given}")
        assert found.query().timezone == expected and "00080201" in found.query().include
    for given in ("0100", "%2B1560", "Europe/Berlin", "%2B01:00", "-0100&TimezoneOffsetFromUTC=-0200"):
        with pytest.raises(BadRequest, match="HHMM"):
            study(f"TimezoneOffsetFromUTC={given}")


def test_what_is_true_of_everything_here() -> None:
    assert study("InstanceAvailability=OFFLINE").matches_nothing
    assert not study("InstanceAvailability=ONLINE").matches_nothing
    assert not study("SpecificCharacterSet=ISO_IR 100").warnings


def test_attributes_of_levels_below_are_not_included() -> None:
    """PS3.18 10.6.3.3: they shall not be returned."""
    found = study("includefield=RequestAttributesSequence.ScheduledProcedureStepID,00080060")
    assert found.matches == () and not found.warnings


def test_paging() -> None:
    query = study("limit=25&offset=50").query()
    assert (query.limit, query.offset) == (25, 50)
    assert study("limit=0").query().limit == 0
    assert study("").query().limit == study("limit=999999").query().limit == MAXIMUM_RESULTS


@pytest.mark.parametrize("query", ["limit=-1", "limit=", "limit=a", "offset=1.5", "limit=1&limit=2", "offset=²"])
def test_numbers_that_are_none(query: str) -> None:
    with pytest.raises(BadRequest, match="unsigned integer"):
        study(query)


def test_accept_and_charset_are_no_keys() -> None:
    assert not study("accept=application/dicom%2Bjson&charset=utf-8").warnings
