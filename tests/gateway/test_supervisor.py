"""Several processes of the dimse role, as `durchblick serve` runs them on one port."""

import re
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import psutil
import pytest

from dimse.processor import allowed
from gateway.seats import seats
from tests.dimse.peer import Peer, associate_rq, store_pdus
from tests.support.gateway import AE_TITLE, Gateway, command, configuration, free_port, running
from tests.support.patience import PATIENCE
from tests.support.synthetic import bare, ct

pytestmark = pytest.mark.skipif(len(seats(2)) == 1, reason="the platform does not spread connections")

TWO = "accept_unknown_peers = true\nprocesses = 2"
LIMITED = '[[dimse.peers]]\nae_title = "LIMITED"\nhost = "127.0.0.1"\nassociations = 1\n'
MANY = 64
"""Connections that all reach the same one of two processes: once in 2^63 times."""


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    with running(tmp_path, configuration(tmp_path, dimse=TWO, more=LIMITED)) as started:
        yield started


def receivers(gateway: Gateway) -> list[psutil.Process]:
    return [child for child in psutil.Process(gateway.pid).children() if "dimse" in child.cmdline()]


def peers_of(process: psutil.Process) -> set[int]:
    """Ports of those who are connected to it."""
    return {one.raddr.port for one in process.net_connections("tcp") if one.raddr}


def associated(gateway: Gateway, crowd: ExitStack) -> list[list[Peer]]:
    """Associations with both processes, by process in the order of `receivers`."""
    peers = []
    for _ in range(MANY):
        peers.append(crowd.enter_context(Peer(gateway.dimse_port)))
        peers[-1].associate(called=AE_TITLE)
        served = [peers_of(process) for process in receivers(gateway)]
        groups = [[peer for peer in peers if peer.socket.getsockname()[1] in ports] for ports in served]
        if all(groups):
            return groups
    raise AssertionError("all associations came to one process")


def store(peer: Peer) -> str:
    image = ct()
    peer.send(store_pdus(bare(image), instance=image.SOPInstanceUID))
    assert peer.status() == 0
    return str(image.SOPInstanceUID)


def kept(gateway: Gateway) -> set[str]:
    """What is indexed and has its file."""
    with closing(sqlite3.connect(gateway.data / "durchblick.sqlite")) as database:
        rows = database.execute("SELECT sop_instance_uid, blob_key FROM instance").fetchall()
    return {uid for uid, key in rows if (gateway.data / "blobs" / key).is_file()}


def test_both_store_each_on_its_processor_and_the_limit_of_a_peer_is_one(gateway: Gateway) -> None:
    with ExitStack() as crowd:
        groups = associated(gateway, crowd)
        assert {store(peer) for peers in groups for peer in peers} == kept(gateway)
        used = [tuple(process.cpu_affinity()) for process in receivers(gateway)]
        assert len(set(used)) == min(2, len(allowed()))
        crowd.enter_context(Peer(gateway.dimse_port)).associate(called=AE_TITLE, calling="LIMITED")
        for _ in range(8):
            other = crowd.enter_context(Peer(gateway.dimse_port))
            other.send(associate_rq(called=AE_TITLE, calling="LIMITED"))
            assert other.receive_pdu() == (3, bytes((0, 2, 3, 2)))


def test_one_is_killed_and_replaced_while_the_other_goes_on(gateway: Gateway) -> None:
    acknowledged: set[str] = set()
    begun, over = threading.Event(), threading.Event()

    def store_until_cut(peer: Peer) -> None:
        try:
            while True:
                acknowledged.add(store(peer))
                begun.set()
        except (OSError, AssertionError):
            over.set()

    def store_until_over(peer: Peer) -> None:
        while not over.is_set():
            acknowledged.add(store(peer))
        acknowledged.add(store(peer))

    with ExitStack() as crowd, ThreadPoolExecutor(2) as pool:
        ours, others = associated(gateway, crowd)
        killed, lives = receivers(gateway)
        futures = [pool.submit(store_until_cut, ours[0]), pool.submit(store_until_over, others[0])]
        assert begun.wait(PATIENCE)
        killed.kill()
        for future in futures:
            future.result(PATIENCE)
    assert acknowledged and acknowledged <= kept(gateway)
    assert lives.is_running()
    wait_for_another(gateway)
    with ExitStack() as crowd:
        assert {store(peer) for peers in associated(gateway, crowd) for peer in peers} <= kept(gateway)


def wait_for_another(gateway: Gateway) -> None:
    deadline = time.monotonic() + PATIENCE
    while gateway.log.read_text().count("role_ready role=dimse") < 3:
        assert time.monotonic() < deadline, gateway.log.read_text()
        time.sleep(0.05)


def test_another_gateway_cannot_join(gateway: Gateway, tmp_path: Path) -> None:
    """Two data folders behind one port would be a disaster, and SO_REUSEPORT alone would allow it."""
    folder = tmp_path / "other"
    folder.mkdir()
    config = configuration(folder, dimse=TWO)
    config.write_text(re.sub(r"(?<=\[dimse\]\nport = )\d+", str(gateway.dimse_port), config.read_text()))
    for arguments in ([], ["--role", "dimse"]):
        refused = command("serve", "--config", str(config), *arguments)
        assert refused.returncode == 1
        assert f"127.0.0.1 port {gateway.dimse_port} cannot be used" in refused.stderr
        assert "dimse.port" in refused.stderr


def test_a_taken_tls_port_is_named_before_anything_starts(tmp_path: Path) -> None:
    port = free_port()
    tls = f'[dimse.tls]\nport = {port}\ncertificate = "c"\nkey = "k"\nrequire_client_certificate = false\n'
    config = configuration(tmp_path, dimse=TWO, more=tls)
    with socket.create_server(("127.0.0.1", port)):
        refused = command("serve", "--config", str(config))
    assert refused.returncode == 1
    assert f"127.0.0.1 port {port} cannot be used" in refused.stderr
    assert "dimse.tls.port" in refused.stderr
    assert not (tmp_path / "data").exists()
