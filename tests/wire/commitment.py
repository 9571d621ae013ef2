"""What the tests of storage commitment share: a node over a store, and a modality that asks it and hears reports."""

import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, build_role, evt
from pynetdicom.association import Association
from pynetdicom.pdu import P_DATA_TF
from pynetdicom.sop_class import StorageCommitmentPushModel  # type: ignore[attr-defined]

from dimse.application_entities import ApplicationEntities
from dimse.scu.commitment_report import Reporter
from dimse.services.dispatch import Services
from dimse.settings import DimseSettings, Peer
from storage.commitment.transactions import Transactions
from storage.records import InstanceRecord
from storage.storage import Storage
from tests.dimse.node import Node, running
from tests.support.gateway import free_port
from tests.support.patience import PATIENCE
from tests.wire.scu import CALLER, opened

WELL_KNOWN: Final = "1.2.840.10008.1.20.1.1"


@dataclass
class Gateway:
    """A listening node; its reporter works only when told to."""

    node: Node
    storage: Storage
    entities: ApplicationEntities
    reporter: Reporter

    @property
    def peer(self) -> Peer:
        return Peer("DURCHBLICK", "127.0.0.1", self.node.port)

    def await_outcomes(self) -> list[str]:
        """What became of each transaction, once nothing is open."""
        deadline = time.monotonic() + PATIENCE
        while "" in (outcomes := self._outcomes()) and time.monotonic() < deadline:
            time.sleep(0.02)
        return outcomes

    def let_pauses_pass(self) -> None:
        """What was postponed, or is about to be, is due again."""
        statement = "UPDATE commitment_transaction SET due_at = 0 WHERE attempts > 0 AND holder = ''"
        deadline = time.monotonic() + PATIENCE
        while not self.storage.database.write(lambda connection: connection.execute(statement).rowcount):
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def _outcomes(self) -> list[str]:
        rows = self.storage.database.read("SELECT outcome FROM commitment_transaction ORDER BY id")
        return [row["outcome"] for row in rows]


@contextmanager
def gateway(folder: Path, settle_seconds: float = 0.1) -> Iterator[Gateway]:
    with opened(folder) as storage:
        entities = ApplicationEntities(storage.database)
        services = Services(storage, DimseSettings(settle_seconds=settle_seconds), entities.find)
        reporter = Reporter(storage, CALLER, entities.find, Transactions(storage.database))
        with running(storage.ingest, services=services, find=entities.find) as node:
            yield Gateway(node, storage, entities, reporter)
        reporter.close()
        services.close()


@dataclass(frozen=True)
class Report:
    """An N-EVENT-REPORT as it came."""

    event_type: int
    data_set: Dataset
    on: Association

    @property
    def committed(self) -> set[str]:
        return {str(item.ReferencedSOPInstanceUID) for item in self.data_set.get("ReferencedSOPSequence", [])}

    @property
    def failed(self) -> dict[str, int]:
        items = self.data_set.get("FailedSOPSequence", [])
        return {str(item.ReferencedSOPInstanceUID): int(item.FailureReason) for item in items}


class Modality:
    """A pynetdicom node that asks for commitment, and hears reports on its own associations and on new ones."""

    def __init__(self, *statuses: int) -> None:
        """Answer reports with these statuses, then with success."""
        self.reports: queue.Queue[Report] = queue.Queue()
        self.port = free_port()
        self._statuses = list(statuses)
        self._entity = AE("MODALITY")
        self._entity.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
        self._entity.acse_timeout = self._entity.dimse_timeout = PATIENCE
        self._heard: dict[Association, Report] = {}
        self._handlers: list[Any] = [(evt.EVT_N_EVENT_REPORT, self._hear), (evt.EVT_PDU_SENT, self._tell)]

    @property
    def peer(self) -> Peer:
        return Peer("MODALITY", "127.0.0.1", self.port)

    @contextmanager
    def listening(self) -> Iterator[None]:
        server = self._entity.start_server(("127.0.0.1", self.port), block=False, evt_handlers=self._handlers)
        assert server is not None
        try:
            yield
        finally:
            server.shutdown()

    @contextmanager
    def associated(self, peer: Peer, *, select_role: bool = False) -> Iterator[Association]:
        self._entity.requested_contexts = []
        self._entity.add_requested_context(StorageCommitmentPushModel)
        roles = [build_role(StorageCommitmentPushModel, scu_role=True, scp_role=True)] if select_role else []
        association = self._entity.associate(
            peer.host,
            peer.port,
            ae_title=peer.ae_title,
            ext_neg=roles,  # type: ignore[arg-type]
            evt_handlers=self._handlers,
        )
        assert association.is_established
        try:
            yield association
        finally:
            if association.is_established:
                association.release()

    def report(self) -> Report:
        return self.reports.get(timeout=PATIENCE)

    def _hear(self, event: Any) -> tuple[int, None]:
        status = self._statuses.pop(0) if self._statuses else 0
        self._heard[event.assoc] = Report(event.event_type, event.event_information, event.assoc)
        return status, None

    def _tell(self, event: Any) -> None:
        """Once the response is sent: pynetdicom does not survive a release before."""
        if isinstance(event.pdu, P_DATA_TF) and event.assoc in self._heard:
            self.reports.put(self._heard.pop(event.assoc))


def request(*records: InstanceRecord) -> Dataset:
    """Action Information for these instances."""
    return asked_for(*(item(record.sop_class_uid, record.sop_instance_uid) for record in records))


def asked_for(*items: Dataset) -> Dataset:
    """Action Information of these items."""
    data_set = Dataset()
    data_set.TransactionUID = generate_uid()
    data_set.ReferencedSOPSequence = list(items)
    return data_set


def item(sop_class: str, sop_instance: str) -> Dataset:
    data_set = Dataset()
    data_set.ReferencedSOPClassUID, data_set.ReferencedSOPInstanceUID = sop_class, sop_instance
    return data_set


def ask(association: Association, data_set: Dataset | None, action_type: int = 1, instance: str = WELL_KNOWN) -> int:
    """The status of an N-ACTION."""
    status, _ = association.send_n_action(
        data_set,
        action_type,
        StorageCommitmentPushModel,
        instance,
    )
    return int(status.Status)


def begin_when_due(ours: Gateway) -> None:
    """Let the reporter begin as soon as there is something for it to do: others had the first try."""
    deadline = time.monotonic() + PATIENCE
    while not ours.reporter.begin() and time.monotonic() < deadline:
        time.sleep(0.02)


def reported_later(ours: Gateway, modality: Modality) -> Report:
    """The report on an association of the gateway's own, as soon as it has given up the other one."""
    begin_when_due(ours)
    return modality.report()
