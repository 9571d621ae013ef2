"""QIDO-RS: the Search transaction (PS3.18 10.6)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import orjson
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from dicomweb.media_types import DICOM_XML, METADATA
from dicomweb.native_models import native_models
from dicomweb.negotiation import Acceptable
from dicomweb.payloads import single_part
from dicomweb.search.paging import Pages
from dicomweb.search.search_parameters import Search, parse_search
from dicomweb.search.turns import Turns
from storage.attributes import BY_KEYWORD, Level
from storage.identifiers import uid
from storage.index import Index, Results
from storage.page_ends import PageEnds
from storage.scope import StudyScope

RETRIEVE_URL: Final = "00081190"
_UID_TAGS: Final = (("studies", "0020000D"), ("series", "0020000E"), ("instances", "00080018"))
_PATH_KEYS: Final = {
    "study": ("StudyInstanceUID", "Study Instance UID"),
    "series": ("SeriesInstanceUID", "Series Instance UID"),
}
# The required return attributes of PS3.18 tables 10.6.3-3 to 10.6.3-5, which are sent without value when unknown. Only
# Modalities in Study (0008,0061) is left out then: viewers read the first of its values without looking.
_REQUIRED: Final = {
    Level.STUDY: (
        *("StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "PatientName"),
        *("PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyID"),
        *("NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances"),
    ),
    Level.SERIES: ("Modality", "SeriesInstanceUID", "SeriesNumber", "NumberOfSeriesRelatedInstances"),
    Level.INSTANCE: ("SOPClassUID", "SOPInstanceUID", "InstanceNumber"),
}
_UNPRINTABLE: Final = re.compile(r"[^ !#-\[\]-~]")
_LONGEST_WARNING: Final = 1_000


class Searches:
    """The six search resources of PS3.18 table 10.6.1-1.

    Results come newest study first, within it by series and instance number, which is one order for all of them. Who
    reads page after page, each with the `offset` at which the one before ended, goes on behind the last result that he
    was given: nothing that arrives or is deleted meanwhile moves, repeats or hides other results. That holds for the
    latest 10,000 pages, whichever process answers. Any other `offset` counts from the newest result at that moment.
    """

    def __init__(self, index: Index, page_ends: PageEnds, base_url: Callable[[HTTPConnection], str]) -> None:
        self._index = index
        self._page_ends = page_ends
        self._base_url = base_url
        self._turns = Turns()

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
        chosen = Acceptable.of(request).choose_or_refuse(METADATA)
        named = [(*_PATH_KEYS[name], value) for name, value in request.path_params.items()]
        path_keys = [(keyword, uid(value, name)) for keyword, name, value in named]
        search = parse_search(request.scope["query_string"].decode("latin-1"), level, path_keys)
        base_url = self._base_url(request)
        with self._turns.take():
            found = self._found(request, scope, search, base_url)
            content = b"" if chosen.media_type == DICOM_XML else encode_json(found)
        headers = warning_header(base_url, search.warnings)
        if chosen.media_type == DICOM_XML:
            return native_models(found, _retrieve_url, headers)
        return single_part(request, content, METADATA[0], headers)

    def _found(self, request: Request, scope: StudyScope, search: Search, base_url: str) -> list[dict[str, Any]]:
        """The data sets of the matches, complete and in their order."""
        if search.matches_nothing:
            return []
        results = self._results(request, scope, search)
        if results.remaining:
            search.warnings.append(f"There are {results.remaining} additional results that can be requested")
        required = _required(search.level, request.path_params)
        return [_completed(required, data_set, base_url, search.level) for data_set in results.data_sets]

    def _results(self, request: Request, scope: StudyScope, search: Search) -> Results:
        """The page that is asked for, behind the one before it if that is known."""
        query, pages = search.query(), Pages.of(self._page_ends, request)
        place = pages.begin(query.offset)
        results = self._index.search(scope, replace(query, after=place, offset=0) if place else query)
        # Who asked for everything and got it comes for no other page.
        if results.last is not None and (search.limit is not None or results.remaining):
            pages.end(query.offset + len(results.data_sets), results.last)
        return results


def encode_json(value: Any) -> bytes:
    """DICOM JSON as UTF-8 without blanks (PS3.18 F.2)."""
    return orjson.dumps(value)


def warning_header(base_url: str, warnings: list[str]) -> dict[str, str]:
    """The Warning header field for `warnings`, each with code 299 and our base URL as agent (PS3.18 8.3.4)."""
    texts = (_UNPRINTABLE.sub("?", warning)[:_LONGEST_WARNING] for warning in warnings)
    joined = ", ".join(f'299 {base_url} "{text}"' for text in texts)
    return {"Warning": joined} if joined else {}


def _retrieve_url(data_set: dict[str, Any]) -> str:
    return str(data_set[RETRIEVE_URL]["Value"][0])


def _required(level: Level, path: Mapping[str, str]) -> dict[str, Any]:
    """What each match has to hold, without values: its own level, and those above that the path does not name."""
    named = {Level.STUDY: "study" in path, Level.SERIES: "series" in path, Level.INSTANCE: False}
    levels = [one for one in Level if one == level or (one < level and not named[one])]
    attributes = (BY_KEYWORD[keyword] for one in levels for keyword in _REQUIRED[one])
    return {attribute.tag: {"vr": attribute.vr} for attribute in attributes}


def _completed(required: dict[str, Any], data_set: dict[str, Any], base_url: str, level: Level) -> dict[str, Any]:
    """`data_set` with what is required of it and its Retrieve URL (0008,1190), tags ascending as PS3.18 F.2.2 wants."""
    url = base_url
    for name, tag in _UID_TAGS[: level + 1]:
        url += f"/{name}/{data_set[tag]['Value'][0]}"
    return dict(sorted({**required, **data_set, RETRIEVE_URL: {"vr": "UR", "Value": [url]}}.items()))
