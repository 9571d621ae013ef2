"""STOW-RS: the Store transaction (PS3.18 10.5) for Part 10 files."""

import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import anyio
from anyio import to_thread
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response

from dicomweb.arriving import Arriving, Body
from dicomweb.media_types import DICOM_JSON
from dicomweb.multipart import TooManyParts
from dicomweb.negotiation import parse_media_type
from dicomweb.problems import PRIVATE, BadRequest, log_unexpected
from dicomweb.qido import RETRIEVE_URL, encode_json
from storage.errors import NotAuthorised, OutOfResources, ProcessingFailure, Refusal
from storage.identifiers import uid
from storage.incoming import Incoming
from storage.ingest import Ingest, Stored
from storage.scope import ListedStudies, StudyScope, WholeArchive

_log = logging.getLogger("durchblick.dicomweb")

# Several at once share the index transaction that makes them durable; more would only hold more files open.
_AT_ONCE: Final = 8
_LOGGED_REFUSALS: Final = 10
_FED_AT_ONCE: Final = 256 * 1024


@dataclass(slots=True)
class _Report:
    """What became of each part, in the order of the request; `broken` when the body could not be read to its end."""

    outcomes: dict[int, Stored | Refusal] = field(default_factory=dict)
    broken: BadRequest | None = None
    disconnected: bool = False

    def stored(self) -> list[Stored]:
        return [outcome for _, outcome in sorted(self.outcomes.items()) if isinstance(outcome, Stored)]

    def refused(self) -> list[Refusal]:
        refused = [outcome for _, outcome in sorted(self.outcomes.items()) if isinstance(outcome, Refusal)]
        return [*refused, self.broken] if self.broken else refused

    def status(self) -> int:
        """PS3.18 table 10.5.3-1; 413 for too many parts, 507 when there is no room for a single one."""
        refused = self.refused()
        if isinstance(self.broken, TooManyParts):
            return self.broken.http_status
        if self.stored():
            return 202 if refused else 200
        return 507 if all(isinstance(refusal, OutOfResources) for refusal in refused) else 409


class Intake:
    """Takes the bodies of Store requests, part by part, into the one way into the store."""

    def __init__(self, ingest: Ingest, base_url: Callable[[HTTPConnection], str]) -> None:
        self._ingest = ingest
        self._base_url = base_url

    async def store(self, request: Request, scope: StudyScope) -> Response:
        """Store every instance of the body and report on each one (annex I); a bad part never spoils another.

        400 when no part could be read. When the body becomes unreadable later, what was complete by then is stored
        and reported, and the break is one of the failures. The answer is DICOM JSON whatever is accepted: to refuse
        an instance for the sake of its receipt would serve nobody (RFC 9110 12.5.1).
        """
        study = uid(request.path_params["study"], "Study Instance UID") if "study" in request.path_params else ""
        _check_right(scope, study)
        keep = partial(self._keep, study=study, scope=scope)
        media_type, parameters = parse_media_type(request.headers.get("content-type", ""))
        body = await to_thread.run_sync(Body, self._ingest, media_type, parameters)
        report = await _receive(request, body, keep)
        if report.disconnected:
            raise ClientDisconnect
        if not report.outcomes:
            raise report.broken or BadRequest("The body holds no instance.")
        refused = report.refused()
        _log.info("event=stored stored=%d refused=%d", len(report.stored()), len(refused))
        for refusal in refused[:_LOGGED_REFUSALS]:
            _log.warning("event=refused status=%04XH detail=%r", refusal.dicom_status, refusal.detail)
        module = _response_module(self._base_url(request), study, report.stored(), refused)
        return Response(encode_json(module), report.status(), PRIVATE, DICOM_JSON)

    def _keep(self, incoming: Incoming, study: str, scope: StudyScope) -> Stored | Refusal:
        """Store one instance in a thread."""
        try:
            return self._ingest.store(incoming, source="STOW-RS", study_instance_uid=study, scope=scope)
        except Refusal as refusal:
            # Frames of the stack hold more than the words of a refusal, and there may be many.
            return refusal.with_traceback(None)
        except Exception as error:
            return ProcessingFailure(f"The instance could not be stored; the log has {log_unexpected(error)}.")
        finally:
            incoming.abandon()


async def _receive(request: Request, body: Body, keep: Callable[[Incoming], Stored | Refusal]) -> _Report:
    """Read the body to its end while up to `_AT_ONCE` complete parts are being stored."""
    report = _Report()
    free = anyio.Semaphore(_AT_ONCE)

    async def store(number: int, incoming: Incoming) -> None:
        try:
            report.outcomes[number] = await to_thread.run_sync(keep, incoming)
        finally:
            free.release()

    async def begin(parts: list[Arriving]) -> None:
        for part in parts:
            number = len(numbers)
            numbers.append(number)
            if part.incoming is None:
                report.outcomes[number] = part.refusal or ProcessingFailure("The part was not kept.")
            else:
                await free.acquire()
                group.start_soon(store, number, part.incoming)

    numbers: list[int] = []
    async with anyio.create_task_group() as group:
        try:
            async for data in _pieces(request):
                for portion in body.portions(data):
                    await begin(await to_thread.run_sync(body.feed, portion))
            await begin(await to_thread.run_sync(body.close))
        except BadRequest as broken:
            report.broken = broken
            await begin(body.complete())
        except ClientDisconnect:
            report.disconnected = True
        finally:
            body.abandon()
    return report


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


def _response_module(base_url: str, study: str, stored: list[Stored], refused: list[Refusal]) -> dict[str, Any]:
    """The Store Instances Response Module (table I.1-1); sequences without items are left out."""
    studies = {study} if study else {one.study_instance_uid for one in stored}
    urls = [f"{base_url}/studies/{one}" for one in studies] if stored and len(studies) == 1 else []
    named = [_failure(refusal) for refusal in refused if refusal.sop_instance_uid]
    others = [_reason(refusal) for refusal in refused if not refusal.sop_instance_uid]
    sequences = {
        "00081198": named,
        "00081199": [_reference(base_url, one) for one in stored],
        "0008119A": others,
    }
    module: dict[str, Any] = {RETRIEVE_URL: _element("UR", *urls)}
    return module | {tag: {"vr": "SQ", "Value": items} for tag, items in sequences.items() if items}


def _reference(base_url: str, stored: Stored) -> dict[str, Any]:
    url = (
        f"{base_url}/studies/{stored.study_instance_uid}/series/{stored.series_instance_uid}"
        f"/instances/{stored.sop_instance_uid}"
    )
    return {
        "00081150": _element("UI", stored.sop_class_uid),
        "00081155": _element("UI", stored.sop_instance_uid),
        RETRIEVE_URL: _element("UR", url),
    }


def _failure(refusal: Refusal) -> dict[str, Any]:
    sop_class = [refusal.sop_class_uid] if refusal.sop_class_uid else []
    instance = {"00081150": _element("UI", *sop_class), "00081155": _element("UI", refusal.sop_instance_uid)}
    return instance | _reason(refusal)


def _reason(refusal: Refusal) -> dict[str, Any]:
    return {"00081197": _element("US", refusal.dicom_status)}


def _element(vr: str, *values: str | int) -> dict[str, Any]:
    return {"vr": vr, "Value": list(values)} if values else {"vr": vr}
