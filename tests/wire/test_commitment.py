"""Storage commitment with other people's nodes on the other side: pynetdicom, and Orthanc both ways."""

import json
import os
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import CTImageStorage
from pynetdicom.sop_class import StorageCommitmentPushModel  # type: ignore[attr-defined]

from dimse.scu.commitment import CommitmentRefused, CommitmentScu
from dimse.scu.storage import StorageScu
from dimse.settings import Peer
from storage.commitment.references import Reference, Verdict
from storage.records import InstanceRecord
from tests.support.gateway import free_port
from tests.support.nodes import orthanc
from tests.support.patience import NO_DEADLINE, PATIENCE
from tests.support.synthetic import ct, part10
from tests.wire.commitment import Gateway, Modality, ask, begin_when_due, gateway, item, reported_later, request
from tests.wire.scu import CALLER, keep

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:pydicom"),
    pytest.mark.filterwarnings("ignore::UserWarning:pynetdicom"),
]


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[Gateway]:
    with gateway(tmp_path / "gateway") as ours:
        yield ours


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[Gateway]:
    """One that gives peers all the time to release, before it reports on the same association."""
    with gateway(tmp_path / "gateway", NO_DEADLINE) as ours:
        yield ours


def keep_some(ours: Gateway, count: int = 3) -> list[InstanceRecord]:
    return keep(ours.storage, *(part10(ct(number=number)) for number in range(1, count + 1)))


@pytest.mark.parametrize("select_role", [False, True], ids=["default roles", "role selection"])
def test_report_comes_on_the_same_association(ours: Gateway, select_role: bool) -> None:
    records = keep_some(ours)
    modality = Modality()
    wanted = request(*records)
    with modality.associated(ours.peer, select_role=select_role) as association:
        assert ask(association, wanted) == 0
        report = modality.report()
        assert report.on is association
    assert report.event_type == 1
    assert report.data_set.TransactionUID == wanted.TransactionUID
    assert report.data_set.RetrieveAETitle == "DURCHBLICK"
    assert report.committed == {record.sop_instance_uid for record in records} and report.failed == {}


def test_what_is_not_safe_is_told_with_its_reason(ours: Gateway) -> None:
    good, truncated, deleted, flipped = records = keep_some(ours, 4)
    os.truncate(ours.storage.files.path(truncated.blob_key), truncated.size - 1)
    ours.storage.files.path(deleted.blob_key).unlink()
    with ours.storage.files.path(flipped.blob_key).open("r+b") as blob:
        blob.seek(-1, os.SEEK_END)
        blob.write(b"\x5a")
    wanted = request(*records)
    wanted.ReferencedSOPSequence.append(item(good.sop_class_uid, "1.2.3.404"))
    wanted.ReferencedSOPSequence.append(item("1.2.840.10008.1.1", "1.2.3.405"))
    modality = Modality()
    with modality.associated(ours.peer) as association:
        assert ask(association, wanted) == 0
        report = modality.report()
    assert report.event_type == 2
    assert report.committed == {good.sop_instance_uid}
    assert report.failed == {
        truncated.sop_instance_uid: 0x0110,
        flipped.sop_instance_uid: 0x0110,
        deleted.sop_instance_uid: 0x0112,
        "1.2.3.404": 0x0112,
        "1.2.3.405": 0x0122,
    }


def test_peer_that_releases_at_once_is_called(patient: Gateway) -> None:
    records = keep_some(patient)
    modality = Modality()
    patient.entities.add(modality.peer)
    with modality.listening():
        with modality.associated(patient.peer) as association:
            assert ask(association, request(*records)) == 0
        report = reported_later(patient, modality)
    assert report.event_type == 1 and len(report.committed) == 3
    role = report.on.requestor.role_selection[StorageCommitmentPushModel]
    assert (role.scu_role, role.scp_role) == (False, True)


def test_report_that_is_refused_is_given_again_later(ours: Gateway) -> None:
    modality = Modality(0x0110)
    ours.entities.add(modality.peer)
    with modality.listening():
        with modality.associated(ours.peer) as association:
            assert ask(association, request(*keep_some(ours))) == 0
        first = reported_later(ours, modality)
        ours.let_pauses_pass()
        assert reported_later(ours, modality).data_set == first.data_set
    assert ours.await_outcomes() == ["reported"]


def test_peer_that_refuses_the_report_is_called(ours: Gateway) -> None:
    modality = Modality(0x0110)
    ours.entities.add(modality.peer)
    with modality.listening(), modality.associated(ours.peer) as association:
        assert ask(association, request(*keep_some(ours))) == 0
        assert modality.report().on is association
        assert reported_later(ours, modality).on is not association


