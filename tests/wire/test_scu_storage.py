"""Our C-STORE client against other people's receivers: DCMTK's storescp, pynetdicom and Orthanc."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.sop_class import CTImageStorage, MRImageStorage  # type: ignore[attr-defined]

from dimse.scu.elements import MoveOriginator
from dimse.scu.lane import SubOperation
from dimse.scu.storage import StorageScu
from dimse.settings import Peer
from storage.records import InstanceRecord
from storage.storage import Storage
from tests.support import corpus
from tests.support.gateway import free_port
from tests.support.nodes import orthanc, storescp
from tests.support.synthetic import ct, part10
from tests.wire.scu import CALLER, keep, opened
from tests.wire.test_dcmtk_storage import values

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:pydicom"),
    pytest.mark.filterwarnings("ignore::UserWarning:pynetdicom"),
]


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with opened(tmp_path / "store") as storage:
        yield storage


def one_of_each() -> list[bytes]:
    """An image for each way in which the data set or its pixels may have to be encoded anew."""
    bundled = {path.name: path for path in corpus.bundled()}
    names = ("CT_small.dcm", "ExplVR_BigEnd.dcm", "image_dfl.dcm", "MR_small_RLE.dcm", "GDCMJ2K_TextGBR.dcm")
    return [part10(ct(), ImplicitVRLittleEndian), *(bundled[name].read_bytes() for name in names)]


def summary(sent: list[SubOperation]) -> list[int]:
    return [one.status for one in sent]


def assert_received(received: list[Path], storage: Storage, records: list[InstanceRecord]) -> None:
    by_uid = {str(pydicom.dcmread(path).SOPInstanceUID): path for path in received}
    assert set(by_uid) == {record.sop_instance_uid for record in records}
    for record in records:
        original = pydicom.dcmread(storage.files.path(record.blob_key))
        if original.file_meta.TransferSyntaxUID.is_encapsulated:
            original.decompress(generate_instance_uid=False)
        arrived = pydicom.dcmread(by_uid[record.sop_instance_uid])
        ignored = {0x00080005, 0x00280006, 0x7FE00001, 0x7FE00002}
        ours, theirs = (
            {tag: value for tag, value in values(each).items() if tag not in ignored} for each in (original, arrived)
        )
        assert theirs == ours, record.transfer_syntax_uid


@pytest.mark.parametrize("options", [(), ("+xi",), ("--max-pdu", "4096")], ids=" ".join)
def test_storescp_gets_what_it_accepts(storage: Storage, tmp_path: Path, options: tuple[str, ...]) -> None:
    records = keep(storage, *one_of_each())
    with storescp(tmp_path, *options) as node:
        sent = list(StorageScu(storage, CALLER, node.peer).send(records))
        assert summary(sent) == [0] * len(records), sent
        assert_received(node.files(), storage, records)
        accepted = {pydicom.dcmread(path).file_meta.TransferSyntaxUID for path in node.files()}
    if "+xi" in options:
        assert accepted == {ImplicitVRLittleEndian}


def test_storescp_that_takes_everything_gets_it_as_it_is(storage: Storage, tmp_path: Path) -> None:
    records = keep(storage, *one_of_each())
    with storescp(tmp_path, "+xa", "--bit-preserving") as node:
        assert summary(list(StorageScu(storage, CALLER, node.peer).send(records))) == [0] * 6
        data_sets = {data_set_of(path) for path in node.files()}
    kept = {even(storage.files.path(one.blob_key).read_bytes()[one.data_set_offset :]) for one in records}
    assert data_sets == kept


def even(data: bytes) -> bytes:
    """Deflated data sets may be odd; they get a NUL on their way (PS3.5 A.5)."""
    return data + bytes(len(data) % 2)


def data_set_of(path: Path) -> bytes:
    content = path.read_bytes()
    return content[144 + int.from_bytes(content[140:144], "little") :]


def test_several_associations_and_studies(storage: Storage, tmp_path: Path) -> None:
    images = [ct(number=number) for number in range(1, 13)]
    for image in images[:8]:
        image.StudyInstanceUID, image.SeriesInstanceUID = images[0].StudyInstanceUID, images[0].SeriesInstanceUID
    records = keep(storage, *map(part10, images))
    with storescp(tmp_path, "--fork") as node:
        scu = StorageScu(storage, CALLER, node.peer, associations=3)
        sent = list(scu.send(records))
        assert summary(sent) == [0] * 12
        assert {one.record.sop_instance_uid for one in sent} == {record.sop_instance_uid for record in records}
        assert len(node.files()) == 12


def test_a_receiver_that_aborts_every_time_is_given_up(storage: Storage, tmp_path: Path) -> None:
    records = keep(storage, *(part10(ct(number=number)) for number in range(1, 7)))
    with storescp(tmp_path, "--abort-after") as node:
        sent = list(StorageScu(storage, CALLER, node.peer, attempts=2, pause_seconds=0).send(records))
        associations = node.log.read_text(errors="replace").count("Association Received")
    assert [(one.status, one.is_answered) for one in sent] == [(0x0110, False)] * 6
    assert "aborted" in sent[0].comment
    assert associations <= 8


def test_what_a_receiver_cannot_read_as_it_is_gets_there_in_plain_form(storage: Storage, tmp_path: Path) -> None:
    """Bytes behind the data set, and JPEG whose header is Implicit VR: storescp aborts twice at each."""
    (misstated,) = (path for path in corpus.bundled() if path.name == "SC_rgb_jpeg.dcm")
    records = keep(storage, part10(ct()) + b"GARBAGE!" * 4, misstated.read_bytes())
    with storescp(tmp_path, "+xa") as node:
        assert summary(list(StorageScu(storage, CALLER, node.peer, pause_seconds=0).send(records))) == [0, 0]
        found = {pydicom.dcmread(path).file_meta.TransferSyntaxUID for path in node.files()}
        assert found == {ExplicitVRLittleEndian}


class Receiver:
    """pynetdicom's storage SCP, with a status for each instance in its order."""

    def __init__(self, *statuses: int, contexts: Any = ((CTImageStorage, ExplicitVRLittleEndian),)) -> None:
        self.statuses = list(statuses)
        self.requests: list[Any] = []
        self.entity = AE("RECEIVER")
        for abstract_syntax, transfer_syntax in contexts:
            self.entity.add_supported_context(abstract_syntax, transfer_syntax)
        self.entity.maximum_pdu_size = 16384
        self.peer = Peer("RECEIVER", "127.0.0.1", free_port())

    def __enter__(self) -> "Receiver":
        handlers: Any = [(evt.EVT_C_STORE, self._store)]
        self._server = self.entity.start_server(("127.0.0.1", self.peer.port), block=False, evt_handlers=handlers)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.shutdown()

    def _store(self, event: Any) -> int:
        self.requests.append(event.request)
        status = self.statuses.pop(0) if self.statuses else 0
        if status < 0:
            event.assoc.abort()
        return max(status, 0)


