"""Opening a share, and what can be done with it afterwards.

A code exists in one answer only, which is the sheet; nobody can ask for it again.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from auth import qr
from auth.birth_date import parse_birth_date
from auth.records import LONGEST_DAYS, QUIET_MINUTES, Issued, Wait
from auth.sheet import Paper
from auth.sheet_texts import LANGUAGES, TEXTS, Language
from auth.staff_sessions import StaffSession
from gateway.archive.service import asking_of
from gateway.desk import finding
from gateway.desk.browse import site_key
from gateway.desk.door import NO_STORE, DeskDoor, scope_of
from gateway.desk.forms import Form, form_of
from gateway.desk.wording import SHEET_LANGUAGES, Wording, known_studies
from gateway.house import House
from gateway.pages.pages import Pages
from gateway.sheets import data_url, draw, initials, logo_url, share_url, sheet, site_of
from storage.errors import Refusal
from storage.records import StudyOverview
from storage.scope import ListedStudies, PatientIdentity, StudyScope


class Unusable(Refusal):
    """What the form says makes no share."""

    http_status = 400
    title = "Unusable form"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the form asks for, checked against what the member of staff sees."""

    scope: StudyScope
    birth_date: str
    days: int
    language: Language
    site: str
    wait: Wait | None


class Sharing:
    """Every share is looked up through the door, so that those of other sites do not exist."""

    def __init__(self, house: House, door: DeskDoor, pages: Pages) -> None:
        self._house = house
        self._door = door
        self._pages = pages
        self._asking = asking_of(house)

    def create(self, request: Request, session: StaffSession) -> Response:
        """Open a share; the answer is its sheet."""
        wanted = self._wanted(session, form_of(request))
        issued = self._house.shares.create(
            wanted.scope, wanted.birth_date, wanted.days, site=wanted.site, wait=wanted.wait
        )
        return self._sheet(request, session, issued, wanted.language)

    def reissue(self, request: Request, session: StaffSession) -> Response:
        """A new code; the answer is its sheet. A share past its end is prolonged first, as its site does it."""
        share = self._door.share(request, session)
        site = site_of(self._house, share.site)
        if share.state == "expired":
            self._house.shares.extend(share.id, site.days)
        issued = self._house.shares.reissue(share.id)
        self._house.requests.settle_kind(share.id, "code lost", session.member.name)
        return self._sheet(request, session, issued, language_of(form_of(request), site.language))

    def extend(self, request: Request, session: StaffSession) -> Response:
        """Let a share end later; without a date as its site does it."""
        share = self._door.share(request, session)
        form = form_of(request)
        days = days_until(form.one("until")) if form.one("until") else site_of(self._house, share.site).days
        self._house.shares.extend(share.id, days)
        self._house.requests.settle_kind(share.id, "extend", session.member.name)
        return self._back(request, f"/desk/shares/{share.id}?extended")

    def revoke(self, request: Request, session: StaffSession) -> Response:
        """End a share for good."""
        share = self._door.share(request, session)
        self._house.shares.revoke(share.id)
        return self._back(request, f"/desk/shares/{share.id}?revoked")

    def unlock(self, request: Request, session: StaffSession) -> Response:
        """Forget wrong birth dates."""
        share = self._door.share(request, session)
        self._house.shares.unlock(share.id)
        return self._back(request, f"/desk/shares/{share.id}?unlocked")

    def share(self, request: Request, session: StaffSession) -> Response:
        """One share and what can be done with it."""
        share = self._door.share(request, session)
        wording = Wording(self._pages.languages.of(request))
        studies = finding.of_shares(self._house.storage.index, scope_of(session.member), [share.rule])
        row = wording.share(share, known_studies(studies), self._house.requests.of(share.id))
        shown = finding.Patient("", "", "", "", "", tuple(self._shown(share.rule, studies)))
        today = datetime.now(UTC).date()
        days = site_of(self._house, share.site).days
        done = next((key for key in ("extended", "revoked", "unlocked") if key in request.query_params), None)
        values: dict[str, Any] = {
            "share": row,
            "studies": [wording.study(one) for one in shown.studies],
            "sessions": self._house.sessions.count(share.id),
            "until": max(today + timedelta(days=days), share.expires.date()).isoformat(),
            "earliest": today.isoformat(),
            "latest_end": (today + timedelta(days=LONGEST_DAYS)).isoformat(),
            "language": site_of(self._house, share.site).language,
            "sheet_languages": SHEET_LANGUAGES,
            "waits": share.wait is not None,
            "done": wording.words(f"desk.share.{done}") if done else "",
            "missing": wording.missing(self._asking.look(share)) if share.state == "live" else "",
            "active": "shares",
        }
        return self._door.render(request, "share.html", values, session)

    def _wanted(self, session: StaffSession, form: Form) -> Wanted:
        index, scope = self._house.storage.index, scope_of(session.member)
        study = finding.one_study(index, scope, form.one("study"))
        birth_date = parse_birth_date(study.patient_birth_date) or parse_birth_date(form.one("birth_date"))
        if birth_date is None:
            raise Unusable("A share needs a birth date.")
        site = site_key(self._house, session, study)
        return Wanted(
            self._scope(session, form, study, site),
            birth_date,
            days_until(form.one("until")) if form.one("until") else site_of(self._house, site).days,
            language_of(form, site_of(self._house, site).language),
            site,
            Wait(QUIET_MINUTES, bool(self._house.config.archive_of(site).ae_title)) if form.one("wait") else None,
        )

    def _scope(self, session: StaffSession, form: Form, study: StudyOverview, site: str) -> StudyScope:
        if form.one("what") == "patient" and study.patient_id.strip():
            if parse_birth_date(study.patient_birth_date) != study.patient_birth_date:
                raise Unusable("A share by patient needs the birth date in the images.")
            return replace(finding.identity_of(study), site=site)
        patient = finding.of_patient(self._house.storage.index, scope_of(session.member), study)
        own = {one.study_instance_uid for one in patient.studies}
        chosen = frozenset(form.all("studies"))
        if not chosen or not chosen <= own:
            raise Unusable("A share by study needs at least one study, all of one patient.")
        return ListedStudies(chosen)

    def _sheet(self, request: Request, session: StaffSession, issued: Issued, language: Language) -> Response:
        """The sheet, and for staff what of the share is not here."""
        house = self._house
        site = site_of(house, issued.share.site)
        texts = TEXTS[language]
        papers: tuple[Paper, ...] = ("A4", "Letter") if site.paper == "A4" else ("Letter", "A4")
        values: dict[str, Any] = {
            "words": texts,
            "sheet_language": language,
            "house": site,
            "logo": logo_url(house.config, site),
            "subject": texts.access_for.format(whose) if (whose := initials(house, issued)) else texts.access,
            "until": texts.valid_until.format(texts.long_date(issued.share.expires)),
            "groups": issued.code.split("-"),
            "qr": qr.picture(share_url(house, issued)),
            "address": house.config.public_root.removeprefix("https://"),
            "pdfs": {
                paper: data_url("application/pdf", make(house, issued, language=language, paper=paper))
                for paper, make in zip(papers, (sheet, draw), strict=True)
            },
            "share_url": f"/desk/shares/{issued.share.id}",
            "missing": Wording(self._pages.languages.of(request)).missing(self._asking.look(issued.share)),
            "active": "find",
        }
        return self._door.render(request, "sheet.html", values, session)

    def _shown(self, scope: StudyScope, studies: list[StudyOverview]) -> list[StudyOverview]:
        """Those of `studies` that a share with this scope shows."""
        match scope:
            case ListedStudies(uids):
                return [one for one in studies if one.study_instance_uid in uids]
            case PatientIdentity():
                return [one for one in studies if finding.is_of(scope, one)]
            case _:
                return []

    def _back(self, request: Request, otherwise: str) -> Response:
        """To the list of what waits when it was asked from there."""
        target = "/desk/waiting" if form_of(request).one("from") == "waiting" else otherwise
        return RedirectResponse(target, 303, NO_STORE)


def days_until(until: str) -> int:
    """Days from today (UTC) to the date of a form. `Unusable` for what is none, or lies too far off."""
    try:
        days = (date.fromisoformat(until) - datetime.now(UTC).date()).days
    except ValueError as error:
        raise Unusable("The end of a share is a date.") from error
    if not 0 <= days <= LONGEST_DAYS:
        raise Unusable("A share ends between today and ten years from now.")
    return days


def language_of(form: Form, otherwise: Language) -> Language:
    """The language of a sheet that a form names."""
    found = form.one("language")
    return next((language for language in LANGUAGES if language == found), otherwise)
