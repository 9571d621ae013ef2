"""Damaged conversations: whatever comes, the node answers or closes, keeps silent about patients, and serves the next.

This is the share that fits into every test run; `make fuzz` sends a hundred times as much.
"""

import logging
from pathlib import Path

import pytest

from dimse.pdu_protocol import RELEASE_RP
from tests.dimse.conversations import MARKER, Conversation, conversations
from tests.dimse.fuzzing import Hearing, Watch, fuzz, fuzzed_node
from tests.dimse.mutation import Mutator
from tests.dimse.node import EVENT_LOOPS
from tests.dimse.peer import RELEASE, Peer
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")

PDUS = 1_000
GOOD = conversations()


@pytest.mark.parametrize("event_loop", EVENT_LOOPS)
def test_mutants(tmp_path: Path, event_loop: str) -> None:
    with fuzzed_node(tmp_path, event_loop) as node:
        outcome = fuzz(node, event_loop, PDUS)
    assert outcome.pdus >= PDUS
    assert outcome.leaks == [] and outcome.failures == []
    assert outcome.unstated == [] and len(outcome.statuses) > 10


@pytest.mark.parametrize("good", GOOD, ids=lambda good: good.name)
def test_undamaged_conversations_are_in_order(
    tmp_path: Path, good: Conversation, caplog: pytest.LogCaptureFixture
) -> None:
    """What the mutator starts from gets as deep as it can."""
    with (
        caplog.at_level(logging.DEBUG),
        fuzzed_node(tmp_path, "uvloop", {"settle_seconds": 0.01}) as node,
        Peer(node.port, timeout=PATIENCE) as peer,
    ):
        heard = Hearing(peer.socket, patience=PATIENCE)
        for step in good.steps:
            if isinstance(step, bytes):
                peer.send(step)
            else:
                assert heard.wait_for(step), step
        if good.steps[-1] == RELEASE:
            assert heard.to_the_end() == RELEASE_RP
    assert "protocol_violated" not in caplog.text and "status=01" not in caplog.text
    assert MARKER not in caplog.text


def test_the_same_seed_makes_the_same_mutants() -> None:
    first, second, other = (Mutator(seed, GOOD) for seed in ("a", "a", "b"))
    one = [first.conversation() for _ in range(50)]
    assert one == [second.conversation() for _ in range(50)] != [other.conversation() for _ in range(50)]


def test_the_watch_finds_names_and_failures() -> None:
    watch, log = Watch(), logging.getLogger("durchblick.dimse.watched")
    log.addHandler(watch)
    log.warning("value %r", f"{MARKER}^Erika")
    log.error("operation_failed")
    log.removeHandler(watch)
    assert len(watch.leaks) == 1 and watch.failures == ["operation_failed"]
