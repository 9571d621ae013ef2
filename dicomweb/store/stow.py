"""STOW-RS: the Store transaction (PS3.18 10.5), of Part 10 files, and of metadata with bulk data."""

import logging
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from typing import Final

import anyio
from anyio import CapacityLimiter, to_thread
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response

from dicomweb.media_types import DICOM_JSON, DICOM_XML, STORE_RESPONSE
from dicomweb.native_models import native_model
from dicomweb.negotiation import Acceptable
from dicomweb.problems import PRIVATE, BadRequest, log_unexpected
from dicomweb.search.qido import encode_json
from dicomweb.store.arriving import Body
from dicomweb.store.store_response import Report, response_module
from storage.errors import NotAuthorised, ProcessingFailure, Refusal
from storage.identifiers import uid
from storage.incoming import Incoming
from storage.ingest import Ingest, Stored
from storage.pixels import Pixels
from storage.scope import ListedStudies, StudyScope, WholeArchive

_log = logging.getLogger("durchblick.dicomweb")

# Several at once share the index transaction that makes them durable; more would only hold more files open.
_AT_ONCE: Final = 8
_LOGGED_REFUSALS: Final = 10
_FED_AT_ONCE: Final = 256 * 1024

Keep = Callable[[Incoming], Stored | Refusal]


class Intake:
    """Takes the bodies of Store requests, part by part, into the one way into the store."""

    def __init__(self, ingest: Ingest, pixels: Pixels, base_url: Callable[[HTTPConnection], str]) -> None:
        self._ingest = ingest
        self._pixels = pixels
        self._base_url = base_url
        # All requests share it: storing must not take the threads that everything else needs.
        self._storing = CapacityLimiter(_AT_ONCE)

    async def store(self, request: Request, scope: StudyScope) -> Response:
        """Store every instance of the body and report on each one (annex I); a bad part never spoils another.

        400 when no part could be read. When the body becomes unreadable later, what was complete by then is stored
        and reported, and the break is one of the failures. The answer is in JSON or XML as is accepted, and in JSON
        where neither is: to refuse an instance for the sake of its receipt would serve nobody (RFC 9110 12.5.1).
        """
        study = uid(request.path_params["study"], "Study Instance UID") if "study" in request.path_params else ""
        _check_right(scope, study)
        base_url = self._base_url(request)
        keep = partial(self._keep, study=study, scope=scope)
        body = await to_thread.run_sync(Body, self._ingest, self._pixels, request.headers, f"{base_url}/studies")
        report = await _Receiving(body, keep, self._storing).receive(request)
        if report.disconnected:
            raise ClientDisconnect
        if not report.outcomes:
            raise report.broken or BadRequest("The body holds no instance.")
        _log_report(report)
        return _answer(request, report, base_url, study)

    def _keep(self, incoming: Incoming, study: str, scope: StudyScope) -> Stored | Refusal:
        """Store one instance in a thread."""
        try:
            return self._ingest.store(incoming, source="STOW-RS", study_instance_uid=study, scope=scope)
        except Refusal as refusal:
            return refusal
        except Exception as error:
            return ProcessingFailure(f"The instance could not be stored; the log has {log_unexpected(error)}.")
        finally:
            incoming.abandon()


class _Receiving:
    """Reads one body to its end while up to `_AT_ONCE` complete parts are being stored, or wait for it."""

    def __init__(self, body: Body, keep: Keep, storing: CapacityLimiter) -> None:
        self._body = body
        self._keep = keep
        self._storing = storing
        self._report = Report()
        self._free = anyio.Semaphore(_AT_ONCE)
        self._count = 0

    async def receive(self, request: Request) -> Report:
        """What became of each part."""
        async with anyio.create_task_group() as group:
            begin = partial(self._begin, group)
            try:
                async for data in _pieces(request):
                    fed = self._body.portions(data)
                    while (parts := await to_thread.run_sync(next, fed, None)) is not None:
                        await begin(parts)
                await begin(await to_thread.run_sync(self._body.close))
                await self._assemble(group)
            except Refusal as broken:
                self._report.broken = broken
                await begin(self._body.complete())
            except ClientDisconnect:
                self._report.disconnected = True
            finally:
                self._body.abandon()
        return self._report

    async def _assemble(self, group: anyio.abc.TaskGroup) -> None:
        """Each instance is put together when there is room for it among those being stored."""
        assembled = self._body.assembled()
        while assembled is not None:
            arrived = await to_thread.run_sync(next, assembled, None)
            if arrived is None:
                return
            await self._begin(group, (arrived,))

    async def _begin(self, group: anyio.abc.TaskGroup, parts: Iterable[Incoming | Refusal]) -> None:
        for part in parts:
            number, self._count = self._count, self._count + 1
            if isinstance(part, Refusal):
                self._report.outcomes[number] = part
            else:
                await self._free.acquire()
                group.start_soon(self._store, number, part)

    async def _store(self, number: int, incoming: Incoming) -> None:
        try:
            self._report.outcomes[number] = await to_thread.run_sync(self._keep, incoming, limiter=self._storing)
        finally:
            self._free.release()


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    """The body in pieces large enough to be worth a change of threads."""
    held: list[bytes] = []
    size = 0
    async for data in request.stream():
        held.append(data)
        size += len(data)
        if size >= _FED_AT_ONCE:
            yield b"".join(held)
            held, size = [], 0
    if size:
        yield b"".join(held)


def _check_right(scope: StudyScope, study: str) -> None:
    """Raise `NotAuthorised` when the caller may add to no study at all, or not to `study`."""
    match scope:
        case WholeArchive():
            return
        case ListedStudies(studies) if studies and (not study or study in studies):
            return
        case _:
            raise NotAuthorised("The caller may not add to this study.")


def _log_report(report: Report) -> None:
    refused = report.refused()
    _log.info("event=stored stored=%d refused=%d", len(report.stored()), len(refused))
    for refusal in refused[:_LOGGED_REFUSALS]:
        _log.warning("event=refused status=%04XH detail=%r", refusal.dicom_status, refusal.detail)


def _answer(request: Request, report: Report, base_url: str, study: str) -> Response:
    module = response_module(base_url, study, report)
    chosen = Acceptable.of(request).choose(STORE_RESPONSE)
    if chosen is not None and chosen.media_type == DICOM_XML:
        return native_model(request, module, report.status())
    return Response(encode_json(module), report.status(), PRIVATE, DICOM_JSON)
