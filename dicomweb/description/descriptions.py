"""What the service says of itself: the Retrieve Capabilities transaction (PS3.18 8.9) and the OpenAPI document."""

from collections.abc import Callable, Mapping
from typing import Final

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from dicomweb.media_types import Representation
from dicomweb.negotiation import Acceptable
from dicomweb.payloads import not_modified, single_part, validator
from storage.scope import StudyScope

Describe = Callable[[str], bytes]
"""Makes a document of the base URL."""

OPENAPI: Final = Representation("application/vnd.oai.openapi+json")
PLAIN_JSON: Final = Representation("application/json")


class Descriptions:
    """Documents that are the same for every caller who is known."""

    def __init__(
        self,
        base_url: Callable[[HTTPConnection], str],
        capabilities: Mapping[str, Describe],
        openapi: Describe,
    ) -> None:
        """`capabilities` has a maker for each media type, preferred first."""
        self._base_url = base_url
        self._capabilities = {Representation(media_type): make for media_type, make in capabilities.items()}
        self._openapi = openapi

    def capabilities(self, request: Request, scope: StudyScope) -> Response:
        """The Capabilities Description of annex H."""
        chosen = Acceptable.of(request).choose_or_refuse(tuple(self._capabilities))
        return self._answer(request, self._capabilities[chosen], chosen)

    def openapi(self, request: Request, scope: StudyScope) -> Response:
        """The OpenAPI document."""
        chosen = Acceptable.of(request).choose_or_refuse((PLAIN_JSON, OPENAPI))
        return self._answer(request, self._openapi, chosen)

    def _answer(self, request: Request, make: Describe, chosen: Representation) -> Response:
        content = make(self._base_url(request))
        etag = validator(content)
        return not_modified(request, etag) or single_part(request, content, chosen, {"ETag": etag})
