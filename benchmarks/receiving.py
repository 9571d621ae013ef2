"""How a server receives: freshly started on an empty folder, warmed, sent to, and what it kept is counted."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from benchmarks.processes import running


class Receiver(Protocol):
    """A server that keeps instances."""

    name: str
    port: int
    command: list[str]
    environment: dict[str, str]

    def stored(self) -> int:
        """How many instances it has."""


ReceiverT = TypeVar("ReceiverT", bound=Receiver)
Sending = Callable[[ReceiverT], dict[str, Any]]
"""Sends everything, and says how it went: `seconds`, and how many instances `succeeded` and `failed`."""


@dataclass(frozen=True, slots=True)
class Received:
    """What it cost: processor time of the server's process tree, and growth of its resident memory."""

    instances: int
    seconds: float
    cpu_ms: float
    growth_mb: float


def received(
    kind: Callable[[Path], ReceiverT], folder: Path, warm: Sending[ReceiverT], send: Sending[ReceiverT]
) -> Received:
    """Start a server in a new `folder`, send, stop. RuntimeError when anything got lost.

    What `warm` sends does not count: a server receives for months.
    """
    folder.mkdir(parents=True)
    server = kind(folder)
    # What the one before left to be written must not be written now.
    os.sync()
    with running(server, folder) as process:
        warmed = warm(server)["succeeded"]
        cpu_before, memory_before = process.cpu_ms(), process.resident_mb()
        outcome = send(server)
        cpu_ms, growth = process.cpu_ms() - cpu_before, process.resident_mb() - memory_before
        stored, sent = server.stored() - warmed, outcome["succeeded"]
    if outcome["failed"] or stored != sent or cpu_ms == 0:
        raise RuntimeError(f"{server.name}: {outcome}, stored {stored}, {cpu_ms} ms")
    return Received(sent, outcome["seconds"], cpu_ms, growth)
