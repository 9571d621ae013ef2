import logging
import os
import struct
from typing import Any

import pytest

from dimse import command
from dimse.settings import DimseSettings
from storage.data_set.part10 import FileMeta
from storage.errors import (
    CannotUnderstand,
    DataSetMismatch,
    DuplicateInstance,
    MalformedIdentifier,
    NotAuthorised,
    OutOfResources,
    ProcessingFailure,
    Refusal,
)
from tests.dimse.node import MemoryStore, Node, running
from tests.dimse.peer import (
    ABORT,
    CT,
    ECHO,
    EXPLICIT,
    IMPLICIT,
    RELEASE,
    VERIFICATION,
    Peer,
    associate_rq,
    echo_command,
    p_data,
    pdv,
    store_command,
    store_pdus,
)
from tests.support.patience import PATIENCE


def reply(node: Node, sent: bytes) -> tuple[int, bytes]:
    with Peer(node.port) as peer:
        peer.send(sent)
        return peer.receive_pdu()


def test_echo_and_release(node: Node) -> None:
    with Peer(node.port) as peer:
        peer.associate()
        assert [peer.echo() for _ in range(3)] == [0, 0, 0]
        peer.release()


def test_store(node: Node, store: MemoryStore) -> None:
    data = os.urandom(300_001)
    with Peer(node.port) as peer:
        peer.associate(calling="CT1")
        response = peer.store(data, message_id=7)
        assert response.number(command.STATUS) == 0
        assert response.number(command.MESSAGE_ID_RESPONDED_TO) == 7
        assert response.text(command.AFFECTED_SOP_INSTANCE_UID) == "1.2.3"
        assert peer.store(b"", instance="1.2.4").number(command.STATUS) == 0
        peer.release()
    assert [bytes(kept.data) for kept in store.kept] == [data, b""]
    assert store.kept[0].meta == FileMeta(CT, "1.2.3", EXPLICIT, "CT1")
    assert store.sources == ["CT1@127.0.0.1"] * 2
    assert store.abandoned == []


def test_everything_in_one_send(node: Node, store: MemoryStore) -> None:
    """Associate, two stores, echo and release without waiting: answered in order, one after the other."""
    with Peer(node.port) as peer:
        stores = store_pdus(b"a" * 40_000, message_id=1) + store_pdus(b"b" * 300_000, instance="1.2.4", message_id=2)
        peer.send(associate_rq() + stores + p_data(pdv(1, 3, echo_command(3))) + RELEASE)
        assert peer.receive_pdu()[0] == 2
        assert [peer.response().number(command.MESSAGE_ID_RESPONDED_TO) for _ in range(3)] == [1, 2, 3]
        assert peer.receive_pdu() == (6, bytes(4))
    assert [bytes(kept.data) for kept in store.kept] == [b"a" * 40_000, b"b" * 300_000]


def test_store_split_at_every_byte(store: MemoryStore) -> None:
    """The naive receivers failed exactly here: a message that arrives in two segments, wherever it is cut."""
    message = store_pdus(b"d" * 40, step=20)
    with running(store) as node, Peer(node.port) as peer:
        peer.associate()
        for at in range(1, len(message)):
            peer.send(message[:at])
            # An echo on another connection proves that the first part has been read on its own.
            if at % 16 == 1:
                with Peer(node.port) as other:
                    other.associate()
                    other.release()
            peer.send(message[at:])
            assert peer.status() == 0
    assert {bytes(kept.data) for kept in store.kept} == {b"d" * 40}


def test_several_values_in_one_pdu(node: Node, store: MemoryStore) -> None:
    with Peer(node.port) as peer:
        peer.associate()
        encoded = store_command()
        peer.send(
            p_data(pdv(3, 1, encoded[:11]), pdv(3, 3, encoded[11:]), pdv(3, 0, b"ab"), pdv(3, 0, b""), pdv(3, 2, b"c"))
        )
        assert peer.status() == 0
    assert bytes(store.kept[0].data) == b"abc"


def test_response_respects_the_longest_pdu_of_the_peer(node: Node) -> None:
    with Peer(node.port) as peer:
        peer.associate(longest_pdu=30)
        peer.send(store_pdus(b"abc"))
        kind, body = peer.receive_pdu()
        assert kind == 4 and len(body) == 30
        peer.send(b"")
    with Peer(node.port) as peer:
        peer.associate(longest_pdu=30)
        assert peer.store(b"abc").number(command.STATUS) == 0


@pytest.mark.parametrize(
    ("request_", "settings", "codes"),
    [
        ({"called": "OTHER"}, {}, (1, 1, 7)),
        ({}, {"accept_unknown_peers": False}, (1, 1, 3)),
        ({}, {"associations": 0}, (2, 3, 2)),
        ({}, {"associations_per_host": 0}, (2, 3, 2)),
    ],
)
def test_rejections(
    store: MemoryStore,
    caplog: pytest.LogCaptureFixture,
    request_: dict[str, str],
    settings: dict[str, Any],
    codes: tuple[int, int, int],
) -> None:
    with running(store, **settings) as node, caplog.at_level(logging.WARNING, "durchblick.dimse"):
        assert reply(node, associate_rq(**request_)) == (3, bytes((0, *codes)))  # type: ignore[arg-type]
    assert "rejected" in caplog.text and "mend=" in caplog.text


