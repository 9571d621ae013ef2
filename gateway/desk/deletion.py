"""Deleting a study at the desk: what would go, who sees it now, and then for good."""

from typing import Any, get_args

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from auth.records import Share
from auth.staff_sessions import StaffSession
from gateway.desk import finding
from gateway.desk.door import NO_STORE, DeskDoor, scope_of
from gateway.desk.forms import form_of
from gateway.desk.wording import Wording, known_studies
from gateway.house import House
from gateway.pages.pages import Pages
from storage.deletion import Reason, Target
from storage.errors import OnHold
from storage.holds import Holds
from storage.records import StudyOverview
from storage.scope import ListedStudies, PatientIdentity


class DeletionRooms:
    """The question and the deed, both within what the member of staff sees."""

    def __init__(self, house: House, door: DeskDoor, pages: Pages) -> None:
        self._house = house
        self._door = door
        self._pages = pages

    def ask(self, request: Request, session: StaffSession) -> Response:
        """How much of a study would go, which shares show it, and whether a legal hold lies on it."""
        study = self._named(request, session)
        scope = scope_of(session.member)
        wording = Wording(self._pages.languages.of(request))
        uid = study.study_instance_uid
        going = self._house.storage.deletion.preview(scope, [Target(uid)])
        known = known_studies([study])
        values: dict[str, Any] = {
            "patient": wording.patient(finding.of_patient(self._house.storage.index, scope, study)),
            "study": wording.study(study),
            "size": f"{max(going.size / 1024**2, 0.1):.1f}",
            "shares": [
                wording.share(share, known, frozenset())
                for share in self._house.share_lists.about(session.member.site, study.patient_id, [uid])
                if share.state == "live" and _shows(share, study)
            ],
            "on_hold": Holds(self._house.storage.database).lie_on(uid),
            "reasons": {one: wording.words(f"desk.deletion.reason.{one}") for one in get_args(Reason)},
            "active": "find",
        }
        return self._door.render(request, "deletion.html", values, session)

    def delete(self, request: Request, session: StaffSession) -> Response:
        """Delete the study for good; 409 where a legal hold lies on it, 400 without one of the reasons."""
        study = self._named(request, session)
        given = form_of(request).one("reason")
        reason: Reason | None = next((one for one in get_args(Reason) if one == given), None)
        if reason is None:
            return self._door.message(request, "reason", 400, session)
        try:
            self._house.storage.deletion.delete(
                scope_of(session.member),
                Target(study.study_instance_uid),
                source=f"desk {session.member.name}",
                reason=reason,
            )
        except OnHold:
            return self._door.message(request, "on_hold", 409, session)
        return RedirectResponse("/desk?deleted", 303, NO_STORE)

    def _named(self, request: Request, session: StaffSession) -> StudyOverview:
        return finding.one_study(self._house.storage.index, scope_of(session.member), request.path_params["study"])


def _shows(share: Share, study: StudyOverview) -> bool:
    match share.rule:
        case PatientIdentity():
            return study.study_instance_uid not in share.rejected and finding.is_of(share.rule, study)
        case ListedStudies(uids):
            return study.study_instance_uid in uids
        case _:
            return False
