"""What a conforming search service must get right, and where others fail: one row a question, by the rule it is about.

The archive is small enough to be known by heart: three patients, five studies, one of which has two series.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import pytest
from httpx2 import Response
from pydicom.dataset import Dataset
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from dicomweb.problems import handlers
from dicomweb.routes import routes
from storage.scope import ListedStudies, PatientIdentity, StudyScope, WholeArchive
from storage.storage import Storage, StorageSettings
from tests.dicomweb.conftest import BASE, Callers
from tests.dicomweb.replies import problem_of
from tests.support.synthetic import ct, part10

ROOT: Final = "1.2.826.0.1.3680043.10.1559"
MUELLER: Final = ct(
    StudyInstanceUID=f"{ROOT}.1", SeriesInstanceUID=f"{ROOT}.1.1", SOPInstanceUID=f"{ROOT}.1.1.1",
    PatientID="P1", PatientName="Müller^Jörg", PatientBirthDate="19600102", StudyDate="20260101", StudyTime="233000",
    TimezoneOffsetFromUTC="+0100", AccessionNumber="A,1", StudyDescription="Schädel, nativ", StationName="CT1",
    ReferringPhysicianName="Weiß^Änne", OtherPatientNames=["Mueller^Georg", "Schmidt^Jorg"],
)  # fmt: skip


def item(**attributes: Any) -> Dataset:
    found = Dataset()
    for keyword, value in attributes.items():
        setattr(found, keyword, value)
    return found


def archive() -> list[Dataset]:
    mueller_again = ct(
        StudyInstanceUID=f"{ROOT}.1", SeriesInstanceUID=f"{ROOT}.1.2", SOPInstanceUID=f"{ROOT}.1.2.1", Modality="SR",
        PatientID="P1", PatientName="Müller^Jörg", PatientBirthDate="19600102", StudyDate="20260101",
        StudyTime="233000", SeriesNumber=2, SeriesDescription="Befund",
    )  # fmt: skip
    steps = [
        item(ScheduledProcedureStepID="S1", RequestedProcedureID="R1"),
        item(ScheduledProcedureStepID="S2", RequestedProcedureID="R2"),
    ]
    miller = ct(
        StudyInstanceUID=f"{ROOT}.2", SeriesInstanceUID=f"{ROOT}.2.1", SOPInstanceUID=f"{ROOT}.2.1.1", Modality="MR",
        PatientID="P2", PatientName="Miller^Ann", StudyDate="20260102", StudyTime="080000", AccessionNumber="A",
        RequestAttributesSequence=steps, OtherPatientIDsSequence=[item(PatientID="X7"), item(PatientID="X8")],
    )  # fmt: skip
    miller.add_new(0x00090010, "LO", "TESTS")
    miller.add_new(0x00091002, "LO", "secret sauce")
    miller.add_new(0x00091003, "US", 7)
    miller.KVP = "120"
    yamada = ct(
        StudyInstanceUID=f"{ROOT}.3", SeriesInstanceUID=f"{ROOT}.3.1", SOPInstanceUID=f"{ROOT}.3.1.1", Modality="CT",
        PatientID="P3", PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう", StudyDate="20260103", StudyTime="120000",
        AccessionNumber=None,
    )  # fmt: skip
    nobody = ct(
        StudyInstanceUID=f"{ROOT}.4", SeriesInstanceUID=f"{ROOT}.4.1", SOPInstanceUID=f"{ROOT}.4.1.1", Modality=None,
        PatientID="", PatientName="", StudyDate=None, StudyTime=None, AccessionNumber="B",
    )  # fmt: skip
    tanaka = ct(
        StudyInstanceUID=f"{ROOT}.5", SeriesInstanceUID=f"{ROOT}.5.1", SOPInstanceUID=f"{ROOT}.5.1.1", Modality="CT",
        PatientID="P5", PatientName="Tanaka^Hanako=田中^花子", StudyDate="20260104", AccessionNumber="C",
    )  # fmt: skip
    return [MUELLER, mueller_again, miller, yamada, nobody, tanaka]


@dataclass(frozen=True)
class Rule:
    """A question and the studies (or series, instances) that it finds, by the ends of their UIDs."""

    name: str
    query: str
    found: str
    resource: str = "studies"
    warning: str = ""
    included: dict[str, Any] = field(default_factory=dict)


UIDS: Final = {"studies": "0020000D", "series": "0020000E", "instances": "00080018"}
ALL: Final = "5 3 2 1 4"
STEP: Final = "RequestAttributesSequence.ScheduledProcedureStepID"
UNSUPPORTED: Final = "The following search attributes are not supported: "

PRIVATE: Final = {"00091002": "secret sauce", "00090010": "TESTS"}
GEORG: Final = {"Alphabetic": "Mueller^Georg"}
FIRST_STEP: Final = {"00400009": {"vr": "SH", "Value": ["S1"]}, "00401001": {"vr": "SH", "Value": ["R1"]}}


def other_id(patient_id: str) -> dict[str, Any]:
    return {"00101002": {"00100020": {"vr": "LO", "Value": [patient_id]}}}


RULES: Final = (
    # 13: lists, repeated keys, commas and backslashes.
    Rule("uids by comma", f"StudyInstanceUID={ROOT}.1,{ROOT}.3", "3 1"),
    Rule("uids by escaped comma", f"StudyInstanceUID={ROOT}.1%2C{ROOT}.3", "3 1"),
    Rule("uids by backslash", f"0020000D={ROOT}.1%5C{ROOT}.3", "3 1"),
    Rule("uids by repeated key", f"StudyInstanceUID={ROOT}.1&StudyInstanceUID={ROOT}.3", "3 1"),
    Rule("uids by keyword and tag", f"StudyInstanceUID={ROOT}.1&0020000d={ROOT}.3", "3 1"),
    Rule("a comma belongs to a text", "AccessionNumber=A,1", "1"),
    Rule("a comma belongs to a description", f"StudyDescription={quote('Schädel, nativ')}", "1"),
    Rule("a comma belongs to a name", f"PatientName={quote('Müller, Jörg')}", ""),
    Rule("repeated keys are alternatives", "PatientID=P1&PatientID=P3", "3 1"),
    Rule("values by backslash are alternatives", "PatientID=P1%5CP3", "3 1"),
    # Wildcards.
    Rule("wildcard", "PatientID=P*", "5 3 2 1"),
    Rule("one letter", "AccessionNumber=?", "5 2 4"),
    Rule("texts are case-sensitive", "PatientID=p1", ""),
    Rule("names are not", f"PatientName={quote('MÜLLER^jörg')}", "1"),
    Rule("any component group", f"PatientName={quote('山田*')}", "3"),
    # 19: dates, times, moments, time zones.
    Rule("a day", "StudyDate=20260102", "2"),
    Rule("days", "StudyDate=20260102-20260103", "3 2"),
    Rule("from a day on", "StudyDate=20260102-", "5 3 2"),
    Rule("up to a day", "StudyDate=-20260102", "2 1"),
    Rule("times", "StudyTime=0700-1300", "5 3 2"),
    Rule("one range of moments", "StudyDate=20260101-20260102&StudyTime=2300-0900", "2 1"),
    Rule("moments from one on", "StudyDate=20260102-&StudyTime=1100-", "5 3"),
    Rule("a day and times", "StudyDate=20260102&StudyTime=0700-0900", "2"),
    # 23:30 at +01:00 is 22:30 in London and the next morning in Tokyo; the others state no zone.
    Rule("in another zone", "StudyTime=2200-2300&TimezoneOffsetFromUTC=%2B0000", "1"),
    Rule("the day there", "StudyDate=20260102&TimezoneOffsetFromUTC=%2B0900", "2 1"),
    Rule("a plus sign that nobody escaped", "StudyDate=20260102&00080201=+0900", "2 1"),
    Rule("moments there", "StudyDate=20260102-20260102&StudyTime=0700-0730&TimezoneOffsetFromUTC=%2B0900", "1"),
    Rule("not the day here", "StudyDate=20260101&TimezoneOffsetFromUTC=%2B0900", ""),
    Rule("a zone alone restricts nothing", "TimezoneOffsetFromUTC=%2B0900", ALL),
    # Sequences by keyword and tag.
    Rule("items by keyword", f"{STEP}=S1", "2.1", "series"),
    Rule("items by tag", "00400275.00400009=S2", "2.1", "series"),
    Rule("items by both", "RequestAttributesSequence.00400009=S*", "2.1", "series"),
    Rule("one and the same item", f"{STEP}=S1&RequestAttributesSequence.RequestedProcedureID=R2", "", "series"),
    Rule("items at the level of studies", "OtherPatientIDsSequence.PatientID=X8", "2"),
    Rule("items below the level", f"{STEP}=S1", "", warning=UNSUPPORTED + STEP),
    # Empty and multiple values.
    Rule("no value", 'AccessionNumber=""&emptyvaluematching=true', "3"),
    Rule("no date", 'StudyDate=""&emptyvaluematching=true', "4"),
    Rule("no modality in it", 'ModalitiesInStudy=""&emptyvaluematching=true', "4"),
    Rule("two quotation marks", 'AccessionNumber=""', ""),
    Rule("any modality", "ModalitiesInStudy=SR%5CMR", "2 1"),
    Rule("each modality", "ModalitiesInStudy=SR%5CCT&multiplevaluematching=true", "1"),
    Rule("each modality, by repeated key", "ModalitiesInStudy=MR&ModalitiesInStudy=CT&multiplevaluematching=true", ""),
    Rule("each name", f"OtherPatientNames=Schmidt*%5C{quote('Müller')}*&multiplevaluematching=true", ""),
    Rule("each name", "OtherPatientNames=Schmidt*%5CMueller*&multiplevaluematching=true", "1"),
    # 18: derived keys.
    Rule("modalities by wildcard", "ModalitiesInStudy=?R", "2 1"),
    Rule("number of series", "NumberOfStudyRelatedSeries=2", "1"),
    Rule("number of instances", "NumberOfStudyRelatedInstances=1%5C2", ALL),
    Rule("number of instances of a series", "NumberOfSeriesRelatedInstances=2", "", "series"),
    Rule("study keys of series", "ModalitiesInStudy=SR", "1.1 1.2", "series"),
    Rule("what is online", "InstanceAvailability=ONLINE&PatientID=P1", "1"),
    Rule("what is not", "InstanceAvailability=NEARLINE", ""),
    # Private attributes, and any attribute of an instance.
    Rule("private attribute", "00091002=secret*", "2.1.1", "instances", included=PRIVATE),
    Rule("private number", "00091003=7", "2.1.1", "instances"),
    Rule("private creator", "00090010=TESTS&00091003=8", "", "instances"),
    Rule("attribute of an instance", "KVP=120", "2.1.1", "instances"),
    Rule("attribute of a series", "StationName=CT?", "1.1", "series"),
    # 14: unknown keys.
    Rule("unknown key", "PatientNmae=M*", "", warning=UNSUPPORTED + "PatientNmae"),
    Rule("unknown key beside another", "PatientNmae=M*&PatientID=P1", "1", warning=UNSUPPORTED + "PatientNmae"),
    Rule("unknown key beside an empty one", "PatientNmae=M*&PatientID=", "", warning=UNSUPPORTED + "PatientNmae"),
    Rule("unknown tag", "00091002=x", "", warning=UNSUPPORTED + "00091002"),
    Rule("binary key", "7FE00010=x", "", "instances", UNSUPPORTED + "7FE00010"),
    Rule("key of a level below", "Modality=CT&PatientID=P1", "1", warning=UNSUPPORTED + "Modality"),
    Rule("lists of unknown keys", "a=1&b=2", "", warning=UNSUPPORTED + "a, b"),
    # 15: fuzzy names.
    Rule("umlaut spelled out", "PatientName=Mueller&fuzzymatching=true", "2 1"),
    Rule("umlaut left out", "PatientName=muller%5Ejorg&fuzzymatching=true", "1"),
    Rule("sharp s", "ReferringPhysicianName=weiss&fuzzymatching=true", "1"),
    Rule("order of parts", f"PatientName={quote('Jörg, Müller')}&fuzzymatching=true", "1"),
    Rule("one edit", "PatientName=Tamaka%20Hanako&fuzzymatching=true", "5"),
    Rule("exchanged letters", "PatientName=Yamdaa&fuzzymatching=true", "3"),
    Rule("two edits", "PatientName=Tomaku&fuzzymatching=true", ""),
    Rule("short words are exact", "PatientName=Ana&fuzzymatching=true", ""),
    Rule("wildcards", f"PatientName={quote('Jo* Mü?ler')}&fuzzymatching=true", "1"),
    Rule("another script", f"PatientName={quote('太郎')}&fuzzymatching=true", "3"),
    Rule("another script never matches all of it", f"PatientName={quote('佐藤')}&fuzzymatching=true", ""),
    Rule("Cyrillic never matches all of it", f"PatientName={quote('Иванов')}&fuzzymatching=true", ""),
    Rule("punctuation is not everyone", f"PatientName={quote('-.,')}&fuzzymatching=true", ""),
    Rule("wildcards with punctuation are not everyone", f"PatientName={quote('*-*')}&fuzzymatching=true", ""),
    Rule("several names", "OtherPatientNames=Georg%20Muller&fuzzymatching=true", "1"),
    Rule("names only", "PatientID=p1&fuzzymatching=true", ""),
    # 16: includefield.
    Rule("by keyword", "PatientID=P1&includefield=OtherPatientNames", "1", included={"00101001": GEORG}),
    Rule("by escaped list", "KVP=120&includefield=00091002%2CStationName", "2.1.1", "instances", included=PRIVATE),
    Rule("all", "KVP=120&includefield=all", "2.1.1", "instances", included=PRIVATE | {"00091003": 7}),
    Rule("whole sequence", "PatientID=P2&includefield=OtherPatientIDsSequence", "2", included=other_id("X7")),
    Rule("path", f"PatientID=P2&includefield={STEP}", "2.1", "series", included={"00400275": FIRST_STEP}),
    Rule("path to an item", "OtherPatientIDsSequence.PatientID=X8", "2", included=other_id("X8")),
    Rule("unknown field", "PatientID=P1&includefield=Nonsense", "1",
         warning="The following attributes are not known and have not been included: Nonsense"),
)  # fmt: skip


SCOPES: Final[dict[str, tuple[StudyScope, str]]] = {
    "everything": (WholeArchive(), "1 2 3 4 5"),
    "listed": (ListedStudies(frozenset({f"{ROOT}.2", f"{ROOT}.5", "9.9"})), "2 5"),
    "patient": (PatientIdentity("P1", "", "19600102"), "1"),
    "nobody": (ListedStudies(frozenset()), ""),
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The archive behind the real routes, with a token for each scope."""
    storage, callers = Storage.open(tmp_path_factory.mktemp("rules"), StorageSettings(free_space_floor=0)), Callers()
    for name, (scope, _) in SCOPES.items():
        callers.add(name, scope, "read")
    for data_set in archive():
        incoming = storage.ingest.receive()
        incoming.write(part10(data_set))
        storage.ingest.store(incoming, source="test")
    mount = Mount("/dicom-web", routes=routes(storage, callers.scope_of, lambda _: BASE))
    with TestClient(Starlette(routes=[mount], exception_handlers=dict(handlers)), BASE) as opened:
        yield opened
    storage.close()


