"""TLS of our client side against DCMTK and Orthanc, and of our listener against echoscu; what is said when it fails."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from dimse.scu.caller import Caller
from dimse.scu.storage import StorageScu
from dimse.scu.verification import PROPOSAL, echo
from dimse.scu.wire import AssociationFailed
from dimse.settings import Peer, TlsSettings
from dimse.tls import NOT_LIKED
from tests.dimse.node import MemoryStore, running
from tests.support import dcmtk
from tests.support.certificates import Authority, Identity
from tests.support.gateway import free_port
from tests.support.nodes import orthanc, storescp
from tests.support.patience import PATIENCE, UNHURRIED
from tests.support.synthetic import ct, part10
from tests.wire.scu import keep, opened


@dataclass(frozen=True)
class Certificates:
    """Two houses: ours, which everybody trusts, and another one."""

    house: Authority
    stranger: Authority
    ours: Identity
    peers: Identity
    strangers: Identity
    elsewhere: Identity
    expired: Identity


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    house, stranger = Authority(folder / "house"), Authority(folder / "stranger", "Fremde CA")
    return Certificates(
        house,
        stranger,
        house.issue("ours"),
        house.issue("peer"),
        stranger.issue("stranger"),
        house.issue("elsewhere", hosts="DNS:elsewhere.example"),
        house.issue("expired", days=-1),
    )


def settings(certificates: Certificates, identity: Identity | None = None, **more: object) -> TlsSettings:
    """We trust our own house, and show `identity`."""
    shown = {"certificate": identity.certificate, "key": identity.key} if identity else {}
    return TlsSettings(**({"trusted": certificates.house.file} | shown | more))  # type: ignore[arg-type]


def caller(tls: TlsSettings) -> Caller:
    return Caller("DURCHBLICK", tls, UNHURRIED)


def test_storescp_and_orthanc_with_mutual_authentication(certificates: Certificates, tmp_path: Path) -> None:
    mutual = caller(settings(certificates, certificates.ours))
    with opened(tmp_path / "store") as storage:
        records = keep(storage, part10(ct()))
        with storescp(tmp_path, identity=certificates.peers, ca=certificates.house) as node:
            assert [one.status for one in StorageScu(storage, mutual, node.peer).send(records)] == [0]
            assert len(node.files()) == 1
            with mutual.associate(node.peer, [PROPOSAL]) as requestor:
                assert requestor.wire.tls_version.startswith("TLSv1.")
        with orthanc(tmp_path, identity=certificates.peers, ca=certificates.house) as node:
            assert [one.status for one in StorageScu(storage, mutual, node.peer).send(records)] == [0]


@contextmanager
def listening(tls: TlsSettings) -> Iterator[Peer]:
    """Our own listener with TLS."""
    port = free_port()
    with running(MemoryStore(), tls=replace(tls, port=port)):
        yield Peer("DURCHBLICK", "127.0.0.1", port, tls=True)


def test_our_own_listener(certificates: Certificates) -> None:
    with listening(settings(certificates, certificates.peers)) as peer:
        with caller(settings(certificates, certificates.ours)).associate(peer, [PROPOSAL]) as requestor:
            assert echo(requestor) == 0
            assert requestor.wire.tls_version.startswith("TLSv1.3")
        options = ["+tls", str(certificates.ours.key), str(certificates.ours.certificate)]
        trusted = ["--add-cert-file", str(certificates.house.file)]
        assert dcmtk.run("echoscu", *options, *trusted, port=peer.port).returncode == 0
        assert dcmtk.run("echoscu", "+tla", *trusted, port=peer.port).returncode != 0


def failure(peer: Peer, tls: TlsSettings) -> AssociationFailed:
    with pytest.raises(AssociationFailed) as failed:
        caller(tls).associate(peer, [PROPOSAL]).release()
    return failed.value


def test_a_peer_of_another_house(certificates: Certificates) -> None:
    with listening(settings(certificates, certificates.strangers)) as peer:
        failed = failure(peer, settings(certificates, certificates.ours))
        assert (failed.step, failed.is_permanent) == ("tls", True)
        assert "comes from a CA that is not trusted" in str(failed) and "dimse.tls.trusted" in str(failed)


def test_a_certificate_for_another_host(certificates: Certificates) -> None:
    with listening(settings(certificates, certificates.elsewhere)) as peer:
        failed = failure(peer, settings(certificates, certificates.ours))
        assert "does not name the address 127.0.0.1" in str(failed)
        lenient = caller(settings(certificates, certificates.ours, check_host_name=False))
        with lenient.associate(peer, [PROPOSAL]) as requestor:
            assert echo(requestor) == 0


def test_a_certificate_that_has_expired(certificates: Certificates) -> None:
    with listening(settings(certificates, certificates.expired)) as peer:
        assert "has expired" in str(failure(peer, settings(certificates, certificates.ours)))


@pytest.mark.parametrize("shown", ["nothing", "strangers"])
def test_what_the_peer_does_not_like_of_us(certificates: Certificates, shown: str) -> None:
    identity = certificates.strangers if shown == "strangers" else None
    with listening(settings(certificates, certificates.peers)) as peer:
        failed = failure(peer, settings(certificates, identity))
    assert failed.step == "tls"
    said = {"nothing": "wants a certificate from us", "strangers": "does not trust the CA of our certificate"}
    # Where the alert is lost, the sentence names both.
    assert said[shown] in str(failed) or NOT_LIKED in str(failed)


def test_a_trusted_certificate_needs_no_ca(certificates: Certificates) -> None:
    with listening(settings(certificates, certificates.strangers, require_client_certificate=False)) as peer:
        pinned = caller(settings(certificates, trusted=certificates.strangers.certificate))
        with pinned.associate(peer, [PROPOSAL]) as requestor:
            assert echo(requestor) == 0


def test_tls_where_plain_is_spoken_and_the_other_way_round(certificates: Certificates) -> None:
    tls = settings(certificates, certificates.ours)
    with running(MemoryStore()) as node:
        failed = failure(Peer("DURCHBLICK", "127.0.0.1", node.port, tls=True), tls)
        assert failed.step == "tls" and "speak TLS on this port" in str(failed)
    with listening(settings(certificates, certificates.peers)) as peer:
        failed = failure(replace(peer, tls=False), tls)
        assert failed.step == "association" and "does it expect TLS" in str(failed)


def test_old_versions_are_not_spoken(certificates: Certificates) -> None:
    with listening(settings(certificates, certificates.peers)) as peer, _socket(peer) as connected:
        # A ClientHello record that offers TLS 1.0 at most.
        hello = bytes.fromhex("0301") + bytes(32) + b"\0" + bytes.fromhex("0002002f0100")
        handshake = b"\1" + len(hello).to_bytes(3, "big") + hello
        connected.sendall(bytes.fromhex("160301") + len(handshake).to_bytes(2, "big") + handshake)
        alert = connected.recv(100)
        assert alert == b"" or alert[0] == 21


def _socket(peer: Peer) -> socket.socket:
    return socket.create_connection((peer.host, peer.port), timeout=PATIENCE)


def test_a_silent_peer_is_not_waited_for(certificates: Certificates) -> None:
    # The kernel takes the connection, and nobody ever reads from it.
    with socket.create_server(("127.0.0.1", 0)) as server:
        silent = Peer("SILENT", "127.0.0.1", server.getsockname()[1], tls=True)
        impatient = Caller("DURCHBLICK", settings(certificates), replace(UNHURRIED, connect=0.2))
        with pytest.raises(AssociationFailed, match="does not answer the handshake"):
            impatient.associate(silent, [PROPOSAL])
