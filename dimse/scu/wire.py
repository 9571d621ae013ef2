"""The connection of an association that we ask for: TCP, TLS, and whole PDUs within deadlines."""

import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

from dimse import pdu_protocol as pdus
from dimse.pdu_protocol import Pdu, PduReader
from dimse.settings import Peer
from dimse.tls import explained

Step = Literal["name", "tcp", "tls", "association"]

RELEASE_REQUEST: Final = bytes((pdus.RELEASE_RQ, 0, 0, 0, 0, 4, 0, 0, 0, 0))
"""The A-RELEASE-RQ PDU (PS3.8 9.3.6)."""
DATA_VALUE_OVERHEAD: Final = 6
"""Bytes of a P-DATA-TF PDU that are not of its only fragment (PS3.8 9.3.5.1)."""

_QUICK_ACK: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)
_RECEIVED_AT_ONCE: Final = 1 << 18
_LARGEST_ANSWER: Final = 1 << 18


class AssociationFailed(Exception):
    """There is no association; the message says what failed and how to mend it, `step` how far it got.

    `is_permanent` when the same attempt will fail again: the peer rejected us for good, or a certificate is wrong.
    """

    def __init__(self, step: Step, sentence: str, *, is_permanent: bool = False) -> None:
        super().__init__(sentence)
        self.step = step
        self.is_permanent = is_permanent


@dataclass(frozen=True, slots=True)
class Patience:
    """How long we wait for a peer, in seconds."""

    connect: float = 10.0
    """For the TCP connection, and again for the TLS handshake."""
    association: float = 30.0
    """For the answer to the A-ASSOCIATE-RQ."""
    response: float = 120.0
    """For the next response, pending ones included, or the next piece of a message."""
    send: float = 60.0
    """For the peer to take what was sent at once, at most 256 kB."""
    release: float = 5.0
    """For the answer to the A-RELEASE-RQ."""


class Wire:
    """One connection. Not safe for concurrent use. OSError when it breaks or is overdue."""

    def __init__(self, connected: socket.socket, send_seconds: float) -> None:
        self._socket = connected
        self._send_seconds = send_seconds
        answers = {pdus.ASSOCIATE_AC: _LARGEST_ANSWER, pdus.ASSOCIATE_RJ: 4, pdus.ABORT: 4}
        self._reader = PduReader(answers)

    @property
    def certificate(self) -> Mapping[str, object]:
        """The peer's certificate as ssl tells it; empty without TLS."""
        return self._socket.getpeercert() or {} if isinstance(self._socket, ssl.SSLSocket) else {}

    @property
    def tls_version(self) -> str:
        """Version and cipher suite; empty without TLS."""
        if not isinstance(self._socket, ssl.SSLSocket):
            return ""
        cipher = self._socket.cipher()
        return f"{self._socket.version()} {cipher[0] if cipher else ''}".strip()

    def expect_data(self, longest_pdu: int) -> None:
        """From now on what an established association brings may come."""
        expected = {pdus.P_DATA: longest_pdu, pdus.RELEASE_RQ: 4, pdus.RELEASE_RP: 4, pdus.ABORT: 4}
        self._reader.expect(expected, max(_RECEIVED_AT_ONCE, longest_pdu + pdus.HEADER_LENGTH))

    def send(self, data: bytes) -> None:
        """Send all of `data`."""
        self._socket.settimeout(self._send_seconds)
        self._socket.sendall(data)

    def receive(self, deadline: float) -> Pdu:
        """The next PDU, whole before the clock `time.monotonic` shows `deadline`; ends the life of the last one.

        Raises `ProtocolViolation`, TimeoutError, and ConnectionError when the peer closed the connection.
        """
        while (pdu := self._reader.next_pdu()) is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("overdue")
            self._socket.settimeout(left)
            count = self._socket.recv_into(self._reader.space())
            if not count:
                raise ConnectionResetError("the peer closed the connection")
            self._reader.received(count)
            if _QUICK_ACK is not None:
                # The rest of a PDU may wait for our acknowledgement (Nagle), which the kernel delays up to 40 ms.
                self._socket.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)
        return pdu

    def interrupt(self) -> None:
        """Break the connection, from any thread: whoever waits for the peer gets an OSError. Idempotent."""
        with suppress(OSError):
            # Not that of an SSLSocket, which would forget its session under whoever reads.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection. Idempotent."""
        self._reader.release()
        self._socket.close()


def connect(peer: Peer, tls: ssl.SSLContext | None, patience: Patience) -> Wire:
    """A connection to `peer`, over TLS if there is a context for it. Raises `AssociationFailed`."""
    connected = _tcp(peer, patience.connect)
    if tls is not None:
        connected = _over_tls(connected, peer, tls)
    return Wire(connected, patience.send)


def _tcp(peer: Peer, seconds: float) -> socket.socket:
    where = f"{peer.host} port {peer.port}"
    try:
        connected = socket.create_connection((peer.host, peer.port), timeout=seconds)
    except socket.gaierror as error:
        raise AssociationFailed(
            "name", f"The name {peer.host} is not known; correct it, or use the address."
        ) from error
    except TimeoutError as error:
        sentence = f"{where} does not answer; is the machine on, and does the firewall let us through?"
        raise AssociationFailed("tcp", sentence) from error
    except ConnectionRefusedError as error:
        sentence = f"Nobody listens at {where}; is the port right, and does the DICOM node run?"
        raise AssociationFailed("tcp", sentence) from error
    except OSError as error:
        sentence = f"{where} cannot be reached ({error.strerror}); check address, network and firewall."
        raise AssociationFailed("tcp", sentence) from error
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connected


def _over_tls(connected: socket.socket, peer: Peer, tls: ssl.SSLContext) -> socket.socket:
    try:
        return tls.wrap_socket(connected, server_hostname=peer.host)
    except OSError as error:
        connected.close()
        raise tls_failed(error, peer) from error


def tls_failed(error: OSError, peer: Peer) -> AssociationFailed:
    """What the failure of a TLS handshake means; with TLS 1.3 the peer may tell it with its first answer only."""
    sentence = f"No TLS with {peer.host} port {peer.port}: {explained(error, peer.host)}."
    return AssociationFailed("tls", sentence, is_permanent=isinstance(error, ssl.SSLError))
