"""The patient's account: until when, what is shown, who opened it and when, and what can be done about all that."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from auth.birth_date import parse_birth_date
from auth.errors import Denied
from auth.records import Share
from auth.requests import Kind
from auth.sessions import Session
from gateway.house import House
from gateway.pages.pages import Pages
from gateway.pages.texts import Texts
from gateway.pages.wording import day, plain
from gateway.portal.browse import person_of
from gateway.portal.door import NO_STORE, Door
from gateway.portal.studies import studies_of
from gateway.portal.terms import Terms
from storage.audit_trail import AuditTrail, Event

_SHOWN: Final = (
    "session begun",
    "birth date wrong",
    "share locked",
    "share frozen",
    "share reissued",
    "share extended",
    "viewer opened",
)
_MOST_SHOWN: Final = 12
# What the page says after something was done, by the query parameter of the address that leads there.
_DONE: Final = ("ended_elsewhere", "asked", "ended_onward")
_KINDS: Final[dict[str, Kind]] = {"extend": "extend", "code-lost": "code lost"}


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of who opened the share and when, in words; `is_odd` when its owner should know of it."""

    what: str
    when: str
    is_odd: bool


@dataclass(frozen=True, slots=True)
class HandedOn:
    """A share that was handed on: for whom, until when, and whether and when it was opened."""

    id: str
    name: str
    until: str
    used: str


class Account:
    """Every page and form gets the session's share and touches no other."""

    def __init__(self, house: House, pages: Pages, door: Door, terms: Terms) -> None:
        self._index = house.storage.index
        self._sessions = house.sessions
        self._shares = house.shares
        self._identification = house.identification
        self._requests = house.requests
        self._downloads = house.downloads
        self._trail = AuditTrail(house.storage.database)
        self._pages = pages
        self._door = door
        self._terms = terms
        self._root = house.config.http.dicomweb_path
        # Without a period this gateway may be the only archive: then access can end, but nothing is deleted.
        self._config = house.config

    def show(self, request: Request, session: Session) -> Response:
        """The account page; of a share that was handed on, only what its holder needs."""
        words = self._pages.languages.of(request)
        share = session.share
        summaries = self._index.studies(share.scope)
        studies = studies_of(words, self._root, summaries)
        frames = sum(series.frames for summary in summaries for series in summary.series)
        values: dict[str, Any] = {
            "studies": studies,
            "person": person_of(summaries),
            "contents": words.row(words.count("studies", len(studies)), words.count("images", frames)),
            "elsewhere": self._sessions.count(share.id) - 1,
            "done": next((name for name in _DONE if name in request.query_params), ""),
            "active": "account",
            "deletes": self._deletes(session),
            "has_terms": self._terms.is_there(request, session),
            "download_ready": self._downloads.new_of_share(share.id),
        }
        if not share.parent:
            values |= {
                "happenings": self._happenings(words, session),
                "handed_on": [self._handed_on(words, one) for one in self._live_onward(share)],
                "asked_for": self._requests.of(share.id),
            }
        return self._pages.render(request, "account.html", values, session=session)

    def ask(self, request: Request, session: Session, fields: Mapping[str, str]) -> Response:
        """Ask the desk for more time, or for a new sheet."""
        kind = _KINDS.get(fields.get("kind", ""))
        if kind is not None and not session.share.parent:
            self._requests.ask(session.share.id, kind)
        return RedirectResponse("/account?asked", 303, NO_STORE)

    def ask_to_delete(self, request: Request, session: Session) -> Response:
        """The page that says what deleting means, and asks for the birth date."""
        return self._delete_page(request, session)

    def delete(self, request: Request, session: Session, fields: Mapping[str, str]) -> Response:
        """End the share for good, and let its images be deleted."""
        words = self._pages.languages.of(request)
        if session.share.parent:
            return RedirectResponse("/account", 303, NO_STORE)
        born = parse_birth_date(fields.get("birth_date", ""))
        if born is None:
            return self._delete_page(request, session, words("error.birth_date"), 400)
        try:
            self._identification.confirm(session.share, born)
        except Denied:
            return self._delete_page(request, session, words("account.wrong_birth_date"), 403)
        deletes = self._deletes(session)
        self._shares.revoke(session.share.id, erase=deletes)
        headers = NO_STORE | {"clear-site-data": '"cache", "storage"'}
        response = RedirectResponse("/?deleted" if deletes else "/?closed", 303, headers)
        self._door.forget(response)
        return response

    def _deletes(self, session: Session) -> bool:
        """Whether studies of the share's site go by themselves, and so at the patient's wish too."""
        return self._config.retention_days(session.share.site) > 0

    def _delete_page(self, request: Request, session: Session, error: str = "", status: int = 200) -> Response:
        values = {"error": error, "deletes": self._deletes(session)}
        return self._pages.render(request, "delete.html", values, session=session, status=status)

    def _live_onward(self, share: Share) -> list[Share]:
        return [one for one in self._shares.handed_on(share.id) if one.state in ("live", "frozen")]

    def _handed_on(self, words: Texts, share: Share) -> HandedOn:
        opened = self._trail.of_subject(share.id, ("session begun",), 100)
        used = words("account.never_opened")
        if opened:
            when = moment_in_words(words, datetime.fromisoformat(opened[0].at))
            used = words.count("account.opened", len(opened)) + " " + words("account.opened_last", when=when)
        name = plain(share.label) or words("account.onward_unnamed")
        return HandedOn(share.id, name, day(words, share.expires.astimezone().date()), used)

    def _happenings(self, words: Texts, session: Session) -> list[Happening]:
        events = self._trail.of_subject(session.share.id, _SHOWN, _MOST_SHOWN)
        return [_happening(words, event, session.handle) for event in events]


def moment_in_words(words: Texts, moment: datetime) -> str:
    """ "today, 10:12" or "3 March 2026, 10:12", by the clock on the wall here."""
    local, today = moment.astimezone(), datetime.now().astimezone().date()
    names = {0: words("account.today"), 1: words("account.yesterday")}
    date = names.get((today - local.date()).days) or day(words, local.date())
    return words("account.moment", date=date, time=f"{local:%H:%M}")


def _happening(words: Texts, event: Event, handle: str) -> Happening:
    when = moment_in_words(words, datetime.fromisoformat(event.at))
    if event.event != "session begun":
        key = event.event.replace(" ", "_")
        return Happening(words(f"account.event_{key}"), when, event.event in ("birth date wrong", "share frozen"))
    said = dict(part.split("=", 1) for part in event.detail.split() if "=" in part)
    which = "this" if said.get("session") == handle else "a"
    return Happening(words(f"account.{which}_{said.get('device') or 'device'}"), when, False)
