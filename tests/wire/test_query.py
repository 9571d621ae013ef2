"""C-FIND by DCMTK, pynetdicom and Orthanc at a real listener with a real store."""

import json
import urllib.request
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.pdu_primitives import SOPClassExtendedNegotiation

from dimse.settings import Peer
from storage.index import Index
from tests.support import dcmtk
from tests.support.gateway import free_port
from tests.support.nodes import orthanc
from tests.support.patience import PATIENCE
from tests.support.synthetic import ct, part10
from tests.wire.retrieving import Gateway, serving

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:pydicom"),
    pytest.mark.filterwarnings("ignore::UserWarning:pynetdicom"),
]

STUDIES = 150
PATIENT_ROOT, STUDY_ROOT, PATIENT_STUDY_ONLY = (UID(f"1.2.840.10008.5.1.4.1.2.{number}.1") for number in (1, 2, 3))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with serving(tmp_path_factory.mktemp("query")) as gateway:
        first: dict[str, Any] = {"StudyInstanceUID": "1.1", "StudyDate": "20260102", "PatientName": "Müller^Jörg"}
        gateway.keep(*(part10(_small(number, SeriesInstanceUID="1.1.1", **first)) for number in (1, 2)))
        gateway.keep(part10(_small(1, SeriesInstanceUID="1.1.2", SeriesNumber=2, Modality="SR", **first)))
        gateway.keep(*(part10(_of_many(number)) for number in range(STUDIES)))
        yield gateway


def _small(number: int, **attributes: Any) -> Dataset:
    return ct(4, 4, number, **attributes)


def _of_many(number: int) -> Dataset:
    return _small(1, PatientID=f"P{number:03d}", PatientName="Muster^Erika", StudyDate="20250101", AccessionNumber="M")


def findscu(gateway: Gateway, folder: Path, model: str, *keys: str, options: tuple[str, ...] = ()) -> list[Dataset]:
    """The matches as DCMTK writes them to files."""
    folder.mkdir(exist_ok=True)
    given = [part for key in keys for part in ("-k", key)]
    outcome = dcmtk.run("findscu", model, "-X", "-od", str(folder), *options, *given, port=gateway.port)
    assert outcome.returncode == 0, outcome.stderr
    return [dcmread(path, force=True) for path in sorted(folder.iterdir())]


@pytest.mark.parametrize("syntax", ["-xe", "-xb", "-xi"])
def test_findscu_finds_studies_by_a_name_in_its_own_character_set(
    gateway: Gateway, tmp_path: Path, syntax: str
) -> None:
    keys = ("0008,0052=STUDY", "0008,0005=ISO_IR 100", "0010,0010=MULLER^J*", "0020,000D", "0008,0061", "0020,1208")
    (found,) = findscu(gateway, tmp_path / "found", "-S", *keys, options=(syntax,))
    assert (found.StudyInstanceUID, str(found.PatientName), found.SpecificCharacterSet) == (
        "1.1",
        "Müller^Jörg",
        "ISO_IR 100",
    )
    assert (list(found.ModalitiesInStudy), found.NumberOfStudyRelatedInstances) == (["CT", "SR"], 3)
    assert (found.RetrieveAETitle, found.InstanceAvailability) == ("DURCHBLICK", "ONLINE")


def test_findscu_goes_down_to_the_image(gateway: Gateway, tmp_path: Path) -> None:
    series = ("0008,0052=SERIES", "0010,0020=TEST-1", "0020,000D=1.1", "0020,000E", "0008,0060", "0020,1209")
    found = findscu(gateway, tmp_path / "series", "-P", *series)
    assert [(one.SeriesInstanceUID, one.Modality, one.NumberOfSeriesRelatedInstances) for one in found] == [
        ("1.1.1", "CT", 2),
        ("1.1.2", "SR", 1),
    ]
    image = ("0008,0052=IMAGE", "0010,0020=TEST-1", "0020,000D=1.1", "0020,000E=1.1.1", "0020,0013", "0028,1052")
    found = findscu(gateway, tmp_path / "image", "-P", *image)
    assert [(one.InstanceNumber, one.RescaleIntercept) for one in found] == [(1, -1024), (2, -1024)]


def test_findscu_is_refused_with_a_reason(gateway: Gateway) -> None:
    outcome = dcmtk.run("findscu", "-d", "-S", "-k", "0008,0052=SERIES", "-k", "0020,000E", port=gateway.port)
    told = outcome.stdout + outcome.stderr
    assert "0xa900" in told and "unique key of level STUDY is missing" in told


def test_findscu_cancels_what_would_never_end(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Index, "find", lambda *_: repeat({}))
    keys = ("-S", "-k", "0008,0052=STUDY", "-k", "0020,000D", "--cancel", "3")
    outcome = dcmtk.run("findscu", "-d", *keys, port=gateway.port)
    assert "0xfe00" in outcome.stdout + outcome.stderr


