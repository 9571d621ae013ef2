"""Earlier examinations: what the site's archive has of a patient and is not here, and how far it is with coming."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from auth.staff_sessions import StaffSession
from gateway.archive.archive import Archive, ArchiveAway, ArchivedStudy
from gateway.archive.service import AT_A_DESK, archive_of, retrievals_of
from gateway.desk import finding
from gateway.desk.browse import site_key
from gateway.desk.door import NO_STORE, DeskDoor, scope_of
from gateway.desk.forms import form_of
from gateway.desk.priors_wording import PriorsWording
from gateway.desk.wording import Wording
from gateway.house import House
from gateway.pages.pages import Pages
from storage.records import StudyOverview
from storage.scope import ListedStudies, SiteStudies, StudyScope, Within

_LONGEST_ACCESSION_NUMBER = 16


class PriorsRooms:
    """Only the archive of the site that keeps the study is asked, and only who may share may ask it."""

    def __init__(self, house: House, door: DeskDoor, pages: Pages) -> None:
        self._house = house
        self._index = house.storage.index
        self._door = door
        self._pages = pages
        self._retrievals = retrievals_of(house)

    def archive(self, request: Request, session: StaffSession) -> Response:
        """What the archive has of exactly this patient and is not here."""
        patient = finding.identity_of(self._study(request, session))
        return self._listed(request, session, lambda archive: archive.studies_of(patient) if patient.patient_id else ())

    def search(self, request: Request, session: StaffSession) -> Response:
        """The same of an accession number, of whomever."""
        number = form_of(request).one("accession_number")[:_LONGEST_ACCESSION_NUMBER]
        if not number or not number.isprintable() or any(one in number for one in "*?\\"):
            return RedirectResponse(f"{self._path(request)}/archive", 303, NO_STORE)
        return self._listed(request, session, lambda archive: archive.studies_by_accession(number), number)

    def fetch(self, request: Request, session: StaffSession) -> Response:
        """Let those of the chosen studies come that the archive has."""
        study = self._study(request, session)
        site = site_key(self._house, session, study)
        archive = archive_of(self._house, site, AT_A_DESK)
        chosen = form_of(request).all("studies")[: finding.MOST]
        if archive is None or not chosen:
            return RedirectResponse(f"{self._path(request)}/archive", 303, NO_STORE)
        try:
            found = archive.studies(chosen)
        except ArchiveAway as away:
            return self._away(request, session, study, away)
        wanted = [one for one in found if not self._is_elsewhere(site, one.uid)]
        self._retrievals.want(site, archive.ae_title, study.study_instance_uid, wanted)
        return RedirectResponse(f"{self._path(request)}/retrievals", 303, NO_STORE)

    def retrievals(self, request: Request, session: StaffSession) -> Response:
        """How far it is with what was asked for on the pages of this patient."""
        study = self._study(request, session)
        wording = self._wording(request)
        rows = [wording.retrieval(one) for one in self._asked_for(session, study)]
        values = self._values(request, study) | {"rows": rows, "coming": any(one.is_coming for one in rows)}
        return self._door.render(request, "retrievals.html", values, session)

    def progress(self, request: Request, session: StaffSession) -> Response:
        """The same for the page's script."""
        wording = self._wording(request)
        rows = [wording.retrieval(one) for one in self._asked_for(session, self._study(request, session))]
        told = [{"id": row.id, "state": row.state, "percent": row.percent, "progress": row.progress} for row in rows]
        return JSONResponse({"retrievals": told}, headers=NO_STORE)

    def _listed(
        self,
        request: Request,
        session: StaffSession,
        ask: Callable[[Archive], Sequence[ArchivedStudy]],
        accession_number: str = "",
    ) -> Response:
        study = self._study(request, session)
        site = site_key(self._house, session, study)
        archive = archive_of(self._house, site, AT_A_DESK)
        wording = self._wording(request)
        try:
            found = ask(archive) if archive else ()
        except ArchiveAway as away:
            return self._away(request, session, study, away)
        rows = [
            wording.prior(one, self._here(SiteStudies(site), one.uid), with_patient=bool(accession_number))
            for one in found
            if not self._is_elsewhere(site, one.uid)
        ]
        values = self._values(request, study) | {
            "archive": archive.ae_title if archive else "",
            "accession_number": accession_number,
            "missing": [row for row in rows if row.is_missing],
            "here": sum(not row.is_missing for row in rows),
            "asked": len(self._asked_for(session, study)),
        }
        return self._door.render(request, "archive.html", values, session)

    def _away(self, request: Request, session: StaffSession, study: StudyOverview, away: ArchiveAway) -> Response:
        trouble, advice, said = self._wording(request).trouble(away.trouble)
        values = self._values(request, study) | {"trouble": trouble, "advice": advice, "said": said}
        return self._door.render(request, "archive_away.html", values, session, status=502)

    def _asked_for(self, session: StaffSession, study: StudyOverview) -> Sequence[Any]:
        patient = finding.of_patient(self._index, scope_of(session.member), study)
        uids = [one.study_instance_uid for one in patient.studies]
        return self._retrievals.of_studies(site_key(self._house, session, study), uids)

    def _here(self, scope: StudyScope, uid: str) -> int:
        return self._index.counts(Within(ListedStudies(frozenset({uid})), scope)).instances

    def _is_elsewhere(self, site: str, uid: str) -> bool:
        """Whether the study is here, but another site's: nobody may learn so, and nothing is put to it."""
        return (
            not self._here(SiteStudies(site), uid) and self._index.counts(ListedStudies(frozenset({uid}))).instances > 0
        )

    def _study(self, request: Request, session: StaffSession) -> StudyOverview:
        return finding.one_study(self._index, scope_of(session.member), request.path_params["study"])

    def _values(self, request: Request, study: StudyOverview) -> dict[str, Any]:
        name = self._wording(request).name(study.patient_name)
        return {"name": name, "path": self._path(request), "active": "find"}

    def _path(self, request: Request) -> str:
        return f"/desk/studies/{request.path_params['study']}"

    def _wording(self, request: Request) -> PriorsWording:
        return PriorsWording(Wording(self._pages.languages.of(request)), time.time())
