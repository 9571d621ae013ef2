"""What is sent on to PACS: what has failed, what waits, and what was delivered lately."""

from collections.abc import Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from auth.staff_sessions import StaffSession
from gateway.desk import finding
from gateway.desk.door import NO_STORE, DeskDoor, scope_of
from gateway.desk.forms import form_of
from gateway.desk.forwarding_wording import DeliveryRow, ForwardingWording
from gateway.desk.wording import Wording
from gateway.forwarding.deliveries import Delivery, NoSuchDelivery
from gateway.house import House
from gateway.pages.pages import Pages
from storage.errors import NoSuchInstance

SHOWN: Final = 100
"""Deliveries of each kind on the page; how many there are beyond, it says of the failed ones."""


class ForwardingRooms:
    """The page and its decisions, which are those of `durchblick forward`; each within what the member sees."""

    def __init__(self, house: House, door: DeskDoor, pages: Pages) -> None:
        self._house = house
        self._door = door
        self._pages = pages

    def overview(self, request: Request, session: StaffSession) -> Response:
        """Failed ones by target, then what waits, then what was delivered; each newest first."""
        scope, deliveries = scope_of(session.member), self._house.deliveries
        wording = Wording(self._pages.languages.of(request))
        failed = deliveries.listed(["failed"], SHOWN, scope)
        values: dict[str, Any] = {
            "failed": {
                name: (count, self._rows(session, wording, [one for one in failed if one.wanted.target == name]))
                for name, count in deliveries.failed(scope).items()
            },
            "waits": self._rows(session, wording, deliveries.listed(["waiting"], SHOWN, scope)),
            "delivered": self._rows(session, wording, deliveries.listed(["delivered"], SHOWN, scope)),
            "active": "forwarding",
        }
        return self._door.render(request, "forwarding.html", values, session)

    def retry(self, request: Request, session: StaffSession) -> Response:
        """Begin a failed one anew, or try one that waits at once; 409 where it is being sent or has ended."""
        number = self._named(request, session)
        try:
            self._house.deliveries.retry(number)
        except NoSuchDelivery:
            return self._door.message(request, "moved_on", 409, session)
        return _back()

    def drop(self, request: Request, session: StaffSession) -> Response:
        """Give one up for good; 409 where it has ended."""
        number = self._named(request, session)
        try:
            self._house.deliveries.drop(number)
        except NoSuchDelivery:
            return self._door.message(request, "moved_on", 409, session)
        return _back()

    def retry_failed(self, request: Request, session: StaffSession) -> Response:
        """Begin all failed ones of the form's target anew."""
        self._house.deliveries.retry_failed(form_of(request).one("target"), scope_of(session.member))
        return _back()

    def drop_failed(self, request: Request, session: StaffSession) -> Response:
        """Give all failed ones of the form's target up for good."""
        self._house.deliveries.drop_failed(form_of(request).one("target"), scope_of(session.member))
        return _back()

    def _named(self, request: Request, session: StaffSession) -> int:
        """The delivery that the path names. `NoSuchInstance` also when its study is another site's."""
        try:
            return self._house.deliveries.get(request.path_params["delivery"], scope_of(session.member)).id
        except (NoSuchDelivery, OverflowError):
            raise NoSuchInstance("No such delivery.") from None

    def _rows(self, session: StaffSession, wording: Wording, found: Sequence[Delivery]) -> list[DeliveryRow]:
        uids = sorted({one.wanted.study for one in found})
        studies = finding.some_studies(self._house.storage.index, scope_of(session.member), uids)
        known = {one.study_instance_uid: one for one in studies}
        words = ForwardingWording(wording)
        return [words.row(one, known) for one in found]


def _back() -> Response:
    return RedirectResponse("/desk/forwarding", 303, NO_STORE)
