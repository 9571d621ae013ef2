"""Damaged associations against a real node with a real store, and what must hold meanwhile.

`python -m tests.dimse.fuzzing [PDUS [SEED]]` sends so many PDUs (100,000) and prints the seed that repeats them.
"""

import logging
import secrets
import socket
import struct
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dimse import command
from dimse.services.dispatch import Services
from dimse.services.statuses import is_stated
from dimse.settings import DimseSettings
from storage.storage import Storage, StorageSettings
from tests.dimse.conversations import MARKER, STUDY, Await, Step, conversations, instances
from tests.dimse.mutation import Mutator
from tests.dimse.node import Node, running
from tests.dimse.peer import EXPLICIT, Peer
from tests.support.patience import PATIENCE

BATCH: Final = 1_000
SENDERS: Final = 4
PATIENCE_SECONDS: Final = 0.05
SETTINGS: Final[dict[str, Any]] = {
    "association_seconds": 1.0,
    "idle_seconds": 2.0,
    "transfer_seconds": 2.0,
    "linger_seconds": 0.2,
    "answer_seconds": 2.0,
    "settle_seconds": 0.01,
}
_RESET: Final = struct.pack("ii", 1, 0)


class Watch(logging.Handler):
    """Reads every line that is logged, as an operator's log would hold it: patients' names and failures are kept."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.leaks: list[str] = []
        self.failures: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        if MARKER in line:
            self.leaks.append(line)
        if record.levelno >= logging.ERROR:
            self.failures.append(line)


@dataclass
class Outcome:
    """What a run saw."""

    pdus: int = 0
    conversations: int = 0
    slowest_echo: float = 0.0
    resident: list[int] = field(default_factory=list)
    statuses: set[tuple[int, int]] = field(default_factory=set)
    """Command field and status of every response."""
    leaks: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def unstated(self) -> list[tuple[str, str]]:
        """Responses with a status that the conformance statement does not know."""
        unknown = {(f, code) for f, code in self.statuses if not is_stated(f & ~command.RESPONSE, code)}
        return sorted((f"{f:04X}", f"{code:04X}") for f, code in unknown)

    @property
    def growth(self) -> int:
        """Bytes of memory between the first quarter of the run, when caches are full, and its end."""
        return self.resident[-1] - self.resident[len(self.resident) // 4]


@contextmanager
def fuzzed_node(folder: Path, event_loop: str, limits: Mapping[str, float] = SETTINGS) -> Iterator[Node]:
    """A node with everything it offers over a store with one study. No thread of it may be left at the end."""
    storage = Storage.open(folder, StorageSettings(free_space_floor=0))
    settings = DimseSettings(accept_unknown_peers=True, **limits)  # type: ignore[arg-type]
    with running(storage.ingest, event_loop, Services(storage, settings), **limits) as node:
        keep_the_study(node)
        yield node
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith(("store", "conv", "admission"))]
    storage.close()
    assert not left, f"threads hang: {left}"


def keep_the_study(node: Node) -> None:
    with Peer(node.port) as peer:
        peer.associate(contexts=((1, "1.2.840.10008.1.1", (EXPLICIT,)), (3, "1.2.840.10008.5.1.4.1.1.2", (EXPLICIT,))))
        for number, data in enumerate(instances()):
            assert peer.store(data, instance=f"{STUDY}.1.{number}").number(0x0900) == 0


def fuzz(node: Node, seed: object, pdus: int) -> Outcome:
    """Send at least `pdus` PDUs, in batches; after each one the node must be as good as new."""
    outcome, watch = Outcome(), Watch()
    root = logging.getLogger()
    level = root.level
    root.addHandler(watch)
    root.setLevel(logging.DEBUG)
    try:
        while outcome.pdus < pdus:
            with ThreadPoolExecutor(SENDERS) as senders:
                share = min(BATCH, pdus - outcome.pdus) // SENDERS + 1
                seeds = [(seed, outcome.pdus, sender) for sender in range(SENDERS)]
                shares = senders.map(send_share, [node.port] * SENDERS, seeds, [share] * SENDERS)
                for sent, held, statuses in shares:
                    outcome.pdus += sent
                    outcome.conversations += held
                    outcome.statuses |= statuses
            outcome.slowest_echo = max(outcome.slowest_echo, wait_until_calm(node))
            outcome.resident.append(resident_bytes())
    finally:
        root.removeHandler(watch)
        root.setLevel(level)
    outcome.leaks, outcome.failures = watch.leaks, watch.failures
    return outcome


def send_share(port: int, seed: object, pdus: int, called: str = "DURCHBLICK") -> tuple[int, int, set[tuple[int, int]]]:
    """One sender's part: the numbers of PDUs and of conversations, and the statuses of the responses."""
    mutator, statuses = Mutator(seed, conversations(called)), set[tuple[int, int]]()
    sent = held = 0
    while sent < pdus:
        sent += converse(port, mutator, statuses)
        held += 1
    return sent, held, statuses