def ask(service: TestClient, url: str, scope: str = "everything") -> Response:
    return service.get(url, headers={"Authorization": f"Bearer {scope}", "Accept-Encoding": "identity"})


def ends(found: list[dict[str, Any]], resource: str) -> list[str]:
    return [one[UIDS[resource]]["Value"][0].removeprefix(f"{ROOT}.") for one in found]


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name.replace(" ", "_"))
def test_every_rule(service: TestClient, rule: Rule, scope: str) -> None:
    """PS3.18 8.3.4, 10.6; PS3.4 C.2.2.2. What a scoped caller asks is filtered, not refused (rule 31)."""
    response = ask(service, f"/{rule.resource}?{rule.query}", scope)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/dicom+json")
    his = SCOPES[scope][1].split()
    assert ends(response.json(), rule.resource) == [one for one in rule.found.split() if one.split(".")[0] in his]
    assert response.headers.get("warning") == (f'299 {BASE} "{rule.warning}"' if rule.warning else None)
    for one in response.json():
        for tag, value in rule.included.items():
            assert one[tag]["Value"][0] == value, tag
        assert one["00081190"]["Value"][0].startswith(f"{BASE}/studies/{one['0020000D']['Value'][0]}")


def test_nothing_found_is_an_empty_list(service: TestClient) -> None:
    """Rule 1, CP-2473: 200 and not 204."""
    response = ask(service, "/studies?PatientID=nobody")
    assert (response.status_code, response.content) == (200, b"[]")


