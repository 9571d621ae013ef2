"""The URI Service (PS3.18 chapter 9): one instance by query parameters, as it is kept or rendered.

Its parameters are older words for what the Studies service takes: each request is put into those words and answered
there, so that both give the same pictures, files and refusals.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from dicomweb.media_types import DICOM
from dicomweb.negotiation import media_ranges
from dicomweb.problems import BadRequest, NotAcceptable
from dicomweb.rendered.rendered import Renderings
from dicomweb.retrieve.wado import Retrieval
from storage.identifiers import uid
from storage.index import Index
from storage.records import InstanceRecord
from storage.scope import StudyScope

_UIDS: Final = {"studyUID": "study", "seriesUID": "series", "objectUID": "instance"}
_PICTURE: Final = "image/jpeg"
# Old parameter to the one that says the same in 8.3.5; the others are put together below.
_SAME: Final = {
    "imageQuality": "quality",
    "imageAnnotation": "annotation",
    "annotation": "annotation",
    "charset": "charset",
}
_STATE: Final = ("presentationSeriesUID", "presentationUID")
# A presentation state says these itself (9.5.1.2).
_SAID_BY_STATES: Final = ("windowCenter", "windowWidth", "region")
PICTURE_PARAMETERS: Final = (
    *("frameNumber", "imageQuality", "imageAnnotation", "rows", "columns", "region", "windowCenter", "windowWidth"),
    *_STATE,
)


@dataclass(frozen=True, slots=True)
class UriService:
    """Answers `?requestType=WADO`. The method blocks and is called in a thread."""

    index: Index
    retrieval: Retrieval
    renderings: Renderings

    def retrieve(self, request: Request, scope: StudyScope) -> Response:
        """Retrieve DICOM Instance (9.4) or Retrieve Rendered Instance (9.5), as the media type that is wanted says.

        400 for what is missing, malformed or contradictory, 404, 406, 410 as the Studies service has them. What is not
        offered is refused, never left out: without anonymisation the answer would tell who the patient is.
        """
        parameters = _parameters(request)
        target = _target(parameters)
        record = self.index.instance(scope, target["study"], target["series"], target["instance"])
        accept = parameters.get("contentType") or ",".join(request.headers.getlist("accept")) or "*/*"
        if _wants_file(accept, record):
            return self.retrieval.instances(_rewritten(request, target, _file_query(parameters)), scope)
        query = {"accept": accept} | _picture_query(parameters, record)
        if state := _state(parameters):
            target["frames"] = parameters.get("frameNumber", "1")
            return self.renderings.presented(_rewritten(request, target, query), scope, *state)
        if "frameNumber" not in parameters:
            return self.renderings.instance(_rewritten(request, target, query), scope)
        target["frames"] = parameters["frameNumber"]
        if "," in target["frames"]:
            raise BadRequest("The parameter frameNumber names one frame.")
        return self.renderings.frames(_rewritten(request, target, query), scope)


def _parameters(request: Request) -> dict[str, str]:
    """Each parameter once, or `BadRequest`."""
    parameters = dict(request.query_params.multi_items())
    if len(parameters) != len(request.query_params.multi_items()):
        raise BadRequest("Each parameter is given once.")
    if parameters.get("requestType") != "WADO":
        raise BadRequest("The parameter requestType is WADO.")
    return parameters


def _target(parameters: Mapping[str, str]) -> dict[str, str]:
    missing = [name for name in _UIDS if not parameters.get(name)]
    if missing:
        raise BadRequest(f"The parameters studyUID, seriesUID and objectUID are needed; missing: {', '.join(missing)}.")
    return {name: uid(parameters[parameter], parameter) for parameter, name in _UIDS.items()}


def _wants_file(accept: str, record: InstanceRecord) -> bool:
    """Whether the media type that is wanted most is application/dicom; without preference pictures are (9.3)."""
    ranges = sorted((one for one in media_ranges(accept) if one.quality), key=lambda one: -one.quality)
    if not ranges:
        raise NotAcceptable([DICOM, _PICTURE])
    wanted = ranges[0].media_type
    # What has no pixels is rendered only where that is asked for by name.
    return wanted in (DICOM, "application/*") or (wanted == "*/*" and not record.number_of_frames)


def _file_query(parameters: Mapping[str, str]) -> dict[str, str]:
    """9.4.1.2."""
    if "anonymize" in parameters:
        raise BadRequest("Instances are not anonymised here; leave out the parameter anonymize to get it as it is.")
    if of_pictures := [name for name in PICTURE_PARAMETERS if name in parameters]:
        raise BadRequest(f"With the media type {DICOM} there is no {', '.join(of_pictures)}.")
    syntax = parameters.get("transferSyntax")
    return {"accept": f"{DICOM}; transfer-syntax={syntax}" if syntax else DICOM}


def _picture_query(parameters: Mapping[str, str], record: InstanceRecord) -> dict[str, str]:
    """9.5.1.2 in the words of 8.3.5. A region is a part of the image from 0.0 to 1.0 there, pixels here."""
    if "anonymize" in parameters or "transferSyntax" in parameters:
        raise BadRequest(f"The parameters anonymize and transferSyntax go with the media type {DICOM} only.")
    query = {new: parameters[old] for old, new in _SAME.items() if old in parameters}
    if window := _both(parameters, "windowCenter", "windowWidth"):
        query["window"] = f"{window[0]},{window[1]},linear"
    viewport, region = _both(parameters, "columns", "rows"), parameters.get("region")
    if region is not None:
        x, y, width, height = _region(region, record)
        viewport = viewport or (str(max(round(width), 1)), str(max(round(height), 1)))
        query["viewport"] = f"{viewport[0]},{viewport[1]},{x},{y},{width},{height}"
    elif viewport:
        query["viewport"] = f"{viewport[0]},{viewport[1]}"
    return query


def _state(parameters: Mapping[str, str]) -> tuple[str, str] | None:
    """Series and instance of the presentation state that is to be applied (9.5.1.2)."""
    if not any(name in parameters for name in _STATE):
        return None
    if contradicting := [name for name in _SAID_BY_STATES if name in parameters]:
        raise BadRequest(f"A presentation state says itself what {', '.join(contradicting)} would say.")
    if not all(parameters.get(name) for name in _STATE):
        raise BadRequest(f"The parameters {' and '.join(_STATE)} stand together.")
    series, instance = (uid(parameters[name], name) for name in _STATE)
    return series, instance


def _both(parameters: Mapping[str, str], *names: str) -> tuple[str, str] | None:
    """Two values that stand together or not at all (9.5.1.2.4, 9.5.1.2.6)."""
    first, second = (parameters.get(name) for name in names)
    if first is None and second is None:
        return None
    if first is None or second is None or "," in first + second:
        raise BadRequest(f"The parameters {' and '.join(names)} are one number each, and stand together.")
    return first, second


def _region(text: str, record: InstanceRecord) -> tuple[float, float, float, float]:
    """`xmin,ymin,xmax,ymax` between 0.0 and 1.0 (9.5.1.2.5) as x, y, width and height in pixels."""
    try:
        left, top, right, bottom = (float(part) for part in text.split(","))
    except ValueError:
        raise BadRequest("The parameter region is xmin,ymin,xmax,ymax.") from None
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise BadRequest("The parameter region is xmin,ymin,xmax,ymax between 0.0 and 1.0, the maxima the greater.")
    columns, rows = record.image_columns, record.image_rows
    return left * columns, top * rows, (right - left) * columns, (bottom - top) * rows


def _rewritten(request: Request, target: dict[str, str], query: Mapping[str, str]) -> Request:
    """The request as it would ask the Studies service; its Accept field has been read."""
    headers = [(name, value) for name, value in request.scope["headers"] if name != b"accept"]
    scope: dict[str, Any] = {
        **{key: value for key, value in request.scope.items() if key != "state"},
        "path_params": target,
        "query_string": urlencode(query).encode("ascii"),
        "headers": headers,
    }
    return Request(scope)
