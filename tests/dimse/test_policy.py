"""What each peer may do: contexts are refused in the negotiation, operations with 0124H, associations by a limit."""

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from dimse import command
from dimse.association_pdus import ABSTRACT_SYNTAX_NOT_SUPPORTED, ACCEPTED, TRANSFER_SYNTAXES_NOT_SUPPORTED
from dimse.negotiation import Addresses, Admission, Rejection
from dimse.policy import Policy
from dimse.services.dispatch import OFFERS
from dimse.services.operation import Context, Request
from dimse.settings import ALLOWANCES, DimseSettings, Peer
from tests.dimse import peer as wire
from tests.dimse.node import MemoryStore, Node, running
from tests.dimse.peer import CT, EXPLICIT, IMPLICIT, VERIFICATION
from tests.dimse.test_negotiation import REQUEST
from tests.support.patience import PATIENCE

MR = "1.2.840.10008.5.1.4.1.1.4"
JPEG_2000 = "1.2.840.10008.1.2.4.90"
CONTEXTS = (
    (1, VERIFICATION, (IMPLICIT,)),
    (3, CT, (EXPLICIT,)),
    (5, CT, (JPEG_2000, IMPLICIT)),
    (7, MR, (EXPLICIT,)),
)


def modality(**restrictions: Any) -> Peer:
    return Peer("PEER", "127.0.0.1", 104, **restrictions)


@pytest.fixture
def associated(store: MemoryStore, request: pytest.FixtureRequest) -> Iterator[tuple[wire.Peer, list[int]]]:
    """A peer with the restrictions of the test, and the results of its contexts."""
    peers = (modality(**request.param),)
    with running(store, accept_unknown_peers=False, peers=peers) as node, wire.Peer(node.port) as peer:
        answer = peer.associate(contexts=CONTEXTS)
        yield peer, [int(context.result or 0) for context in answer.presentation_context]


@pytest.mark.parametrize(
    ("associated", "results"),
    [
        ({}, [0, 0, 0, 0]),
        ({"allow": ("query",)}, [0, 3, 3, 3]),
        ({"allow": ()}, [0, 3, 3, 3]),
        ({"sop_classes": (CT,)}, [0, 0, 0, 3]),
        ({"transfer_syntaxes": (EXPLICIT,)}, [0, 0, 4, 0]),
        ({"transfer_syntaxes": (EXPLICIT, IMPLICIT)}, [0, 0, 0, 0]),
        ({"sop_classes": (MR,), "transfer_syntaxes": (JPEG_2000,)}, [0, 3, 3, 4]),
    ],
    indirect=["associated"],
)
def test_contexts_are_refused_with_what_is_not_supported(
    associated: tuple[wire.Peer, list[int]], results: list[int]
) -> None:
    peer, answered = associated
    assert answered == results
    assert peer.echo() == 0


@pytest.mark.parametrize("associated", [{"sop_classes": (CT,)}], indirect=True)
def test_operations_outside_of_the_policy_are_not_authorised(
    associated: tuple[wire.Peer, list[int]], store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    """Negotiating one class and commanding another does not help."""
    peer, _ = associated
    with caplog.at_level(logging.WARNING):
        response = peer.store(b"abc", sop_class=MR)
    assert response.number(command.STATUS) == 0x0124
    assert "SOP class" in response.text(command.ERROR_COMMENT)
    assert "status=0124H" in caplog.text
    assert peer.store(b"abc").number(command.STATUS) == 0
    assert [kept.meta.sop_class_uid for kept in store.kept] == [CT]


def request(field: int, sop_class: str = CT, syntax: str = EXPLICIT) -> Request:
    elements = {0x0002: sop_class.encode(), 0x0100: command.uint2(field)}
    return Request(Context(1, sop_class, syntax), command.Command(elements), "PEER", "127.0.0.1")


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: offer.name)
def test_every_operation_needs_its_allowance(offer: Any) -> None:
    assert offer.allowance in ("", *ALLOWANCES)
    others = Policy(modality(allow=tuple(set(ALLOWANCES) - {offer.allowance})))
    objection = others.objection(request(offer.command_field))
    assert (objection.code if objection else None) == (0x0124 if offer.allowance else None)
    assert Policy(modality()).objection(request(offer.command_field)) is None


def test_storing_in_another_transfer_syntax_is_not_authorised() -> None:
    policy = Policy(modality(transfer_syntaxes=(EXPLICIT,)))
    assert policy.objection(request(command.C_STORE_RQ)) is None
    objection = policy.objection(request(command.C_STORE_RQ, syntax=JPEG_2000))
    assert objection is not None and objection.code == 0x0124


