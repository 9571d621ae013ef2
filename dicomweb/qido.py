"""QIDO-RS: the Search transaction (PS3.18 10.6)."""

import re
from collections.abc import Callable
from typing import Any, Final

import orjson
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from dicomweb.media_types import METADATA
from dicomweb.negotiation import Acceptable
from dicomweb.parameters import parse_search
from dicomweb.payloads import single_part
from storage.attributes import Level
from storage.identifiers import uid
from storage.index import Index
from storage.scope import StudyScope

RETRIEVE_URL: Final = "00081190"
_UID_TAGS: Final = (("studies", "0020000D"), ("series", "0020000E"), ("instances", "00080018"))
_PATH_KEYS: Final = {
    "study": ("StudyInstanceUID", "Study Instance UID"),
    "series": ("SeriesInstanceUID", "Series Instance UID"),
}
_UNPRINTABLE: Final = re.compile(r"[^ !#-\[\]-~]")
_LONGEST_WARNING: Final = 1_000


class Searches:
    """The six search resources of PS3.18 table 10.6.1-1."""

    def __init__(self, index: Index, base_url: Callable[[HTTPConnection], str]) -> None:
        self._index = index
        self._base_url = base_url

    def studies(self, request: Request, scope: StudyScope) -> Response:
        """Search for studies."""
        return self._search(request, scope, Level.STUDY)

    def series(self, request: Request, scope: StudyScope) -> Response:
        """Search for series, of one study or of all."""
        return self._search(request, scope, Level.SERIES)

    def instances(self, request: Request, scope: StudyScope) -> Response:
        """Search for instances, of one series, of one study or of all."""
        return self._search(request, scope, Level.INSTANCE)

    def _search(self, request: Request, scope: StudyScope, level: Level) -> Response:
        """200 with the matches, also when there are none (CP-2473); what was not done as asked is in Warning."""
        Acceptable.of(request).choose_or_refuse(METADATA)
        named = [(*_PATH_KEYS[name], value) for name, value in request.path_params.items()]
        path_keys = [(keyword, uid(value, name)) for keyword, name, value in named]
        search = parse_search(request.scope["query_string"].decode("latin-1"), level, path_keys)
        base_url = self._base_url(request)
        found: list[dict[str, Any]] = []
        if not search.matches_nothing:
            results = self._index.search(scope, search.query())
            found = [_with_retrieve_url(data_set, base_url, level) for data_set in results.data_sets]
            if results.remaining:
                search.warnings.append(f"There are {results.remaining} additional results that can be requested")
        return single_part(request, encode_json(found), METADATA[0], warning_header(base_url, search.warnings))


def encode_json(value: Any) -> bytes:
    """DICOM JSON as UTF-8 without blanks (PS3.18 F.2)."""
    return orjson.dumps(value)


def warning_header(base_url: str, warnings: list[str]) -> dict[str, str]:
    """The Warning header field for `warnings`, each with code 299 and our base URL as agent (PS3.18 8.3.4)."""
    texts = (_UNPRINTABLE.sub("?", warning)[:_LONGEST_WARNING] for warning in warnings)
    joined = ", ".join(f'299 {base_url} "{text}"' for text in texts)
    return {"Warning": joined} if joined else {}


def _with_retrieve_url(data_set: dict[str, Any], base_url: str, level: Level) -> dict[str, Any]:
    """`data_set` with its Retrieve URL (0008,1190), tags in ascending order as PS3.18 F.2.2 wants."""
    url = base_url
    for name, tag in _UID_TAGS[: level + 1]:
        url += f"/{name}/{data_set[tag]['Value'][0]}"
    return dict(sorted((data_set | {RETRIEVE_URL: {"vr": "UR", "Value": [url]}}).items()))
