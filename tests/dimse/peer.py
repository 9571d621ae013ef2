"""A peer that can be as rude as a test needs: a blocking socket, and pynetdicom's classes as a second codec."""

import socket
import struct
from collections.abc import Iterable
from typing import Any, Self

from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import build_context

from dimse import command
from tests.support.patience import PATIENCE

VERIFICATION = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"
STANDARD_CONTEXTS = ((1, VERIFICATION, (IMPLICIT,)), (3, CT, (EXPLICIT,)))

Contexts = Iterable[tuple[int, str, tuple[str, ...]]]


def associate_rq(
    contexts: Contexts = STANDARD_CONTEXTS,
    called: str = "DURCHBLICK",
    calling: str = "PEER",
    longest_pdu: int = 16384,
    user: Iterable[Any] = (),
) -> bytes:
    """An A-ASSOCIATE-RQ as pynetdicom encodes it; `user` are further primitives of the user information."""
    request = A_ASSOCIATE()
    request.application_context_name = "1.2.840.10008.3.1.1.1"
    request.calling_ae_title, request.called_ae_title = calling, called
    proposed = []
    for context_id, abstract_syntax, transfer_syntaxes in contexts:
        context = build_context(abstract_syntax, list(transfer_syntaxes))
        context.context_id = context_id
        proposed.append(context)
    request.presentation_context_definition_list = proposed
    longest, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    longest.maximum_length_received = longest_pdu
    implementation.implementation_class_uid = "1.2.3.4"
    request.user_information = [longest, implementation, *user]
    return A_ASSOCIATE_RQ(request).encode()


def pdv(context_id: int, control: int, data: bytes) -> bytes:
    """One presentation data value."""
    return struct.pack(">IBB", len(data) + 2, context_id, control) + data


def p_data(*values: bytes) -> bytes:
    """A P-DATA-TF PDU of these presentation data values."""
    body = b"".join(values)
    return struct.pack(">BxI", 4, len(body)) + body


def echo_command(message_id: int = 1) -> bytes:
    """A C-ECHO-RQ."""
    return command.encode(
        [
            (0x0002, command.padded(VERIFICATION.encode(), b"\0")),
            (0x0100, command.uint2(0x0030)),
            (0x0110, command.uint2(message_id)),
            (0x0800, command.uint2(0x0101)),
        ]
    )


def store_command(
    sop_class: str | None = CT, instance: str | None = "1.2.3", message_id: int = 1, data_set_type: int = 0
) -> bytes:
    """A C-STORE-RQ."""
    elements = [
        (0x0100, command.uint2(0x0001)),
        (0x0110, command.uint2(message_id)),
        (0x0700, command.uint2(0)),
        (0x0800, command.uint2(data_set_type)),
    ]
    if sop_class is not None:
        elements.insert(0, (0x0002, command.padded(sop_class.encode(), b"\0")))
    if instance is not None:
        elements.append((0x1000, command.padded(instance.encode(), b"\0")))
    return command.encode(elements)


ECHO = p_data(pdv(1, 3, echo_command()))
RELEASE = bytes((5, 0, 0, 0, 0, 4, 0, 0, 0, 0))
ABORT = bytes((7, 0, 0, 0, 0, 4, 0, 0, 0, 0))


def store_pdus(data: bytes, context_id: int = 3, step: int = 16000, **of_command: object) -> bytes:
    """A whole C-STORE-RQ message, its data set in fragments of `step` bytes."""
    pieces = [data[at : at + step] for at in range(0, len(data), step)] or [b""]
    pdus = [p_data(pdv(context_id, 3, store_command(**of_command)))]  # type: ignore[arg-type]
    pdus += [p_data(pdv(context_id, 2 if at == len(pieces) - 1 else 0, piece)) for at, piece in enumerate(pieces)]
    return b"".join(pdus)


class Peer:
    """A connection to a node."""

    def __init__(self, port: int, timeout: float = PATIENCE) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def receive_pdu(self) -> tuple[int, bytes]:
        """The next PDU as (type, body); (0, b"") when the node closed the connection."""
        header = self._receive(6)
        if len(header) < 6:
            return 0, b""
        kind, length = struct.unpack(">BxI", header)
        return kind, self._receive(length)

    def associate(self, **request: object) -> A_ASSOCIATE_AC:
        """Send an A-ASSOCIATE-RQ, which must be accepted."""
        self.send(associate_rq(**request))  # type: ignore[arg-type]
        kind, body = self.receive_pdu()
        assert kind == 2, (kind, body)
        accepted = A_ASSOCIATE_AC()
        accepted.decode(struct.pack(">BxI", kind, len(body)) + body)
        return accepted

    def response(self) -> command.Command:
        """The command set of the next response, which may come in several PDUs."""
        fragments, control = b"", 0
        while not control & 2:
            kind, body = self.receive_pdu()
            assert kind == 4, (kind, body)
            length, _, control = struct.unpack_from(">IBB", body)
            assert length == len(body) - 4
            fragments += body[6:]
        return command.decode(fragments)

    def status(self) -> int:
        """The status of the next response."""
        return self.response().number(0x0900)

    def echo(self) -> int:
        """C-ECHO on the first standard context."""
        self.send(ECHO)
        return self.status()

    def store(self, data: bytes, **message: object) -> command.Command:
        """C-STORE on the second standard context."""
        self.send(store_pdus(data, **message))  # type: ignore[arg-type]
        return self.response()

    def release(self) -> None:
        """Release in good order."""
        self.send(RELEASE)
        assert self.receive_pdu() == (6, bytes(4))
        self.socket.close()

    def _receive(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            try:
                piece = self.socket.recv(length - len(data))
            except ConnectionResetError:
                piece = b""
            if not piece:
                break
            data += piece
        return data
