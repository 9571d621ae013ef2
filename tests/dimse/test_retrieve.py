"""C-MOVE and C-GET against a fake association and a fake client of the destination; the store is a real one."""

import errno
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, MRImageStorage, RLELossless, generate_uid

from dimse import command
from dimse.command import C_GET_RQ, C_MOVE_RQ, Command
from dimse.exchange import AssociationLost, Exchange
from dimse.scu import outgoing
from dimse.scu.elements import MOVE_DESTINATION, MoveOriginator
from dimse.scu.outgoing import Outgoing
from dimse.services.operation import Collected, Context, Operation, Request, Response
from dimse.services.retrieve import RetrieveService
from dimse.settings import Peer
from storage.data_set.identifier import decode
from storage.records import InstanceRecord
from storage.scope import WholeArchive
from storage.storage import Storage, StorageSettings
from tests.dicomweb.instances import rle
from tests.dimse.retrieving import Association, Client
from tests.dimse.test_retrieve_keys import identifier
from tests.support.synthetic import ct, part10

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
STUDY_MOVE, STUDY_GET = "1.2.840.10008.5.1.4.1.2.2.2", "1.2.840.10008.5.1.4.1.2.2.3"
PATIENT_GET = "1.2.840.10008.5.1.4.1.2.1.3"
VIEWER = Peer("VIEWER", "127.0.0.1", 104)
STUDY, SERIES = generate_uid(), generate_uid()


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    opened = Storage.open(tmp_path / "data", StorageSettings(free_space_floor=0))
    yield opened
    opened.close()


def keep(storage: Storage, *files: bytes) -> list[InstanceRecord]:
    for file in files:
        incoming = storage.ingest.receive()
        incoming.write(file)
        stored = storage.ingest.store(incoming, source="test")
    return storage.index.instances(WholeArchive(), stored.study_instance_uid)


def of_study(number: int = 1, **attributes: Any) -> Dataset:
    parents = {"StudyInstanceUID": STUDY, "SeriesInstanceUID": SERIES, "SOPInstanceUID": f"1.2.3.{number}"}
    return ct(number=number, **(parents | attributes))


def slices(storage: Storage, count: int = 4) -> list[InstanceRecord]:
    return keep(storage, *(part10(of_study(number)) for number in range(1, count + 1)))


def request_of(field: int, sop_class: str, destination: str = "VIEWER", data_set_type: int = 0) -> Request:
    elements = {
        command.COMMAND_FIELD: command.uint2(field),
        command.MESSAGE_ID: command.uint2(7),
        command.DATA_SET_TYPE: command.uint2(data_set_type),
        MOVE_DESTINATION: command.padded(destination.encode(), b" "),
    }
    return Request(Context(1, sop_class, IMPLICIT), Command(elements), "WORKSTATION", "127.0.0.1")


def performed(operation: Operation, data: bytes, association: Association) -> Response:
    assert isinstance(operation, Collected)
    operation.write([memoryview(data)])
    return operation.finish(cast(Exchange, association))


def service(storage: Storage, client: Client | None = None) -> RetrieveService:
    return RetrieveService(storage, {"VIEWER": VIEWER}.get, (client or Client()).to, remind_seconds=60)


def get(storage: Storage, association: Association, sop_class: str = STUDY_GET, **keys: str) -> Response:
    keys = keys or {"level": "STUDY", "study": STUDY}
    return performed(service(storage).get(request_of(C_GET_RQ, sop_class)), identifier(**keys), association)


def move(storage: Storage, client: Client, association: Association | None = None, **keys: str) -> Response:
    keys = keys or {"level": "STUDY", "study": STUDY}
    operation = service(storage, client).move(request_of(C_MOVE_RQ, STUDY_MOVE))
    return performed(operation, identifier(**keys), association or Association())


def numbers(response: Response) -> list[int]:
    """Remaining (where it is told), completed, failed, warning."""
    return [int.from_bytes(value, "little") for _, value in sorted(response.elements)]


def failed_uids(response: Response) -> list[str]:
    uids: list[str] = decode(response.identifier, IMPLICIT)["00080058"]["Value"]
    return uids


def data_set_of(storage: Storage, record: InstanceRecord) -> bytes:
    return storage.files.path(record.blob_key).read_bytes()[record.data_set_offset :]


