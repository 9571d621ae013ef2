"""The table of resources (`dicomweb.resources`) as routes, and what every request goes through.

First the caller is known or refused, then the method, then the resource: whoever is nobody learns nothing.
"""

import inspect
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Final, cast

import orjson
from anyio import CapacityLimiter, to_thread
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from dicomweb.commitment import Commitment
from dicomweb.description import capabilities, openapi
from dicomweb.description.descriptions import Descriptions
from dicomweb.problems import PRIVATE, Busy, MethodNotAllowed, NoSuchResource, answer, log_unexpected
from dicomweb.removal import Removal
from dicomweb.rendered.rendered import Renderings
from dicomweb.resources import RESOURCES
from dicomweb.retrieve.bulk_data import BulkDataRetrieval
from dicomweb.retrieve.pixel_data import PixelRetrieval
from dicomweb.retrieve.wado import Retrieval
from dicomweb.retrieve.wado_uri import UriService
from dicomweb.search.qido import Searches
from dicomweb.store.stow import Intake
from dicomweb.transactions import Blocking, Receiving, Resource, Services, Transaction
from dicomweb.transactions import Right as Right
from dicomweb.worklist.notifications import Channel
from dicomweb.worklist.subscriptions import Subscriptions
from dicomweb.worklist.workitems import Workitems
from storage.audit import Audit
from storage.commitment.verifying import Verifier
from storage.commitment.web_requests import WebRequests
from storage.errors import NotAuthorised, OutOfResources
from storage.scope import StudyScope
from storage.storage import Storage
from storage.waiting import WouldWait, without_waiting

_log = logging.getLogger("durchblick.dicomweb")

ScopeOf = Callable[[HTTPConnection, Right], StudyScope]
BaseUrl = Callable[[HTTPConnection], str]

_DRAWING_AT_ONCE: Final = 8
_RIGHTS: Final[tuple[Right, ...]] = ("read", "write", "delete")


def routes(storage: Storage, scope_of: ScopeOf, base_url: BaseUrl) -> list[BaseRoute]:
    """Every DICOMweb resource, to be mounted under the path that `base_url` ends with.

    `scope_of` says what the caller of a request may see or do, or raises `NotAuthenticated` or `NotAuthorised`; it may
    block. `base_url` gives the public URL of the mount without a slash at its end.
    """
    retrieval, renderings = Retrieval(storage, base_url), Renderings(storage, base_url)
    services = Services(
        searches=Searches(storage.index, storage.page_ends, base_url),
        retrieval=retrieval,
        pixels=PixelRetrieval(storage, base_url),
        bulk_data=BulkDataRetrieval(storage, base_url),
        renderings=renderings,
        by_uri=UriService(storage.index, retrieval, renderings),
        intake=Intake(storage.ingest, storage.pixels, base_url),
        removal=Removal(storage.deletion),
        commitment=Commitment(WebRequests(storage.database, Verifier(storage))),
        descriptions=Descriptions(
            base_url,
            {capabilities.WADL: _of_table(capabilities.wadl), capabilities.JSON: _of_table(capabilities.as_json)},
            openapi_document,
        ),
        workitems=Workitems(storage.worklist, base_url),
        subscriptions=Subscriptions(storage.worklist, base_url),
    )
    # Pictures take long to make; waiting for them must not take the threads that everything else needs.
    drawing = CapacityLimiter(_DRAWING_AT_ONCE)
    known: list[BaseRoute] = [
        _Resource(resource.path, _Endpoint(scope_of, services, resource.transactions, drawing, storage.audit))
        for resource in RESOURCES
    ]
    channel = WebSocketRoute("/subscribers/{aetitle}", Channel(storage.worklist.events, scope_of).serve)
    return [*known, channel, _Resource("/{path:path}", _Endpoint(scope_of, services, (), drawing, storage.audit))]


def openapi_document(base_url: str) -> bytes:
    """The OpenAPI document of the service at `base_url` as JSON."""
    return orjson.dumps(openapi.document(base_url, RESOURCES, _version()), option=orjson.OPT_INDENT_2)


def _of_table(describe: Callable[[str, Iterable[Resource]], bytes]) -> Callable[[str], bytes]:
    return lambda base_url: describe(base_url, RESOURCES)


def _version() -> str:
    try:
        return version("durchblick")
    except PackageNotFoundError:
        return "0"


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
        services: Services,
        transactions: Sequence[Transaction],
        drawing: CapacityLimiter,
        audit: Audit,
    ) -> None:
        """Transactions that draw are called in threads of `drawing`, together with `scope_of`."""
        self._scope_of = scope_of
        self._drawing = drawing
        self._audit = audit
        self._transactions: Mapping[str, Transaction] = {one.method: one for one in transactions}
        self._handlers: dict[str, Blocking | Receiving] = {one.method: one.handler(services) for one in transactions}
        self._receiving = {method for method, one in self._handlers.items() if inspect.iscoroutinefunction(one)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; HEAD is GET without body."""
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
        method = "GET" if request.method == "HEAD" else request.method
        transaction = self._transactions.get(method)
        if transaction is None:
            await to_thread.run_sync(self._any_scope, request)
            return self._without_transaction(method)
        handler = self._handlers[method]
        if method in self._receiving:
            scope = await to_thread.run_sync(self._scope, request, transaction.right)
            return await cast(Receiving, handler)(request, scope)
        limiter = self._drawing if transaction.draws else None
        blocking = cast(Blocking, handler)
        if transaction.at_once:
            with suppress(WouldWait), without_waiting():
                return self._call(request, transaction, blocking)
        return await to_thread.run_sync(self._call, request, transaction, blocking, limiter=limiter)

    def _call(self, request: Request, transaction: Transaction, handler: Blocking) -> Response:
        scope = self._scope(request, transaction.right)
        try:
            response = handler(request, scope)
            if transaction.audited:
                # Before anything is sent: what cannot be accounted for is not shown.
                self._audit.record_once(transaction.audited, _about(request))
            return response
        except OutOfResources as refusal:
            raise Busy(refusal.detail) from None

    def _scope(self, request: Request, right: Right | None) -> StudyScope:
        return self._scope_of(request, right) if right else self._any_scope(request)

    def _any_scope(self, request: Request) -> StudyScope:
        """The scope of whatever the caller may do here; `NotAuthenticated` or `NotAuthorised` if that is nothing."""
        for right in _RIGHTS[:-1]:
            with suppress(NotAuthorised):
                return self._scope_of(request, right)
        return self._scope_of(request, _RIGHTS[-1])

    def _without_transaction(self, method: str) -> Response:
        methods = self._methods()
        if not methods:
            raise NoSuchResource("There is no such resource in this service.")
        if method == "OPTIONS":
            return Response(status_code=204, headers=PRIVATE | {"Allow": ", ".join(methods)})
        raise MethodNotAllowed(methods)

    def _methods(self) -> list[str]:
        methods = [
            name for method in self._transactions for name in ((method, "HEAD") if method == "GET" else (method,))
        ]
        return list(dict.fromkeys((*methods, "OPTIONS"))) if methods else []


def _about(request: Request) -> str:
    """The study that a request names, or that it goes through all of them."""
    return str(request.path_params.get("study") or request.query_params.get("studyUID") or "archive")


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
