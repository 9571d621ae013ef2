"""Syslog over TLS (RFC 5425), as PS3.15 A.6 has it."""

import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PATIENCE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class SyslogServer:
    """Where to send. `trusted` are the CAs it must come from (None: those of the system), PEM as the others."""

    host: str
    port: int
    trusted: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class NotTaken(Exception):
    """The server did not take the messages for sure; they are to be sent again."""


def send(server: SyslogServer, frames: Iterable[bytes]) -> None:
    """Send all `frames` on one connection, and see it closed in order. Raises `NotTaken`, also without a server.

    Syslog has no acknowledgement. That the server closes too, after it has read our end, is the nearest to one.
    """
    try:
        context = _context(server)
        with (
            socket.create_connection((server.host, server.port), _PATIENCE_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=server.host) as connection,
        ):
            for frame in frames:
                connection.sendall(frame)
            _close_in_order(connection)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise NotTaken(f"{type(error).__name__}: {error}") from error


def _close_in_order(connection: ssl.SSLSocket) -> None:
    """Say that nothing more comes, and wait for the end of the other side, whichever way it says so."""
    with suppress(ssl.SSLError, TimeoutError):
        connection.unwrap().close()


def _context(server: SyslogServer) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(server.trusted) if server.trusted else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if server.certificate:
        context.load_cert_chain(server.certificate, server.key)
    return context
