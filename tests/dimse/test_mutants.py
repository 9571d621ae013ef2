"""Damaged conversations: whatever comes, the node answers or closes, and serves the next peer."""

import logging
import random
import socket
from contextlib import suppress

import pytest

from tests.dimse.node import MemoryStore, Node, running
from tests.dimse.peer import ECHO, RELEASE, Peer, associate_rq, store_pdus

MUTANTS = 2_000
CONVERSATION = associate_rq() + ECHO + store_pdus(bytes(range(256)), step=100) + ECHO + RELEASE


def mutant(random_: random.Random) -> bytes:
    data = bytearray(CONVERSATION)
    for _ in range(random_.choice((1, 1, 2, 5, 20))):
        at = random_.randrange(len(data))
        match random_.randrange(5):
            case 0:
                data[at] = random_.randrange(256)
            case 1:
                data[at] ^= 1 << random_.randrange(8)
            case 2:
                del data[at : at + random_.randrange(1, 60)]
            case 3:
                data[at:at] = random_.randbytes(random_.randrange(1, 60))
            case 4:
                data[at:at] = data[at : at + random_.randrange(1, 300)]
        if not data:
            break
    return bytes(data)


def converse(node: Node, data: bytes) -> None:
    with Peer(node.port) as peer, suppress(ConnectionError):
        peer.send(data)
        peer.socket.shutdown(socket.SHUT_WR)
        while peer.socket.recv(65536):
            pass


@pytest.mark.parametrize("event_loop", ["asyncio", "uvloop"])
def test_mutants(event_loop: str, caplog: pytest.LogCaptureFixture) -> None:
    random_ = random.Random(event_loop)
    with running(MemoryStore(), event_loop) as node, caplog.at_level(logging.ERROR):
        for number in range(MUTANTS // 2):
            converse(node, mutant(random_))
            if number % 100 == 0:
                with Peer(node.port) as peer:
                    peer.associate()
                    assert peer.echo() == 0
                    peer.release()
    assert caplog.records == []
