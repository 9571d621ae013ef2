"""The resources of the Studies service (PS3.18 table 10.1-1) as routes, and what every request goes through.

First the caller is known or refused, then the method, then the resource: whoever is nobody learns nothing.
"""

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Final, Literal

from anyio import CapacityLimiter, to_thread
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from dicomweb.commitment import Commitment
from dicomweb.pixel_data import PixelRetrieval
from dicomweb.problems import PRIVATE, Busy, MethodNotAllowed, NoSuchResource, answer, log_unexpected
from dicomweb.qido import Searches
from dicomweb.removal import Removal
from dicomweb.rendered import Renderings
from dicomweb.stow import Intake
from dicomweb.wado import Retrieval
from dicomweb.wado_uri import UriService
from storage.commitment.verifying import Verifier
from storage.commitment.web_requests import WebRequests
from storage.errors import OutOfResources
from storage.scope import StudyScope
from storage.storage import Storage

_log = logging.getLogger("durchblick.dicomweb")

Right = Literal["read", "write", "delete"]
ScopeOf = Callable[[HTTPConnection, Right], StudyScope]
BaseUrl = Callable[[HTTPConnection], str]
Get = Callable[[Request, StudyScope], Response]
Post = Callable[[Request, StudyScope], Awaitable[Response]]
Delete = Callable[[Request, StudyScope], Response]

_STUDY: Final = "/studies/{study}"
_SERIES: Final = _STUDY + "/series/{series}"
_INSTANCE: Final = _SERIES + "/instances/{instance}"
_FRAMES: Final = _INSTANCE + "/frames/{frames}"
_COMMITMENT: Final = "/commitment-requests/{transaction}"
_URI_SERVICE: Final = "/wado"
_PICTURES: Final = ("/rendered", "/thumbnail", _URI_SERVICE)
_DRAWING_AT_ONCE: Final = 8


def routes(storage: Storage, scope_of: ScopeOf, base_url: BaseUrl) -> list[BaseRoute]:
    """Every DICOMweb resource, to be mounted under the path that `base_url` ends with.

    `scope_of` says what the caller of a request may see or do, or raises `NotAuthenticated` or `NotAuthorised`; it may
    block. `base_url` gives the public URL of the mount without a slash at its end.
    """
    searches = Searches(storage.index, base_url)
    retrieval = Retrieval(storage, base_url)
    pixels = PixelRetrieval(storage, base_url)
    renderings = Renderings(storage, base_url)
    intake = Intake(storage.ingest, base_url)
    commitment = Commitment(WebRequests(storage.database, Verifier(storage)))
    # In the order in which they are tried: what a viewer asks for most comes first.
    resources: list[tuple[str, Get | None, Post | None]] = [
        (_FRAMES, pixels.frames, None),
        (_FRAMES + "/rendered", renderings.frames, None),
        (_FRAMES + "/thumbnail", renderings.frame_thumbnail, None),
        (_INSTANCE + "/rendered", renderings.instance, None),
        (_INSTANCE + "/thumbnail", renderings.thumbnail, None),
        (_SERIES + "/thumbnail", renderings.thumbnail, None),
        (_STUDY + "/thumbnail", renderings.thumbnail, None),
        (_SERIES + "/metadata", retrieval.metadata, None),
        (_STUDY + "/metadata", retrieval.metadata, None),
        (_INSTANCE + "/metadata", retrieval.metadata, None),
        (_INSTANCE + "/bulkdata/{path:path}", pixels.bulk_data, None),
        (_INSTANCE, retrieval.instances, None),
        (_SERIES, retrieval.instances, None),
        (_STUDY, retrieval.instances, intake.store),
        ("/studies", searches.studies, intake.store),
        (_STUDY + "/series", searches.series, None),
        (_STUDY + "/instances", searches.instances, None),
        (_SERIES + "/instances", searches.instances, None),
        ("/series", searches.series, None),
        (_URI_SERVICE, UriService(storage.index, retrieval, renderings).retrieve, None),
        (_COMMITMENT, commitment.check, commitment.request),
        ("/instances", searches.instances, None),
        (_SERIES + "/rendered", renderings.collection, None),
        (_STUDY + "/rendered", renderings.collection, None),
    ]
    removals: dict[str, Delete] = dict.fromkeys((_STUDY, _SERIES, _INSTANCE), Removal(storage.deletion).delete)
    # Pictures take long to make; waiting for them must not take the threads that everything else needs.
    drawing = CapacityLimiter(_DRAWING_AT_ONCE)

    def endpoint(path: str, get: Get | None, post: Post | None) -> _Endpoint:
        limiter = drawing if path.endswith(_PICTURES) else None
        get_right: Right = "write" if path == _COMMITMENT else "read"
        return _Endpoint(scope_of, get, post, limiter, removals.get(path), get_right)

    known: list[BaseRoute] = [_Resource(path, endpoint(path, get, post)) for path, get, post in resources]
    return [*known, _Resource("/{path:path}", _Endpoint(scope_of, None, None))]


