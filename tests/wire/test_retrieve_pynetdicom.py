"""C-MOVE and C-GET by pynetdicom, which shows every response and every request: counts, lists, cancel, failures."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
    MRImageStorage,
    RLELossless,
)
from pynetdicom import AE, build_context, build_role, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    PatientRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from dimse.settings import Peer
from storage.catalogue import selection
from tests.dicomweb.instances import rle
from tests.support import corpus
from tests.support.gateway import free_port
from tests.wire.retrieving import STUDY, Gateway, of_study, serving, slices

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:pydicom"),
    pytest.mark.filterwarnings("ignore::UserWarning:pynetdicom"),
]

PENDING, CANCELLED = 0xFF00, 0xFE00


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    with serving(tmp_path) as gateway:
        yield gateway


class Receiver:
    """pynetdicom's storage SCP: keeps the data sets and the requests, answers with what `answer` makes of them."""

    def __init__(self, answer: Callable[[Any], int], *syntaxes: str) -> None:
        self._answer = answer
        self.requests: list[Any] = []
        self.data_sets: dict[str, bytes] = {}
        self.entity = AE("RECEIVER")
        for sop_class in (CTImageStorage, MRImageStorage):
            self.entity.add_supported_context(sop_class, list(syntaxes or (ExplicitVRLittleEndian,)))

    def keep(self, event: Any) -> int:
        self.requests.append(event.request)
        self.data_sets[str(event.request.AffectedSOPInstanceUID)] = event.request.DataSet.getvalue()
        return self._answer(event)


@contextmanager
def receiving(gateway: Gateway, answer: Callable[[Any], int] = lambda event: 0) -> Iterator[Receiver]:
    """A move destination that the gateway knows."""
    receiver, port = Receiver(answer), free_port()
    gateway.peers["RECEIVER"] = Peer("RECEIVER", "127.0.0.1", port)
    server = receiver.entity.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, receiver.keep)]
    )
    try:
        yield receiver
    finally:
        assert server is not None
        server.shutdown()


def keys(level: str = "STUDY", **values: Any) -> Dataset:
    asked = Dataset()
    asked.QueryRetrieveLevel = level
    for keyword, value in (values or {"StudyInstanceUID": STUDY}).items():
        setattr(asked, keyword, value)
    return asked


Told = list[tuple[Dataset, Dataset | None]]


def moved(gateway: Gateway) -> Told:
    """What pynetdicom is told when it lets the study be moved to the receiver."""
    entity = AE("PYNETDICOM")
    association = entity.associate(
        "127.0.0.1", gateway.port, [build_context(StudyRootQueryRetrieveInformationModelMove)], "DURCHBLICK"
    )
    assert association.is_established
    try:
        return list(association.send_c_move(keys(), "RECEIVER", StudyRootQueryRetrieveInformationModelMove, msg_id=77))
    finally:
        association.release()


def counts(status: Dataset) -> tuple[int, int, int]:
    return (
        status.NumberOfCompletedSuboperations,
        status.NumberOfFailedSuboperations,
        status.NumberOfWarningSuboperations,
    )


def test_pynetdicom_moves(gateway: Gateway) -> None:
    records = gateway.keep(*slices(3))
    with receiving(gateway) as receiver:
        told = moved(gateway)
    *pending, (final, failures) = told
    assert {status.Status for status, _ in pending} == {PENDING} and len(pending) >= 4
    assert [status.NumberOfRemainingSuboperations for status, _ in pending][:2] == [3, 2]
    assert (final.Status, counts(final), "NumberOfRemainingSuboperations" in final) == (0, (3, 0, 0), False)
    assert failures is None
    assert receiver.data_sets == {record.sop_instance_uid: gateway.data_set(record) for record in records}
    for request in receiver.requests:
        assert request.MoveOriginatorApplicationEntityTitle == "PYNETDICOM"
        assert request.MoveOriginatorMessageID == 77


def test_one_blob_is_gone_and_one_is_refused_and_one_taken_with_reservations(gateway: Gateway) -> None:
    records = gateway.keep(*slices(4))
    gateway.path(records[1]).unlink()
    answers = {records[2].sop_instance_uid: 0xA700, records[3].sop_instance_uid: 0xB007}
    with receiving(gateway, lambda event: answers.get(str(event.request.AffectedSOPInstanceUID), 0)):
        final, failures = moved(gateway)[-1]
    assert (final.Status, counts(final)) == (0xB000, (1, 2, 1))
    assert failures is not None
    assert failures.FailedSOPInstanceUIDList == [records[1].sop_instance_uid, records[2].sop_instance_uid]


def test_destination_dies_in_the_middle(gateway: Gateway) -> None:
    records = gateway.keep(*slices(6))
    received: list[str] = []

    def answer(event: Any) -> int:
        received.append(str(event.request.AffectedSOPInstanceUID))
        if len(received) == 3:
            event.assoc.abort()
            # From here on nobody listens any more.
            event.assoc._server.socket.close()
        return 0

    with receiving(gateway, answer):
        final, failures = moved(gateway)[-1]
    assert (final.Status, counts(final)) == (0xB000, (2, 4, 0))
    assert failures is not None
    assert failures.FailedSOPInstanceUIDList == [record.sop_instance_uid for record in records[2:]]


