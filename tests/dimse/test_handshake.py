"""The TLS port: the same node as on the plain one, behind a handshake that is cut, counted and explained."""

import logging
import socket
import ssl
import struct
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from dimse.connection import Connection
from dimse.handshake import Handshake
from dimse.settings import TlsSettings
from dimse.tls import client_context
from tests.dimse.node import EVENT_LOOPS, MemoryStore, running
from tests.dimse.peer import Peer, associate_rq, store_pdus
from tests.dimse.test_connection import honest, is_silent, resident_bytes
from tests.support.certificates import Authority, Identity
from tests.support.gateway import free_port
from tests.support.patience import PATIENCE

CLOSED = (0, b"")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def ours(authority: Authority) -> Identity:
    return authority.issue("gateway")


@pytest.fixture(scope="module")
def theirs(authority: Authority) -> Identity:
    return authority.issue("modality")


@pytest.fixture
def tls(authority: Authority, ours: Identity) -> TlsSettings:
    """What the node is set to; mutual authentication."""
    return TlsSettings(free_port(), ours.certificate, ours.key, authority.file)


def context(authority: Authority, identity: Identity | None, **settings: Any) -> ssl.SSLContext:
    certificate, key = (identity.certificate, identity.key) if identity else (None, None)
    return client_context(TlsSettings(0, certificate, key, authority.file, **settings))


@contextmanager
def secured(port: int, of_peer: ssl.SSLContext) -> Iterator[Peer]:
    with Peer(port) as peer:
        peer.socket = of_peer.wrap_socket(peer.socket, server_hostname="127.0.0.1")
        yield peer


def refused(port: int, of_peer: ssl.SSLContext) -> None:
    """The handshake fails: with TLS 1.3 the peer learns it from its first read."""
    with pytest.raises(OSError), secured(port, of_peer) as peer:
        assert peer.socket.recv(1) == b""
        raise ConnectionResetError


@pytest.mark.parametrize("event_loop", EVENT_LOOPS)
def test_the_tls_port_serves_like_the_plain_one(
    store: MemoryStore, authority: Authority, theirs: Identity, tls: TlsSettings, event_loop: str
) -> None:
    with running(store, event_loop, tls=tls) as node, Peer(node.port) as plain:
        plain.associate()
        with secured(tls.port, context(authority, theirs)) as peer:
            peer.associate()
            assert peer.echo() == 0
            assert peer.store(bytes(3_000_000), step=100_000).number(0x0900) == 0
            assert plain.echo() == 0
            for connection in node.server.connections:
                assert isinstance(connection, Connection)
                ends = connection.transport.get_extra_info("socket")
                assert ends.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            peer.release()
        plain.release()
    assert [len(kept.data) for kept in store.kept] == [3_000_000]


@pytest.mark.parametrize("event_loop", EVENT_LOOPS)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_what_comes_in_one_segment_with_the_end_of_the_handshake_is_not_lost(
    store: MemoryStore,
    authority: Authority,
    theirs: Identity,
    tls: TlsSettings,
    event_loop: str,
    version: ssl.TLSVersion,
) -> None:
    of_peer = context(authority, theirs)
    of_peer.maximum_version = version
    with running(store, event_loop, tls=tls), Peer(tls.port) as peer:
        arriving, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        shaking = of_peer.wrap_bio(arriving, leaving, server_hostname="127.0.0.1")
        while True:
            try:
                shaking.do_handshake()
                break
            except ssl.SSLWantReadError:
                peer.send(leaving.read())
                arriving.write(peer.socket.recv(65536))
        shaking.write(associate_rq() + store_pdus(bytes(20_000)))
        peer.send(leaving.read())
        received = b""
        while len(received) < 6 or received[0] != 2:
            arriving.write(peer.socket.recv(65536))
            while arriving.pending:
                try:
                    received += shaking.read(65536)
                except ssl.SSLWantReadError:
                    break
        assert store.storing.acquire(timeout=PATIENCE)
    assert [len(kept.data) for kept in store.kept] == [20_000]


def test_without_mutual_authentication_no_certificate_is_asked_for(
    store: MemoryStore, authority: Authority, ours: Identity
) -> None:
    tls = TlsSettings(free_port(), ours.certificate, ours.key, require_client_certificate=False)
    with running(store, tls=tls), secured(tls.port, context(authority, None)) as peer:
        peer.associate()
        assert peer.echo() == 0


def test_policies_hold_behind_tls(store: MemoryStore, authority: Authority, theirs: Identity, tls: TlsSettings) -> None:
    with (
        running(store, tls=tls, accept_unknown_peers=False),
        secured(tls.port, context(authority, theirs)) as peer,
    ):
        peer.send(associate_rq())
        assert peer.receive_pdu() == (3, bytes((0, 1, 1, 3)))