class _Resource(Route):
    """A route that also takes a slash at its end."""

    def __init__(self, path: str, endpoint: "_Endpoint") -> None:
        super().__init__(path, endpoint)
        # To the very end of the path, line breaks included: nothing is left for anybody else to answer.
        self.path_regex = re.compile(self.path_regex.pattern.removesuffix("$") + r"/?\Z", re.DOTALL)


class _Endpoint:
    """One resource as an ASGI application. It lets no exception out, so that no server logs what is in one."""

    def __init__(
        self,
        scope_of: ScopeOf,
        get: Get | None,
        post: Post | None,
        limiter: CapacityLimiter | None = None,
        delete: Delete | None = None,
        get_right: Right = "read",
    ) -> None:
        """`get` blocks and is called in a thread of `limiter`, together with `scope_of`; HEAD is GET without body.

        `delete` blocks too. `get_right` is what `get` needs.
        """
        self._get_right = get_right
        self._delete = delete
        self._scope_of = scope_of
        self._limiter = limiter
        self._get = get
        self._post = post

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except ClientDisconnect:
            return
        except Exception as error:
            response = answer(error)
        if scope["method"] == "HEAD":
            await _head(response, send)
        else:
            await _body(response, scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        method = request.method
        if method in ("GET", "HEAD") and self._get is not None:
            return await to_thread.run_sync(self._read, request, limiter=self._limiter)
        if method == "DELETE" and self._delete is not None:
            scope = await to_thread.run_sync(self._scope_of, request, "delete")
            return await to_thread.run_sync(self._delete, request, scope)
        right: Right = "write" if method == "POST" and self._post is not None else "read"
        scope = await to_thread.run_sync(self._scope_of, request, right)
        if method == "POST" and self._post is not None:
            return await self._post(request, scope)
        methods = self._methods()
        if not methods:
            raise NoSuchResource("There is no such resource in this service.")
        if method == "OPTIONS":
            return Response(status_code=204, headers=PRIVATE | {"Allow": ", ".join(methods)})
        raise MethodNotAllowed(methods)

    def _read(self, request: Request) -> Response:
        assert self._get is not None
        scope = self._scope_of(request, self._get_right)
        try:
            return self._get(request, scope)
        except OutOfResources as refusal:
            raise Busy(refusal.detail) from None

    def _methods(self) -> list[str]:
        methods = ["GET", "HEAD"] if self._get else []
        methods += ["POST"] if self._post else []
        methods += ["DELETE"] if self._delete else []
        return [*methods, "OPTIONS"] if methods else []


async def _head(response: Response, send: Send) -> None:
    await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
    await send({"type": "http.response.body", "body": b""})


async def _body(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Send all of `response`. When it breaks off in the middle the connection is closed, so that the client sees it."""
    try:
        await response(scope, receive, send)
    except (ClientDisconnect, OSError):
        return
    except Exception as error:
        log_unexpected(error)
