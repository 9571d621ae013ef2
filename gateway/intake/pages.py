"""The pages of those who send something in: from the link to the confirmation.

Nobody has a session here. Who shows the token of a link may begin an upload; who shows the secret of an upload may go
on with it and see what became of it. Both travel in fragments and bodies, never in an address that a server sees. All
works without script too, for files that a browser sends in one go.
"""

import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from anyio import to_thread
from starlette.datastructures import UploadFile as SentFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Message

from auth.birth_date import parse_birth_date
from auth.cookies import is_same_origin
from dicomweb.problems import log_unexpected
from gateway.config import Config
from gateway.intake.beginnings import TooOften
from gateway.intake.intake import Intake
from gateway.intake.links import Form, UploadLink
from gateway.intake.tus import Transfers
from gateway.intake.uploads import SENDING, NotNow, TooMuch, Upload
from gateway.pages.pages import Pages
from gateway.pages.static import StaticFiles
from gateway.pages.texts import Languages, Texts
from gateway.portal.forms import fields_of
from gateway.sheets import logo_url
from storage.errors import OutOfResources, Refusal

_TEMPLATES: Final = Path(__file__).parent / "templates"
_NO_STORE: Final = {"cache-control": "no-store"}
_LONGEST: Final = 200
_MOST_AT_ONCE: Final = 2 << 30
"""Bytes of a form with files, which comes in one go."""
_MOST_FILES: Final = 1000
_PIECE: Final = 1 << 20
_PEEKED: Final = 2048
_SECRET: Final = re.compile(
    rb'--[^\r\n]{1,200}\r\nContent-Disposition: form-data; name="secret"\r\n\r\n([0-9A-Z]{1,64})\r\n', re.IGNORECASE
)
"""The first field of the form with files, as browsers send it (RFC 7578)."""

FIELDS: Final[dict[Form, tuple[str, ...]]] = {
    "patient": ("name", "birth_date", "contact"),
    "referrer": ("sender", "practice", "contact", "name", "birth_date"),
}
"""What each form asks, in this order; all of it is needed."""

Work = Callable[[], Response]


@dataclass(frozen=True, slots=True)
class Again:
    """What is sent where to have the same page once more, in another language."""

    url: str
    fields: dict[str, str] = field(repr=False)


