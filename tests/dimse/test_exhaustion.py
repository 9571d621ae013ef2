"""A disk that is full or fails, and peers that leave midway, with a real store: A700H, nothing half-kept, recovery."""

import errno
import os
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from storage.storage import Storage, StorageSettings
from tests.dimse.node import Node, running
from tests.dimse.peer import ABORT, CT, EXPLICIT, RELEASE, Peer, store_pdus
from tests.support.synthetic import bare, ct

OUT_OF_RESOURCES = 0xA700
RESET = struct.pack("ii", 1, 0)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[tuple[Node, Storage]]:
    storage = Storage.open(tmp_path / "data", StorageSettings(free_space_floor=1))
    with running(storage.ingest) as node:
        yield node, storage
    storage.close()


def instances(storage: Storage) -> set[str]:
    return {row["sop_instance_uid"] for row in storage.database.read("SELECT sop_instance_uid FROM instance")}


def files(storage: Storage, folder: str) -> list[Path]:
    return [path for path in (storage.folder / folder).rglob("*") if path.is_file()]


def failing(name: str, code: int, concerns: Callable[..., bool] = lambda *_: True) -> Callable[[Any, Storage], None]:
    """Lets a function of `os` fail where `concerns` says so of its arguments."""
    genuine = getattr(os, name)

    def fail(*arguments: Any, **more: Any) -> Any:
        if concerns(*arguments):
            raise OSError(code, os.strerror(code))
        return genuine(*arguments, **more)

    return lambda patch, _: patch.setattr(os, name, fail)


def below_the_floor(patch: pytest.MonkeyPatch, _: Storage) -> None:
    patch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=0, f_frsize=4096))


@pytest.mark.parametrize(
    "break_it",
    [
        below_the_floor,
        failing("open", errno.ENOSPC, lambda _, flags, *__: bool(flags & os.O_CREAT)),
        failing("open", errno.EMFILE, lambda _, flags, *__: bool(flags & os.O_CREAT)),
        failing("writev", errno.ENOSPC),
        failing("writev", errno.EIO),
        failing("fdatasync", errno.EIO),
        failing("link", errno.EDQUOT),
        failing("fsync", errno.EIO),
    ],
    ids=["floor", "create", "handles", "write", "write error", "file sync", "link", "folder sync"],
)
def test_out_of_resources_until_there_are_some(
    kept: tuple[Node, Storage], break_it: Callable[[pytest.MonkeyPatch, Storage], None]
) -> None:
    node, storage = kept
    first, second = ct(64, 64), ct(64, 64)
    with Peer(node.port) as peer:
        peer.associate()
        assert store(peer, first) == 0
        with pytest.MonkeyPatch.context() as patch:
            break_it(patch, storage)
            assert [store(peer, second) for _ in range(3)] == [OUT_OF_RESOURCES] * 3
            assert peer.echo() == 0
        assert instances(storage) == {first.SOPInstanceUID}
        assert len(files(storage, "blobs")) == 1
        assert store(peer, second) == 0
        peer.release()
    assert instances(storage) == {first.SOPInstanceUID, second.SOPInstanceUID}
    assert len(files(storage, "blobs")) == 2 and files(storage, "incoming") == []


def test_full_index_is_out_of_resources_until_there_is_room(kept: tuple[Node, Storage]) -> None:
    node, storage = kept
    writing = storage.database._writing
    sent = [ct(16, 16) for _ in range(40)]
    with Peer(node.port) as peer:
        peer.associate()
        (pages,) = writing.execute("PRAGMA page_count").fetchone()
        (room,) = writing.execute("PRAGMA max_page_count").fetchone()
        writing.execute(f"PRAGMA max_page_count = {pages + 2}")
        statuses = [store(peer, image) for image in sent]
        assert set(statuses) == {0, OUT_OF_RESOURCES}
        assert peer.echo() == 0
        accepted = {image.SOPInstanceUID for image, status in zip(sent, statuses, strict=True) if not status}
        assert instances(storage) == accepted and len(files(storage, "blobs")) == len(accepted)
        writing.execute(f"PRAGMA max_page_count = {room}")
        assert {store(peer, image) for image in sent} == {0}
    assert len(instances(storage)) == len(files(storage, "blobs")) == len(sent)


def store(peer: Peer, image: Any) -> int:
    return peer.store(bare(image), instance=str(image.SOPInstanceUID)).number(0x0900)


@pytest.mark.parametrize("ending", ["abort", "release", "close", "reset"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.999])
def test_what_ends_midway_leaves_nothing_to_be_seen(kept: tuple[Node, Storage], ending: str, share: float) -> None:
    node, storage = kept
    image = ct(256, 256)
    message = store_pdus(bare(image), instance=str(image.SOPInstanceUID), step=1000)
    pdus = [message[at : at + 1012] for at in range(0, len(message), 1012)]
    with Peer(node.port) as peer:
        peer.associate(contexts=((3, CT, (EXPLICIT,)),))
        peer.send(b"".join(pdus[: int(len(pdus) * share)]))
        if ending in ("abort", "release"):
            peer.send(ABORT if ending == "abort" else RELEASE)
        if ending == "reset":
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    node.run(calm(node))
    assert instances(storage) == set()
    assert files(storage, "blobs") == files(storage, "incoming") == []


async def calm(node: Node) -> None:
    while connections := node.server.connections:
        for connection in connections:
            await connection.closed
