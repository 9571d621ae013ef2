"""Query parameters as PS3.18 8.3 has them, and what is said about those that we do not know."""

from urllib.parse import quote

import pytest

from dicomweb.parameters import MAXIMUM_RESULTS, Search, parse_annotation, parse_rendering, parse_search
from dicomweb.problems import BadRequest
from storage.attributes import Level

SIZE = (512, 256)


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
        ("0009110c", {"0009110C"}),
        ("RequestAttributesSequence.ScheduledProcedureStepID", {"00400275"}),
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
    assert study(f"{name}=false").warnings == []
    (warning,) = study(f"{name}=true").warnings
    assert warning.startswith(f"The {name} parameter is not supported. ")
    with pytest.raises(BadRequest, match="true or false"):
        study(f"{name}=yes")


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


def test_rendering_without_parameters() -> None:
    rendering, warnings = parse_rendering({}, "image/jpeg", SIZE)
    assert (rendering.media_type, rendering.window, rendering.viewport) == ("image/jpeg", None, None)
    assert not warnings


def test_a_thumbnail_is_never_made_larger() -> None:
    rendering, _ = parse_rendering({}, "image/png", SIZE, (128, 128))
    assert (rendering.media_type, rendering.viewport, rendering.enlarge) == ("image/png", (128, 128), False)
    rendering, _ = parse_rendering({"viewport": "999,999"}, "image/png", SIZE, (128, 128))
    assert (rendering.viewport, rendering.enlarge) == ((999, 999), False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("40,400,linear", (40.0, 400.0, "LINEAR")),
        ("40,400", (40.0, 400.0, "LINEAR")),
        ("-600.5, 1.5e3 ,linear-exact", (-600.5, 1500.0, "LINEAR_EXACT")),
        ("0,0.5,SIGMOID", (0.0, 0.5, "SIGMOID")),
    ],
)
def test_window(text: str, expected: tuple[float, float, str]) -> None:
    assert parse_rendering({"window": text}, "image/jpeg", SIZE)[0].window == expected


@pytest.mark.parametrize(
    "text", ["", "40", "40,0,linear", "40,0.5,linear", "40,-1,sigmoid", "nan,1,linear", "1,inf", "1,2,cubic", "1,2,3,4"]
)
def test_windows_that_are_none(text: str) -> None:
    with pytest.raises(BadRequest, match="window"):
        parse_rendering({"window": text}, "image/jpeg", SIZE)


@pytest.mark.parametrize(
    ("text", "viewport", "region"),
    [
        ("100,50", (100, 50), None),
        ("100,50,,,,", (100, 50), None),
        ("100,50,10,20,30,40", (100, 50), (10.0, 20.0, 30.0, 40.0)),
        ("100,50,,,-512,", (100, 50), (0.0, 0.0, -512.0, 256.0)),
        ("100,50,1.5,,,", (100, 50), (1.5, 0.0, 512.0, 256.0)),
    ],
)
def test_viewport(text: str, viewport: tuple[int, int], region: tuple[float, ...] | None) -> None:
    rendering, _ = parse_rendering({"viewport": text}, "image/jpeg", SIZE)
    assert (rendering.viewport, rendering.region, rendering.enlarge) == (viewport, region, True)


@pytest.mark.parametrize(
    "text", ["", "1", "0,1", "-1,1", "1,99999", "1,1,1", "1,1,-1,0,5,5", "1,1,0,0,0,5", "1,1,a,b,c,d", "1.5,2"]
)
def test_viewports_that_are_none(text: str) -> None:
    with pytest.raises(BadRequest, match="viewport"):
        parse_rendering({"viewport": text}, "image/jpeg", SIZE)


def test_quality() -> None:
    assert parse_rendering({"quality": "5"}, "image/jpeg", SIZE)[0].quality == 5
    for text in ("0", "101", "-1", "", "x", "1" * 5000):
        with pytest.raises(BadRequest, match="quality"):
            parse_rendering({"quality": text}, "image/jpeg", SIZE)


def test_what_is_not_supported_is_said() -> None:
    _, warnings = parse_rendering({"charset": "utf-8", "annotation": "patient"}, "image/jpeg", SIZE, (128, 128))
    assert warnings == [
        "The charset parameter is not supported.",
        "The annotation parameter is not supported for thumbnails.",
    ]


def test_annotation_names_what_is_to_be_written() -> None:
    """PS3.18 8.3.5.1.1: keywords that are not known are left out, and named in a warning."""
    assert parse_annotation({}) == ([], [])
    assert parse_annotation({"annotation": "technique, patient,patient"}) == (["technique", "patient"], [])
    known, (warning,) = parse_annotation({"annotation": "patient,<script>"})
    assert known == ["patient"] and "script" not in warning
    for empty in ("", " , "):
        with pytest.raises(BadRequest, match="patient, technique"):
            parse_annotation({"annotation": empty})


@pytest.mark.parametrize("profile", ["no", "yes", "srgb", "adobergb", "rommrgb"])
def test_colour_profiles(profile: str) -> None:
    """PS3.18 8.3.5.1.5."""
    assert parse_rendering({"iccprofile": profile}, "image/jpeg", SIZE)[0].profile == profile
    with pytest.raises(BadRequest, match="rommrgb"):
        parse_rendering({"iccprofile": "cmyk"}, "image/jpeg", SIZE)