def test_a_peer_that_may_only_retrieve_gets_contexts_to_receive_on_and_none_to_store_on() -> None:
    policy = Policy(modality(allow=("retrieve",), transfer_syntaxes=(JPEG_2000,), sop_classes=(MR,)))
    assert policy.receives(CT) and not policy.receives(VERIFICATION)
    assert policy.takes(CT, receives=True) and not policy.takes(CT, receives=False)
    assert policy.transfer_syntaxes(CT, (JPEG_2000, IMPLICIT, EXPLICIT), receives=True)[0] == EXPLICIT
    assert not Policy(modality(allow=("store",))).receives(CT)


def test_data_sets_that_we_decode_ourselves_come_uncompressed() -> None:
    policy = Policy(modality())
    assert list(policy.transfer_syntaxes(VERIFICATION, (JPEG_2000, "rubbish", EXPLICIT), receives=False)) == [EXPLICIT]
    assert list(policy.transfer_syntaxes(CT, (JPEG_2000, "rubbish", EXPLICIT), receives=False)) == [JPEG_2000, EXPLICIT]


def test_associations_of_one_ae_are_limited_until_one_is_gone(store: MemoryStore) -> None:
    peers = (modality(associations=2), Peer("OTHER", "127.0.0.1", 104))
    with running(store, accept_unknown_peers=False, peers=peers) as node, ExitStack() as crowd:
        first, second, third, other = (crowd.enter_context(wire.Peer(node.port)) for _ in range(4))
        first.associate()
        second.associate()
        third.send(wire.associate_rq())
        assert third.receive_pdu() == (3, bytes((0, 2, 3, 2)))
        other.associate(calling="OTHER")
        first.release()
        assert eventually_accepted(node)


def eventually_accepted(node: Node) -> bool:
    # The echo on a second connection comes behind the release on the first one, but not behind its end.
    for _ in range(100):
        with wire.Peer(node.port) as peer:
            peer.send(wire.associate_rq())
            if peer.receive_pdu()[0] == 2:
                return True
    return False


def test_unknown_peers_may_do_everything_and_known_ones_keep_their_restrictions() -> None:
    known = modality(allow=("query",))
    admission = Admission(DimseSettings(accept_unknown_peers=True), {"PACS1": known}.get)
    assert admission.admit(REQUEST, "192.0.2.1") is known
    unknown = Admission(DimseSettings(accept_unknown_peers=True)).admit(REQUEST, "192.0.2.1")
    assert isinstance(unknown, Peer) and (unknown.allow, unknown.associations) == (ALLOWANCES, 0)


def test_peers_that_are_entered_while_we_run_count_at_once() -> None:
    known: dict[str, Peer] = {}
    admission = Admission(DimseSettings(), known.get)
    assert isinstance(admission.admit(REQUEST, "127.0.0.1"), Rejection)
    known["PACS1"] = Peer("PACS1", "localhost", 104)
    assert admission.admit(REQUEST, "127.0.0.1") == known["PACS1"]
    rejection = admission.admit(REQUEST, "127.0.0.9")
    assert isinstance(rejection, Rejection) and "known at localhost" in rejection.mend


def test_list_of_peers_that_cannot_be_read_is_a_temporary_matter(store: MemoryStore) -> None:
    def find(_: str) -> Peer | None:
        raise OSError(5, "Input/output error")

    with running(store, find=find) as node, wire.Peer(node.port) as peer:
        peer.send(wire.associate_rq())
        assert peer.receive_pdu() == (3, bytes((0, 2, 3, 1)))


def test_slow_name_server_holds_nobody_back(store: MemoryStore) -> None:
    asked, gate = threading.Event(), threading.Event()

    def find(ae_title: str) -> Peer | None:
        if ae_title == "SLOW":
            asked.set()
            assert gate.wait(PATIENCE)
        return None

    with running(store, find=find) as node, wire.Peer(node.port) as slow:
        slow.send(wire.associate_rq(calling="SLOW") + wire.store_pdus(bytes(100_000)))
        assert asked.wait(PATIENCE)
        with wire.Peer(node.port) as peer:
            peer.associate()
            assert peer.echo() == 0
        gate.set()
        assert slow.receive_pdu()[0] == 2
        assert slow.status() == 0
    assert len(store.kept) == 1


def test_addresses_are_looked_up_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def getaddrinfo(host: str, *_: object, **__: object) -> list[Any]:
        asked.append(host)
        if host == "gone":
            raise socket.gaierror
        return [(0, 0, 0, "", ("192.0.2.1", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    addresses = Addresses()
    assert addresses.of("pacs") == addresses.of("pacs") == {"192.0.2.1"}
    assert addresses.of("gone") == addresses.of("gone") == frozenset()
    assert asked == ["pacs", "gone", "gone"]
    impatient = Addresses(seconds=0)
    assert impatient.of("pacs") == impatient.of("pacs")
    assert asked == ["pacs", "gone", "gone", "pacs", "pacs"]


def test_results_have_the_numbers_of_the_standard() -> None:
    """PS3.8 table 9-18."""
    assert (ACCEPTED, ABSTRACT_SYNTAX_NOT_SUPPORTED, TRANSFER_SYNTAXES_NOT_SUPPORTED) == (0, 3, 4)
