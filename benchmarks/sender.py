"""A lean C-STORE SCU for measurements: everything is encoded beforehand, operations are synchronous.

    python -m benchmarks.sender PORT CALLED_AE_TITLE ASSOCIATIONS FOLDER

sends each file of FOLDER (named by SOP Instance UID, holding a bare data set in Explicit VR Little Endian) once, over
so many associations at a time, and prints {"seconds", "succeeded", "failed"}.
"""

import json
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, Self

from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from dimse import command

_CONTEXT: Final = 1


def main() -> None:
    """Send, and print the outcome as JSON."""
    port, called, associations, folder = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])
    paths = sorted(folder.iterdir())
    senders = [_Sender(port, called, paths[at::associations]) for at in range(associations)]
    seconds = seconds_of([sender.send for sender in senders])
    statuses = [status for sender in senders for status in sender.statuses]
    succeeded = statuses.count(0)
    print(json.dumps({"seconds": seconds, "succeeded": succeeded, "failed": len(paths) - succeeded}))


def seconds_of(works: Sequence[Callable[[], None]]) -> float:
    """How long these take, each in a thread of its own."""
    threads = [threading.Thread(target=work) for work in works]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began


class Association:
    """An established association with a server on this machine."""

    def __init__(self, port: int, called: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(_associate_rq(called))
        kind, body = self._receive()
        if kind != 2:
            raise RuntimeError(f"the association was not accepted (PDU type {kind})")
        at = body.index(b"\x51\x00\x00\x04") + 4
        self.longest_pdu: int = struct.unpack_from(">I", body, at)[0] or 131_072

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.sendall(bytes((5, 0, 0, 0, 0, 4, 0, 0, 0, 0)))
        self._receive()
        self._socket.close()

    def store(self, message: bytes) -> int:
        """Send a whole C-STORE-RQ message and wait for its status."""
        self._socket.sendall(message)
        _, body = self._receive()
        return command.decode(body[6:]).number(command.STATUS)

    def _receive(self) -> tuple[int, bytes]:
        kind, length = struct.unpack(">BxI", self._exactly(6))
        return kind, self._exactly(length)

    def _exactly(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            piece = self._socket.recv(length - len(data))
            if not piece:
                raise RuntimeError("the server closed the connection")
            data += piece
        return data


class _Sender:
    """One association with every message ready."""

    def __init__(self, port: int, called: str, paths: list[Path]) -> None:
        self.statuses: list[int] = []
        self._association = Association(port, called)
        self._messages = [_message(path.name, path.read_bytes(), self._association.longest_pdu) for path in paths]

    def send(self) -> None:
        with self._association as association:
            self.statuses += [association.store(message) for message in self._messages]


def _item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(value)) + value


def _associate_rq(called: str) -> bytes:
    syntaxes = _item(0x30, CTImageStorage.encode()) + _item(0x40, ExplicitVRLittleEndian.encode())
    user = _item(0x51, struct.pack(">I", 131_072)) + _item(0x52, b"1.2.3.4")
    variable = _item(0x10, b"1.2.840.10008.3.1.1.1") + _item(0x20, bytes((_CONTEXT, 0, 0, 0)) + syntaxes)
    variable += _item(0x50, user)
    titles = called.ljust(16).encode() + b"BENCHMARK".ljust(16)
    return struct.pack(">BxIHxx", 1, 68 + len(variable), 1) + titles + bytes(32) + variable


def _message(instance: str, data: bytes, longest: int) -> bytes:
    request = command.encode(
        [
            (command.AFFECTED_SOP_CLASS_UID, command.padded(CTImageStorage.encode(), b"\0")),
            (command.COMMAND_FIELD, command.uint2(command.C_STORE_RQ)),
            (command.MESSAGE_ID, command.uint2(1)),
            (0x0700, command.uint2(0)),
            (command.DATA_SET_TYPE, command.uint2(0)),
            (command.AFFECTED_SOP_INSTANCE_UID, command.padded(instance.encode(), b"\0")),
        ]
    )
    return b"".join((_pdu(3, request), *_pdus(data, longest)))


def _pdus(data: bytes, longest: int) -> Iterator[bytes]:
    step = longest - 6
    for at in range(0, len(data), step):
        yield _pdu(2 if at + step >= len(data) else 0, data[at : at + step])


def _pdu(control: int, fragment: bytes) -> bytes:
    return struct.pack(">BxIIBB", 4, len(fragment) + 6, len(fragment) + 2, _CONTEXT, control) + fragment


if __name__ == "__main__":
    main()