def asked(
    gateway: Gateway, model: UID, keys: dict[str, Any], syntax: str = ExplicitVRLittleEndian, information: bytes = b""
) -> tuple[list[int], list[Dataset]]:
    """What pynetdicom hears: statuses, and the identifiers that come with the pending ones."""
    entity = AE(ae_title="PYNETDICOM")
    entity.add_requested_context(model, syntax)
    negotiation = SOPClassExtendedNegotiation()
    negotiation.sop_class_uid, negotiation.service_class_application_information = model, information or b"\0"
    association = entity.associate("127.0.0.1", gateway.port, ext_neg=[negotiation])
    assert association.is_established
    if information:
        assert association.acceptor.sop_class_extended[model] == information
    key = Dataset()
    for keyword, value in keys.items():
        setattr(key, keyword, value)
    told = [(status.Status, identifier) for status, identifier in association.send_c_find(key, model)]
    association.release()
    return [status for status, _ in told], [identifier for _, identifier in told if identifier]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_pynetdicom_finds_every_study_of_many(gateway: Gateway, syntax: str) -> None:
    keys = {"QueryRetrieveLevel": "STUDY", "AccessionNumber": "M", "PatientID": "", "StudyInstanceUID": ""}
    statuses, found = asked(gateway, STUDY_ROOT, keys, syntax)
    assert statuses == [0xFF00] * STUDIES + [0]
    assert {one.PatientID for one in found} == {f"P{number:03d}" for number in range(STUDIES)}


def test_pynetdicom_finds_patients(gateway: Gateway) -> None:
    keys = {"QueryRetrieveLevel": "PATIENT", "PatientID": "P0*", "NumberOfPatientRelatedInstances": None}
    for model in (PATIENT_ROOT, PATIENT_STUDY_ONLY):
        statuses, found = asked(gateway, model, keys)
        assert statuses[-1] == 0 and len(found) == 100
        assert {one.NumberOfPatientRelatedInstances for one in found} == {1}


def test_pynetdicom_agrees_on_relational_queries_and_combined_date_time(gateway: Gateway) -> None:
    keys: dict[str, Any] = {"QueryRetrieveLevel": "SERIES", "SeriesInstanceUID": "", "StudyDate": "20260102"}
    assert asked(gateway, STUDY_ROOT, keys)[0] == [0xA900]
    statuses, found = asked(gateway, STUDY_ROOT, keys, information=b"\1")
    assert statuses == [0xFF00, 0xFF00, 0] and {one.SeriesInstanceUID for one in found} == {"1.1.1", "1.1.2"}
    keys = {"QueryRetrieveLevel": "STUDY", "StudyDate": "20250102-20260102", "StudyTime": "1200-1030"}
    assert asked(gateway, STUDY_ROOT, keys)[0] == [0]
    assert asked(gateway, STUDY_ROOT, keys, information=b"\0\1")[0] == [0xFF00, 0]


def test_pynetdicom_is_warned_of_keys_that_are_not_of_the_level(gateway: Gateway) -> None:
    keys = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "1.1", "SeriesDescription": ""}
    assert asked(gateway, STUDY_ROOT, keys)[0] == [0xFF01, 0]


def test_orthanc_queries(gateway: Gateway, tmp_path: Path) -> None:
    http_port = free_port()
    modality = Peer("DURCHBLICK", "127.0.0.1", gateway.port)
    with orthanc(tmp_path, modalities=(modality,), http_port=http_port):
        url = f"http://127.0.0.1:{http_port}"

        def answers(level: str, query: dict[str, str]) -> list[Any]:
            asked = fetched(f"{url}/modalities/DURCHBLICK/query", {"Level": level, "Query": query})
            found: list[Any] = fetched(f"{url}/queries/{asked['ID']}/answers?expand&simplify")
            return found

        (study,) = answers("Study", {"PatientName": "müller*", "StudyDate": "20260101-"})
        assert (study["StudyInstanceUID"], study["PatientName"]) == ("1.1", "Müller^Jörg")
        assert [one["SeriesInstanceUID"] for one in answers("Series", {"StudyInstanceUID": "1.1"})] == [
            "1.1.1",
            "1.1.2",
        ]
        keys = {"StudyInstanceUID": "1.1", "SeriesInstanceUID": "1.1.1", "InstanceNumber": ""}
        assert [one["InstanceNumber"].strip() for one in answers("Instance", keys)] == ["1", "2"]
        assert len(answers("Patient", {"PatientID": "P1*"})) == 50


def fetched(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(url, data, timeout=PATIENCE) as answer:
        return json.load(answer)
