"""TCP may cut the stream anywhere: the same conversation, in two segments cut at every byte."""

import struct
from pathlib import Path

import pytest

from dimse import command
from dimse.services.dispatch import Services
from dimse.settings import DimseSettings
from storage.storage import Storage, StorageSettings
from tests.dimse.conversations import CONTEXTS, FIND, STUDY, all_user_items, cancel, find, instances
from tests.dimse.node import MemoryStore, running
from tests.dimse.peer import ECHO, RELEASE, Peer, associate_rq, store_pdus

EVERY = 7
"""Each n-th cut is made sure of: an echo on another connection proves that the first segment was read by itself."""


def nudge(port: int) -> None:
    with Peer(port) as other:
        other.associate()
        other.release()


def test_find_and_cancel_split_at_every_byte(tmp_path: Path) -> None:
    storage = Storage.open(tmp_path, StorageSettings(free_space_floor=0))
    settings = DimseSettings(accept_unknown_peers=True)
    with running(storage.ingest, services=Services(storage, settings)) as node, Peer(node.port) as peer:
        peer.associate(contexts=CONTEXTS)
        for number, data in enumerate(instances(2)):
            assert peer.store(data, instance=f"{STUDY}.1.{number}").number(command.STATUS) == 0
        message = b"".join(find(5, FIND, "PATIENT")) + cancel(5, message_id=9)
        for at in range(1, len(message)):
            peer.send(message[:at])
            if at % EVERY == 0:
                nudge(node.port)
            peer.send(message[at:])
            assert peer.status() in (0xFF00, 0xFF01)
            assert len(match(peer)) > 100
            assert peer.status() == 0
        peer.release()
    storage.close()


def match(peer: Peer) -> bytes:
    kind, body = peer.receive_pdu()
    length, _, control = struct.unpack_from(">IBB", body)
    assert (kind, control, length) == (4, 2, len(body) - 4)
    return body[6:]


@pytest.mark.parametrize("event_loop", ["asyncio", "uvloop"])
def test_a_whole_association_split_at_every_byte(event_loop: str) -> None:
    """From the A-ASSOCIATE-RQ with everything in it to the release."""
    store = MemoryStore()
    request = associate_rq(contexts=CONTEXTS[:2], user=all_user_items())
    whole = request + ECHO + store_pdus(b"d" * 20, step=10) + RELEASE
    with running(store, event_loop) as node:
        for at in range(1, len(whole), 3 if event_loop == "asyncio" else 2):
            with Peer(node.port) as peer:
                peer.send(whole[:at])
                if at % EVERY == 0:
                    nudge(node.port)
                peer.send(whole[at:])
                assert peer.receive_pdu()[0] == 2
                assert [peer.status(), peer.status()] == [0, 0]
                assert peer.receive_pdu()[0] == 6
    assert {bytes(kept.data) for kept in store.kept} == {b"d" * 20}
