"""Privacy notice and terms of a site, from its own files, accepted once for each share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from auth.sessions import Session
from auth.shares import Shares
from gateway.config import Config
from gateway.pages.pages import Pages
from gateway.portal.door import NO_STORE, PatientEndpoint
from gateway.sections import SiteConfig


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A piece of a text; a heading begins with "# " in the file."""

    text: str
    is_heading: bool


class Terms:
    """Reads the files at every request, so that a new text counts at once."""

    def __init__(self, config: Config, shares: Shares, pages: Pages) -> None:
        self._folders = {key: _folder(config, site) for key, site in _sites(config).items()}
        self._languages = {key: site.language for key, site in _sites(config).items()}
        self._shares = shares
        self._pages = pages

    def demanded(self, endpoint: PatientEndpoint) -> PatientEndpoint:
        """`endpoint` for those who have accepted what their site demands; the others are led to the text first."""

        def after_terms(request: Request, session: Session) -> Response:
            if session.share.terms is None and self._file(request, session) is not None:
                return RedirectResponse("/terms", 303, NO_STORE)
            return endpoint(request, session)

        return after_terms

    def show(self, request: Request, session: Session) -> Response:
        """The text, with a button as long as it was not accepted; the start page where there is none."""
        file = self._file(request, session)
        if file is None:
            return RedirectResponse("/", 303, NO_STORE)
        values: dict[str, Any] = {
            "paragraphs": paragraphs(file),
            "language": file.stem,
            "accepted": session.share.terms is not None,
        }
        return self._pages.render(request, "terms.html", values, session=session)

    def accept(self, request: Request, session: Session, fields: Mapping[str, str]) -> Response:
        """Note it, and go on."""
        self._shares.accept_terms(session.share.id)
        return RedirectResponse("/", 303, NO_STORE)

    def is_there(self, request: Request, session: Session) -> bool:
        """Whether the site has a text."""
        return self._file(request, session) is not None

    def _file(self, request: Request, session: Session) -> Path | None:
        """The text in the visitor's language, or in the site's own."""
        site = session.share.site if session.share.site in self._folders else ""
        folder = self._folders[site]
        if folder is None:
            return None
        spoken = self._pages.languages.of(request).language
        files = (folder / f"{language}.txt" for language in (spoken, self._languages[site]))
        return next((file for file in files if file.is_file()), None)


def paragraphs(file: Path) -> Sequence[Paragraph]:
    """What stands between empty lines."""
    blocks = (" ".join(block.split()) for block in file.read_text("utf-8").split("\n\n"))
    return [Paragraph(block.removeprefix("# "), block.startswith("# ")) for block in blocks if block]


def _sites(config: Config) -> dict[str, SiteConfig]:
    return {"": config.site, **{site.key: site for site in config.sites}}


def _folder(config: Config, site: SiteConfig) -> Path | None:
    return config.base / site.terms if site.terms else None
