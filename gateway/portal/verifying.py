"""The page on which whoever got an archive sees whether its files are unchanged. Nothing is sent: the browser looks."""

from starlette.requests import Request
from starlette.responses import Response

from gateway.downloads.site_key import SiteKey
from gateway.house import House
from gateway.pages.pages import Pages
from gateway.portal.door import Door


class Verifying:
    """For everybody: a doctor who got an archive has no access code."""

    def __init__(self, house: House, pages: Pages, door: Door) -> None:
        self._key = SiteKey(house.storage.folder)
        self._pages = pages
        self._door = door

    def page(self, request: Request) -> Response:
        """The page, with the public key for its script."""
        values = {"public_key": self._key.public_pem}
        return self._pages.render(request, "verify.html", values, session=self._door.session_of(request))

    def key(self, request: Request) -> Response:
        """The public key as a file."""
        headers = {"content-disposition": 'attachment; filename="signing-key.pem"', "cache-control": "no-cache"}
        return Response(self._key.public_pem, 200, headers, "application/x-pem-file")
