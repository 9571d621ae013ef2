"""Events reach a syslog server over TLS, each at least once, and what arrives becomes events."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.audit.dicom_messages import Source
from gateway.audit.export import Export, Patients, note_arrivals
from gateway.audit.syslog import NotTaken, SyslogServer, send
from storage.audit_trail import AuditTrail
from tests.support.certificates import Authority
from tests.support.keeping import Keeping
from tests.support.synthetic import ct

SOURCE = Source("Musterklinikum", "DURCHBLICK", "gateway")


class Collector:
    """A syslog server that keeps what it is sent."""

    def __init__(self, authority: Authority) -> None:
        identity = authority.issue("collector")
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(identity.certificate, identity.key)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.received: list[bytes] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listening.accept()
            except OSError:
                return
            try:
                with self._context.wrap_socket(plain, server_side=True) as connection:
                    data = b"".join(iter(lambda: connection.recv(65536), b""))
            except OSError:
                continue
            self.received += _messages(data)

    def close(self) -> None:
        """Idempotent; what was sent before is received then."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()


def _messages(data: bytes) -> list[bytes]:
    """Octet-counted messages (RFC 5425 4.3)."""
    found = []
    while data:
        length, _, data = data.partition(b" ")
        found.append(data[: int(length)])
        data = data[int(length) :]
    return found


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def collector(authority: Authority) -> Iterator[Collector]:
    made = Collector(authority)
    yield made
    made.close()


@pytest.fixture
def keeping(tmp_path: Path) -> Iterator[Keeping]:
    made = Keeping(tmp_path / "data")
    yield made
    made.close()


def test_what_happened_reaches_the_server_once_it_is_there(
    keeping: Keeping, collector: Collector, authority: Authority
) -> None:
    patients = Patients(keeping.database, is_told=False)
    away = SyslogServer("127.0.0.1", 9, authority.file)
    keeping.audit.record("started", "gateway")
    assert Export(keeping.database, away, SOURCE, patients).send() == 0
    keeping.audit.record("deleted", "1.2.3")
    there = SyslogServer("127.0.0.1", collector.port, authority.file)
    export = Export(keeping.database, there, SOURCE, patients)
    assert (export.send(), export.send()) == (2, 0)
    keeping.audit.record("stopped", "gateway")
    assert Export(keeping.database, there, SOURCE, patients).send() == 1
    collector.close()
    assert [one.partition(b" durchblick ")[2][:1] for one in collector.received] == [b"1", b"2", b"3"]
    assert b"110105" in collector.received[1]


def test_a_server_of_another_house_is_told_nothing(collector: Collector, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "stranger", "Other CA")
    with pytest.raises(NotTaken):
        send(SyslogServer("127.0.0.1", collector.port, stranger.file), [b"1 x"])
    collector.close()
    assert collector.received == []


def test_hundreds_go_in_batches_and_none_is_skipped_when_one_fails(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.audit.export._AT_ONCE", 4)
    for number in range(10):
        keeping.audit.record("deleted", str(number))
    taken: list[bytes] = []
    fails = iter((False, True, False, False, False))

    def deliver(server: SyslogServer, frames: list[bytes]) -> None:
        if next(fails):
            raise NotTaken
        taken.extend(frames)

    export = Export(
        keeping.database, SyslogServer("host", 1), SOURCE, Patients(keeping.database, is_told=False), deliver
    )
    assert (export.send(), export.send()) == (4, 6)
    assert len(taken) == 10


def test_the_patient_id_is_told_only_where_the_site_wants_it(keeping: Keeping) -> None:
    stored = keeping.put(ct(PatientID="4711"))
    keeping.audit.record("instances accessed", stored.study_instance_uid)
    (event,) = AuditTrail(keeping.database).events()
    assert Patients(keeping.database, is_told=True).of(event) == "4711"
    assert Patients(keeping.database, is_told=False).of(event) == ""


def test_arrivals_are_one_event_for_each_study_and_sender(keeping: Keeping) -> None:
    keeping.put(ct())
    assert note_arrivals(keeping.database) == 0
    study = "1.2.826.5"
    for number in range(3):
        keeping.put(ct(number=number, StudyInstanceUID=study, SeriesInstanceUID="1.2.826.5.1"))
    other = keeping.put(ct())
    assert note_arrivals(keeping.database) == 2
    assert note_arrivals(keeping.database) == 0
    events = {one.subject: one.detail.partition(" ")[0] for one in AuditTrail(keeping.database).events()}
    assert events == {study: "instances=3", other.study_instance_uid: "instances=1"}
