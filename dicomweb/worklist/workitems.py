"""UPS-RS: the Worklist service (PS3.18 chapter 11).

The worklist is about patients whoever they are. So a caller who sees less than the whole archive finds no workitem, as
with everything out of scope: searches are empty, and what is named is not there. Such a caller may not add any either.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from anyio import to_thread
from pydicom.uid import generate_uid
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from dicomweb.data_set_content import data_set_answer, data_set_of
from dicomweb.media_types import DICOM_XML, METADATA
from dicomweb.native_models import native_models
from dicomweb.negotiation import Acceptable
from dicomweb.payloads import not_modified, single_part, validator
from dicomweb.problems import PRIVATE, BadRequest, answer
from dicomweb.search.qido import encode_json, warning_header
from dicomweb.worklist.workitem_parameters import WorkitemSearch, parse_workitem_search, transaction_uid, workitem_uid
from storage.errors import NotAuthorised
from storage.identifiers import uid
from storage.scope import StudyScope, WholeArchive
from storage.worklist.data_sets import DataSet, checked, text
from storage.worklist.refusals import NO_SUCH_WORKITEM, Status, WorkitemRefused
from storage.worklist.requirements import SOP_INSTANCE, STATE, TRANSACTION_UID
from storage.worklist.states import State
from storage.worklist.worklist import Worklist

LARGEST_WORKITEM: Final = 1024 * 1024

CREATED_WITH_MODIFICATIONS: Final = "The Workitem was created with modifications."


class Workitems:
    """Workitems and the worklist that they are on."""

    def __init__(self, worklist: Worklist, base_url: Callable[[HTTPConnection], str]) -> None:
        self._worklist = worklist
        self._base_url = base_url

    async def create(self, request: Request, scope: StudyScope) -> Response:
        """Create a workitem (11.4); its UID comes from the query, from the data set, or from us."""
        if not isinstance(scope, WholeArchive):
            raise NotAuthorised("The caller may not add to the worklist.")
        data_set = await _data_set(request)
        named = workitem_uid(request) or text(data_set, _AFFECTED) or text(data_set, SOP_INSTANCE) or generate_uid()
        own = uid(named, "UID of the workitem")
        data_set.pop(_AFFECTED, None)
        return await to_thread.run_sync(self._refusing, request, partial(self._create, request, own, data_set))

    def retrieve(self, request: Request, scope: StudyScope) -> Response:
        """All of a workitem (11.5), but for the Transaction UID."""

        def work() -> Response:
            data_set = self._worklist.retrieve(_target(request, scope))
            chosen = Acceptable.of(request).choose_or_refuse(METADATA)
            etag, url = validator(data_set, chosen.media_type), self._url(request)
            headers = {"ETag": etag, "Content-Location": url}
            return not_modified(request, etag) or data_set_answer(request, data_set, url, headers)

        return self._refusing(request, work)

    async def update(self, request: Request, scope: StudyScope) -> Response:
        """Set attributes of a workitem (11.6)."""
        own = _target(request, scope)
        changes = await _data_set(request)
        claim = transaction_uid(request) or text(changes, TRANSACTION_UID)
        work = partial(self._worklist.update, own, changes, claim)
        return await to_thread.run_sync(self._refusing, request, partial(self._done, request, work))

    async def change_state(self, request: Request, scope: StudyScope) -> Response:
        """Claim, complete or cancel a workitem (11.7)."""
        own = _target(request, scope)
        data_set = await _data_set(request)
        requested = text(data_set, STATE)
        if requested not in list(State):
            raise BadRequest("ProcedureStepState (0074,1000) is one of IN PROGRESS, COMPLETED and CANCELED.")
        claim = text(data_set, TRANSACTION_UID) or transaction_uid(request)
        claim = uid(claim, "Transaction UID") if claim else ""
        work = partial(self._worklist.change_state, own, State(requested), claim)
        return await to_thread.run_sync(self._refusing, request, partial(self._done, request, work))

    async def request_cancel(self, request: Request, scope: StudyScope) -> Response:
        """Ask for the cancellation of a workitem (11.8)."""
        own = _target(request, scope)
        data_set = await _data_set(request, may_be_empty=True)
        work = partial(self._worklist.request_cancel, own, data_set)
        return await to_thread.run_sync(self._refusing, request, partial(self._done, request, work, 202))

    def search(self, request: Request, scope: StudyScope) -> Response:
        """Search for workitems (11.9)."""
        chosen = Acceptable.of(request).choose_or_refuse(METADATA)
        wanted = parse_workitem_search(request.query_params.multi_items())
        found: list[DataSet] = []
        if isinstance(scope, WholeArchive) and not wanted.matches_nothing:
            found = self._found(wanted)
        base_url = self._base_url(request)
        headers = warning_header(base_url, wanted.warnings)
        if chosen.media_type == DICOM_XML:
            return native_models(found, lambda one: f"{base_url}/workitems/{text(one, SOP_INSTANCE)}", headers)
        return single_part(request, encode_json(found), METADATA[0], headers)

    def _create(self, request: Request, own: str, data_set: DataSet) -> Response:
        modified = self._worklist.create(own, data_set)
        url = f"{self._base_url(request)}/workitems/{own}"
        warnings = self._warnings(request, [CREATED_WITH_MODIFICATIONS] if modified else [])
        headers = PRIVATE | {"Location": url, "Content-Location": url} | warnings
        return Response(status_code=201, headers=headers)

    def _done(self, request: Request, work: Callable[[], Status | None], status: int = 200) -> Response:
        warning = work()
        headers = {"Content-Location": self._url(request)} | self._warnings(
            request, [warning.warning] if warning else []
        )
        return Response(status_code=status, headers=PRIVATE | headers)

    def _found(self, wanted: WorkitemSearch) -> list[DataSet]:
        found = self._worklist.search(
            wanted.matches,
            limit=wanted.limit,
            offset=wanted.offset,
            include=frozenset(wanted.include),
            include_all=wanted.include_all,
        )
        if found.remaining:
            wanted.warnings.append(f"There are {found.remaining} additional results that can be requested")
        return found.data_sets

    def _refusing(self, request: Request, work: Callable[[], Response]) -> Response:
        """The response of `work`; a refusal with the Warning header field that 11.6 to 11.8 give it."""
        try:
            return work()
        except WorkitemRefused as refusal:
            response = answer(refusal)
            response.headers.update(self._warnings(request, [refusal.warning] if refusal.warning else []))
            return response

    def _warnings(self, request: Request, texts: Iterable[str]) -> dict[str, str]:
        return warning_header(self._base_url(request), list(texts))

    def _url(self, request: Request) -> str:
        return f"{self._base_url(request)}/workitems/{request.path_params['workitem']}"


_AFFECTED: Final = "00001000"


def _target(request: Request, scope: StudyScope) -> str:
    """The UID of the workitem in the path; refused for those who may not see any."""
    own = uid(request.path_params["workitem"], "UID of the workitem")
    if not isinstance(scope, WholeArchive):
        raise WorkitemRefused(NO_SUCH_WORKITEM)
    return own


async def _data_set(request: Request, *, may_be_empty: bool = False) -> DataSet:
    """The one data set of the request's content, checked."""
    return checked(await data_set_of(request, LARGEST_WORKITEM, may_be_empty=may_be_empty))
