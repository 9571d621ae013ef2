"""Finding patients and studies, and looking at one patient."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from auth.errors import NoSuchShare
from auth.records import Share
from auth.staff_sessions import StaffSession
from gateway.desk import finding
from gateway.desk.door import NO_STORE, DeskDoor, scope_of, visible_share
from gateway.desk.forms import form_of
from gateway.desk.wording import SHEET_LANGUAGES, ShareRow, Wording, known_studies
from gateway.house import House, origins
from gateway.pages.pages import Pages
from gateway.portal.studies import SMALL, middle, shown
from gateway.sheets import site_of
from storage.errors import NoSuchInstance, NotRenderable
from storage.pixels import Rendering
from storage.records import StudyOverview
from storage.scope import ListedStudies, PatientIdentity

_THUMBNAIL: Final = Rendering(viewport=(SMALL, SMALL))


class Browse:
    """Every read of the index gets the scope of the member of staff."""

    def __init__(self, house: House, door: DeskDoor, pages: Pages, no_image: str) -> None:
        """`no_image` is the address of the picture that stands for studies without one."""
        self._house = house
        self._door = door
        self._pages = pages
        self._no_image = no_image

    def search(self, request: Request, session: StaffSession) -> Response:
        """Remember what is searched, and go where it leads: to the patient when it is one, else to the list.

        Names and birth dates never stand in an address, which browsers and proxies keep.
        """
        text = form_of(request).one("q")[: finding.LONGEST]
        self._house.staff_sessions.remember_search(session.cookie, text)
        return RedirectResponse(self._target(session, text) or "/desk?found", 303, NO_STORE)

    def found(self, request: Request, session: StaffSession) -> Response:
        """The field to search by and, with `?found`, whom the last search has found; `?deleted` follows a deletion."""
        wording = self._wording(request)
        asked = "found" in request.query_params and bool(session.search)
        patients = []
        studies: list[StudyOverview] = []
        if asked:
            studies = list(finding.find(self._house.storage.index, scope_of(session.member), session.search).studies)
            patients = [wording.patient(one) for one in finding.by_patient(studies)]
        values: dict[str, Any] = {
            "search": session.search if asked else "",
            "asked": asked,
            "patients": patients,
            "cut": len(studies) == finding.MOST,
            "deleted": "deleted" in request.query_params,
            "active": "find",
        }
        return self._door.render(request, "find.html", values, session)

    def patient(self, request: Request, session: StaffSession) -> Response:
        """The patient of a study: all studies of the very same identity, shares, and what can be shared."""
        scope, uid = scope_of(session.member), request.path_params["study"]
        study = finding.one_study(self._house.storage.index, scope, uid)
        wording = self._wording(request)
        patient = finding.of_patient(self._house.storage.index, scope, study)
        today = datetime.now(UTC).date()
        key = site_key(self._house, session, study)
        site = site_of(self._house, key)
        values: dict[str, Any] = {
            "patient": wording.patient(patient, uid),
            "shares": self._shares_of(session, wording, patient),
            "until": (today + timedelta(days=site.days)).isoformat(),
            "earliest": today.isoformat(),
            "latest_end": (today + timedelta(days=3650)).isoformat(),
            "language": site.language,
            "sheet_languages": SHEET_LANGUAGES,
            "archive": self._house.config.archive_of(key).ae_title,
            "study": uid,
            "active": "find",
        }
        return self._door.render(request, "patient.html", values, session)

    def thumbnail(self, request: Request, session: StaffSession) -> Response:
        """A small picture of the first series that has an image, or one that says that there is none."""
        storage = self._house.storage
        summary = storage.index.summary(scope_of(session.member), request.path_params["study"])
        record = next((image for series in summary.series if (image := shown(series))), None)
        if record is None:
            return RedirectResponse(self._no_image, 303, NO_STORE)
        try:
            picture = storage.pixels.rendered(
                record, storage.index.layout(record), middle(record.number_of_frames), _THUMBNAIL
            )
        except NotRenderable:
            return RedirectResponse(self._no_image, 303, NO_STORE)
        return Response(picture, headers=NO_STORE, media_type="image/jpeg")

    def _target(self, session: StaffSession, text: str) -> str | None:
        try:
            return f"/desk/shares/{visible_share(self._house, session.member, text.lower()).id}"
        except (NoSuchShare, NoSuchInstance):
            pass
        found = finding.find(self._house.storage.index, scope_of(session.member), text)
        if found.studies and (found.by_accession or len(finding.by_patient(found.studies)) == 1):
            return f"/desk/studies/{found.studies[0].study_instance_uid}"
        return None

    def _shares_of(self, session: StaffSession, wording: Wording, patient: finding.Patient) -> list[ShareRow]:
        known = known_studies(list(patient.studies))
        uids = [one.study_instance_uid for one in patient.studies]
        return [
            wording.share(share, known, self._house.requests.of(share.id))
            for share in self._house.share_lists.about(session.member.site, patient.patient_id, uids)
            if share.state != "revoked" and _is_about(share, patient)
        ]

    def _wording(self, request: Request) -> Wording:
        return Wording(self._pages.languages.of(request))


def site_key(house: House, session: StaffSession, study: StudyOverview) -> str:
    """The site whose desk keeps a share of this study: the member's own, else the one that the study belongs to."""
    if session.member.site is not None:
        return session.member.site
    return origins(house.config).get(study.origin, "")


def _is_about(share: Share, patient: finding.Patient) -> bool:
    match share.rule:
        case PatientIdentity(patient_id, issuer, birth_date):
            return (patient_id, issuer, birth_date) == (patient.patient_id, patient.issuer, patient.birth_date)
        case ListedStudies(uids):
            return any(study.study_instance_uid in uids for study in patient.studies)
        case _:
            return False
