"""The desk's routes, all below /desk."""

from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from gateway.desk.api import Api
from gateway.desk.browse import Browse
from gateway.desk.deletion import DeletionRooms
from gateway.desk.door import NO_STORE, DeskDoor
from gateway.desk.forms import with_body
from gateway.desk.forwarding import ForwardingRooms
from gateway.desk.openid import OpenId
from gateway.desk.passkeys import PasskeyRooms
from gateway.desk.priors import PriorsRooms
from gateway.desk.rules import RuleRooms
from gateway.desk.share_list import ListOfShares
from gateway.desk.sharing import Sharing
from gateway.desk.sign_in import SignIn
from gateway.desk.staff import StaffRooms
from gateway.desk.upload_links import UploadLinkRooms
from gateway.desk.uploads import UploadRooms
from gateway.desk.waiting import Waiting
from gateway.house import House
from gateway.pages.pages import Pages
from gateway.pages.static import StaticFiles
from gateway.pages.texts import Languages

_TEMPLATES: Final = Path(__file__).parent / "templates"


def routes(house: House, static: StaticFiles, languages: Languages) -> list[BaseRoute]:
    """All pages and the API, and last a route that answers every other path below /desk."""
    pages = Pages(house.config, languages.for_staff(), static, _TEMPLATES, "/desk")
    door, no_image = DeskDoor(house, pages), static.url("icons/no-image.svg")
    return [
        *_entrance(SignIn(house, door, pages), OpenId(house, door), door),
        *_passkeys(PasskeyRooms(house, door), door),
        *_rooms(house, door, pages, no_image),
        *_deletion(DeletionRooms(house, door, pages), door),
        *_uploads(UploadRooms(house, door, pages, no_image), door),
        *_upload_links(UploadLinkRooms(house, door, pages), door),
        *_forwarding(ForwardingRooms(house, door, pages), door),
        *_rules(RuleRooms(house, door, pages), door),
        *_staff(StaffRooms(house, door, pages), door),
        *_priors(PriorsRooms(house, door, pages), door),
        *_machines(Api(house)),
        Route("/desk/{path:path}", door.open(lambda request: door.message(request, "not_found", 404))),
    ]


def _entrance(sign_in: SignIn, openid: OpenId, door: DeskDoor) -> list[BaseRoute]:
    return [
        Route("/desk/sign-in", with_body(door.open(sign_in.submit)), methods=["POST"]),
        Route("/desk/sign-in", door.open(sign_in.form)),
        Route("/desk/enrolment", with_body(door.open(sign_in.confirm)), methods=["POST"]),
        Route("/desk/enrolment", door.open(sign_in.enrolment)),
        Route("/desk/password", with_body(door.open(sign_in.choose_password)), methods=["POST"]),
        Route("/desk/password", door.signed_in(sign_in.new_password)),
        Route("/desk/sign-out", door.open(sign_in.sign_out), methods=["POST"]),
        Route("/desk/sign-out", _to_start),
        Route("/desk/openid", door.open(openid.depart)),
        Route("/desk/openid/callback", door.open(openid.arrive)),
        Route("/desk/session", door.signed_in(sign_in.session)),
    ]


def _passkeys(rooms: PasskeyRooms, door: DeskDoor) -> list[BaseRoute]:
    asking = {
        "/desk/passkeys/options": rooms.registration,
        "/desk/passkeys": rooms.register,
        "/desk/sign-in/passkey/options": rooms.question,
        "/desk/sign-in/passkey": rooms.sign_in,
    }
    return [
        *(Route(path, with_body(endpoint), methods=["POST"]) for path, endpoint in asking.items()),
        Route("/desk/account", door.signed_in(rooms.account)),
    ]


def _rooms(house: House, door: DeskDoor, pages: Pages, no_image: str) -> list[BaseRoute]:
    browse, sharing, listing, waiting = (
        Browse(house, door, pages, no_image),
        Sharing(house, door, pages),
        ListOfShares(house, door, pages),
        Waiting(house, door, pages),
    )
    changing = {
        "/desk/shares": sharing.create,
        "/desk/shares/{share}/extension": sharing.extend,
        "/desk/shares/{share}/code": sharing.reissue,
        "/desk/shares/{share}/revocation": sharing.revoke,
        "/desk/shares/{share}/unlocking": sharing.unlock,
        "/desk/requests/{request:int}": waiting.settle,
        "/desk/held/{study}/acceptance": waiting.accept_held,
        "/desk/held/{study}/rejection": waiting.reject_held,
        "/desk/lookalikes/{study}": waiting.decide,
    }
    return [
        Route("/desk", with_body(door.signed_in(browse.search)), methods=["POST"]),
        Route("/desk", door.signed_in(browse.found)),
        Route("/desk/studies/{study}", door.signed_in(browse.patient)),
        Route("/desk/studies/{study}/thumbnail", door.signed_in(browse.thumbnail)),
        *(Route(path, with_body(door.may_share(endpoint)), methods=["POST"]) for path, endpoint in changing.items()),
        Route("/desk/shares/search", with_body(door.signed_in(listing.search)), methods=["POST"]),
        Route("/desk/shares", door.signed_in(listing.overview)),
        Route("/desk/shares/{share}", door.signed_in(sharing.share)),
        Route("/desk/waiting", door.signed_in(waiting.overview)),
    ]