def test_get_sends_every_instance_as_it_is_stored(storage: Storage) -> None:
    records = slices(storage)
    association = Association((CTImageStorage, EXPLICIT, True))
    response = get(storage, association)
    assert (response.status.code, numbers(response), response.identifier) == (0, [4, 0, 0], b"")
    assert [data for _, _, data in association.sent] == [data_set_of(storage, record) for record in records]
    for record, (context, elements, _) in zip(records, association.sent, strict=True):
        assert context.id == 1
        assert elements[command.COMMAND_FIELD] == command.uint2(1)
        assert elements[command.AFFECTED_SOP_CLASS_UID].strip(b"\0").decode() == CTImageStorage
        assert elements[command.AFFECTED_SOP_INSTANCE_UID].strip(b"\0").decode() == record.sop_instance_uid
    assert [numbers(told) for told in association.told] == [[4 - done, done, 0, 0] for done in range(5)]


def test_get_by_each_level(storage: Storage) -> None:
    slices(storage)
    keep(storage, part10(ct(SOPInstanceUID="1.2.9", StudyInstanceUID="1.2.8", SeriesInstanceUID="1.2.7")))
    for expected, sop_class, keys in (
        (5, PATIENT_GET, {"level": "PATIENT", "patient": "TEST-1"}),
        (0, PATIENT_GET, {"level": "PATIENT", "patient": "TEST-2"}),
        (5, STUDY_GET, {"level": "STUDY", "study": f"{STUDY}\\1.2.8"}),
        (4, STUDY_GET, {"level": "SERIES", "study": STUDY, "series": SERIES}),
        (2, STUDY_GET, {"level": "IMAGE", "image": "1.2.9\\1.2.3.2\\1.2.3.99"}),
    ):
        association = Association((CTImageStorage, EXPLICIT, True))
        response = get(storage, association, sop_class, **keys)
        assert (response.status.code, numbers(response)) == (0, [expected, 0, 0])
        assert len({data for _, _, data in association.sent}) == expected


def test_get_prefers_the_stored_syntax_among_contexts(storage: Storage) -> None:
    keep(storage, rle(of_study()))
    contexts = [(CTImageStorage, syntax, True) for syntax in (IMPLICIT, EXPLICIT, RLELossless)]
    association = Association(*contexts)
    assert get(storage, association).status.code == 0
    assert association.sent[0][0].transfer_syntax == RLELossless


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_get_converts_what_is_not_accepted_as_stored(storage: Storage, syntax: str) -> None:
    compressed = of_study(1)
    compressed.private_block(0x0009, "DURCHBLICK TEST", create=True).add_new(1, "LO", "kept")
    pixels = np.frombuffer(compressed.PixelData, "<i2")
    keep(storage, rle(compressed), part10(of_study(2), IMPLICIT), part10(of_study(3), EXPLICIT))
    association = Association((CTImageStorage, syntax, True))
    response = get(storage, association)
    assert (response.status.code, numbers(response)) == (0, [3, 0, 0])
    for number, (_, _, data) in enumerate(association.sent, 1):
        received = pydicom.dcmread(BytesIO(data), force=True)
        assert received.original_encoding == (syntax == IMPLICIT, True)
        assert received.SOPInstanceUID == f"1.2.3.{number}" and received.PatientName == "Muster^Erika"
        assert (np.frombuffer(received.PixelData, "<i2") == pixels + number - 1).all()


def test_get_converts_large_images_piece_by_piece(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "_MOST_MAPPED", 1 << 19)
    pixels = np.random.default_rng(1).bytes(2 * 1200 * 1200)
    keep(storage, part10(of_study(rows=1200, columns=1200, PixelData=pixels)))
    association = Association((CTImageStorage, IMPLICIT, True))
    assert get(storage, association).status.code == 0
    assert association.sent[0][2].endswith(pixels)


