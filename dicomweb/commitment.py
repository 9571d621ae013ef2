"""The Storage Commitment Service (PS3.18 chapter 13): Request and Result Check."""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from dicomweb.media_types import DICOM_JSON, Representation
from dicomweb.negotiation import Acceptable, parse_media_type
from dicomweb.problems import PRIVATE, BadRequest, ContentTooLarge, UnsupportedMediaType
from storage.commitment.modules import read_request
from storage.commitment.web_requests import WebRequests
from storage.identifiers import uid
from storage.scope import StudyScope

LARGEST_REQUEST: Final = 16 << 20
"""Bytes; an instance takes up to 250, so that is at least 60,000 instances."""

PATIENCE: Final = 2.0
"""Seconds; what takes longer to verify is for later."""

_OFFERS: Final = (Representation(DICOM_JSON),)
_TAKEN: Final = frozenset({DICOM_JSON, "application/json"})


class Commitment:
    """Answers for what is on the disk."""

    def __init__(self, requests: WebRequests, patience: float = PATIENCE) -> None:
        self._requests = requests
        self._patience = patience

    async def request(self, request: Request, scope: StudyScope) -> Response:
        """The Request transaction (13.4): 200 with the result, or 202 when it takes longer; 409 for a UID in use."""
        transaction_uid = _transaction_uid(request)
        Acceptable.of(request).choose_or_refuse(_OFFERS)
        media_type, _ = parse_media_type(request.headers.get("content-type", ""))
        if media_type not in _TAKEN:
            raise UnsupportedMediaType([DICOM_JSON])
        asked = read_request(_module(await _body(request)))
        await to_thread.run_sync(self._requests.begin, transaction_uid, asked, scope)
        return await to_thread.run_sync(self.check, request, scope)

    def check(self, request: Request, scope: StudyScope) -> Response:
        """The Result Check transaction (13.5): 200 with the result, 202 when it is not there yet, 404."""
        transaction_uid = _transaction_uid(request)
        Acceptable.of(request).choose_or_refuse(_OFFERS)
        module = self._requests.result(transaction_uid, scope, self._patience)
        if module is None:
            return Response(status_code=202, headers=PRIVATE | {"Retry-After": "1"})
        return Response(orjson.dumps([module]), 200, PRIVATE | {"Vary": "Accept"}, DICOM_JSON)


def _transaction_uid(request: Request) -> str:
    return uid(request.path_params["transaction"], "Transaction UID")


async def _body(request: Request) -> bytes:
    """The whole body, or `ContentTooLarge`."""
    held = bytearray()
    async for piece in request.stream():
        held += piece
        if len(held) > LARGEST_REQUEST:
            raise ContentTooLarge(f"A request of at most {LARGEST_REQUEST} bytes is taken; ask for fewer instances.")
    return bytes(held)


def _module(body: bytes) -> dict[str, Any]:
    """The one data set of a DICOM JSON payload (PS3.18 F.2), as an array or by itself."""
    try:
        json = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadRequest("The body is no JSON.") from None
    if isinstance(json, list) and len(json) == 1:
        json = json[0]
    if not isinstance(json, Mapping):
        raise BadRequest("The body is an array of one DICOM JSON data set.")
    return dict(json)