def converse(port: int, mutator: Mutator, statuses: set[tuple[int, int]]) -> int:
    """One damaged conversation to its end: how many PDUs were sent. Adds the statuses of the responses."""
    sent = 0
    with Peer(port, timeout=PATIENCE) as peer:
        heard = Hearing(peer.socket)
        try:
            for step in mutator.conversation():
                sent += say(peer, heard, step, mutator)
            if mutator.chance(0.1):
                peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                return sent
            peer.socket.shutdown(socket.SHUT_WR)
            heard.to_the_end()
        except TimeoutError:
            raise
        except OSError:
            # Closed, or reset because it was closed before everything was read.
            pass
        finally:
            statuses |= heard.statuses
    return sent


def say(peer: Peer, heard: "Hearing", step: Step, mutator: Mutator) -> int:
    if isinstance(step, Await):
        heard.wait_for(step)
        return 0
    for segment in mutator.segments(step):
        peer.send(segment)
    return 1


class Hearing:
    """What the node says, as far as it is of interest."""

    def __init__(self, connected: socket.socket, patience: float = PATIENCE_SECONDS) -> None:
        self._socket = connected
        self._patience = patience
        self._data = b""
        self._seen = dict.fromkeys(Await, 0)
        self._last_kind = 0
        self.statuses: set[tuple[int, int]] = set()

    def wait_for(self, awaited: Await) -> bool:
        """Listen until it has come once more than it was waited for; False when it does not come in time, or never."""
        self._seen[awaited] -= 1
        self._socket.settimeout(self._patience)
        with suppress(TimeoutError):
            while self._seen[awaited] < 0 and (piece := self._socket.recv(65536)):
                self._take(piece)
        self._socket.settimeout(PATIENCE)
        return self._seen[awaited] >= 0

    def to_the_end(self) -> int:
        """Until the node closes, which is a failure when it does not happen; the type of its last PDU."""
        while piece := self._socket.recv(65536):
            self._take(piece)
        return self._last_kind

    def _take(self, piece: bytes) -> None:
        self._data += piece
        while len(self._data) >= 6:
            length = 6 + int.from_bytes(self._data[2:6], "big")
            if len(self._data) < length:
                return
            pdu, self._data = self._data[:length], self._data[length:]
            self._last_kind = pdu[0]
            if pdu[0] == 2:
                self._seen[Await.ACCEPTED] += 1
            elif pdu[0] == 4 and pdu[11] & 2:
                self._seen[Await.RESPONSE if pdu[11] & 1 else Await.DATA] += 1
                if pdu[11] & 1:
                    self._note(command.decode(pdu[12:]))

    def _note(self, said: command.Command) -> None:
        if said.field & command.RESPONSE:
            self.statuses.add((said.field, said.number(command.STATUS)))


def wait_until_calm(node: Node) -> float:
    """Seconds of an honest echo, when all connections of the batch have ended."""

    async def calm() -> None:
        while connections := node.server.connections:
            for connection in connections:
                await connection.closed

    node.run(calm())
    began = time.perf_counter()
    with Peer(node.port) as peer:
        peer.associate()
        assert peer.echo() == 0
        peer.release()
    return time.perf_counter() - began


def resident_bytes() -> int:
    """Of this process, in which the node runs too."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def main(pdus: int, seed: str) -> None:
    """Print what was seen; exit status 1 when something must be mended."""
    seed = seed or secrets.token_hex(4)
    print(f"seed {seed}: to repeat this, make fuzz PDUS={pdus} SEED={seed}", flush=True)
    # As the gateway does it: pydicom's warnings quote values.
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder, fuzzed_node(Path(folder), "uvloop") as node:
        outcome = fuzz(node, seed, pdus)
    print(
        f"{outcome.pdus} PDUs in {outcome.conversations} associations; slowest echo {outcome.slowest_echo:.3f} s; "
        f"memory {outcome.growth / 1e6:+.1f} MB; {len(outcome.statuses)} kinds of responses; "
        f"{len(outcome.leaks)} leaks, {len(outcome.failures)} failures, {len(outcome.unstated)} unstated statuses"
    )
    wrong = (*outcome.leaks, *outcome.failures, *map(str, outcome.unstated))
    for line in wrong[:20]:
        print(line)
    sys.exit(bool(wrong or outcome.growth > 50_000_000))


if __name__ == "__main__":
    main(int((*sys.argv[1:], "100000")[0]), (*sys.argv[2:], "")[0])
