"""The desk for machines: a RIS opens shares with a bearer token that has the right to share, at one site."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from auth.birth_date import is_birth_date
from auth.errors import NoSuchShare
from auth.records import LONGEST_DAYS, QUIET_MINUTES, Issued, Share, Wait
from auth.share_lists import Listing
from auth.sheet_texts import Language
from auth.tokens import Access
from dicomweb.problems import BadRequest, ContentTooLarge, NotAcceptable, UnsupportedMediaType
from gateway.archive.service import asking_of
from gateway.desk import finding
from gateway.house import House
from gateway.sheets import share_url, sheet, site_of
from storage.errors import NoSuchInstance
from storage.scope import ListedStudies, PatientIdentity, SiteStudies, StudyScope

LARGEST: Final = 256 * 1024
_OFFERS: Final = ("application/json", "application/pdf")
_NO_STORE: Final = {"cache-control": "no-store"}
_PAGE: Final = 1000

_Model = TypeVar("_Model", bound=BaseModel)
Uid = Annotated[str, StringConstraints(max_length=64, pattern=r"^[0-9.]+$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class NewShare(_Body):
    """What a share is to be: `studies`, or `patient_id` with everything of that patient, also what is to come."""

    studies: tuple[Uid, ...] = ()
    patient_id: Annotated[str, StringConstraints(max_length=64)] = ""
    issuer: Annotated[str, StringConstraints(max_length=64)] = ""
    patient_name: Annotated[str, StringConstraints(max_length=324)] = ""
    """As DICOM writes it; without one the name of the newest study counts."""
    birth_date: str
    days: int | None = Field(default=None, ge=1, le=LONGEST_DAYS)
    label: Annotated[str, StringConstraints(max_length=200)] = ""
    wait_minutes: int | None = Field(default=None, ge=1, le=1440)
    """Show nothing until nothing has come for so long."""
    wait_for_archive: bool = False
    """Show nothing until all is here that the archive has."""
    language: Language | None = None
    paper: Literal["A4", "Letter"] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> "NewShare":
        if bool(self.studies) == bool(self.patient_id.strip()):
            raise ValueError("say either studies or patient_id")
        if not is_birth_date(self.birth_date):
            raise ValueError("birth_date is written YYYYMMDD")
        return self

    def wait(self) -> Wait | None:
        """What the share waits for."""
        if self.wait_minutes is None and not self.wait_for_archive:
            return None
        return Wait(self.wait_minutes or QUIET_MINUTES, self.wait_for_archive)


class Change(_Body):
    """How long a share is to live from today."""

    days: int = Field(ge=1, le=LONGEST_DAYS)


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Images(_Told):
    """What is here of what a share was made for, and what becomes of the rest."""

    here: int
    """Studies of the share that are here."""
    missing: int | None
    """Studies of the share that are not here; null for a share by patient, of which nobody here knows the number."""
    archive: str
    """AE title of the site's archive, which is asked when a share with missing studies is extended or gets a new code;
    empty where none is configured: then somebody has to send them again."""
    asked: bool
    """Whether that archive is being asked at present; what it has appears by itself."""
    trouble: str
    """Why it has brought nothing so far; empty while there is nothing to tell."""
    note: str
    """All this as a sentence for people; empty where nothing is known to be missing."""


class ShareTold(_Told):
    """A share as lists have it."""

    id: str
    state: Literal["live", "expired", "revoked", "frozen"]
    created: datetime
    expires: datetime
    label: str
    waits: bool
    """Shows nothing yet, until all is here."""


class ShareSeen(ShareTold):
    """A share that was asked for by itself."""

    images: Images


class ShareIssued(ShareSeen):
    """A share with its secrets, which are told in this answer only."""

    code: str
    """The access code."""
    url: str
    """What the QR code says."""


class Api:
    """Coroutines that read the body and do the rest in a thread. Refusals are problem details (RFC 9457)."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._asking = asking_of(house)

    async def create(self, request: Request) -> Response:
        """POST: open a share. 201 with link and code, or the sheet, by Accept; both exist in this answer only."""
        access = await run_in_threadpool(self._access, request)
        media_type = _accepted(request)
        wanted = _parsed(NewShare, await _body(request))
        return await run_in_threadpool(self._create, access, wanted, media_type)

    async def overview(self, request: Request) -> Response:
        """GET: shares of the site, newest first, without codes, which nobody has; Link leads to the next page."""
        access = await run_in_threadpool(self._access, request)
        behind = request.query_params.get("behind", "")
        page = await run_in_threadpool(self._house.share_lists.page, Listing(access.site), behind, _PAGE)
        headers = dict(_NO_STORE)
        if page.behind:
            headers["link"] = f'<{self._house.config.public_root}/desk/api/shares?behind={page.behind}>; rel="next"'
        return JSONResponse([_json(_told(share)) for share in page.shares], headers=headers)

    async def share(self, request: Request) -> Response:
        """GET: one share; PATCH: let it end later; DELETE: end it for good."""
        access = await run_in_threadpool(self._access, request)
        change = _parsed(Change, await _body(request)) if request.method == "PATCH" else None
        return await run_in_threadpool(self._on_share, access, request, change)

    async def reissue(self, request: Request) -> Response:
        """POST: a new code; the answer is as that of `create`, with 200."""
        access = await run_in_threadpool(self._access, request)
        media_type = _accepted(request)
        return await run_in_threadpool(self._reissue, access, request, media_type)

    def _access(self, request: Request) -> Access:
        return self._house.gatekeeper.bearer_access(request, "share")

    def _create(self, access: Access, wanted: NewShare, media_type: str) -> Response:
        site = site_of(self._house, access.site)
        scope = self._scope(access, wanted)
        issued = self._house.shares.create(
            scope, wanted.birth_date, wanted.days or site.days, wanted.label, site=access.site, wait=wanted.wait()
        )
        return self._issued(issued, media_type, 201, wanted)

    def _scope(self, access: Access, wanted: NewShare) -> StudyScope:
        """A patient of the site, or studies that are there: nobody shares what another site keeps."""
        if not wanted.studies:
            patient = PatientIdentity(wanted.patient_id, wanted.issuer, wanted.birth_date, access.site)
            patient = replace(patient, patient_name=wanted.patient_name)
            return finding.named(self._house.storage.index, SiteStudies(access.site), patient)
        uids = frozenset(wanted.studies)
        found = finding.some_studies(self._house.storage.index, SiteStudies(access.site), sorted(uids))
        if len(found) != len(uids):
            raise NoSuchInstance("Not all of these studies are here.")
        if len({(one.patient_id, one.issuer_of_patient_id) for one in found}) > 1:
            raise BadRequest("The studies are of several patients.")
        return ListedStudies(uids)

    def _on_share(self, access: Access, request: Request, change: Change | None) -> Response:
        share = self._visible(access, request)
        if change is not None:
            share = self._house.shares.extend(share.id, change.days)
            self._house.requests.settle_kind(share.id, "extend", access.name)
        if request.method == "DELETE":
            share = self._house.shares.revoke(share.id)
        seen = ShareSeen(**_told(share).model_dump(), images=self._images(share))
        return JSONResponse(_json(seen), headers=_NO_STORE)

    def _reissue(self, access: Access, request: Request, media_type: str) -> Response:
        issued = self._house.shares.reissue(self._visible(access, request).id)
        self._house.requests.settle_kind(issued.share.id, "code lost", access.name)
        return self._issued(issued, media_type, 200)

    def _visible(self, access: Access, request: Request) -> Share:
        share = self._house.shares.get(request.path_params["share"])
        if share.site != access.site:
            raise NoSuchShare("No share has this id.")
        return share

    def _issued(self, issued: Issued, media_type: str, status: int, wanted: NewShare | None = None) -> Response:
        location = f"{self._house.config.public_root}/desk/api/shares/{issued.share.id}"
        headers = {**_NO_STORE, "location": location, "vary": "accept"}
        if media_type == "application/pdf":
            language, paper = (wanted.language, wanted.paper) if wanted else (None, None)
            return Response(sheet(self._house, issued, language=language, paper=paper), status, headers, media_type)
        told = ShareIssued(
            **_told(issued.share).model_dump(),
            images=self._images(issued.share),
            code=issued.code,
            url=share_url(self._house, issued),
        )
        return JSONResponse(_json(told), status, headers)

    def _images(self, share: Share) -> Images:
        answer = self._asking.look(share)
        return Images(
            here=answer.here,
            missing=answer.missing,
            archive=answer.archive,
            asked=answer.asked,
            trouble=answer.trouble,
            note=answer.sentence,
        )


def _told(share: Share) -> ShareTold:
    return ShareTold(
        id=share.id,
        state=share.state,
        created=share.created,
        expires=share.expires,
        label=share.label,
        waits=share.wait is not None,
    )


def _json(told: _Told) -> Any:
    return told.model_dump(mode="json")


def _accepted(request: Request) -> str:
    """The first of our media types that Accept names; JSON for whoever takes anything."""
    wanted = [part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "*/*").split(",")]
    for media_type in wanted:
        if media_type in _OFFERS:
            return media_type
    if {"*/*", "application/*", ""} & set(wanted):
        return _OFFERS[0]
    raise NotAcceptable(_OFFERS)


async def _body(request: Request) -> bytes:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaType(("application/json",))
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise ContentTooLarge(f"A request of this kind has at most {LARGEST} bytes.")
    return bytes(body)


def _parsed(model: type[_Model], body: bytes) -> _Model:
    try:
        return model.model_validate(orjson.loads(body))
    except orjson.JSONDecodeError as error:
        raise BadRequest("The body is no JSON.") from error
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in one['loc']) or 'body'}: {one['msg']}"
            for one in error.errors(include_url=False, include_input=False, include_context=False)
        )
        raise BadRequest(problems) from error