def test_no_attribute_without_value_where_viewers_read_the_first(service: TestClient) -> None:
    """Rule 12: a study without any modality has no Modalities in Study."""
    (study,) = ask(service, f"/studies?StudyInstanceUID={ROOT}.4").json()
    assert "00080061" not in study
    assert [tag for tag in study if "Value" not in study[tag]] == ["00080020", "00080030", "00080090", *EMPTY_OF_NOBODY]


EMPTY_OF_NOBODY: Final = ["00100010", "00100020", "00200010"]


def test_counts_are_always_there(service: TestClient) -> None:
    """Rule 12."""
    for study in ask(service, "/studies?includefield=PatientAge").json():
        assert study["00201206"]["Value"][0] >= 1 and study["00201208"]["Value"][0] >= 1
    for series in ask(service, "/series").json():
        assert series["00201209"]["Value"] == [1] and series["00201206"]["Value"][0] >= 1


def test_only_the_items_that_match_are_told(service: TestClient) -> None:
    """PS3.4 C.2.2.2.6; all of a sequence where it is asked for, or is always returned."""
    (study,) = ask(service, "/studies?OtherPatientIDsSequence.PatientID=X8").json()
    assert len(study["00101002"]["Value"]) == 1
    (study,) = ask(service, "/studies?OtherPatientIDsSequence.PatientID=X8&includefield=00101002").json()
    assert len(study["00101002"]["Value"]) == 2
    (series,) = ask(service, f"/series?{STEP}=S1").json()
    assert len(series["00400275"]["Value"]) == 2


@pytest.mark.parametrize("query", ["fuzzymatching=maybe", "limit=-1", "offset=x", "TimezoneOffsetFromUTC=CET"])
def test_what_cannot_be_read_is_refused(service: TestClient, query: str) -> None:
    assert "takes" in problem_of(ask(service, f"/studies?{query}"), 400)["detail"]


def test_too_many_names_are_refused(service: TestClient) -> None:
    names = "&".join(f"PatientName=A{number}" for number in range(21))
    assert len(ask(service, f"/studies?{names}").json()) == 0
    assert "20 names" in problem_of(ask(service, f"/studies?fuzzymatching=true&{names}"), 400)["detail"]


@pytest.mark.parametrize("resource", UIDS)
@pytest.mark.parametrize(
    "query",
    ["%00=%00", "PatientName=" + "%C3" * 50, "PatientName=" + "a*" * 120 + "&fuzzymatching=true", "=&=1", "." * 900],
)
def test_hostile_queries_have_an_answer(service: TestClient, resource: str, query: str) -> None:
    assert ask(service, f"/{resource}?{query}").status_code == 200