def test_destination_that_does_not_listen(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is tried a few times for the whole request, however many pages of instances that has."""
    monkeypatch.setattr(selection, "_PAGE", 1)
    gateway.keep(*slices(2))
    gateway.peers["RECEIVER"] = Peer("RECEIVER", "127.0.0.1", free_port())
    final, failures = moved(gateway)[-1]
    assert (final.Status, counts(final)) == (0xA702, (0, 2, 0))
    assert failures is not None and len(failures.FailedSOPInstanceUIDList) == 2
    attempts = [record.getMessage() for record in caplog.records if "store_unconnected" in record.getMessage()]
    assert [attempt.split()[1] for attempt in attempts] == ["attempt=1", "attempt=2", "attempt=3"]


class Getting:
    """A C-GET by pynetdicom: proposes these pairs of SOP class and transfer syntax, and keeps what comes."""

    def __init__(self, gateway: Gateway, pairs: Iterable[tuple[str, str]], patience: float = 10) -> None:
        self.data_sets: dict[str, tuple[str, bytes]] = {}
        self.answer: Callable[[Any], int] = lambda event: 0
        pairs = list(pairs)
        contexts = [build_context(model) for model in MODELS]
        contexts += [build_context(sop_class, syntax) for sop_class, syntax in pairs]
        roles: list[Any] = [build_role(sop_class, scp_role=True) for sop_class in {sop_class for sop_class, _ in pairs}]
        entity = AE("PYNETDICOM")
        entity.dimse_timeout = patience
        self.association = entity.associate(
            *("127.0.0.1", gateway.port, contexts, "DURCHBLICK"),
            ext_neg=roles,
            evt_handlers=[(evt.EVT_C_STORE, self._keep)],
        )
        assert self.association.is_established

    def _keep(self, event: Any) -> int:
        uid = str(event.request.AffectedSOPInstanceUID)
        self.data_sets[uid] = (str(event.context.transfer_syntax), event.request.DataSet.getvalue())
        return self.answer(event)

    def get(self, asked: Dataset, model: str = StudyRootQueryRetrieveInformationModelGet) -> Told:
        return list(self.association.send_c_get(asked, model))

    def __enter__(self) -> "Getting":
        return self

    def __exit__(self, *_: object) -> None:
        self.association.release()


MODELS = (PatientRootQueryRetrieveInformationModelGet, StudyRootQueryRetrieveInformationModelGet)


def test_pynetdicom_gets_and_the_association_goes_on(gateway: Gateway) -> None:
    records = gateway.keep(*slices(3), rle(of_study(4)))
    with Getting(gateway, [(CTImageStorage, ExplicitVRLittleEndian), (CTImageStorage, RLELossless)]) as getting:
        final, failures = getting.get(keys())[-1]
        assert (final.Status, counts(final), failures) == (0, (4, 0, 0), None)
        assert getting.data_sets == {
            record.sop_instance_uid: (record.transfer_syntax_uid, gateway.data_set(record)) for record in records
        }
        getting.answer = lambda event: 0xA700
        final, failures = getting.get(keys("PATIENT", PatientID="TEST-1"), MODELS[0])[-1]
        assert (final.Status, counts(final)) == (0xA702, (0, 4, 0))
        assert failures is not None and len(failures.FailedSOPInstanceUIDList) == 4
        final, _ = getting.get(keys("SERIES", StudyInstanceUID=STUDY))[-1]
        assert final.Status == 0xA900


def test_pynetdicom_cancels_a_get(gateway: Gateway) -> None:
    gateway.keep(*slices(30))
    with Getting(gateway, [(CTImageStorage, ExplicitVRLittleEndian)]) as getting:

        def answer(event: Any) -> int:
            if len(getting.data_sets) == 3:
                getting.association.send_c_cancel(1, query_model=StudyRootQueryRetrieveInformationModelGet)
            return 0

        getting.answer = answer
        final, failures = getting.get(keys())[-1]
    assert (final.Status, failures) == (CANCELLED, Dataset())
    assert final.NumberOfRemainingSuboperations + final.NumberOfCompletedSuboperations == 30
    assert final.NumberOfCompletedSuboperations == len(getting.data_sets) < 30


def test_getter_goes_away_in_the_middle(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    gateway.keep(*slices(30, rows=200, columns=200))
    getting = Getting(gateway, [(CTImageStorage, ExplicitVRLittleEndian)], patience=0.5)
    gone = threading.Event()

    def answer(event: Any) -> int:
        getting.association.abort()
        gone.set()
        return 0

    getting.answer = answer
    getting.get(keys())
    assert gone.is_set()
    with Getting(gateway, [(CTImageStorage, ExplicitVRLittleEndian)]) as again:
        final, _ = again.get(keys())[-1]
    assert (final.Status, counts(final)) == (0, (30, 0, 0))
    assert "operation_failed" not in caplog.text


def test_everything_we_have_is_got_as_it_is_stored(gateway: Gateway) -> None:
    files = corpus.bundled() + corpus.shared("modality", "transfer_syntax", "charset", "colour", "objects")
    kept = gateway.keep_what_is_possible(path.read_bytes() for path in files)
    # A DICOMDIR is no instance of the network (PS3.4 annex B.5).
    kept = [record for record in kept if record.sop_class_uid != MediaStorageDirectoryStorage]
    records = {record.sop_instance_uid: record for record in kept}
    assert len(records) > 40
    pairs = sorted({(record.sop_class_uid, record.transfer_syntax_uid) for record in records.values()})
    for at in range(0, len(pairs), 120):
        batch = pairs[at : at + 120]
        wanted = [r for r in records.values() if (r.sop_class_uid, r.transfer_syntax_uid) in batch]
        with Getting(gateway, batch) as getting:
            asked = keys("IMAGE", SOPInstanceUID=[record.sop_instance_uid for record in wanted])
            final, failures = getting.get(asked)[-1]
            assert (final.Status, failures) == (0, None), final
            for record in wanted:
                syntax, data = getting.data_sets[record.sop_instance_uid]
                assert syntax == record.transfer_syntax_uid
                assert data == padded(gateway.data_set(record)), record.transfer_syntax_uid


def padded(data: bytes) -> bytes:
    return data + bytes(len(data) % 2)
