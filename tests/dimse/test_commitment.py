"""Storage commitment as a service: which requests it takes, and what becomes of those it has taken."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import cast

import pytest

from dimse import command
from dimse.association_items import Role
from dimse.command import Command
from dimse.commitment.data_sets import LARGEST_REQUEST, decode_report, encode_report, encode_request
from dimse.exchange import AssociationLost, Exchange
from dimse.negotiation import answer_roles
from dimse.policy import Policy
from dimse.scu.caller import Caller
from dimse.scu.commitment_report import Reporter
from dimse.services.commitment import CommitmentService
from dimse.services.operation import Answered, Collected, Context, Operation, Request, Response
from dimse.settings import DimseSettings, Peer
from storage.commitment.references import FAILURE_REASONS, STORAGE_COMMITMENT, Reference, Verdict
from storage.commitment.requests import Requests
from storage.commitment.transactions import HELD_SECONDS, Transactions
from storage.commitment.verifying import Verifier
from storage.errors import OutOfResources
from storage.scope import WholeArchive
from storage.storage import Storage, StorageSettings
from storage.verify import indexed
from tests.support.gateway import free_port
from tests.support.patience import PATIENCE
from tests.support.synthetic import ct, part10

IMPLICIT = "1.2.840.10008.1.2"
INSTANCE = "1.2.840.10008.1.20.1.1"
N_EVENT_REPORT, N_ACTION = 0x0100, 0x0130
CT = "1.2.840.10008.5.1.4.1.1.2"
UNKNOWN = Reference(CT, "1.2.3.404")


class Association:
    """Stands for the exchange: takes reports and answers them, unless the peer has gone."""

    def __init__(self, *, status: int | None = 0, gone_after: int = 1 << 30) -> None:
        """`status` answers a report (None: with a response that has none); gone when asked so often."""
        self.reports: list[tuple[Sequence[tuple[int, bytes]], bytes]] = []
        self._status = status
        self._left = gone_after

    @property
    def is_cancelled(self) -> bool:
        self._left -= 1
        return self._left < 0

    def ends_within(self, seconds: float) -> bool:
        return self.is_cancelled

    def request(self, context: Context, elements: Sequence[tuple[int, bytes]], data: Iterable[bytes] = ()) -> Command:
        if self.is_cancelled:
            raise AssociationLost("gone")
        self.reports.append((elements, b"".join(data)))
        return Command({} if self._status is None else {command.STATUS: command.uint2(self._status)})


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    opened = Storage.open(tmp_path / "data", StorageSettings(free_space_floor=0))
    yield opened
    opened.close()


@pytest.fixture
def service(storage: Storage) -> CommitmentService:
    return CommitmentService(storage, DimseSettings(settle_seconds=0))


def keep(storage: Storage) -> Reference:
    incoming = storage.ingest.receive()
    incoming.write(part10(ct()))
    stored = storage.ingest.store(incoming, source="test")
    return Reference(stored.sop_class_uid, stored.sop_instance_uid)


def action(
    sop_class: str = STORAGE_COMMITMENT, instance: str = INSTANCE, kind: int | None = 1, data_set_type: int = 0
) -> Request:
    elements = {
        command.COMMAND_FIELD: command.uint2(N_ACTION),
        command.MESSAGE_ID: command.uint2(1),
        command.DATA_SET_TYPE: command.uint2(data_set_type),
        command.REQUESTED_SOP_CLASS_UID: sop_class.encode(),
        command.REQUESTED_SOP_INSTANCE_UID: instance.encode(),
    }
    if kind is not None:
        elements[command.ACTION_TYPE_ID] = command.uint2(kind)
    return Request(Context(1, STORAGE_COMMITMENT, IMPLICIT), Command(elements), "MODALITY", "127.0.0.1")


def event_report(kind: int = 1, calling: str = "PACS", sop_class: str = STORAGE_COMMITMENT) -> Request:
    elements = {
        command.COMMAND_FIELD: command.uint2(N_EVENT_REPORT),
        command.MESSAGE_ID: command.uint2(1),
        command.DATA_SET_TYPE: command.uint2(0),
        command.AFFECTED_SOP_CLASS_UID: sop_class.encode(),
        command.AFFECTED_SOP_INSTANCE_UID: INSTANCE.encode(),
        command.EVENT_TYPE_ID: command.uint2(kind),
    }
    return Request(Context(1, STORAGE_COMMITMENT, IMPLICIT), Command(elements), calling, "127.0.0.1")


def finished(operation: Operation, data: bytes = b"", association: Association | None = None) -> Response:
    if isinstance(operation, Answered):
        responses: list[Response | None] = []
        operation.perform(cast(Exchange, None), responses.append)
        (response,) = responses
        assert response is not None
        return response
    assert isinstance(operation, Collected)
    operation.write([memoryview(data)])
    return operation.finish(cast(Exchange, association or Association()))


def asked(
    service: CommitmentService, association: Association, *references: Reference, transaction_uid: str = "1.2.9"
) -> Response:
    data = encode_request(transaction_uid, references, IMPLICIT)
    response = finished(service.action(action()), data, association)
    assert response.status.code == 0 and response.elements == ((command.ACTION_TYPE_ID, b"\1\0"),)
    assert response.afterwards is not None
    return response


def verdicts_of(association: Association) -> list[Verdict]:
    ((elements, data),) = association.reports
    assert dict(elements)[command.AFFECTED_SOP_INSTANCE_UID].strip(b"\0") == INSTANCE.encode()
    transaction_uid, verdicts = decode_report(data, IMPLICIT)
    assert transaction_uid == "1.2.9"
    return list(verdicts)


def due(storage: Storage) -> list[str]:
    return Transactions(storage.database).peers_due()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (action(sop_class="1.2.840.10008.1.20.2"), 0x0118),
        (action(sop_class=""), 0x0118),
        (action(instance="1.2.3"), 0x0112),
        (action(kind=2), 0x0123),
        (action(kind=None), 0x0123),
        (action(data_set_type=0x0101), 0x0114),
    ],
    ids=["class", "no class", "instance", "action", "no action", "no data set"],
)
def test_requests_that_are_none(service: CommitmentService, request_: Request, status: int) -> None:
    assert finished(service.action(request_)).status.code == status


@pytest.mark.parametrize(
    ("data", "status"),
    [(b"\x08\x00", 0x0115), (b"", 0x0115), (bytes(LARGEST_REQUEST + 1), 0x0213)],
    ids=["broken", "empty", "too large"],
)
def test_data_sets_that_are_none(service: CommitmentService, storage: Storage, data: bytes, status: int) -> None:
    response = finished(service.action(action()), data)
    assert response.status.code == status and response.afterwards is None
    assert due(storage) == []


def test_request_that_cannot_be_kept_is_not_accepted(
    service: CommitmentService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OutOfResources("The index cannot be written at the moment.")

    monkeypatch.setattr(Transactions, "open", full)
    response = finished(service.action(action()), encode_request("1.2.9", [UNKNOWN], IMPLICIT))
    assert response.status.code == 0x0213 and response.afterwards is None


def test_report_follows_the_response(service: CommitmentService, storage: Storage) -> None:
    kept, association = keep(storage), Association()
    response = asked(service, association, kept, UNKNOWN)
    assert association.reports == []
    response.afterwards()  # type: ignore[misc]
    assert verdicts_of(association) == [Verdict(kept), Verdict(UNKNOWN, 0x0112)]
    assert outcome(storage) == "reported"


@pytest.mark.parametrize(
    "association",
    [Association(gone_after=0), Association(gone_after=3), Association(status=0x0110), Association(status=None)],
    ids=["gone at once", "gone later", "refused", "answered nonsense"],
)
def test_what_could_not_be_reported_is_due_for_others_at_once(
    service: CommitmentService, storage: Storage, association: Association
) -> None:
    asked(service, association, keep(storage)).afterwards()  # type: ignore[misc]
    assert outcome(storage) == "" and due(storage) == ["MODALITY"]


def test_nothing_is_sent_to_a_peer_that_is_about_to_leave(service: CommitmentService, storage: Storage) -> None:
    association = Association()
    association.ends_within = lambda seconds: True  # type: ignore[method-assign]
    asked(service, association, keep(storage)).afterwards()  # type: ignore[misc]
    assert association.reports == [] and due(storage) == ["MODALITY"]


def test_what_fails_unexpectedly_is_due_after_a_while(
    service: CommitmentService, storage: Storage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("Muster^Erika")

    response = asked(service, Association(), keep(storage))
    monkeypatch.setattr(Verifier, "verdicts", fail)
    response.afterwards()  # type: ignore[misc]
    assert due(storage) == [] and "operation_failed" in caplog.text and "Muster" not in caplog.text
    (row,) = storage.database.read("SELECT due_at, requested_at FROM commitment_transaction")
    assert row["due_at"] == row["requested_at"] + HELD_SECONDS


def outcome(storage: Storage) -> str:
    (row,) = storage.database.read("SELECT outcome FROM commitment_transaction")
    return str(row["outcome"])


def test_logs_hold_no_patient_data(
    service: CommitmentService, storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    kept = keep(storage)
    (record,) = indexed(storage.database, WholeArchive(), [kept.sop_instance_uid]).values()
    storage.files.path(record.blob_key).write_bytes(b"Muster^Erika")
    association = Association()
    asked(service, association, kept).afterwards()  # type: ignore[misc]
    assert verdicts_of(association) == [Verdict(kept, 0x0110)]
    assert "kept_file_unusable" in caplog.text and "commitment_reported" in caplog.text
    for word in ("Muster", "TEST-1", "1950", "A1"):
        assert word not in caplog.text
    audited = storage.database.read("SELECT event, subject FROM audit")
    assert ("kept file unusable", kept.sop_instance_uid) in [tuple(row) for row in audited]


def test_verdicts_when_the_index_or_the_disk_fails(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = keep(storage)

    def verdict(reference: Reference) -> int:
        (found,) = Verifier(storage).verdicts([reference], lambda: None)
        return found.reason

    assert verdict(Reference("1.2.840.10008.5.1.4.1.1.4", kept.sop_instance_uid)) == 0x0119
    monkeypatch.setattr("storage.commitment.verifying.intact", broken(OSError(5, "Input/output error")))
    assert verdict(kept) == 0x0110
    monkeypatch.setattr("storage.commitment.verifying.indexed", broken(OutOfResources("busy")))
    assert verdict(kept) == 0x0213
    assert {0x0119, 0x0110, 0x0213, 0x0112, 0x0122, 0x0131} == FAILURE_REASONS.keys()


def broken(error: Exception) -> object:
    def fail(*_: object) -> None:
        raise error

    return fail


def test_reports_of_those_we_asked(service: CommitmentService, storage: Storage) -> None:
    verdicts = (Verdict(UNKNOWN, 0x0112),)
    data = encode_report("1.2.9", verdicts, "PACS", IMPLICIT)
    assert finished(service.report(event_report(2)), data).status.code == 0x0115
    Requests(storage.database).asked("PACS", "1.2.9")
    assert finished(service.report(event_report(2, "OTHER")), data).status.code == 0x0115
    assert finished(service.report(event_report(3)), data).status.code == 0x0113
    assert finished(service.report(event_report(2, sop_class="1.2.3")), data).status.code == 0x0118
    assert finished(service.report(event_report(2)), data[:-2]).status.code == 0x0115
    assert Requests(storage.database).verdicts("1.2.9") is None
    assert finished(service.report(event_report(2)), data).status.code == 0
    assert Requests(storage.database).verdicts("1.2.9") == verdicts


@pytest.mark.parametrize(
    ("peer", "why"),
    [
        (None, "list it under [[dimse.peers]]"),
        (Peer("MODALITY", "127.0.0.1", 0), "list it under [[dimse.peers]]"),
        (Peer("MODALITY", "127.0.0.1", free_port()), "Nobody listens"),
    ],
    ids=["unknown", "without a port", "down"],
)
def test_peer_that_cannot_be_called_is_called_later(
    service: CommitmentService, storage: Storage, caplog: pytest.LogCaptureFixture, peer: Peer | None, why: str
) -> None:
    asked(service, Association(gone_after=0), keep(storage)).afterwards()  # type: ignore[misc]
    reporter = Reporter(storage, Caller("DURCHBLICK"), lambda _: peer, Transactions(storage.database))
    (work,) = reporter.begin()
    work.result(PATIENCE)
    reporter.close()
    assert "commitment_postponed peer='MODALITY' transaction=1.2.9 seconds=10.0" in caplog.text and why in caplog.text
    assert due(storage) == []
    (row,) = storage.database.read("SELECT attempts, verdicts FROM commitment_transaction")
    assert row["attempts"] == 1 and row["verdicts"] is not None


def test_reporter_that_is_closed_stops_looking(
    service: CommitmentService, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    def without_end(_: object, __: object, look_up: Callable[[], None]) -> bool:
        begun.set()
        while True:
            look_up()

    asked(service, Association(gone_after=0), keep(storage)).afterwards()  # type: ignore[misc]
    monkeypatch.setattr("storage.commitment.verifying.intact", without_end)
    reporter = Reporter(storage, Caller("DURCHBLICK"), lambda _: None, Transactions(storage.database))
    reporter.begin()
    assert begun.wait(PATIENCE)
    asked(service, Association(gone_after=0), keep(storage), transaction_uid="1.2.10").afterwards()  # type: ignore[misc]
    assert due(storage) == ["MODALITY"] and reporter.begin() == [], "it is busy with this peer"
    reporter.close()
    rows = storage.database.read("SELECT attempts, verdicts FROM commitment_transaction")
    assert [tuple(row) for row in rows] == [(0, None), (0, None)]


def test_peers_may_be_scp_to_report_to_us() -> None:
    """PS3.4 J.3.3.1.3: the SCU accepts an association where the SCP role is proposed by its requestor."""
    role = Role(STORAGE_COMMITMENT, scu=False, scp=True)
    assert answer_roles([role], Policy(Peer("PACS", "127.0.0.1", 104, allow=()))) == (role,)
