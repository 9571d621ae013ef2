"""Share onward: a patient lets a doctor see the images, for a shorter time, by a code that the patient can end."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from qrcode import QRCode
from qrcode.constants import ERROR_CORRECT_M
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from auth.birth_date import parse_birth_date
from auth.errors import Denied, TooManyShares
from auth.records import Issued
from auth.sessions import Session
from gateway.house import House
from gateway.pages.pages import Pages
from gateway.pages.texts import Texts
from gateway.pages.wording import day, plain
from gateway.portal.door import NO_STORE
from gateway.portal.studies import StudyView, studies_of
from storage.errors import NoSuchInstance

DAYS: Final = (7, 14, 30)
_LONGEST_NAME: Final = 60
_QUIET_ZONE: Final = 4


class Onward:
    """The form, the page with the new code, which is shown once, and the end of it."""

    def __init__(self, house: House, pages: Pages) -> None:
        self._index = house.storage.index
        self._shares = house.shares
        self._identification = house.identification
        self._pages = pages
        self._root = house.config.http.dicomweb_path
        self._public_root = house.config.public_root

    def ask(self, request: Request, session: Session) -> Response:
        """The form. Raises NoSuchInstance for a share that was itself handed on."""
        return self._form(request, session, {})

    def make(self, request: Request, session: Session, fields: Mapping[str, str]) -> Response:
        """A new share, whose code and QR code stand on the page that answers and nowhere else."""
        words = self._pages.languages.of(request)
        born = parse_birth_date(fields.get("birth_date", ""))
        if born is None:
            return self._form(request, session, fields, words("error.birth_date"), 400)
        days = next((one for one in DAYS if str(one) == fields.get("days")), DAYS[0])
        wanted = fields.get("study", "")
        study = self._chosen(request, session, wanted) if wanted else None
        try:
            self._identification.confirm(session.share, born)
            label = plain(fields.get("name", ""))[:_LONGEST_NAME]
            issued = self._shares.hand_on(
                session.share.id, born, days, label, study.study_instance_uid if study else ""
            )
        except Denied:
            return self._form(request, session, fields, words("account.wrong_birth_date"), 403)
        except TooManyShares:
            return self._form(request, session, fields, words("onward.too_many"), 409)
        return self._sheet(request, session, issued, study)

    def end(self, request: Request, session: Session, fields: Mapping[str, str]) -> Response:
        """End a share that was handed on from this one; of any other nothing happens."""
        wanted = fields.get("share", "")
        if any(one.id == wanted for one in self._shares.handed_on(session.share.id)):
            self._shares.revoke(wanted)
        return RedirectResponse("/account?ended_onward", 303, NO_STORE)

    def _form(
        self, request: Request, session: Session, fields: Mapping[str, str], error: str = "", status: int = 200
    ) -> Response:
        if session.share.parent:
            raise NoSuchInstance("A share that was handed on is not handed on again.")
        values: dict[str, Any] = {
            "studies": self._studies(self._pages.languages.of(request), session),
            "choices": DAYS,
            "fields": {"name": "", "days": str(DAYS[0]), "study": "", **fields},
            "error": error,
        }
        return self._pages.render(request, "onward.html", values, session=session, status=status)

    def _sheet(self, request: Request, session: Session, issued: Issued, study: StudyView | None) -> Response:
        words = self._pages.languages.of(request)
        matrix = _matrix(issued.link(self._public_root))
        values: dict[str, Any] = {
            "name": issued.share.label,
            "groups": issued.code.split("-"),
            "address": self._public_root.removeprefix("https://"),
            "until": day(words, issued.share.expires.date()),
            "study": study,
            "qr_size": len(matrix),
            "qr_path": _path(matrix),
        }
        return self._pages.render(request, "onward_sheet.html", values, session=session)

    def _chosen(self, request: Request, session: Session, wanted: str) -> StudyView:
        studies = self._studies(self._pages.languages.of(request), session)
        found = next((one for one in studies if one.study_instance_uid == wanted), None)
        if found is None:
            raise NoSuchInstance("No such study.")
        return found

    def _studies(self, words: Texts, session: Session) -> Sequence[StudyView]:
        return studies_of(words, self._root, self._index.studies(session.share.scope))


def _matrix(link: str) -> Sequence[Sequence[bool]]:
    code = QRCode(error_correction=ERROR_CORRECT_M, border=_QUIET_ZONE)
    code.add_data(link)
    code.make(fit=True)
    matrix: Sequence[Sequence[bool]] = code.get_matrix()
    return matrix


def _path(matrix: Sequence[Sequence[bool]]) -> str:
    """The dark modules as one SVG path, a module being one unit."""
    return "".join(
        f"M{column} {row}h1v1h-1z" for row, cells in enumerate(matrix) for column, dark in enumerate(cells) if dark
    )
