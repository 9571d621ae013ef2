"""The list of shares: by state, by end, by whose they are, page by page."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from auth.share_lists import LISTED, Listed, Listing, Sought
from auth.staff_sessions import StaffSession
from gateway.desk import finding
from gateway.desk.door import NO_STORE, DeskDoor, scope_of
from gateway.desk.forms import form_of
from gateway.desk.wording import ShareRow, Wording, known_studies
from gateway.house import House
from gateway.pages.pages import Pages
from storage.records import StudyOverview

_PATH: Final = "/desk/shares"
_PAGE: Final = 50


class ListOfShares:
    """Names stand in no address: what is searched is kept in the session, as with patients."""

    def __init__(self, house: House, door: DeskDoor, pages: Pages) -> None:
        self._house = house
        self._door = door
        self._pages = pages

    def search(self, request: Request, session: StaffSession) -> Response:
        """Remember what is searched, and go to the list of it."""
        form = form_of(request)
        text = form.one("q")[: finding.LONGEST]
        self._house.staff_sessions.remember_share_search(session.cookie, text)
        chosen = {name: form.one(name) for name in ("state", "from", "until") if form.one(name)}
        return RedirectResponse(_address(chosen | ({"found": "1"} if text else {})), 303, NO_STORE)

    def overview(self, request: Request, session: StaffSession) -> Response:
        """A page of the site's shares; `?state=`, `?from=` and `?until=` (of their end), `?found` for the search."""
        asked = request.query_params
        text = session.share_search if "found" in asked else ""
        listing = Listing(
            session.member.site, _state(asked), *_ends(asked), self._sought(session, text) if text else None
        )
        page = self._house.share_lists.page(listing, asked.get("behind", ""), _PAGE)
        counts = self._house.share_lists.counts(listing)
        words = self._pages.languages.of(request)
        kept = {name: asked[name] for name in ("from", "until", "found") if name in asked}
        here = kept | ({"state": listing.state} if listing.state else {})
        values: dict[str, Any] = {
            "shares": self._rows(session, Wording(words), page.shares),
            "state": listing.state or "",
            "states": [
                (one, words(f"desk.state.{one}"), counts[one], _address(kept | {"state": one})) for one in LISTED
            ],
            "total": sum(counts.values()),
            "everything": _address(kept),
            "text": text,
            "ends_from": _day(asked, "from") or "",
            "ends_until": _day(asked, "until") or "",
            "is_narrowed": bool(kept),
            "next_page": _address(here | {"behind": page.behind}) if page.behind else "",
            "first_page": _address(here) if "behind" in asked else "",
            "active": "shares",
        }
        return self._door.render(request, "shares.html", values, session)

    def _sought(self, session: StaffSession, text: str) -> Sought:
        """What the text means, also of studies whose patient no rule names."""
        studies = finding.find(self._house.storage.index, scope_of(session.member), text).studies
        return Sought(
            text,
            frozenset(one.patient_id for one in studies if one.patient_id),
            frozenset(one.study_instance_uid for one in studies),
        )

    def _rows(self, session: StaffSession, wording: Wording, shares: Any) -> list[ShareRow]:
        index, scope = self._house.storage.index, scope_of(session.member)
        studies: list[StudyOverview] = finding.of_shares(index, scope, [share.rule for share in shares])
        known = known_studies(studies)
        return [wording.share(share, known, self._house.requests.of(share.id)) for share in shares]


def _state(asked: QueryParams) -> Listed | None:
    return next((one for one in LISTED if one == asked.get("state")), None)


def _ends(asked: QueryParams) -> tuple[int | None, int | None]:
    """First and last second of the days between which shares end, in UTC."""
    first, last = _day(asked, "from"), _day(asked, "until")
    return _midnight(first) if first else None, _midnight(last + timedelta(days=1)) - 1 if last else None


def _day(asked: QueryParams, name: str) -> date | None:
    try:
        found = date.fromisoformat(asked.get(name, ""))
    except ValueError:
        return None
    return found if 2000 <= found.year <= 2999 else None


def _midnight(day: date) -> int:
    return int(datetime.combine(day, time(), tzinfo=UTC).timestamp())


def _address(parameters: dict[str, str]) -> str:
    return f"{_PATH}?{urlencode(parameters)}" if parameters else _PATH