@pytest.mark.parametrize("event_loop", EVENT_LOOPS)
def test_failed_handshakes_are_explained(
    store: MemoryStore,
    authority: Authority,
    theirs: Identity,
    tls: TlsSettings,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    event_loop: str,
) -> None:
    stranger = Authority(tmp_path / "other", "Fremde CA")
    expired = authority.issue("expired", days=-1)
    with running(store, event_loop, tls=tls) as node, caplog.at_level(logging.WARNING, "durchblick.dimse"):
        for of_peer, why in (
            (context(authority, None), "shows no certificate"),
            (context(authority, expired), "has expired"),
            (context(authority, stranger.issue("stranger")), "CA that is not trusted"),
            (context(stranger, theirs), "does not trust the CA of our certificate"),
        ):
            caplog.clear()
            refused(tls.port, of_peer)
            node.wait_until_gone()
            assert "tls_handshake_failed host=127.0.0.1" in caplog.text and why in caplog.text
        caplog.clear()
        with Peer(tls.port) as peer:
            peer.send(associate_rq())
            assert peer.receive_pdu()[0] in (0, 0x15)
        node.wait_until_gone()
        assert "does not speak TLS on this port" in caplog.text


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_versions_of_tls_are_refused(
    store: MemoryStore, authority: Authority, tls: TlsSettings, caplog: pytest.LogCaptureFixture, version: str
) -> None:
    with running(store, tls=tls) as node, caplog.at_level(logging.WARNING, "durchblick.dimse"):
        asked = ["openssl", "s_client", version, "-cipher", "ALL@SECLEVEL=0", "-connect", f"127.0.0.1:{tls.port}"]
        outcome = subprocess.run(asked, input=b"", capture_output=True, timeout=PATIENCE, check=False)
        node.wait_until_gone()
    assert b"New, (NONE), Cipher is (NONE)" in outcome.stdout
    assert "no common version of TLS; it must offer 1.2 or 1.3" in caplog.text


def test_weak_cipher_suites_are_refused(
    store: MemoryStore, authority: Authority, theirs: Identity, tls: TlsSettings, caplog: pytest.LogCaptureFixture
) -> None:
    weak = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    weak.load_verify_locations(authority.file)
    weak.load_cert_chain(theirs.certificate, theirs.key)
    weak.maximum_version = ssl.TLSVersion.TLSv1_2
    weak.set_ciphers("ECDHE-ECDSA-AES128-SHA")
    with running(store, tls=tls) as node, caplog.at_level(logging.WARNING, "durchblick.dimse"):
        refused(tls.port, weak)
        node.wait_until_gone()
    assert "no common cipher suite" in caplog.text


@pytest.mark.parametrize("event_loop", EVENT_LOOPS)
@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01", struct.pack(">BHH", 0x16, 0x0301, 0x4000)])
def test_silent_and_halting_handshakes_are_cut(
    store: MemoryStore, tls: TlsSettings, event_loop: str, sent: bytes
) -> None:
    with running(store, event_loop, tls=tls, association_seconds=0.2) as node, Peer(tls.port) as peer:
        peer.send(sent)
        assert peer.receive_pdu() == CLOSED
        node.wait_until_gone()


def test_silence_after_the_handshake_is_cut(
    store: MemoryStore, authority: Authority, theirs: Identity, tls: TlsSettings
) -> None:
    with (
        running(store, "standing", tls=tls, association_seconds=5) as node,
        secured(tls.port, context(authority, theirs)) as peer,
    ):
        # The node has read the end of the handshake when what comes behind it is answered.
        honest(node)
        node.passes(4)
        assert len(node.server.connections) == 1
        node.passes(1)
        read_to_the_end(peer.socket)


def read_to_the_end(connected: socket.socket) -> None:
    try:
        while connected.recv(65536):
            pass
    except OSError as error:
        assert not isinstance(error, TimeoutError)


def test_connections_in_their_handshake_count_as_half_open(
    store: MemoryStore, authority: Authority, theirs: Identity, tls: TlsSettings
) -> None:
    with running(store, tls=tls, half_open=3) as node, ExitStack() as crowd:
        silent = [crowd.enter_context(Peer(tls.port)) for _ in range(4)]
        assert silent[0].receive_pdu() == CLOSED
        with secured(tls.port, context(authority, theirs)) as peer:
            peer.associate()
            assert peer.echo() == 0
        with Peer(node.port) as plain:
            plain.associate()
        assert is_silent(silent[3])
        assert len(node.server.connections) <= 4


@pytest.mark.parametrize("event_loop", EVENT_LOOPS)
def test_silent_crowd_in_its_handshakes_leaves_room_for_the_honest(
    store: MemoryStore, authority: Authority, theirs: Identity, tls: TlsSettings, event_loop: str
) -> None:
    of_peer = context(authority, theirs)
    with running(store, event_loop, tls=tls, half_open_per_host=400) as node, ExitStack() as crowd:
        honest_behind_tls(tls.port, of_peer)
        before = resident_bytes()
        silent = [crowd.enter_context(Peer(tls.port)) for _ in range(200)]
        for peer in silent[::4]:
            peer.send(b"\x16\x03\x01\x02\x00\x01")
        honest_behind_tls(tls.port, of_peer)
        honest(node)
        assert resident_bytes() - before < 30_000_000
        assert is_silent(*silent)
        assert sum(isinstance(one, Handshake) for one in node.server.connections) == len(silent)


def honest_behind_tls(port: int, of_peer: ssl.SSLContext) -> None:
    """As `honest`, at the TLS port."""
    with secured(port, of_peer) as peer:
        peer.associate()
        assert peer.echo() == 0
        peer.release()


@pytest.mark.parametrize("event_loop", EVENT_LOOPS)
def test_close_ends_handshakes_and_associations(
    store: MemoryStore, authority: Authority, theirs: Identity, tls: TlsSettings, event_loop: str
) -> None:
    with running(store, event_loop, tls=tls) as node, Peer(tls.port) as silent:
        with secured(tls.port, context(authority, theirs)) as peer:
            peer.associate()
            node.run(node.close())
            assert peer.receive_pdu() == (7, bytes((0, 0, 2, 0)))
        assert silent.receive_pdu() == CLOSED
        assert node.server.connections == ()
