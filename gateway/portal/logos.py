"""Logos of the sites, as the configuration names them."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from gateway.config import Config
from gateway.sheets import logo
from storage.errors import NoSuchInstance

_HEADERS: Final = {"cache-control": "public, max-age=3600"}


class Logos:
    """They tell nothing of anybody, so everybody may have them."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def logo(self, request: Request) -> Response:
        """A PNG or JPEG; 404 for a site that has none that can be read."""
        site = self._config.site_of(request.path_params.get("site", ""))
        picture = logo(self._config, site) if site else b""
        if not picture:
            raise NoSuchInstance("No such logo.")
        media_type = "image/png" if picture.startswith(b"\x89PNG") else "image/jpeg"
        return Response(picture, headers=_HEADERS, media_type=media_type)
