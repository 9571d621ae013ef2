"""Upload links at the desk: making one, which is printed at once, and ending it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, get_args

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from auth import qr
from auth.records import LONGEST_DAYS
from auth.sheet import Paper
from auth.sheet_texts import Language
from auth.staff_sessions import StaffSession
from gateway.desk.door import NO_STORE, DeskDoor
from gateway.desk.forms import Form, form_of
from gateway.desk.sharing import Unusable, days_until, language_of
from gateway.desk.wording import SHEET_LANGUAGES, Wording
from gateway.house import House
from gateway.intake.links import Form as Questions
from gateway.intake.links import IssuedLink, NoSuchLink, UploadLink
from gateway.intake.sheet import address, handout, link_sheet
from gateway.pages.pages import Pages
from gateway.pages.wording import day, plain
from gateway.sheets import data_url, logo_url, site_of
from storage.errors import NoSuchInstance

LONGEST_LABEL: Final = 100
SHOWN: Final = 500


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A link in words; `site` is empty where there is only one that the reader sees."""

    id: str
    purpose: str
    label: str
    site: str
    created: str
    until: str
    live: bool


class UploadLinkRooms:
    """The list, and the two things that can be done: those of `durchblick upload link`."""

    def __init__(self, house: House, door: DeskDoor, pages: Pages) -> None:
        self._house = house
        self._door = door
        self._pages = pages

    def overview(self, request: Request, session: StaffSession) -> Response:
        """The links of the site, those that can be used first, and a form for a new one."""
        wording = Wording(self._pages.languages.of(request))
        sites = self._sites(session)
        own = site_of(self._house, session.member.site or "")
        today = datetime.now(UTC).date()
        values: dict[str, Any] = {
            "links": [self._row(wording, sites, one) for one in self._links(session)],
            "sites": sites if len(sites) > 1 else {},
            "until": (today + timedelta(days=own.days)).isoformat(),
            "earliest": today.isoformat(),
            "latest_end": (today + timedelta(days=LONGEST_DAYS)).isoformat(),
            "language": own.language,
            "sheet_languages": SHEET_LANGUAGES,
            "longest_label": LONGEST_LABEL,
            "ended": "ended" in request.query_params,
            "active": "uploads",
        }
        return self._door.render(request, "upload_links.html", values, session)

    def create(self, request: Request, session: StaffSession) -> Response:
        """Make a link; the answer is its sheet, because its secret exists nowhere else."""
        form = form_of(request)
        site = self._site(session, form)
        language = language_of(form, site_of(self._house, site).language)
        issued = self._house.intake.links.create(
            _questions(form),
            plain(form.one("label"))[:LONGEST_LABEL],
            language,
            days_until(form.one("until")) if form.one("until") else None,
            site=site,
        )
        return self._sheet(request, session, issued, language)

    def end(self, request: Request, session: StaffSession) -> Response:
        """End a link for good; what came by it stays."""
        link = self._named(request, session)
        self._house.intake.links.revoke(link.id)
        return RedirectResponse("/desk/upload-links?ended", 303, NO_STORE)

    def _links(self, session: StaffSession) -> list[UploadLink]:
        return self._house.intake.links.of_site(session.member.site)[:SHOWN]

    def _sites(self, session: StaffSession) -> dict[str, str]:
        """Names of the sites that the member sees, by their keys."""
        every = self._house.config.site_names
        return {key: name for key, name in every.items() if session.member.may_see(key)}

    def _site(self, session: StaffSession, form: Form) -> str:
        """Whose link it becomes: the member's own, or the one that the form names to those who see several."""
        site = form.one("site") if session.member.site is None else session.member.site
        if self._house.config.site_of(site) is None:
            raise Unusable("There is no such site.")
        return site

    def _named(self, request: Request, session: StaffSession) -> UploadLink:
        """The link that the path names. `NoSuchInstance` also when it is another site's."""
        try:
            link = self._house.intake.links.get(request.path_params["link"])
        except NoSuchLink:
            raise NoSuchInstance("No such link.") from None
        if not session.member.may_see(link.site):
            raise NoSuchInstance("No such link.")
        return link

    def _row(self, wording: Wording, sites: dict[str, str], link: UploadLink) -> LinkRow:
        words = wording.words
        return LinkRow(
            id=link.id,
            purpose=words(f"desk.uploads.form_{link.form}"),
            label=plain(link.label),
            site=plain(sites.get(link.site, link.site)) if len(sites) > 1 else "",
            created=day(words, link.created.date()),
            until=day(words, link.expires.date()) if link.expires else "",
            live=link.live,
        )

    def _sheet(self, request: Request, session: StaffSession, issued: IssuedLink, language: Language) -> Response:
        house = self._house
        site = site_of(house, issued.link.site)
        content = handout(house.config, issued, language)
        papers: tuple[Paper, ...] = ("A4", "Letter") if site.paper == "A4" else ("Letter", "A4")
        pdfs = {paper: link_sheet(house.config, issued, language=language, paper=paper) for paper in papers}
        house.storage.audit.record("upload sheet printed", issued.link.id)
        values: dict[str, Any] = {
            "words": content.texts,
            "sheet_language": language,
            "house": site,
            "logo": logo_url(house.config, site),
            "subject": content.subject,
            "until": content.until,
            "groups": content.code.split("-"),
            "qr": qr.picture(content.link),
            "address": address(house.config).removeprefix("https://"),
            "pdfs": {paper: data_url("application/pdf", pdf) for paper, pdf in pdfs.items()},
            "active": "uploads",
        }
        return self._door.render(request, "upload_link_sheet.html", values, session)


def _questions(form: Form) -> Questions:
    """Which form the link leads to."""
    for known in get_args(Questions):
        if form.one("form") == known:
            found: Questions = known
            return found
    raise Unusable("A link is for patients or for referrers.")
