"""kill -9 between the answer to a request for commitment and its report: the report comes nevertheless."""

import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pytest

from dimse import command
from dimse.commitment.data_sets import encode_request
from dimse.commitment.messages import action
from dimse.scu.commitment_report import Reporter
from storage.commitment.references import STORAGE_COMMITMENT, Reference
from storage.commitment.transactions import Transactions
from tests.dimse.peer import IMPLICIT, Peer, p_data, pdv
from tests.scenarios.committing import take_up_without_end
from tests.support.patience import PATIENCE
from tests.support.synthetic import ct, part10
from tests.wire.commitment import Modality
from tests.wire.scu import CALLER, keep, opened

KILLS = 6
# Children start from a process that has all modules loaded already.
CHILDREN = multiprocessing.get_context("forkserver")

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pynetdicom")


def n_action(transaction_uid: str, reference: Reference) -> bytes:
    elements = [*action(), (command.MESSAGE_ID, b"\1\0"), (command.DATA_SET_TYPE, b"\0\0")]
    data = encode_request(transaction_uid, [reference], IMPLICIT)
    return p_data(pdv(1, 3, command.encode(sorted(elements)))) + p_data(pdv(1, 2, data))


def accepted_until_killed(folder: Path, kill: int, reference: Reference) -> list[str]:
    """The Transaction UIDs that a child has answered with success; the last one is killed in the midst of it."""
    told, telling = CHILDREN.Pipe(duplex=False)
    child = CHILDREN.Process(target=take_up_without_end, args=(folder, telling))
    child.start()
    telling.close()
    accepted: list[str] = []
    chance = random.Random(kill)
    wanted = chance.randrange(1, 12)
    with told, Peer(told.recv()) as peer:
        peer.associate(contexts=[(1, STORAGE_COMMITMENT, (IMPLICIT,))], calling="MODALITY")
        while len(accepted) < wanted:
            uid = f"1.2.{kill}.{len(accepted)}"
            peer.send(n_action(uid, reference))
            assert peer.status() == 0
            accepted.append(uid)
        peer.send(n_action(f"1.2.{kill}.999", reference))
        time.sleep(chance.uniform(0, 0.005))
        assert child.pid
        os.kill(child.pid, signal.SIGKILL)
    child.join()
    assert child.exitcode == -signal.SIGKILL
    return accepted


def test_every_accepted_request_is_reported_after_the_restart(tmp_path: Path) -> None:
    CHILDREN.set_forkserver_preload(["tests.scenarios.committing"])
    folder = tmp_path / "store"
    with opened(folder) as storage:
        (record,) = keep(storage, part10(ct()))
    reference = Reference(record.sop_class_uid, record.sop_instance_uid)
    accepted = [uid for kill in range(KILLS) for uid in accepted_until_killed(folder, kill, reference)]
    modality = Modality()
    with opened(folder) as storage, modality.listening():
        # Whoever held them is dead, and as much later nobody waits for him any more.
        transactions = Transactions(storage.database, lambda: time.time() + 3600)
        reporter = Reporter(storage, CALLER, lambda _: modality.peer, transactions)
        for work in reporter.begin():
            work.result(PATIENCE)
        reporter.close()
        assert transactions.peers_due() == []
    reports = [modality.reports.get_nowait() for _ in range(modality.reports.qsize())]
    told = [str(report.data_set.TransactionUID) for report in reports]
    assert set(accepted) <= set(told) and len(told) == len(set(told))
    assert all(report.committed == {record.sop_instance_uid} for report in reports)
    assert len(accepted) > KILLS
