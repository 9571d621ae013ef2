"""What waits for somebody to decide: patients' requests, and images whose patient is not who was expected."""

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from auth.records import Share
from auth.staff_sessions import StaffSession
from gateway.desk import finding
from gateway.desk.door import NO_STORE, DeskDoor, scope_of, visible_share
from gateway.desk.forms import form_of
from gateway.desk.wording import ShareRow, StudyRow, Wording, known_studies
from gateway.house import House
from gateway.pages.pages import Pages
from gateway.pages.wording import plain
from storage.deletion import Target
from storage.errors import NoSuchInstance
from storage.records import HeldStudy, StudyOverview
from storage.scope import ListedStudies, PatientIdentity, StudyScope


@dataclass(frozen=True, slots=True)
class Asked:
    """A patient's request: its id, its kind, the words for it, and the share."""

    id: int
    kind: str
    word: str
    share: ShareRow


@dataclass(frozen=True, slots=True)
class Side:
    """Who a patient is by one of two accounts that disagree."""

    name: str
    patient_id: str
    issuer: str
    birth_date: str


@dataclass(frozen=True, slots=True)
class Lookalike:
    """A study that has the PatientID of a share, but not all else; `share` is where it would be shown."""

    share: ShareRow
    study: StudyRow
    there: Side
    here: Side


@dataclass(frozen=True, slots=True)
class HeldRow:
    """Images in a study whose patient is another one than the study's."""

    uid: str
    count: str
    source: str
    there: Side
    here: Side


class Waiting:
    """Decisions are by study and share; both are looked up within what the member of staff sees."""

    def __init__(self, house: House, door: DeskDoor, pages: Pages) -> None:
        self._house = house
        self._door = door
        self._pages = pages

    def overview(self, request: Request, session: StaffSession) -> Response:
        """Everything that waits."""
        wording = Wording(self._pages.languages.of(request))
        values: dict[str, Any] = {
            "asked": self._asked(session, wording),
            "held": [_held(one, wording) for one in self._house.storage.index.held(_scope(session))],
            "lookalikes": self._lookalikes(session, wording),
            "active": "waiting",
        }
        return self._door.render(request, "waiting.html", values, session)

    def settle(self, request: Request, session: StaffSession) -> Response:
        """Close a request without doing what it asks."""
        wanted = request.path_params["request"]
        known = {one.id: one for one in self._house.requests.open(session.member.site)}
        if wanted in known:
            self._house.requests.settle(wanted, session.member.name)
        return _back()

    def accept_held(self, request: Request, session: StaffSession) -> Response:
        """Let held images of a study be seen like its others."""
        self._house.storage.index.accept_held(_scope(session), request.path_params["study"], source=_by(session))
        return _back()

    def reject_held(self, request: Request, session: StaffSession) -> Response:
        """Delete held images for good; what is shown of the study stays."""
        study, storage = request.path_params["study"], self._house.storage
        for target in storage.index.held_instances(_scope(session), study):
            storage.deletion.delete(_scope(session), Target(*target), source=_by(session))
        return _back()

    def decide(self, request: Request, session: StaffSession) -> Response:
        """Take a study into a share, or keep it out."""
        share = visible_share(self._house, session.member, form_of(request).one("share"))
        uid = request.path_params["study"]
        study = finding.one_study(self._house.storage.index, _scope(session), uid)
        if not isinstance(share.rule, PatientIdentity) or study.patient_id != share.rule.patient_id:
            raise NoSuchInstance("No such study.")
        self._house.shares.decide(share.id, uid, accepted=form_of(request).one("decision") == "accept")
        return _back()

    def _asked(self, session: StaffSession, wording: Wording) -> list[Asked]:
        found = [(one, self._house.shares.get(one.share_id)) for one in self._house.requests.open(session.member.site)]
        known = self._known(session, [share for _, share in found])
        return [
            Asked(one.id, one.kind, wording.words(f"desk.asked.{one.kind}"), wording.share(share, known, frozenset()))
            for one, share in found
        ]

    def _lookalikes(self, session: StaffSession, wording: Wording) -> list[Lookalike]:
        by_id: dict[str, list[tuple[Share, PatientIdentity]]] = {}
        for share in self._house.share_lists.doubted(session.member.site):
            if isinstance(share.rule, PatientIdentity):
                by_id.setdefault(share.rule.patient_id, []).append((share, share.rule))
        identities = [identity for pairs in by_id.values() for _, identity in pairs]
        found = [
            (study, share, identity)
            for study in self._house.storage.index.lookalikes(_scope(session), identities)
            for share, identity in by_id[study.patient_id]
            if study.study_instance_uid not in share.rejected | identity.accepted
        ]
        known = self._known(session, [share for _, share, _ in found])
        return [
            Lookalike(row, wording.study(study), _side(wording, study), _expected(wording, identity, row.who))
            for study, share, identity in found
            for row in [wording.share(share, known, frozenset())]
        ]

    def _known(self, session: StaffSession, shares: list[Share]) -> dict[str, Any]:
        index = self._house.storage.index
        ids = [share.rule.patient_id for share in shares if isinstance(share.rule, PatientIdentity)]
        uids = {
            uid for share in shares if isinstance(share.rule, ListedStudies) for uid in share.rule.study_instance_uids
        }
        return known_studies(
            [
                *finding.patients_with(index, _scope(session), ids),
                *finding.some_studies(index, _scope(session), sorted(uids)),
            ]
        )


def _scope(session: StaffSession) -> StudyScope:
    return scope_of(session.member)


def _by(session: StaffSession) -> str:
    return f"desk {session.member.name}"


def _back() -> Response:
    return RedirectResponse("/desk/waiting", 303, NO_STORE)


def _side(wording: Wording, study: StudyOverview) -> Side:
    return Side(
        wording.name(study.patient_name),
        plain(study.patient_id),
        plain(study.issuer_of_patient_id),
        wording.short_date(study.patient_birth_date),
    )


def _expected(wording: Wording, identity: PatientIdentity, who: str) -> Side:
    return Side(
        who,
        plain(identity.patient_id),
        plain(identity.issuer_of_patient_id),
        wording.short_date(identity.patient_birth_date),
    )


def _held(held: HeldStudy, wording: Wording) -> HeldRow:
    here = Side(
        wording.name(held.patient_name),
        plain(held.patient_id),
        plain(held.issuer_of_patient_id),
        wording.short_date(held.patient_birth_date),
    )
    there = Side(
        wording.name(held.held_patient_name),
        plain(held.held_patient_id),
        plain(held.held_issuer_of_patient_id),
        wording.short_date(held.held_patient_birth_date),
    )
    count = wording.words.count("desk.objects", held.instances)
    return HeldRow(held.study_instance_uid, count, plain(held.source), there, here)