def test_get_fails_where_no_context_fits(storage: Storage) -> None:
    keep(storage, part10(of_study(1)), part10(of_study(2, SOPClassUID=MRImageStorage, SeriesInstanceUID="1.2.5")))
    # One of another class; one that the peer only sends on; one in a syntax that nobody can convert to.
    association = Association(
        (CTImageStorage, EXPLICIT, True), (MRImageStorage, EXPLICIT, False), (MRImageStorage, RLELossless, True)
    )
    response = get(storage, association)
    assert (response.status.code, numbers(response)) == (0xB000, [1, 1, 0])
    assert failed_uids(response) == ["1.2.3.2"]
    assert response.status.comment.startswith("0122H")


def test_get_counts_what_the_peer_answers(storage: Storage) -> None:
    slices(storage, 5)
    association = Association((CTImageStorage, EXPLICIT, True), statuses=[0, 0xA700, 0xB007, 0xC123, -1])
    response = get(storage, association)
    assert (response.status.code, numbers(response)) == (0xB000, [1, 3, 1])
    assert failed_uids(response) == ["1.2.3.2", "1.2.3.4", "1.2.3.5"]


def test_get_of_which_nothing_succeeds(storage: Storage) -> None:
    slices(storage, 2)
    response = get(storage, Association())
    assert (response.status.code, numbers(response)) == (0xA702, [0, 2, 0])
    assert failed_uids(response) == ["1.2.3.1", "1.2.3.2"]


def test_an_answer_without_status_is_a_failure_of_the_peer(storage: Storage) -> None:
    slices(storage, 1)
    response = get(storage, Association((CTImageStorage, EXPLICIT, True), statuses=[-1]))
    assert response.status.comment.startswith("C000H")


def damage(storage: Storage, record: InstanceRecord, how: str) -> None:
    path = storage.files.path(record.blob_key)
    content = path.read_bytes()
    path.unlink()
    if how == "cut":
        path.write_bytes(content[:-100])


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
@pytest.mark.parametrize(("how", "status"), [("gone", "0112H"), ("cut", "0110H")])
def test_one_file_is_damaged_and_the_others_are_sent(storage: Storage, how: str, status: str, syntax: str) -> None:
    records = slices(storage, 3)
    damage(storage, records[1], how)
    association = Association((CTImageStorage, syntax, True))
    response = get(storage, association)
    assert (response.status.code, numbers(response)) == (0xB000, [2, 1, 0])
    assert failed_uids(response) == ["1.2.3.2"]
    assert response.status.comment.startswith(status)
    assert len(association.sent) == 2


@pytest.mark.parametrize("how", ["gone", "cut"])
def test_a_damaged_file_that_must_be_decompressed(storage: Storage, how: str) -> None:
    records = keep(storage, rle(of_study(1)), part10(of_study(2)))
    damage(storage, records[0], how)
    association = Association((CTImageStorage, EXPLICIT, True))
    response = get(storage, association)
    assert (response.status.code, numbers(response), failed_uids(response)) == (0xB000, [1, 1, 0], ["1.2.3.1"])


