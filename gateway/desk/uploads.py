"""What was sent in by upload links and waits in quarantine: what the form says against what stands in the images."""

from collections.abc import Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from auth.staff_sessions import StaffSession
from gateway.desk.door import NO_STORE, DeskDoor
from gateway.desk.forms import Form, form_of
from gateway.desk.upload_wording import UploadWording
from gateway.desk.wording import Wording
from gateway.house import House
from gateway.intake.correcting import correction
from gateway.intake.uploads import UNDECIDED, NoSuchUpload, NotNow, Upload
from gateway.pages.pages import Pages
from gateway.pages.wording import passage
from storage.errors import NoSuchInstance

CORRECTED: Final = {
    "PatientID": "desk.patient_id",
    "IssuerOfPatientID": "desk.issuer",
    "AccessionNumber": "desk.uploads.accession",
    "PatientName": "desk.uploads.patient_name",
    "PatientBirthDate": "desk.birth_date",
    "PatientSex": "desk.sex",
    "StudyDescription": "desk.uploads.description",
}
"""Keywords of what may be corrected, in the order of the form, with the word for it."""
LONGEST_REMARK: Final = 1000


class UploadRooms:
    """The list, an upload, and the three decisions; they are those of `durchblick upload`."""

    def __init__(self, house: House, door: DeskDoor, pages: Pages, no_image: str) -> None:
        """`no_image` is the address of the picture that stands for series without one."""
        self._house = house
        self._door = door
        self._pages = pages
        self._no_image = no_image

    def overview(self, request: Request, session: StaffSession) -> Response:
        """All that is not decided, newest first."""
        wording = self._wording(request)
        found = self._house.intake.uploads.listed(UNDECIDED, session.member.site)
        found.sort(key=lambda one: one.created, reverse=True)
        rows = [wording.row(one, self._label(one)) for one in found]
        return self._door.render(request, "uploads.html", {"uploads": rows, "active": "uploads"}, session)

    def upload(self, request: Request, session: StaffSession) -> Response:
        """One upload; also one that was decided, as long as it is remembered."""
        return self._page(request, session, self._named(request, session))

    def picture(self, request: Request, session: StaffSession) -> Response:
        """The small picture of a series, or one that says that there is none."""
        upload = self._named(request, session)
        picture = self._house.intake.quarantine.picture(upload, request.path_params["series"])
        if picture is None:
            return RedirectResponse(self._no_image, 303, NO_STORE)
        return Response(picture, headers=NO_STORE, media_type="image/jpeg")

    def accept(self, request: Request, session: StaffSession) -> Response:
        """Take it into the archive, with the corrections of the form; 400 where one is no value of its attribute."""
        upload, form = self._named(request, session), form_of(request)
        try:
            given = {keyword: correction(keyword, form.one(keyword)) for keyword in CORRECTED if form.one(keyword)}
        except ValueError:
            return self._page(request, session, upload, form, problem="desk.uploads.correction_wrong", status=400)
        return self._decided(request, session, lambda by: self._house.intake.uploads.accept(upload, given, by))

    def reject(self, request: Request, session: StaffSession) -> Response:
        """Refuse it; its files are removed, and the sender reads the remark."""
        upload, remark = self._named(request, session), _remark(request)
        return self._decided(request, session, lambda by: self._house.intake.uploads.reject(upload, remark, by))

    def ask(self, request: Request, session: StaffSession) -> Response:
        """Ask the sender something; 400 without a question."""
        upload, remark = self._named(request, session), _remark(request)
        if not remark:
            return self._page(request, session, upload, problem="desk.uploads.question_missing", status=400)
        return self._decided(request, session, lambda by: self._house.intake.uploads.ask(upload, remark, by))

    def _named(self, request: Request, session: StaffSession) -> Upload:
        """The upload that the path names. `NoSuchInstance` also when it is another site's, or not yet sent."""
        try:
            found = self._house.intake.uploads.by_reference(request.path_params["upload"])
        except NoSuchUpload:
            raise NoSuchInstance("No such upload.") from None
        if found.state == "open" or not session.member.may_see(found.site):
            raise NoSuchInstance("No such upload.")
        return found

    def _decided(self, request: Request, session: StaffSession, decide: Callable[[str], Upload]) -> Response:
        """Back to the list; 409 where somebody else was quicker."""
        try:
            decide(f"desk {session.member.name}")
        except NotNow as refusal:
            return self._door.message(request, "decided", refusal.http_status, session)
        return RedirectResponse("/desk/uploads", 303, NO_STORE)

    def _page(
        self,
        request: Request,
        session: StaffSession,
        upload: Upload,
        form: Form | None = None,
        *,
        problem: str = "",
        status: int = 200,
    ) -> Response:
        wording = self._wording(request)
        values: dict[str, Any] = {
            "upload": wording.row(upload, self._label(upload)),
            "told": wording.told(upload),
            "studies": wording.studies(upload),
            "troubles": wording.troubles(upload),
            "scan": wording.scan(upload),
            "remark": passage(upload.remark),
            "corrected": [(keyword, word, form.one(keyword) if form else "") for keyword, word in CORRECTED.items()],
            "longest_remark": LONGEST_REMARK,
            "problem": problem,
            "active": "uploads",
        }
        return self._door.render(request, "upload.html", values, session, status=status)

    def _label(self, upload: Upload) -> str:
        return self._house.intake.links.get(upload.link_id).label

    def _wording(self, request: Request) -> UploadWording:
        return UploadWording(Wording(self._pages.languages.of(request)), self._house.intake.scanner is not None)


def _remark(request: Request) -> str:
    return passage(form_of(request).one("remark"))[:LONGEST_REMARK]