class SendingIn:
    """The pages, each an answer to a form."""

    def __init__(self, intake: Intake, pages: Pages, config: Config) -> None:
        self._intake = intake
        self._pages = pages
        self._config = config

    async def landing(self, request: Request) -> Response:
        """Where links lead: the token stands in the fragment, which only the page's script can see."""
        return self._landing(request)

    async def returning(self, request: Request) -> Response:
        """Where an upload is gone on with, and its state is told: its secret stands in the fragment."""
        return self._landing(request, kind="sending")

    async def questions(self, request: Request) -> Response:
        """The form that belongs to the token."""
        fields = await fields_of(request)
        return await self._safely(request, lambda: self._questions(request, fields))

    async def begin(self, request: Request) -> Response:
        """The answers; then the page for the files."""
        fields = await fields_of(request)
        return await self._safely(request, lambda: self._begin(request, fields))

    async def go_on(self, request: Request) -> Response:
        """The upload of a secret: its files while it is open, else its state."""
        secret = (await fields_of(request)).get("secret", "")
        return await self._safely(request, lambda: self._upload(request, secret))

    async def finish(self, request: Request) -> Response:
        """Everything was sent."""
        secret = (await fields_of(request)).get("secret", "")
        return await self._safely(request, lambda: self._finish(request, secret))

    async def files(self, request: Request) -> Response:
        """Files of a browser that runs no script, in one go. Without the secret, which stands first, none is read."""
        head, request = await _peeked(request)
        shown = _SECRET.match(head)
        secret = shown[1].decode() if shown else ""
        answer = await self._safely(request, lambda: self._awaited(request, secret))
        if answer.status_code != 200:
            return answer
        async with request.form(max_files=_MOST_FILES, max_fields=10) as form:
            sent = [one for one in form.getlist("files") if isinstance(one, SentFile) and one.filename]
            return await self._safely(request, lambda: self._take(request, secret, sent))

    async def _safely(self, request: Request, work: Work) -> Response:
        """What `work` answers, run in a thread; or a page that says why not."""

        def run() -> Response:
            if not is_same_origin(request, self._config.public_root):
                return self._pages.message(request, "upload_foreign", status=403)
            try:
                return work()
            except Refusal as refusal:
                kind = _REFUSALS.get(refusal.http_status, "problem")
                return self._pages.message(request, kind, status=refusal.http_status)
            except Exception as error:
                return self._pages.message(request, "problem", status=500, number=log_unexpected(error))

        return await to_thread.run_sync(run)

    def _landing(self, request: Request, kind: str = "link") -> Response:
        values = {"kind": kind, **self._house("")}
        return self._pages.render(request, "upload_landing.html", values)

    def _questions(self, request: Request, fields: dict[str, str]) -> Response:
        token = fields.get("token", "")
        link = self._intake.links.by_token(token)
        return self._form(request, link, token, _answers(link, fields), {})

    def _begin(self, request: Request, fields: dict[str, str]) -> Response:
        token = fields.get("token", "")
        link = self._intake.links.by_token(token)
        answers = _answers(link, fields)
        problems = _problems(self._pages.languages.of(request), answers)
        if problems:
            return self._form(request, link, token, answers, problems, status=400)
        try:
            self._intake.beginnings.admit(link, request.client.host if request.client else "")
        except TooOften as refusal:
            return self._form(request, link, token, answers, {}, status=429, retry_after=refusal.retry_after)
        answers["birth_date"] = parse_birth_date(answers["birth_date"]) or ""
        begun = self._intake.uploads.begin(link, answers)
        return self._sending(request, begun.upload, begun.secret)

    def _upload(self, request: Request, secret: str) -> Response:
        upload = self._intake.uploads.by_secret(secret)
        if upload.state in SENDING:
            return self._sending(request, upload, secret)
        return self._told(request, upload, secret)

    def _finish(self, request: Request, secret: str) -> Response:
        upload = self._intake.uploads.finish(self._intake.uploads.by_secret(secret))
        return self._told(request, upload, secret)

    def _awaited(self, request: Request, secret: str) -> Response:
        """200 for a form with files that may be read: they lie in a temporary folder until all of them are there."""
        if self._intake.uploads.by_secret(secret).state not in SENDING:
            raise NotNow("Nothing more is wanted of this upload.")
        length = request.headers.get("content-length", "")
        if not length.isdigit() or int(length) > _MOST_AT_ONCE:
            raise TooMuch("This is too much for one form.")
        if shutil.disk_usage(tempfile.gettempdir()).free < 2 * int(length):
            raise OutOfResources("There is not enough room for this form.")
        return Response()

    def _take(self, request: Request, secret: str, sent: list[SentFile]) -> Response:
        uploads, quarantine = self._intake.uploads, self._intake.quarantine
        upload = uploads.by_secret(secret)
        for one in sent:
            file = uploads.announce(upload, one.filename or "", one.size or 0, "")
            quarantine.create(file)
            with quarantine.transfer(file) as transfer:
                while piece := one.file.read(_PIECE):
                    transfer.write(piece)
                transfer.sync()
            uploads.complete(file)
        return self._told(request, uploads.finish(upload), secret)

    def _form(
        self,
        request: Request,
        link: UploadLink,
        token: str,
        answers: dict[str, str],
        problems: dict[str, str],
        status: int = 200,
        retry_after: int = 0,
    ) -> Response:
        """The questions with what was answered; seconds to wait where too many begin at this time."""
        minutes = -(-retry_after // 60)
        values: dict[str, Any] = {"form": link.form, "fields": FIELDS[link.form], "token": token, "answers": answers}
        values |= {
            "problems": problems,
            "often": self._pages.languages.of(request).count("upload.often", minutes) if minutes else "",
            "again": Again("/u/form", {"token": token, **answers}),
            **self._house(link.site),
        }
        headers = {"retry-after": str(retry_after)} if retry_after else {}
        return self._pages.render(request, "upload_form.html", values, status=status, headers=headers)

    def _sending(self, request: Request, upload: Upload, secret: str) -> Response:
        return self._of_upload(request, "upload_files.html", upload, secret)

    def _told(self, request: Request, upload: Upload, secret: str) -> Response:
        return self._of_upload(request, "upload_state.html", upload, secret)

    def _of_upload(self, request: Request, template: str, upload: Upload, secret: str) -> Response:
        values: dict[str, Any] = {"upload": upload, "secret": secret, "again": Again("/u/sending", {"secret": secret})}
        return self._pages.render(request, template, values | self._house(upload.site))

    def _house(self, key: str) -> dict[str, Any]:
        """Whose page it is."""
        site = self._config.site_of(key) or self._config.site
        return {"site": site, "logo": logo_url(self._config, site)}


def routes(intake: Intake, config: Config, static: StaticFiles, languages: Languages) -> list[BaseRoute]:
    """All below /u, the transfers too."""
    sending = SendingIn(intake, Pages(config, languages, static, _TEMPLATES, "/u"), config)
    forms = {
        "/u/form": sending.questions,
        "/u/begin": sending.begin,
        "/u/finish": sending.finish,
        "/u/files": sending.files,
    }
    return [
        Route("/u", sending.landing),
        Route("/u/sending", sending.go_on, methods=["POST"]),
        Route("/u/sending", sending.returning),
        *(Route(path, endpoint, methods=["POST"]) for path, endpoint in forms.items()),
        *(Route(path, _to_landing) for path in forms),
        *Transfers(intake.uploads, intake.quarantine).routes(),
    ]


async def _to_landing(request: Request) -> Response:
    return RedirectResponse("/u", 303, _NO_STORE)


def _answers(link: UploadLink, fields: dict[str, str]) -> dict[str, str]:
    """What the fields of a form say to the questions of the link."""
    return {name: fields.get(name, "").strip()[:_LONGEST] for name in FIELDS[link.form]}


def _problems(words: Texts, answers: dict[str, str]) -> dict[str, str]:
    """What is to be mended, by field."""
    found = {name: words("upload.needed") for name, value in answers.items() if not value}
    if answers["birth_date"] and parse_birth_date(answers["birth_date"]) is None:
        found["birth_date"] = words("upload.birth_date_wrong")
    return found


async def _peeked(request: Request) -> tuple[bytes, Request]:
    """What the body begins with, and the request with all of its body yet to be read."""
    messages, head = [], b""
    while len(head) < _PEEKED:
        messages.append(await request.receive())
        head += messages[-1].get("body", b"")
        if not messages[-1].get("more_body"):
            break

    async def receive() -> Message:
        return messages.pop(0) if messages else await request.receive()

    return head, Request(request.scope, receive)


_REFUSALS: Final = {403: "upload_link", 409: "upload_over", 413: "upload_too_much"}