def test_a_file_that_breaks_off_while_it_is_sent_ends_the_association(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(storage, part10(of_study(1, rows=1000, columns=1000)))
    monkeypatch.setattr(Outgoing, "pieces", breaking_off)
    association = Association((CTImageStorage, EXPLICIT, True))
    with pytest.raises(AssociationLost, match="A700H"):
        get(storage, association)


def breaking_off(_: Outgoing, length: int) -> Iterator[bytes]:
    yield bytes(length)
    raise OSError(errno.EIO, "Muster^Erika")


def test_get_is_cancelled(storage: Storage) -> None:
    slices(storage, 5)
    association = Association((CTImageStorage, EXPLICIT, True), statuses=[0, 0xA700], cancels_after=3)
    response = get(storage, association)
    assert (response.status.code, numbers(response)) == (0xFE00, [2, 2, 1, 0])
    assert failed_uids(response) == ["1.2.3.2"]
    assert len(association.sent) == 3


def test_cancel_before_anything_and_after_everything(storage: Storage) -> None:
    slices(storage, 2)
    association = Association((CTImageStorage, EXPLICIT, True), cancels_after=0)
    response = get(storage, association)
    assert (response.status.code, numbers(response), association.sent) == (0xFE00, [2, 0, 0, 0], [])
    response = get(storage, Association((CTImageStorage, EXPLICIT, True), cancels_after=2))
    assert (response.status.code, numbers(response)) == (0, [2, 0, 0])


def test_move_sends_to_the_destination_and_says_for_whom(storage: Storage) -> None:
    slices(storage)
    client, association = Client([0, 0xB000]), Association()
    response = move(storage, client, association)
    assert (response.status.code, numbers(response), response.identifier) == (0xB000, [3, 0, 1], b"")
    assert client.peers == [VIEWER] and client.originators == [MoveOriginator("WORKSTATION", 7)]
    assert client.sent == ["1.2.3.1", "1.2.3.2", "1.2.3.3", "1.2.3.4"]
    assert [numbers(told) for told in association.told][:3] == [[4, 0, 0, 0], [3, 1, 0, 0], [2, 1, 0, 1]]
    assert {told.status.code for told in association.told} == {0xFF00}
    assert client.closed == 1


@pytest.mark.parametrize("destination", ["NOBODY", "", "viewer"])
def test_move_to_nobody_we_know(storage: Storage, destination: str) -> None:
    slices(storage, 1)
    client = Client()
    operation = service(storage, client).move(request_of(C_MOVE_RQ, STUDY_MOVE, destination))
    association = Association()
    response = performed(operation, identifier(level="STUDY", study=STUDY), association)
    assert (response.status.code, response.elements, response.identifier) == (0xA801, (), b"")
    assert (client.peers, association.told) == ([], [])


def test_move_of_nothing_is_a_success(storage: Storage) -> None:
    client = Client()
    response = move(storage, client)
    assert (response.status.code, numbers(response), client.sent) == (0, [0, 0, 0], [])


def test_move_is_cancelled(storage: Storage) -> None:
    slices(storage)
    client = Client()

    class Told(Association):
        @property
        def is_cancelled(self) -> bool:
            return len(self.told) == 3

    response = move(storage, client, Told())
    assert (response.status.code, numbers(response)) == (0xFE00, [2, 2, 0, 0])
    assert (client.sent, client.closed) == (["1.2.3.1", "1.2.3.2"], 1)


def test_move_to_a_destination_that_dies(storage: Storage) -> None:
    slices(storage, 3)
    dead = Client([0, 0x0110, 0x0110], comment="The association was lost.", is_answered=False)
    response = move(storage, dead)
    assert (response.status.code, numbers(response)) == (0xB000, [1, 2, 0])
    assert failed_uids(response) == ["1.2.3.2", "1.2.3.3"]
    assert response.status.comment == "0110H The association was lost."


def test_words_of_the_destination_are_not_passed_on(storage: Storage) -> None:
    slices(storage, 1)
    response = move(storage, Client([0xA700], comment="no room for Muster^Erika"))
    assert (response.status.code, response.status.comment) == (0xA702, "A700H")


def test_a_lost_association_ends_the_move(storage: Storage) -> None:
    slices(storage)
    client = Client()

    class Lost(Association):
        def respond(self, response: Response) -> None:
            super().respond(response)
            if len(self.told) == 3:
                raise AssociationLost("gone")

    with pytest.raises(AssociationLost):
        move(storage, client, Lost())
    assert (len(client.sent), client.closed) == (2, 1)


def test_instance_deleted_meanwhile_has_failed(storage: Storage) -> None:
    slices(storage, 2)

    class Deleting(Association):
        def respond(self, response: Response) -> None:
            if not self.told:
                sql = "DELETE FROM instance WHERE sop_instance_uid = '1.2.3.2'"
                storage.database.write(lambda connection: connection.execute(sql))
            super().respond(response)

    response = move(storage, Client(), Deleting())
    assert (response.status.code, numbers(response), response.identifier) == (0xB000, [1, 1, 0], b"")


@pytest.mark.parametrize(
    ("sop_class", "data_set_type", "status"),
    [(STUDY_MOVE, 0x0101, 0xA900), (STUDY_GET, 0, 0x0122), (CTImageStorage, 0, 0x0122)],
)
def test_requests_that_are_refused_at_once(storage: Storage, sop_class: str, data_set_type: int, status: int) -> None:
    operation = service(storage).move(request_of(C_MOVE_RQ, sop_class, data_set_type=data_set_type))
    answers: list[Response | None] = []
    operation.perform(cast(Exchange, Association()), answers.append)
    (answer,) = answers
    assert answer is not None and answer.status.code == status
