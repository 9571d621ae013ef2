"""An acceptor that can be as rude as a test needs: it plays a script on one connection, in a thread."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from dimse import command as commands
from dimse import pdu_protocol as pdus
from dimse.association_items import Role
from dimse.association_pdus import AnsweredContext, decode_request, encode_accept
from dimse.command import Command
from dimse.settings import Peer
from tests.support.patience import PATIENCE


class Acceptor:
    """The accepting end of one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        connection.settimeout(PATIENCE)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def pdu(self) -> tuple[int, bytes]:
        """The next PDU; (0, b"") when there is none any more."""
        header = self._exactly(6)
        if len(header) < 6:
            return 0, b""
        kind, length = struct.unpack(">BxI", header)
        return kind, self._exactly(length)

    def accept(self, *, roles: Sequence[Role] = (), longest_pdu: int = 16384, results: Sequence[int] = ()) -> None:
        """Accept every context, in its first transfer syntax; or as `results` say, in their order."""
        kind, body = self.pdu()
        assert kind == pdus.ASSOCIATE_RQ
        self.request = decode_request(body)
        answers = [
            AnsweredContext(one.id, results[at] if results else 0, one.abstract_syntax, one.transfer_syntaxes[0])
            for at, one in enumerate(self.request.contexts)
        ]
        self.send(
            encode_accept(
                self.request,
                answers,
                roles=roles,
                longest_pdu=longest_pdu,
                implementation_class_uid="1.2.3",
                implementation_version="RUDE",
            )
        )

    def message(self) -> tuple[int, Command, bytes]:
        """The next message: context, command set, data set."""
        parts = {True: b"", False: b""}
        last = {True: False, False: True}
        context = 0
        while not all(last.values()):
            kind, body = self.pdu()
            assert kind == pdus.P_DATA, kind
            for value in pdus.data_values(memoryview(body)):
                assert len(value.fragment) % 2 == 0
                context = value.context_id
                parts[value.is_command] += bytes(value.fragment)
                last[value.is_command] = value.is_last
                if value.is_command and value.is_last:
                    last[False] = not commands.decode(parts[True]).has_data_set
        return context, commands.decode(parts[True]), parts[False]

    def respond(self, context: int, to: Command, status: int, identifier: bytes = b"", message_id: int = 0) -> None:
        """A response; `message_id` lies about what it belongs to."""
        elements = [
            (commands.COMMAND_FIELD, commands.uint2(to.field | commands.RESPONSE)),
            (commands.MESSAGE_ID_RESPONDED_TO, commands.uint2(message_id or to.message_id)),
            (commands.DATA_SET_TYPE, commands.uint2(0 if identifier else commands.NO_DATA_SET)),
            (commands.STATUS, commands.uint2(status)),
        ]
        self.send(pdus.encode_values(context, commands.encode(elements), 0, is_command=True))
        if identifier:
            self.send(pdus.encode_values(context, identifier, 16384, is_command=False))

    def ask(self, context: int, field: int, data: bytes = b"", message_id: int = 77) -> None:
        """A request of the acceptor's own."""
        elements = [
            (commands.COMMAND_FIELD, commands.uint2(field)),
            (commands.MESSAGE_ID, commands.uint2(message_id)),
            (commands.DATA_SET_TYPE, commands.uint2(0 if data else commands.NO_DATA_SET)),
        ]
        self.send(pdus.encode_values(context, commands.encode(elements), 0, is_command=True))
        if data:
            self.send(pdus.encode_values(context, data, 0, is_command=False))

    def release(self) -> None:
        """Answer the release of the requestor."""
        assert self.pdu()[0] == pdus.RELEASE_RQ
        self.send(pdus.encode_release_reply())

    def _exactly(self, length: int) -> bytes:
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


@contextmanager
def playing(script: Callable[[Acceptor], None]) -> Iterator[Peer]:
    """A peer that plays `script` on the first connection and then closes it; what fails in it fails here."""
    failures: list[BaseException] = []

    def play() -> None:
        try:
            connection, _ = server.accept()
            with connection:
                script(Acceptor(connection))
        except BaseException as error:
            failures.append(error)

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        thread = threading.Thread(target=play)
        thread.start()
        try:
            yield Peer("RUDE", "127.0.0.1", server.getsockname()[1])
        finally:
            thread.join(PATIENCE)
    if failures:
        raise failures[0]
