"""The ordering lint: durable before acknowledged, seen from outside the process by strace, with negative controls."""

import re
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from tests.dimse.peer import Peer
from tests.scenarios.durability import acknowledged, violations
from tests.support import gateway, strace
from tests.support.patience import PATIENCE
from tests.support.synthetic import bare, ct

SENDERS: Final = 3
EACH: Final = 3
# What a gateway would be that forgets one kind of sync: the one that no trace can be doctored about, within SQLite.
FORGETFUL: Final = """
import storage.database as database
connect = database._connect
def unsynced(path):
    connection = connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    return connection
database._connect = unsynced
"""


def traced(folder: Path, before: str = "", senders: int = 1) -> list[strace.Call]:
    """What a dimse process that began with the statements `before` did while instances were sent to it."""
    config = gateway.configuration(folder, dimse="accept_unknown_peers = true\nprocesses = 1")
    log = folder / "strace.log"
    program = f"{before}\nfrom gateway.cli.main import main\nmain()"
    ours, theirs = socket.socketpair()
    serve = ["serve", "--role", "dimse", "--config", str(config), "--parent", str(theirs.fileno())]
    arguments = strace.command(log, [sys.executable, "-c", program, *serve])
    with ours, (folder / "gateway.log").open("wb") as errors:
        process = subprocess.Popen(
            arguments, env=gateway.environment(), pass_fds=[theirs.fileno()], stderr=errors, start_new_session=True
        )
        theirs.close()
        ours.settimeout(PATIENCE)
        assert ours.recv(1), (folder / "gateway.log").read_text()
        port = int(re.findall(r"(?m)^port = (\d+)", config.read_text())[1])
        with ThreadPoolExecutor(senders) as sending:
            assert list(sending.map(send, [port] * senders)) == [[0] * EACH] * senders
    # A role ends with its parent, and strace with what it traces.
    assert process.wait(PATIENCE) == 0
    return list(strace.calls(log.read_text()))


def send(port: int) -> list[int]:
    images = [ct(16, 16) for _ in range(EACH)]
    with Peer(port, timeout=PATIENCE) as peer:
        peer.associate(called=gateway.AE_TITLE)
        statuses = [peer.store(bare(image), instance=str(image.SOPInstanceUID)).number(0x0900) for image in images]
        peer.release()
    return statuses


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> list[strace.Call]:
    return traced(tmp_path_factory.mktemp("traced"), senders=SENDERS)


def test_nothing_is_acknowledged_before_it_is_durable(trace: list[strace.Call]) -> None:
    assert len({uid for uid, _ in acknowledged(trace)}) == SENDERS * EACH
    assert violations(trace) == []


def is_sync_of(part: str) -> Callable[[strace.Call], bool]:
    return lambda call: call.name in ("fsync", "fdatasync") and re.search(part, call.file) is not None


@pytest.mark.parametrize(
    ("gone", "complaint"),
    [
        (is_sync_of("/incoming/"), "the file was not synced"),
        (lambda call: call.name == "link", "was not linked"),
        (is_sync_of("/blobs/../[0-9a-f]+$"), "the folder was not synced"),
        (is_sync_of("/blobs/..$"), "the folder above a new folder"),
        (is_sync_of("/blobs$"), "the folder above a new folder"),
        (is_sync_of("-wal$"), "the index was not synced"),
        (lambda call: call.name == "pwrite64" and call.file.endswith("-wal"), "no index entry"),
    ],
    ids=["file sync", "link", "folder sync", "parent sync", "root sync", "index sync", "index entry"],
)
def test_the_lint_finds_what_is_left_out_of_a_trace(
    trace: list[strace.Call], gone: Callable[[strace.Call], bool], complaint: str
) -> None:
    found = violations([call for call in trace if not gone(call)])
    assert found and all(complaint in violation for violation in found)


def test_the_lint_finds_every_response_that_comes_too_early(tmp_path: Path) -> None:
    """Each step in turn, and all before it, moved behind the response; with one sender, they are all its own."""
    trace = traced(tmp_path)
    (uid, told), *_ = acknowledged(trace)
    steps = [call for call in trace if call.end < told.begin and call.name in ("fdatasync", "fsync", "link")][-6:]
    for step in steps:
        late = [call for call in trace if call.end < step.begin or call is told]
        assert [violation.split(":")[0] for violation in violations(late)] == [uid]


def test_the_lint_finds_a_gateway_that_forgets_a_sync(tmp_path: Path) -> None:
    trace = traced(tmp_path, FORGETFUL)
    found = violations(trace)
    assert len(found) == len(acknowledged(trace)) == EACH
    assert all("the index was not synced" in violation for violation in found)