@dataclass(frozen=True)
class Archive:
    """Orthanc with its REST interface."""

    peer: Peer
    url: str

    def call(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"{self.url}{path}", data, timeout=PATIENCE) as response:
            return json.load(response)

    def outcome(self, path: str) -> Any:
        """What Orthanc was told, once it was."""
        deadline = time.monotonic() + PATIENCE
        while (outcome := self.call(path))["Status"] == "Pending" and time.monotonic() < deadline:
            time.sleep(0.05)
        return outcome


@pytest.fixture
def archive(ours: Gateway, tmp_path: Path) -> Iterator[Archive]:
    """Orthanc, which knows the gateway and which the gateway knows."""
    http_port = free_port()
    with orthanc(tmp_path, modalities=(ours.peer,), http_port=http_port) as node:
        ours.entities.add(node.peer)
        yield Archive(node.peer, f"http://127.0.0.1:{http_port}")


def test_orthanc_asks_us(ours: Gateway, archive: Archive) -> None:
    records = keep_some(ours)
    instances = [[record.sop_class_uid, record.sop_instance_uid] for record in records]
    asked = archive.call("/modalities/DURCHBLICK/storage-commitment", {"DicomInstances": instances})
    begin_when_due(ours)
    assert archive.outcome(asked["Path"])["Status"] == "Success"
    asked = archive.call(
        "/modalities/DURCHBLICK/storage-commitment", {"DicomInstances": [*instances, [CTImageStorage, "1.2.3.404"]]}
    )
    begin_when_due(ours)
    outcome = archive.outcome(asked["Path"])
    assert outcome["Status"] == "Failure"
    (failure,) = outcome["Failures"]
    assert (failure["SOPInstanceUID"], failure["FailureReason"]) == ("1.2.3.404", 0x0112)


def test_we_ask_orthanc(ours: Gateway, archive: Archive) -> None:
    records = keep_some(ours)
    assert {one.status for one in StorageScu(ours.storage, CALLER, archive.peer).send(records)} == {0}
    references = [Reference(record.sop_class_uid, record.sop_instance_uid) for record in records]
    scu = CommitmentScu(ours.storage, CALLER, archive.peer)
    verdicts = scu.wait(scu.request(references), 10)
    assert verdicts is not None and {verdict.reference for verdict in verdicts if verdict.is_committed} == {*references}
    missing = Reference(str(CTImageStorage), "1.2.3.404")
    verdicts = scu.wait(scu.request([*references, missing]), 10)
    assert verdicts is not None and [verdict for verdict in verdicts if not verdict.is_committed] == [
        Verdict(missing, 0x0112)
    ]


def ask_ourselves(ours: Gateway, references: Sequence[Reference]) -> tuple[Verdict, ...]:
    scu = CommitmentScu(ours.storage, CALLER, ours.peer)
    verdicts = scu.verdicts(scu.request(references))
    assert verdicts is not None
    return verdicts


def test_we_ask_ourselves_and_the_report_comes_on_the_same_association(ours: Gateway) -> None:
    references = [Reference(one.sop_class_uid, one.sop_instance_uid) for one in keep_some(ours)]
    assert ask_ourselves(ours, references) == tuple(map(Verdict, references))
    assert ours.await_outcomes() == ["reported"]


def test_peer_that_refuses_or_offers_nothing_is_told_apart(ours: Gateway) -> None:
    scu = CommitmentScu(ours.storage, CALLER, ours.peer)
    with pytest.raises(CommitmentRefused) as refused:
        scu.request([])
    assert refused.value.status.code == 0x0115
    ours.entities.add(replace(ours.peer, ae_title="DURCHBLICK", allow=("store",)))
    with pytest.raises(CommitmentRefused) as refused:
        scu.request([Reference(str(CTImageStorage), "1.2.3")])
    assert refused.value.status.code in (0x0122, 0x0124)


def test_thousands_of_instances(ours: Gateway) -> None:
    (record,) = keep_some(ours, 1)
    kept = Reference(record.sop_class_uid, record.sop_instance_uid)
    missing = [Reference(str(CTImageStorage), f"1.2.826.0.1.3680043.10.{number}") for number in range(5_000)]
    verdicts = ask_ourselves(ours, [kept, *missing])
    assert verdicts[0] == Verdict(kept)
    assert [(one.reference, one.reason) for one in verdicts[1:]] == [(one, 0x0112) for one in missing]
