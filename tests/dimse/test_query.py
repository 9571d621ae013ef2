"""C-FIND against a real index, without a network: statuses, response identifiers, levels, cancel."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydicom.dataset import Dataset

from dimse.command import AFFECTED_SOP_CLASS_UID, DATA_SET_TYPE, Command
from dimse.exchange import AssociationLost, Exchange
from dimse.services.operation import Collected, Context, Request, Response
from dimse.services.query import QueryService
from storage.data_set.encoder import encode
from storage.data_set.identifier import decode
from storage.index import Index
from storage.storage import Storage
from tests.support.keeping import Keeping
from tests.support.synthetic import ct

PATIENT_ROOT, STUDY_ROOT, PATIENT_STUDY_ONLY = (f"1.2.840.10008.5.1.4.1.2.{number}.1" for number in (1, 2, 3))
EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
RELATIONAL = b"\1"


class Listening:
    """A peer that keeps what it hears, and cancels or leaves after a number of responses."""

    def __init__(self, cancels_after: int | None = None, leaves_after: int | None = None) -> None:
        self.heard: list[Response] = []
        self._cancels_after = cancels_after
        self._leaves_after = leaves_after

    @property
    def is_cancelled(self) -> bool:
        return self._cancels_after is not None and len(self.heard) >= self._cancels_after

    def respond(self, response: Response) -> None:
        if len(self.heard) == self._leaves_after:
            raise AssociationLost
        self.heard.append(response)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    keeping = Keeping(tmp_path_factory.mktemp("find") / "data")
    for study in ("1.1", "1.2"):
        for series in ("1", "2"):
            for number in (1, 2):
                uids = {"StudyInstanceUID": study, "SeriesInstanceUID": f"{study}.{series}"}
                uids["SOPInstanceUID"] = f"{study}.{series}.{number}"
                keeping.put(ct(4, 4, number, **uids, SeriesNumber=series, **_of_study(study)))
    keeping.put(ct(4, 4, StudyInstanceUID="1.3", PatientID="TEST-2", PatientName="Beispiel^Jörg", StudyDate="20250101"))
    yield keeping.index
    keeping.close()


def _of_study(study: str) -> dict[str, Any]:
    ordered = Dataset()
    ordered.RequestedProcedureID, ordered.ScheduledProcedureStepID = f"R{study}", "S1"
    other = Dataset()
    other.RequestedProcedureID, other.ScheduledProcedureStepID = "R9", "S2"
    return {"StudyDate": f"2026010{study[-1]}", "RequestAttributesSequence": [ordered, other], "KVP": "120"}


def asked(
    index: Index,
    keys: dict[str, Any],
    sop_class: str = STUDY_ROOT,
    syntax: str = EXPLICIT,
    peer: Listening | None = None,
    agreed: bytes = b"",
) -> tuple[int, list[tuple[int, Dataset]]]:
    """The last status, and the status and identifier of each pending response."""
    identifier = Dataset()
    for keyword, value in keys.items():
        setattr(identifier, keyword, value)
    last, heard = conversed(index, encode(identifier.to_json_dict(), syntax), sop_class, syntax, peer, agreed)
    return last.status.code, [(one.status.code, Dataset.from_json(decode(one.identifier, syntax))) for one in heard]


def conversed(
    index: Index,
    data: bytes,
    sop_class: str = STUDY_ROOT,
    syntax: str = EXPLICIT,
    peer: Listening | None = None,
    agreed: bytes = b"",
) -> tuple[Response, list[Response]]:
    peer = peer or Listening()
    elements = {AFFECTED_SOP_CLASS_UID: sop_class.encode(), DATA_SET_TYPE: b"\1\0"}
    request = Request(Context(1, sop_class, syntax, False, agreed), Command(elements), "PEER", "127.0.0.1")
    operation = QueryService(_storage(index), "DURCHBLICK").find(request)
    assert isinstance(operation, Collected)
    operation.write([memoryview(data)])
    return operation.finish(cast(Exchange, peer)), peer.heard


def _storage(index: Index) -> Storage:
    audit = SimpleNamespace(record_once=lambda *_, **__: None)
    return cast(Storage, SimpleNamespace(index=index, audit=audit))


def values(found: list[tuple[int, Dataset]], keyword: str) -> list[Any]:
    return [data_set[keyword].value for _, data_set in found]


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, "1.2.840.10008.1.2.2"])
def test_studies_of_a_name_with_everything_asked_for(index: Index, syntax: str) -> None:
    keys: dict[str, Any] = {
        "QueryRetrieveLevel": "STUDY", "PatientName": "muster*", "StudyInstanceUID": "", "StudyDate": "20260101-",
        "ModalitiesInStudy": "", "NumberOfStudyRelatedInstances": None, "NumberOfPatientRelatedStudies": None,
        "SOPClassesInStudy": "", "ReferringPhysicianName": "", "ProcedureCodeSequence": [],
    }  # fmt: skip
    status, found = asked(index, keys, syntax=syntax)
    assert status == 0x0000 and [code for code, _ in found] == [0xFF00, 0xFF00]
    assert values(found, "StudyInstanceUID") == ["1.2", "1.1"]
    first = found[0][1]
    assert {element.keyword for element in first} == {*keys, "RetrieveAETitle", "InstanceAvailability"}
    assert (first.QueryRetrieveLevel, first.RetrieveAETitle, first.InstanceAvailability) == (
        "STUDY", "DURCHBLICK", "ONLINE",
    )  # fmt: skip
    assert (first.PatientName, first.ModalitiesInStudy, first.NumberOfStudyRelatedInstances) == (
        "Muster^Erika",
        "CT",
        4,
    )
    assert (first.NumberOfPatientRelatedStudies, first.SOPClassesInStudy) == (2, "1.2.840.10008.5.1.4.1.1.2")
    assert first.ReferringPhysicianName == "" and list(first.ProcedureCodeSequence) == []


def test_a_patient_is_one_match_however_many_studies_there_are(index: Index) -> None:
    keys: dict[str, Any] = {"QueryRetrieveLevel": "PATIENT", "PatientID": "", "PatientName": ""}
    keys |= {"NumberOfPatientRelatedSeries": None, "NumberOfPatientRelatedInstances": None}
    for model in (PATIENT_ROOT, PATIENT_STUDY_ONLY):
        status, found = asked(index, keys, model)
        assert status == 0 and values(found, "PatientID") == ["TEST-1", "TEST-2"]
        assert values(found, "NumberOfPatientRelatedSeries") == [4, 1]
        assert values(found, "NumberOfPatientRelatedInstances") == [8, 1]
    assert values(asked(index, keys | {"NumberOfPatientRelatedSeries": 4}, PATIENT_ROOT)[1], "PatientID") == ["TEST-1"]


def test_down_the_hierarchy_of_the_patient_root(index: Index) -> None:
    patient = {"QueryRetrieveLevel": "STUDY", "PatientID": "TEST-1", "StudyInstanceUID": ""}
    assert values(asked(index, patient, PATIENT_ROOT)[1], "StudyInstanceUID") == ["1.2", "1.1"]
    study = patient | {"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": "1.1", "SeriesInstanceUID": ""}
    _, found = asked(index, study | {"NumberOfSeriesRelatedInstances": None}, PATIENT_ROOT)
    assert values(found, "SeriesInstanceUID") == ["1.1.1", "1.1.2"]
    assert values(found, "NumberOfSeriesRelatedInstances") == [2, 2]
    series = study | {"QueryRetrieveLevel": "IMAGE", "SeriesInstanceUID": "1.1.2", "SOPInstanceUID": ""}
    _, found = asked(index, series | {"Rows": None, "KVP": None, "InstanceNumber": None}, PATIENT_ROOT)
    assert values(found, "SOPInstanceUID") == ["1.1.2.1", "1.1.2.2"]
    assert [(one.Rows, one.KVP, one.InstanceNumber) for _, one in found] == [(4, 120, 1), (4, 120, 2)]
    assert values(asked(index, series | {"PatientID": "TEST-2"}, PATIENT_ROOT)[1], "SOPInstanceUID") == []


@pytest.mark.parametrize(
    ("sop_class", "keys", "missing"),
    [
        (STUDY_ROOT, {"QueryRetrieveLevel": "SERIES", "SeriesInstanceUID": ""}, "STUDY"),
        (STUDY_ROOT, {"QueryRetrieveLevel": "IMAGE", "StudyInstanceUID": "1.1", "SeriesInstanceUID": ""}, "SERIES"),
        (PATIENT_ROOT, {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "1.1"}, "PATIENT"),
    ],
)
def test_hierarchical_queries_name_what_lies_above(
    index: Index, sop_class: str, keys: dict[str, Any], missing: str
) -> None:
    data = Dataset()
    for keyword, value in keys.items():
        setattr(data, keyword, value)
    encoded = encode(data.to_json_dict(), EXPLICIT)
    last, heard = conversed(index, encoded, sop_class)
    assert last.status.code == 0xA900 and missing in last.status.comment and not heard
    last, heard = conversed(index, encoded, sop_class, agreed=RELATIONAL)
    assert last.status.code == 0 and heard


@pytest.mark.parametrize(
    ("sop_class", "keys"),
    [
        (STUDY_ROOT, {"PatientID": "TEST-1"}),
        (STUDY_ROOT, {"QueryRetrieveLevel": ""}),
        (STUDY_ROOT, {"QueryRetrieveLevel": "PATIENT", "PatientID": ""}),
        (STUDY_ROOT, {"QueryRetrieveLevel": "FRAME"}),
        (PATIENT_STUDY_ONLY, {"QueryRetrieveLevel": "SERIES", "PatientID": "TEST-1", "StudyInstanceUID": "1.1"}),
        (STUDY_ROOT, {"QueryRetrieveLevel": "STUDY", "ProcedureCodeSequence": [Dataset(), Dataset()]}),
    ],
)
def test_an_identifier_that_the_model_does_not_know(index: Index, sop_class: str, keys: dict[str, Any]) -> None:
    assert asked(index, keys, sop_class) == (0xA900, [])


def test_bytes_that_are_no_identifier(index: Index) -> None:
    last, heard = conversed(index, b"\x08\x00\x20\x00DA\xff\xff2026")
    assert (last.status.code, heard) == (0xC000, [])
    last, _ = conversed(index, bytes(2**20 + 2))
    assert last.status.code == 0xC000


def test_keys_that_are_not_of_the_level_are_warned_about(index: Index) -> None:
    for keys in ({"SeriesDescription": "axial"}, {"KVP": None}):
        status, found = asked(index, {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "1.1"} | keys)
        assert status == 0 and [code for code, _ in found] == [0xFF01]
        assert found[0][1][next(iter(keys))].value in (None, "")
    keys = {"QueryRetrieveLevel": "PATIENT", "PatientID": "TEST-1", "StudyDate": "20260101"}
    assert [code for code, _ in asked(index, keys, PATIENT_ROOT)[1]] == [0xFF01]


def test_items_match_as_a_whole_and_come_back_alone(index: Index) -> None:
    def item(**keys: str) -> dict[str, Any]:
        key = Dataset()
        for keyword, value in keys.items():
            setattr(key, keyword, value)
        return {"QueryRetrieveLevel": "SERIES", "SeriesInstanceUID": "", "RequestAttributesSequence": [key]}

    found = asked(index, item(RequestedProcedureID="R1.1", ScheduledProcedureStepID="S1"), agreed=RELATIONAL)[1]
    assert values(found, "SeriesInstanceUID") == ["1.1.1", "1.1.2"]
    for _, one in found:
        assert [dict(i.to_json_dict()) for i in one.RequestAttributesSequence] == [
            {"00400009": {"vr": "SH", "Value": ["S1"]}, "00401001": {"vr": "SH", "Value": ["R1.1"]}}
        ]
    assert not asked(index, item(RequestedProcedureID="R1.1", ScheduledProcedureStepID="S2"), agreed=RELATIONAL)[1]
    (first, *_) = asked(index, item(RequestedProcedureID=""), agreed=RELATIONAL)[1]
    assert [one.RequestedProcedureID for one in first[1].RequestAttributesSequence] == ["R1.2", "R9"]


def test_ranges_of_date_and_time_are_one_if_that_was_agreed(index: Index) -> None:
    keys = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "", "StudyDate": "20250101-20260101"}
    keys["StudyTime"] = "1100-1030"
    assert values(asked(index, keys)[1], "StudyInstanceUID") == []
    assert values(asked(index, keys, agreed=b"\0\1")[1], "StudyInstanceUID") == ["1.1"]


def test_names_are_matched_fuzzily_if_that_was_agreed(index: Index) -> None:
    keys = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "", "PatientName": "Joerg Beispeil"}
    assert values(asked(index, keys)[1], "StudyInstanceUID") == []
    assert values(asked(index, keys, agreed=b"\0\0\1")[1], "StudyInstanceUID") == ["1.3"]


def test_each_of_several_values_has_to_match_if_that_was_agreed(index: Index) -> None:
    """PS3.4 C.2.2.2.8: only where the attribute has several too."""
    keys = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "", "ModalitiesInStudy": ["CT", "MR"]}
    agreed = b"\0\0\0\0\0\0\1"
    assert set(values(asked(index, keys)[1], "StudyInstanceUID")) == {"1.1", "1.2", "1.3"}
    assert values(asked(index, keys, agreed=agreed)[1], "StudyInstanceUID") == []
    keys |= {"ModalitiesInStudy": "", "PatientID": ["TEST-2", "TEST-3"]}
    assert values(asked(index, keys, agreed=agreed)[1], "StudyInstanceUID") == ["1.3"]


def test_the_text_comes_in_the_peers_character_set(index: Index) -> None:
    for terms, name in (("ISO_IR 100", b"Beispiel^J\xf6rg"), ("ISO_IR 144", "Beispiel^Jörg".encode())):
        key = Dataset()
        key.SpecificCharacterSet, key.QueryRetrieveLevel, key.PatientName = terms, "STUDY", "BEISPIEL^*"
        last, (found,) = conversed(index, encode(key.to_json_dict(), EXPLICIT))
        assert last.status.code == 0 and name in found.identifier
        expected = terms if terms == "ISO_IR 100" else "ISO_IR 192"
        assert decode(found.identifier, EXPLICIT)["00080005"]["Value"] == [expected]
    latin: dict[str, Any] = {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 100"]},
        "00080052": {"vr": "CS", "Value": ["STUDY"]},
    }
    latin["00100010"] = {"vr": "PN", "Value": [{"Alphabetic": "beispiel^jörg"}]}
    assert len(conversed(index, encode(latin, EXPLICIT))[1]) == 1


def test_constant_keys_are_matched_too(index: Index) -> None:
    keys = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "1.1"}
    for more, count in (
        ({"RetrieveAETitle": "DURCH*"}, 1),
        ({"RetrieveAETitle": "OTHER"}, 0),
        ({"InstanceAvailability": "ONLINE"}, 1),
        ({"InstanceAvailability": "NEARLINE"}, 0),
        ({"TimezoneOffsetFromUTC": "+0100"}, 1),
    ):
        status, found = asked(index, keys | more)
        assert (status, len(found)) == (0, count), more


def test_a_cancelled_query_ends_so(index: Index) -> None:
    keys = {"QueryRetrieveLevel": "IMAGE", "SOPInstanceUID": ""}
    status, found = asked(index, keys, peer=Listening(cancels_after=3), agreed=RELATIONAL)
    assert (status, len(found)) == (0xFE00, 3)
    assert asked(index, keys, peer=Listening(cancels_after=0), agreed=RELATIONAL) == (0xFE00, [])


def test_a_peer_that_leaves_is_told_nothing(index: Index) -> None:
    with pytest.raises(AssociationLost):
        asked(index, {"QueryRetrieveLevel": "STUDY"}, peer=Listening(leaves_after=1))


def test_what_goes_wrong_inside_is_an_incident(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    keeping = Keeping(tmp_path / "data")
    keeping.close()
    status, _ = asked(cast(Index, object()), {"QueryRetrieveLevel": "STUDY", "PatientName": "Muster^Erika"})
    assert status == 0x0110
    assert "incident=" in caplog.text and "Muster" not in caplog.text


def test_other_classes_and_missing_identifiers_are_refused_at_once(index: Index) -> None:
    service = QueryService(_storage(index), "DURCHBLICK")
    for sop_class, context, kind, status in (
        ("1.2.840.10008.1.1", STUDY_ROOT, b"\1\0", 0x0122),
        (STUDY_ROOT, PATIENT_ROOT, b"\1\0", 0x0122),
        (STUDY_ROOT, STUDY_ROOT, b"\1\1", 0xC000),
    ):
        command = Command({AFFECTED_SOP_CLASS_UID: sop_class.encode(), DATA_SET_TYPE: kind})
        operation = service.find(Request(Context(1, context, EXPLICIT), command, "PEER", "127.0.0.1"))
        told: list[Response | None] = []
        operation.perform(cast(Exchange, Listening()), told.append)
        assert [one and one.status.code for one in told] == [status]