def _deletion(rooms: DeletionRooms, door: DeskDoor) -> list[BaseRoute]:
    path = "/desk/studies/{study}/deletion"
    return [
        Route(path, with_body(door.may_share(rooms.delete)), methods=["POST"]),
        Route(path, door.signed_in(rooms.ask)),
    ]


def _uploads(rooms: UploadRooms, door: DeskDoor) -> list[BaseRoute]:
    changing = {"acceptance": rooms.accept, "rejection": rooms.reject, "question": rooms.ask}
    return [
        Route("/desk/uploads", door.signed_in(rooms.overview)),
        Route("/desk/uploads/{upload}", door.signed_in(rooms.upload)),
        Route("/desk/uploads/{upload}/series/{series}", door.signed_in(rooms.picture)),
        *(
            Route(f"/desk/uploads/{{upload}}/{name}", with_body(door.may_share(endpoint)), methods=["POST"])
            for name, endpoint in changing.items()
        ),
    ]


def _upload_links(rooms: UploadLinkRooms, door: DeskDoor) -> list[BaseRoute]:
    return [
        Route("/desk/upload-links", with_body(door.may_share(rooms.create)), methods=["POST"]),
        Route("/desk/upload-links", door.signed_in(rooms.overview)),
        Route("/desk/upload-links/{link}/ending", with_body(door.may_share(rooms.end)), methods=["POST"]),
    ]


def _forwarding(rooms: ForwardingRooms, door: DeskDoor) -> list[BaseRoute]:
    changing = {
        "/desk/forwarding/attempts": rooms.retry_failed,
        "/desk/forwarding/endings": rooms.drop_failed,
        "/desk/forwarding/{delivery:int}/attempt": rooms.retry,
        "/desk/forwarding/{delivery:int}/ending": rooms.drop,
    }
    return [
        Route("/desk/forwarding", door.signed_in(rooms.overview)),
        *(Route(path, with_body(door.may_share(endpoint)), methods=["POST"]) for path, endpoint in changing.items()),
    ]


def _rules(rooms: RuleRooms, door: DeskDoor) -> list[BaseRoute]:
    one = "/desk/forwarding/rules/{rule:int}"
    changing = {
        "/desk/forwarding/rules": rooms.add,
        f"{one}/conditions": rooms.change,
        f"{one}/switch": rooms.switch,
        f"{one}/sending": rooms.send,
        f"{one}/removal": rooms.remove,
    }
    return [
        *(
            Route(path, with_body(door.may_administer(endpoint)), methods=["POST"])
            for path, endpoint in changing.items()
        ),
        Route("/desk/forwarding/rules", door.signed_in(rooms.overview)),
        Route("/desk/forwarding/rules/new", door.may_administer(rooms.new)),
        Route(one, door.may_administer(rooms.rule)),
        Route(f"{one}/conditions", door.may_administer(rooms.conditions)),
    ]


def _staff(rooms: StaffRooms, door: DeskDoor) -> list[BaseRoute]:
    changing = {
        "/desk/staff": rooms.add,
        "/desk/staff/{member}/role": rooms.change,
        "/desk/staff/{member}/locking": rooms.lock,
        "/desk/staff/{member}/unlocking": rooms.unlock,
        "/desk/staff/{member}/set-up": rooms.set_up_anew,
        "/desk/staff/{member}/removal": rooms.remove,
    }
    return [
        *(
            Route(path, with_body(door.may_administer(endpoint)), methods=["POST"])
            for path, endpoint in changing.items()
        ),
        Route("/desk/staff", door.may_administer(rooms.overview)),
        Route("/desk/staff/{member}", door.may_administer(rooms.member)),
    ]


def _priors(rooms: PriorsRooms, door: DeskDoor) -> list[BaseRoute]:
    return [
        Route("/desk/studies/{study}/archive", with_body(door.may_share(rooms.search)), methods=["POST"]),
        Route("/desk/studies/{study}/archive", door.may_share(rooms.archive)),
        Route("/desk/studies/{study}/retrievals", with_body(door.may_share(rooms.fetch)), methods=["POST"]),
        Route("/desk/studies/{study}/retrievals", door.may_share(rooms.retrievals)),
        Route("/desk/studies/{study}/retrievals/progress", door.may_share(rooms.progress)),
    ]


def _machines(api: Api) -> list[BaseRoute]:
    return [
        Route("/desk/api/shares", api.create, methods=["POST"]),
        Route("/desk/api/shares", api.overview, methods=["GET"]),
        Route("/desk/api/shares/{share}", api.share, methods=["GET", "PATCH", "DELETE"]),
        Route("/desk/api/shares/{share}/code", api.reissue, methods=["POST"]),
    ]


def _to_start(request: Request) -> Response:
    return RedirectResponse("/desk", 303, NO_STORE)