def test_rejection_of_version_and_application_context(node: Node) -> None:
    rq = associate_rq()
    assert reply(node, rq[:6] + b"\0\2" + rq[8:]) == (3, bytes((0, 1, 2, 2)))
    assert reply(node, rq.replace(b"10008.3.1.1.1", b"10008.3.1.1.9")) == (3, bytes((0, 1, 1, 2)))


def test_any_scp_and_spaces_around_titles(node: Node) -> None:
    assert reply(node, associate_rq(called="ANY-SCP"))[0] == 2
    rq = associate_rq(called="DURCHBLICK")
    assert reply(node, rq[:10] + b"   DURCHBLICK   " + rq[26:])[0] == 2


def test_contexts_are_answered_one_by_one(node: Node) -> None:
    private = [(number, f"1.2.3.{number}", (f"1.2.4.{number}", IMPLICIT)) for number in range(1, 254, 2)]
    worklist = (255, "1.2.840.10008.5.1.4.31", (IMPLICIT,))
    with Peer(node.port) as peer:
        answered = peer.associate(contexts=[*private, worklist]).presentation_context
        assert [(c.context_id, c.result) for c in answered] == [(n, 0) for n in range(1, 254, 2)] + [(255, 3)]
        assert [c.transfer_syntax for c in answered][:127] == [f"1.2.4.{number}" for number in range(1, 254, 2)]


REFUSALS = [
    OutOfResources("full"),
    DataSetMismatch("other"),
    CannotUnderstand("cut"),
    NotAuthorised("no"),
    DuplicateInstance("other bytes"),
    MalformedIdentifier("bad"),
    ProcessingFailure("odd"),
]


@pytest.mark.parametrize("where", ["receive_error", "write_error", "store_error"])
@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: type(refusal).__name__)
def test_each_refusal_has_its_status(store: MemoryStore, where: str, refusal: Refusal) -> None:
    setattr(store, where, refusal)
    with running(store) as node, Peer(node.port) as peer:
        peer.associate()
        response = peer.store(b"a" * 40_000)
        assert response.number(command.STATUS) == refusal.dicom_status
        assert response.text(command.ERROR_COMMENT) == refusal.detail
        assert peer.echo() == 0
    assert len(store.abandoned) == (1 if where == "write_error" else 0)
    assert store.kept == []


