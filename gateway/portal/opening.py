"""From the portal into another viewer: the site's own OHIF, or Weasis on the doctor's computer.

What an address holds is a ticket (see auth.viewer_passes), never the token. OHIF gets it in the fragment, which no
server ever sees, and exchanges it by POST; Weasis fetches its manifest with it.
"""

from datetime import UTC, datetime, timedelta
from typing import get_args

from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from auth.sessions import Session
from auth.viewer_passes import Viewer
from dicomweb.cors import CrossOrigin
from dicomweb.problems import MethodNotAllowed, answer
from gateway.config import Config
from gateway.house import House
from gateway.pages.pages import Pages
from gateway.portal import weasis
from gateway.portal.door import NO_STORE, Door
from gateway.portal.forms import fields_of
from gateway.public_address import base_urls
from storage.errors import NoSuchInstance, NotAuthorised, Refusal


def viewers_of(config: Config) -> tuple[Viewer, ...]:
    """The viewers that this site offers."""
    offered = {"ohif": bool(config.viewers.ohif_url), "weasis": config.viewers.weasis}
    return tuple(viewer for viewer in get_args(Viewer) if offered[viewer])


class Opening:
    """The page that leads on, and what the viewers ask for before they have a token."""

    def __init__(self, house: House, pages: Pages, door: Door) -> None:
        self._index = house.storage.index
        self._passes = house.viewer_passes
        self._config = house.config
        self._viewers = viewers_of(house.config)
        self._pages = pages
        self._door = door
        self._base_url = base_urls(house.config)

    def routes(self) -> Mount:
        """Where viewers come with their tickets; pages of OHIF's origin may read the answers."""
        origin = self._config.viewers.ohif_origin
        return Mount(
            "/open",
            routes=[
                Route("/token", self.token, methods=["POST"]),
                Route("/weasis/{ticket}.xml", self.manifest),
            ],
            middleware=[Middleware(CrossOrigin, origins=(origin,) if origin else ())],
        )

    def page(self, request: Request, session: Session) -> Response:
        """POST: a page with a ticket for one study, which leads into the viewer. Raises NoSuchInstance."""
        if not self._door.is_own_form(request):
            return RedirectResponse("/", 303, NO_STORE)
        viewer = next((one for one in self._viewers if one == request.path_params["viewer"]), None)
        study = request.path_params["study"]
        if viewer is None:
            raise NoSuchInstance("No such viewer.")
        self._index.instances(session.share.scope, study)
        ticket = self._passes.ticket(session, viewer, study)
        until = datetime.now(UTC) + timedelta(minutes=self._config.viewers.minutes)
        values = {
            "viewer": viewer,
            "onward": self._ohif_link(ticket) if viewer == "ohif" else self._weasis_link(ticket),
            "until": f"{until.astimezone():%H:%M}",
            "back": f"/studies/{study}",
        }
        return self._pages.render(request, "open.html", values, session=session)

    async def token(self, request: Request) -> Response:
        """POST by a page of OHIF: the token for a ticket, as RFC 6749 5.1 writes it, and which study to open."""
        try:
            # A page of another origin could have got hold of a ticket, but browsers say whose page asks.
            if "ohif" not in self._viewers or request.headers.get("origin") != self._config.viewers.ohif_origin:
                raise NotAuthorised("This is for pages of the viewer that is set up here.")
            ticket = (await fields_of(request)).get("ticket", "")
            opened = await run_in_threadpool(self._passes.exchange, ticket, "ohif")
        except Refusal as refusal:
            # Here and not outside, where the fields that let the page read it would be missing.
            return answer(refusal)
        seconds = int((opened.until - datetime.now(UTC)).total_seconds())
        told = {"access_token": opened.token, "token_type": "Bearer", "expires_in": seconds, "study": opened.study}
        return JSONResponse(told, headers=NO_STORE)

    def manifest(self, request: Request) -> Response:
        """GET by Weasis: the manifest for a ticket's study, with the token. Raises NoSuchTicket, NoSuchInstance."""
        if request.method != "GET":
            raise MethodNotAllowed(["GET"])
        opened = self._passes.exchange(request.path_params["ticket"], "weasis")
        scope = opened.share.scope
        instances = self._index.instances(scope, opened.study)
        study = next(one for one in self._index.studies(scope) if one.study_instance_uid == opened.study)
        document = weasis.manifest(self._base_url(request), opened.token, study, instances)
        return Response(document, headers=NO_STORE, media_type=weasis.MEDIA_TYPE)

    def _ohif_link(self, ticket: str) -> str:
        return f"{self._config.viewers.ohif_url}/viewer#ticket={ticket}"

    def _weasis_link(self, ticket: str) -> str:
        return weasis.link(f"{self._config.public_root}/open/weasis/{ticket}.xml")
