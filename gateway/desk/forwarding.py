"""What is sent on to PACS: what has failed, what waits, and what was delivered lately."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from auth.staff_sessions import StaffSession
from gateway.desk import finding
from gateway.desk.door import NO_STORE, DeskDoor, scope_of
from gateway.desk.forms import form_of
from gateway.desk.forwarding_wording import DeliveryRow, ForwardingWording
from gateway.desk.wording import Wording
from gateway.forwarding.deliveries import IsBeingSent, NoSuchDelivery
from gateway.forwarding.delivery import Delivery
from gateway.house import House
from gateway.pages.pages import Pages
from storage.errors import NoSuchInstance

SHOWN: Final = 100
"""Deliveries that wait, and that were delivered, on the page."""
FAILED: Final = 20
"""Failed deliveries of a target on a page; the others are on the next ones."""
_LONGEST_NUMBER: Final = 18


@dataclass(frozen=True, slots=True)
class FailedPage:
    """Failed deliveries of a target: how many there are in all, those of this page, and behind which the next begins
    (None: there is none)."""

    target: str
    count: int
    rows: Sequence[DeliveryRow]
    older: int | None


class ForwardingRooms:
    """The page and its decisions, which are those of `durchblick forward`; each within what the member sees."""

    def __init__(self, house: House, door: DeskDoor, pages: Pages) -> None:
        self._house = house
        self._door = door
        self._pages = pages

    def overview(self, request: Request, session: StaffSession) -> Response:
        """Failed ones by target, then what waits, then what was delivered; each newest first.

        With `?target=` and `before=` only the failed ones of a target that are older than that one.
        """
        if "target" in request.query_params:
            return self._older(request, session)
        scope, deliveries = scope_of(session.member), self._house.deliveries
        wording = Wording(self._pages.languages.of(request))
        counts = deliveries.failed(scope)
        values: dict[str, Any] = {
            "failed": [self._failed(session, wording, target, count, None) for target, count in counts.items()],
            "waits": self._rows(session, wording, deliveries.listed(["waiting"], SHOWN, scope)),
            "delivered": self._rows(session, wording, deliveries.listed(["delivered"], SHOWN, scope)),
            "active": "forwarding",
        }
        return self._door.render(request, "forwarding.html", values, session)

    def _older(self, request: Request, session: StaffSession) -> Response:
        target, before = request.query_params["target"], request.query_params.get("before", "")
        if not (before.isascii() and before.isdecimal() and len(before) <= _LONGEST_NUMBER):
            raise NoSuchInstance("No such page.")
        wording = Wording(self._pages.languages.of(request))
        count = self._house.deliveries.failed(scope_of(session.member)).get(target, 0)
        page = self._failed(session, wording, target, count, int(before))
        return self._door.render(request, "forwarding_older.html", {"page": page, "active": "forwarding"}, session)

    def _failed(
        self, session: StaffSession, wording: Wording, target: str, count: int, before: int | None
    ) -> FailedPage:
        found = self._house.deliveries.failed_of(target, FAILED + 1, scope_of(session.member), before)
        shown = found[:FAILED]
        older = shown[-1].id if len(found) > FAILED else None
        return FailedPage(target, count, self._rows(session, wording, shown), older)

    def retry(self, request: Request, session: StaffSession) -> Response:
        """Begin a failed one anew, or try one that waits at once; 409 where it is being sent or has ended."""
        return self._decided(request, session, self._house.deliveries.retry)

    def drop(self, request: Request, session: StaffSession) -> Response:
        """Give one up for good; 409 where it is being sent or has ended."""
        return self._decided(request, session, self._house.deliveries.drop)

    def retry_failed(self, request: Request, session: StaffSession) -> Response:
        """Begin all failed ones of the form's target anew."""
        self._house.deliveries.retry_failed(form_of(request).one("target"), scope_of(session.member))
        return _back()

    def drop_failed(self, request: Request, session: StaffSession) -> Response:
        """Give all failed ones of the form's target up for good."""
        self._house.deliveries.drop_failed(form_of(request).one("target"), scope_of(session.member))
        return _back()

    def _decided(self, request: Request, session: StaffSession, decide: Callable[[int], object]) -> Response:
        number = self._named(request, session)
        try:
            decide(number)
        except IsBeingSent:
            return self._door.message(request, "being_sent", 409, session)
        except NoSuchDelivery:
            return self._door.message(request, "moved_on", 409, session)
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
