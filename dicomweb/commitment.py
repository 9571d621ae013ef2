"""The Storage Commitment Service (PS3.18 chapter 13): Request and Result Check."""

from collections.abc import Mapping
from typing import Final

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from dicomweb.data_set_content import data_set_answer, data_set_of
from dicomweb.media_types import METADATA
from dicomweb.negotiation import Acceptable
from dicomweb.problems import PRIVATE, BadRequest
from storage.commitment.modules import read_request
from storage.commitment.web_requests import WebRequests
from storage.identifiers import uid
from storage.scope import StudyScope

LARGEST_REQUEST: Final = 16 << 20
"""Bytes; an instance takes up to 250, so that is at least 60,000 instances."""

PATIENCE: Final = 2.0
"""Seconds; what takes longer to verify is for later."""


class Commitment:
    """Answers for what is on the disk."""

    def __init__(self, requests: WebRequests, patience: float = PATIENCE) -> None:
        self._requests = requests
        self._patience = patience

    async def request(self, request: Request, scope: StudyScope) -> Response:
        """The Request transaction (13.4): 200 with the result, or 202 when it takes longer; 409 for a UID in use."""
        transaction_uid = _transaction_uid(request)
        Acceptable.of(request).choose_or_refuse(METADATA)
        module = await data_set_of(request, LARGEST_REQUEST)
        if not isinstance(module, Mapping):
            raise BadRequest("The content is one DICOM JSON data set.")
        asked = read_request(dict(module))
        await to_thread.run_sync(self._requests.begin, transaction_uid, asked, scope)
        return await to_thread.run_sync(self.check, request, scope)

    def check(self, request: Request, scope: StudyScope) -> Response:
        """The Result Check transaction (13.5): 200 with the result, 202 when it is not there yet, 404."""
        transaction_uid = _transaction_uid(request)
        Acceptable.of(request).choose_or_refuse(METADATA)
        module = self._requests.result(transaction_uid, scope, self._patience)
        if module is None:
            return Response(status_code=202, headers=PRIVATE | {"Retry-After": "1"})
        return data_set_answer(request, module, str(request.url))


def _transaction_uid(request: Request) -> str:
    return uid(request.path_params["transaction"], "Transaction UID")