@pytest.mark.parametrize("where", ["receive_error", "write_error", "store_error"])
def test_unexpected_failures_tell_an_incident_and_nothing_else(
    store: MemoryStore, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    setattr(store, where, ValueError("Muster^Erika"))
    with running(store) as node, Peer(node.port) as peer, caplog.at_level(logging.DEBUG):
        peer.associate()
        response = peer.store(b"abc")
    comment = response.text(command.ERROR_COMMENT)
    assert response.number(command.STATUS) == 0x0110
    incident = comment.rpartition(" ")[2].rstrip(".")
    assert len(incident) == 8 and f"incident={incident}" in caplog.text
    assert "Muster" not in caplog.text + comment


def test_disk_that_fails_in_everything_is_out_of_resources(store: MemoryStore) -> None:
    store.write_error = store.abandon_error = OSError(5, "Input/output error")
    with running(store) as node, Peer(node.port) as peer:
        peer.associate()
        assert peer.store(b"abc").number(command.STATUS) == 0xA700
        assert peer.echo() == 0


def test_failing_disk_is_out_of_resources(store: MemoryStore) -> None:
    store.store_error = OSError(28, "No space left on device")
    with running(store) as node, Peer(node.port) as peer:
        peer.associate()
        assert peer.store(b"abc").number(command.STATUS) == 0xA700


@pytest.mark.parametrize(
    ("message", "status", "offending"),
    [
        ({"sop_class": None}, 0x0106, b"\0\0\2\0"),
        ({"sop_class": "1.2.840.10008.5.1.4.1.2.2.1"}, 0x0122, b"\0\0\2\0"),
        ({"instance": None}, 0x0117, b"\0\0\0\x10"),
        ({"instance": "../../etc/x"}, 0x0117, b"\0\0\0\x10"),
        ({"instance": "1.2." + "3" * 200}, 0x0117, b"\0\0\0\x10"),
        ({"context_id": 1}, 0x0122, b"\0\0\2\0"),
        ({"context_id": 1, "sop_class": VERIFICATION}, 0x0122, b"\0\0\2\0"),
    ],
)
def test_commands_that_contradict_themselves(
    node: Node, store: MemoryStore, message: dict[str, Any], status: int, offending: bytes
) -> None:
    with Peer(node.port) as peer:
        peer.associate()
        response = peer.store(b"a" * 40_000, **message)
        assert response.number(command.STATUS) == status
        assert response.elements[command.OFFENDING_ELEMENT] == offending
        assert 0 < len(response.elements[command.ERROR_COMMENT]) <= 64
        assert peer.echo() == 0
    assert store.kept == []


def test_another_storage_class_than_the_context_s_is_for_the_store_to_judge(node: Node, store: MemoryStore) -> None:
    with Peer(node.port) as peer:
        peer.associate()
        assert peer.store(b"a" * 100, sop_class="1.2.840.10008.5.1.4.1.1.4").number(command.STATUS) == 0
    (kept,) = store.kept
    assert kept.meta.sop_class_uid == "1.2.840.10008.5.1.4.1.1.4"


def test_store_without_data_set(node: Node) -> None:
    with Peer(node.port) as peer:
        peer.associate()
        peer.send(p_data(pdv(3, 3, store_command(data_set_type=0x0101))))
        assert peer.status() == 0xC000


def test_operations_that_are_not_offered(node: Node) -> None:
    with Peer(node.port) as peer:
        peer.associate()
        for field in (0x0110, 0x0120, 0x0140, 0x0150):
            find = command.encode(
                [(0x0002, b"1.2.3\0"), (0x0100, command.uint2(field)), (0x0110, b"\5\0"), (0x0800, b"\0\0")]
            )
            peer.send(p_data(pdv(3, 3, find)) + p_data(pdv(3, 2, b"identifier")))
            response = peer.response()
            assert response.number(command.STATUS) == 0x0211
            assert response.field == field | 0x8000
        assert peer.echo() == 0


def test_echo_on_a_storage_context(node: Node) -> None:
    with Peer(node.port) as peer:
        peer.associate()
        peer.send(p_data(pdv(3, 3, echo_command())))
        assert peer.status() == 0x0122


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"\x09\0\0\0\0\4\0\0\0\0", 1),
        (associate_rq(), 2),
        (b"\x02\0\0\0\0\4\0\0\0\0", 2),
        (b"\x06\0\0\0\0\4\0\0\0\0", 2),
        (struct.pack(">BxI", 4, 0xFFFFFFFF), 6),
        (struct.pack(">BxI", 4, DimseSettings().longest_pdu + 1), 6),
        (b"\4\0\0\0\0\0", 6),
        (p_data(pdv(9, 3, echo_command())), 6),
        (p_data(pdv(3, 3, store_command())) + ECHO, 5),
        (p_data(pdv(1, 3, echo_command()), pdv(1, 3, echo_command())), 5),
    ],
)
def test_protocol_violations_are_aborted_with_a_reason(
    node: Node, store: MemoryStore, sent: bytes, reason: int
) -> None:
    with Peer(node.port) as peer:
        peer.associate()
        peer.send(sent)
        kind, body = peer.receive_pdu()
        assert (kind, body) == (7, bytes((0, 0, 2, reason)))
    assert store.kept == []


@pytest.mark.parametrize("sent", [ECHO, RELEASE, b"GET / HTTP/1.1\r\n\r\n", associate_rq(contexts=())])
def test_whoever_does_not_begin_with_a_request_is_aborted(node: Node, sent: bytes) -> None:
    """Action AA-1 of PS3.8 table 9-9: the service user is the source."""
    assert reply(node, sent) == (7, bytes(4))


@pytest.mark.parametrize("ending", [ABORT, RELEASE, b""], ids=["abort", "release", "connection lost"])
def test_what_ends_midway_leaves_nothing(node: Node, store: MemoryStore, ending: bytes) -> None:
    with Peer(node.port) as peer:
        peer.associate()
        peer.send(store_pdus(b"a" * 200_000)[:100_000] if not ending else store_pdus(b"ab", step=1)[:-13] + ending)
    assert store.something_abandoned.wait(PATIENCE)
    assert len(store.abandoned) == 1 and store.kept == []


def test_a_store_under_way_survives_its_connection(node: Node, store: MemoryStore) -> None:
    store.gate.clear()
    with Peer(node.port) as peer:
        peer.associate()
        peer.send(store_pdus(b"abc"))
        assert store.storing.acquire(timeout=PATIENCE)
    with Peer(node.port) as peer:
        peer.associate()
        assert peer.echo() == 0
    store.gate.set()
    node.run(node.close())
    assert len(store.kept) == 1


def test_logs_tell_about_associations_but_not_about_patients(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    with running(store) as node, caplog.at_level(logging.DEBUG), Peer(node.port) as peer:
        peer.associate(calling="CT1")
        peer.store(b"\x10\0\x10\0PN\x0c\0Muster^Erika")
        peer.store(b"abc", instance="Muster^Erika")
        peer.release()
    assert "associated calling='CT1' host=127.0.0.1 contexts=2 accepted=2" in caplog.text
    assert "refused calling='CT1' host=127.0.0.1 status=0117H" in caplog.text
    assert "released calling='CT1' host=127.0.0.1 succeeded=1 refused=1" in caplog.text
    assert "Muster" not in caplog.text
