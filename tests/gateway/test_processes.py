"""Parents and children: readiness, and an end that reaches everybody."""

import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest

from gateway.processes import CannotStart, Child, Parent
from tests.support.gateway import configuration


def test_a_child_is_ready_and_ends_when_it_is_stopped(tmp_path: Path) -> None:
    async def live() -> int:
        child = await Child.start(["--role", "worker", "--config", str(configuration(tmp_path))])
        await child.ready()
        return await child.stop()

    assert asyncio.run(live()) == 0


def test_a_child_ends_by_itself_when_its_parent_is_gone(tmp_path: Path) -> None:
    async def live() -> int:
        child = await Child.start(["--role", "worker", "--config", str(configuration(tmp_path))])
        await child.ready()
        child._ours.close()
        return await child._process.wait()

    assert asyncio.run(live()) == 0


def test_a_child_that_cannot_start_says_so(tmp_path: Path) -> None:
    config = configuration(tmp_path, dimse='host = "0.0.0.0"')

    async def live() -> None:
        child = await Child.start(["--role", "worker", "--config", str(config)])
        await child.ready()

    with pytest.raises(CannotStart):
        asyncio.run(live())


def test_a_child_that_dies_before_it_is_ready_is_told_apart(tmp_path: Path) -> None:
    async def live() -> None:
        child = await Child.start(["--role", "worker", "--config", str(configuration(tmp_path))])
        child._process.send_signal(signal.SIGKILL)
        await child.ready()

    with pytest.raises(ChildProcessError, match="-9"):
        asyncio.run(live())


def test_without_a_descriptor_there_is_no_parent() -> None:
    async def live() -> None:
        parent = Parent(None)
        parent.tell_ready()
        parent.watch(asyncio.get_running_loop(), lambda: pytest.fail("nobody is gone"))

    asyncio.run(live())


def test_a_parent_hears_ready_and_a_child_hears_the_end() -> None:
    async def live() -> bytes:
        ours, theirs = socket.socketpair()
        parent, gone = Parent(os.dup(theirs.fileno())), asyncio.Event()
        theirs.close()
        parent.tell_ready()
        parent.watch(asyncio.get_running_loop(), gone.set)
        heard = ours.recv(1)
        ours.close()
        await asyncio.wait_for(gone.wait(), 5)
        assert parent._socket is not None
        parent._socket.close()
        return heard

    assert asyncio.run(live())
