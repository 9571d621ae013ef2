"""C-STORE, the Storage service (PS3.7 9.1.1, PS3.4 annex B)."""

from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from typing import Final

from dimse.command import AFFECTED_SOP_CLASS_UID, AFFECTED_SOP_INSTANCE_UID
from dimse.exchange import Exchange
from dimse.services.operation import Answered, Done, Operation, Request, Response
from dimse.status import (
    CANNOT_UNDERSTAND,
    INVALID_ATTRIBUTE_VALUE,
    INVALID_SOP_INSTANCE,
    SOP_CLASS_NOT_SUPPORTED,
    SUCCESS,
    Status,
    failed,
)
from storage.data_set.part10 import FileMeta
from storage.identifiers import is_uid
from storage.incoming import Incoming
from storage.ingest import Ingest, Stored
from storage.sop_classes import is_storage

_STORED: Final = Response(SUCCESS)
# Level 2 (full), signature level 3 (bits stay as they are), no element coercion; a reserved byte behind each.
_SUPPORT: Final = bytes((2, 0, 3, 0, 0, 0))


Received = Callable[[str, Stored], None]
"""Told by which AE title of ours somebody called, and what was kept."""


def unheard(called_ae_title: str, stored: Stored) -> None:
    """For nobody who wants to know."""


class Storing:
    """One C-STORE: the data set streams into the store's incoming folder, and success is told when it is durable."""

    converses = False

    def __init__(
        self, ingest: Ingest, threads: Executor, incoming: Incoming, request: Request, received: Received
    ) -> None:
        self._ingest = ingest
        self._received = received
        self._called = request.called_ae_title
        self._threads = threads
        self._incoming = incoming
        self._source = f"{request.calling_ae_title}@{request.address}"
        self._failure: Status | None = None

    def write(self, fragments: list[memoryview]) -> None:
        """Append to the incoming file; after a failure, drop."""
        if self._failure is None:
            try:
                self._incoming.write_all(fragments)
            except Exception as error:
                self._failure = failed(error)
                self._remove()

    def perform(self, exchange: Exchange, done: Done) -> None:
        """Store what has come, in a thread; success means that it is durable."""
        self._threads.submit(self._store, done)

    def _store(self, done: Done) -> None:
        if self._failure is not None:
            done(Response(self._failure))
            return
        try:
            self._received(self._called, self._ingest.store(self._incoming, source=self._source))
        except Exception as error:
            done(Response(failed(error)))
        else:
            done(_STORED)

    def abandon(self) -> None:
        """Remove the incoming file."""
        if self._failure is None:
            self._remove()

    def _remove(self) -> None:
        # Where even that fails, the next sweep removes it.
        with suppress(OSError):
            self._incoming.abandon()


def answer_extended(proposed: bytes) -> bytes:
    """Our service class application information, whatever the requestor's says of itself (PS3.4 B.3.1)."""
    return _SUPPORT


class StorageService:
    """Begins the C-STORE operations of all associations."""

    def __init__(self, ingest: Ingest, threads: Executor, received: Received = unheard) -> None:
        """`threads` are those that store. `received` is told what was kept before the peer is, and may block."""
        self._ingest = ingest
        self._threads = threads
        self._received = received

    def store(self, request: Request) -> Operation:
        """Take up a C-STORE-RQ: refused at once when its command contradicts its context or itself."""
        objection = _objection(request)
        if objection is not None:
            return Answered(objection)
        command = request.command
        meta = FileMeta(
            sop_class_uid=command.text(AFFECTED_SOP_CLASS_UID),
            sop_instance_uid=command.text(AFFECTED_SOP_INSTANCE_UID),
            transfer_syntax_uid=request.context.transfer_syntax,
            source_ae_title=request.calling_ae_title,
        )
        try:
            return Storing(self._ingest, self._threads, self._ingest.receive(meta), request, self._received)
        except Exception as error:
            return Answered(failed(error))


def _objection(request: Request) -> Status | None:
    command, context = request.command, request.context
    sop_class = command.text(AFFECTED_SOP_CLASS_UID)
    if not sop_class:
        return Status(INVALID_ATTRIBUTE_VALUE, "The command has no Affected SOP Class UID.", AFFECTED_SOP_CLASS_UID)
    # Some senders negotiate the class that the file meta information names and command the one of the data set: an
    # image is worth more than that rule (PS3.8 7.1.1.13), and the store compares command and data set anyway.
    if not is_storage(sop_class) or not is_storage(context.abstract_syntax):
        comment = "The Affected SOP Class or its context is none for storage."
        return Status(SOP_CLASS_NOT_SUPPORTED, comment, AFFECTED_SOP_CLASS_UID)
    if not is_uid(command.text(AFFECTED_SOP_INSTANCE_UID)):
        comment = "The Affected SOP Instance UID is missing or no UID."
        return Status(INVALID_SOP_INSTANCE, comment, AFFECTED_SOP_INSTANCE_UID)
    if not command.has_data_set:
        return Status(CANNOT_UNDERSTAND, "The C-STORE request announces no data set.")
    return None
