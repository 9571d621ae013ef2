"""Words that patients meet with their images, in a sentence or two."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from gateway.pages.pages import Pages
from gateway.portal.door import Door

WORDS: Final = (
    *("ct", "mr", "xray", "us", "mg", "examination", "series", "slice", "window"),
    *("contrast", "report", "localizer", "directions", "dicom", "radiology"),
)
"""Each with the texts `glossary.WORD` and `glossary.WORD_means`; which they are does not depend on anybody's images."""


class Glossary:
    """For everybody: it tells nothing of anybody."""

    def __init__(self, pages: Pages, door: Door) -> None:
        self._pages = pages
        self._door = door

    def page(self, request: Request) -> Response:
        """All words, in the order of the visitor's alphabet as far as code points have it."""
        words = self._pages.languages.of(request)
        listed = sorted(WORDS, key=lambda word: words(f"glossary.{word}").casefold())
        return self._pages.render(request, "glossary.html", {"words": listed}, session=self._door.session_of(request))