def test_statuses_of_each_instance_are_told(storage: Storage) -> None:
    records = keep(storage, *(part10(ct(number=number)) for number in range(1, 5)))
    with Receiver(0x0000, 0xB007, 0xA700, 0x0000) as receiver:
        sent = list(StorageScu(storage, CALLER, receiver.peer).send(records, originator=MoveOriginator("WARD", 7)))
    assert summary(sent) == [0x0000, 0xB007, 0xA700, 0x0000]
    assert [(one.is_success, one.is_failure) for one in sent[:3]] == [(True, False), (False, False), (False, True)]
    first = receiver.requests[0]
    assert (first.MoveOriginatorApplicationEntityTitle, first.MoveOriginatorMessageID) == ("WARD", 7)


def test_a_lost_association_is_replaced_and_nothing_is_left_out(storage: Storage) -> None:
    records = keep(storage, *(part10(ct(number=number)) for number in range(1, 5)))
    with Receiver(0, -1, 0, -1, 0, 0) as receiver:
        sent = list(StorageScu(storage, CALLER, receiver.peer, pause_seconds=0).send(records))
    assert [(one.status, one.is_answered) for one in sent] == [(0, True)] * 4
    assert [request.AffectedSOPInstanceUID for request in receiver.requests] == [
        records[index].sop_instance_uid for index in (0, 1, 1, 2, 2, 3)
    ]


def test_a_sop_class_that_is_not_accepted_fails_alone(storage: Storage) -> None:
    study = ct()
    other = ct(SOPClassUID=MRImageStorage, StudyInstanceUID=study.StudyInstanceUID, Modality="MR")
    records = keep(storage, part10(other), part10(study))
    with Receiver() as receiver:
        sent = {one.record.sop_class_uid: one for one in StorageScu(storage, CALLER, receiver.peer).send(records)}
    assert sent[CTImageStorage].is_success
    assert (sent[MRImageStorage].status, sent[MRImageStorage].is_answered) == (0x0122, False)


def test_sending_is_lazy_and_can_be_stopped(storage: Storage) -> None:
    records = keep(storage, *(part10(ct(number=number)) for number in range(1, 5)))
    with Receiver() as receiver:
        sending = StorageScu(storage, CALLER, receiver.peer).send(records)
        assert receiver.requests == []
        assert next(iter(sending)).is_success
        sending.close()
        assert len(receiver.requests) == 1


def test_several_associations_can_be_stopped(storage: Storage) -> None:
    images = [ct(number=number) for number in range(1, 31)]
    for image in images:
        image.StudyInstanceUID, image.SeriesInstanceUID = images[0].StudyInstanceUID, images[0].SeriesInstanceUID
    records = keep(storage, *map(part10, images))
    with Receiver() as receiver:
        sending = StorageScu(storage, CALLER, receiver.peer, associations=2).send(records)
        assert next(iter(sending)).is_success
        sending.close()
        assert len(receiver.requests) < 12
    assert not [thread for thread in threading.enumerate() if thread.name == "storage-scu"]


def test_nobody_there_is_one_attempt_for_all(storage: Storage) -> None:
    records = keep(storage, *(part10(ct(number=number)) for number in range(1, 4)))
    nobody = Peer("NOBODY", "127.0.0.1", free_port())
    sent = list(StorageScu(storage, CALLER, nobody, pause_seconds=0).send(records))
    assert {(one.status, one.is_answered) for one in sent} == {(0x0110, False)}
    assert all("Nobody listens" in one.comment for one in sent)


def test_orthanc_keeps_what_is_sent(storage: Storage, tmp_path: Path) -> None:
    records = keep(storage, *one_of_each())
    with orthanc(tmp_path) as node:
        assert summary(list(StorageScu(storage, CALLER, node.peer, associations=2).send(records))) == [0] * 6
