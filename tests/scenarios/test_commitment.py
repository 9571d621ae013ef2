"""Storage commitment by a whole gateway: its worker calls peers that did not wait, also after kill -9 of everything."""

import sqlite3
from pathlib import Path

import psutil
import pytest
from pydicom.uid import ExplicitVRLittleEndian

from dimse import settings
from dimse.command import STATUS
from storage.data_set.part10 import beginning
from tests.dimse.peer import Peer
from tests.support.gateway import AE_TITLE, Gateway, configuration, running
from tests.support.synthetic import ct, part10
from tests.wire.commitment import Modality, ask, asked_for, item

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pynetdicom")


def store(gateway: Gateway) -> str:
    image = ct()
    data = part10(image, ExplicitVRLittleEndian)
    with Peer(gateway.dimse_port) as peer:
        peer.associate(called=AE_TITLE, calling="MODALITY")
        stored = peer.store(data[beginning(data)[1] :], instance=image.SOPInstanceUID)
        assert stored.number(STATUS) == 0
        peer.release()
    return str(image.SOPInstanceUID)


def address(gateway: Gateway) -> settings.Peer:
    return settings.Peer(AE_TITLE, "127.0.0.1", gateway.dimse_port)


def kill(gateway: Gateway) -> None:
    """kill -9, first the supervisor, so that nothing is started again and nothing ends in good order."""
    supervisor = psutil.Process(gateway.pid)
    processes = [supervisor, *supervisor.children(recursive=True)]
    supervisor.kill()
    for process in processes[1:]:
        process.kill()
    psutil.wait_procs(processes, 10)


def test_report_comes_on_a_new_association_and_after_kill_9(tmp_path: Path) -> None:
    modality = Modality()
    peers = f'[[dimse.peers]]\nae_title = "MODALITY"\nhost = "127.0.0.1"\nport = {modality.port}\n'
    config = configuration(tmp_path, dimse="", more=peers)
    with running(tmp_path, config) as gateway:
        instance = store(gateway)
        wanted = asked_for(item("1.2.840.10008.5.1.4.1.1.2", instance))
        with modality.listening():
            with modality.associated(address(gateway)) as association:
                assert ask(association, wanted) == 0
            report = modality.report()
            assert (report.event_type, report.committed) == (1, {instance})
            assert report.on is not association
        again = asked_for(item("1.2.840.10008.5.1.4.1.1.2", instance))
        with modality.associated(address(gateway)) as association:
            assert ask(association, again) == 0
            kill(gateway)
    # As if so much time had passed that nobody waits for the dead any more.
    database = sqlite3.connect(gateway.data / "durchblick.sqlite")
    with database:
        database.execute("UPDATE commitment_transaction SET due_at = 0 WHERE due_at IS NOT NULL")
    database.close()
    with modality.listening(), running(tmp_path, config):
        report = modality.report()
        assert report.data_set.TransactionUID == again.TransactionUID
        assert (report.event_type, report.committed) == (1, {instance})
    assert instance not in gateway.log.read_text() and "Muster" not in gateway.log.read_text()
