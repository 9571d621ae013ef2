"""Refusals as HTTP answers: RFC 9457 problem details, with what would have worked wherever we can say it.

The refusals that only HTTP knows are defined here; all others come from `storage.errors` with their HTTP status.
"""

import logging
import secrets
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import Response

from storage.errors import NotAuthenticated, ProcessingFailure, Refusal

_log = logging.getLogger("durchblick.dicomweb")

# What every answer below the mount carries: nothing of it belongs in a shared computer's cache, and no browser
# may guess that a DICOM file is something it could run (PS3.10 7.1, preamble).
PRIVATE: Final = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}


class BadRequest(Refusal):
    """The request itself cannot be read."""

    dicom_status = 0xC000
    http_status = 400
    title = "Bad request"


class NotAcceptable(Refusal):
    """None of the representations on offer is acceptable; `offers` are Accept values that would be (PS3.18 8.7.8.1)."""

    http_status = 406
    title = "Not acceptable"

    def __init__(
        self,
        offers: Sequence[str],
        detail: str = "No media type in the request is on offer here; `acceptable` lists what is.",
    ) -> None:
        super().__init__(detail)
        self.offers = tuple(offers)


class RangeNotSatisfiable(Refusal):
    """The content ends before the range that was asked for; `size` is its length (RFC 9110 15.5.17)."""

    http_status = 416
    title = "Range not satisfiable"

    def __init__(self, size: int) -> None:
        super().__init__(f"The content has {size} bytes; none of the range is among them.")
        self.size = size


class UnsupportedMediaType(Refusal):
    """The body is of a media type that is not taken here; `offers` are those that are."""

    http_status = 415
    title = "Unsupported media type"

    def __init__(self, offers: Sequence[str]) -> None:
        super().__init__("The body has a media type that is not taken here; `acceptable` lists what is.")
        self.offers = tuple(offers)


class ContentTooLarge(Refusal):
    """The content of the request is larger than any of its kind has to be."""

    http_status = 413
    title = "Content too large"


class NoSuchResource(Refusal):
    """The path is none of ours."""

    http_status = 404
    title = "No such resource"


class MethodNotAllowed(Refusal):
    """The resource does not know this method; `methods` are those it knows."""

    http_status = 405
    title = "Method not allowed"

    def __init__(self, methods: Sequence[str]) -> None:
        super().__init__("This resource does not know the method; the header field Allow lists those it knows.")
        self.methods = tuple(methods)


class Busy(Refusal):
    """All that could do the work are at it; the same request may succeed in a moment."""

    dicom_status = 0xA700
    http_status = 503
    title = "Busy"


def answer(error: Exception) -> Response:
    """The response to `error`: a `Refusal` as it is, an `HTTPException` by its status, anything else as 500.

    What is unexpected gets an id that the log has too. Neither repeats the words of the error, which may hold patient
    data.
    """
    match error:
        case Refusal():
            return _problem(error.http_status, error.title, error.detail, _members(error), _headers(error))
        case HTTPException():
            return _problem(error.status_code, error.detail, "", {}, dict(error.headers or {}))
        case _:
            return answer(_unexpected(error))


def log_unexpected(error: BaseException) -> str:
    """Log where `error` was raised, without its message, and return the id under which the log has it."""
    identifier = secrets.token_hex(8)
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    places = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))
    _log.error("event=unexpected id=%s type=%s at=%s", identifier, type(error).__name__, places)
    return identifier


def _unexpected(error: Exception) -> ProcessingFailure:
    identifier = log_unexpected(error)
    return ProcessingFailure(f"Something unexpected happened. The log of the gateway knows it as {identifier}.")


def _members(refusal: Refusal) -> dict[str, Any]:
    members: dict[str, Any] = {}
    if refusal.dicom_status != Refusal.dicom_status or refusal.http_status == 500:
        members["dicomStatus"] = f"{refusal.dicom_status:04X}H"
    if isinstance(refusal, NotAcceptable | UnsupportedMediaType):
        members["acceptable"] = list(refusal.offers)
    return members


def _headers(refusal: Refusal) -> dict[str, str]:
    match refusal:
        case NotAuthenticated():
            return {"WWW-Authenticate": 'Bearer realm="dicomweb"'}
        case MethodNotAllowed():
            return {"Allow": ", ".join(refusal.methods)}
        case NotAcceptable():
            return {"Vary": "Accept"}
        case RangeNotSatisfiable():
            return {"Content-Range": f"bytes */{refusal.size}"}
        case Busy():
            return {"Retry-After": "1"}
        case _:
            return {}


def _problem(status: int, title: str, detail: str, members: dict[str, Any], headers: dict[str, str]) -> Response:
    body = {"title": title, "status": status} | ({"detail": detail} if detail else {}) | members
    content = orjson.dumps(body)
    return Response(content, status, PRIVATE | headers, "application/problem+json")


async def _handle(_connection: HTTPConnection, error: Exception) -> Response:
    return answer(error)


handlers: Final[Mapping[Any, Callable[[HTTPConnection, Exception], Any]]] = {
    Refusal: _handle,
    HTTPException: _handle,
    Exception: _handle,
}
