"""UPS-RS: who is told of which workitem (PS3.18 11.10 to 11.12)."""

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from dicomweb.problems import PRIVATE, BadRequest, UpgradeRequired
from dicomweb.worklist.workitem_parameters import deletion_lock, subscription_keys
from storage.errors import NotAuthorised
from storage.identifiers import uid
from storage.scope import StudyScope, WholeArchive
from storage.worklist.refusals import NO_SUCH_WORKITEM, WorkitemRefused
from storage.worklist.subscriptions import FILTERED_WORKLIST, WORKLIST
from storage.worklist.worklist import Worklist

_AE_TITLE: Final = re.compile(r"[ -\[\]-~]{1,16}")


class Subscriptions:
    """Subscriptions of application entities. The methods block and are called in threads."""

    def __init__(self, worklist: Worklist, base_url: Callable[[HTTPConnection], str]) -> None:
        self._worklist = worklist
        self._base_url = base_url

    def subscribe(self, request: Request, scope: StudyScope) -> Response:
        """Subscribe to a workitem, to the worklist, or to what matches a filter (11.10)."""
        own, aetitle = _target(request, scope)
        keys = subscription_keys(request.query_params.multi_items()) if own == FILTERED_WORKLIST else ()
        self._worklist.subscribe(own, aetitle, deletion_lock=deletion_lock(request), keys=keys)
        headers = PRIVATE | {"Content-Location": self._channel_url(request, aetitle)}
        return Response(status_code=201, headers=headers)

    def unsubscribe(self, request: Request, scope: StudyScope) -> Response:
        """End a subscription; that to the worklist ends all of them (11.11)."""
        self._worklist.unsubscribe(*_target(request, scope))
        return Response(status_code=200, headers=PRIVATE)

    def channel(self, request: Request, scope: StudyScope) -> Response:
        """Over plain HTTP there is no channel: say how to open it (8.10.4)."""
        aetitle = ae_title(request.path_params["aetitle"])
        url = self._channel_url(request, aetitle)
        raise UpgradeRequired(f"Event reports come over a WebSocket: open {url} with the same Authorization.")

    def suspend(self, request: Request, scope: StudyScope) -> Response:
        """Be told of no new workitems (11.12)."""
        self._worklist.suspend(*_target(request, scope))
        return Response(status_code=200, headers=PRIVATE)

    def _channel_url(self, request: Request, aetitle: str) -> str:
        return f"{self._base_url(request).replace('http', 'ws', 1)}/subscribers/{quote(aetitle)}"


def ae_title(text: str) -> str:
    """An AE title without padding (PS3.5 6.2, AE), or `BadRequest`."""
    stripped = text.strip(" ")
    if not stripped or not _AE_TITLE.fullmatch(stripped):
        raise BadRequest("An AE title has 1 to 16 characters of ASCII, without control characters and backslashes.")
    return stripped


def _target(request: Request, scope: StudyScope) -> tuple[str, str]:
    """UID and AE title of the path. Who sees less than the whole archive finds no workitem and watches no worklist."""
    own = uid(request.path_params["workitem"], "UID of the workitem")
    aetitle = ae_title(request.path_params["aetitle"])
    if not isinstance(scope, WholeArchive):
        if own in (WORKLIST, FILTERED_WORKLIST):
            raise NotAuthorised("The caller may not watch the worklist.")
        raise WorkitemRefused(NO_SUCH_WORKITEM)
    return own, aetitle
