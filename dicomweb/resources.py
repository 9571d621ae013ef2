"""Every resource of the web services: those of the Studies service (PS3.18 table 10.1-1), and what other rooms list."""

from typing import Final, Literal

from dicomweb.data_set_content import TAKEN
from dicomweb.description.descriptions import OPENAPI, PLAIN_JSON
from dicomweb.media_types import (
    BULK_DATA,
    DICOM,
    FRAME_MEDIA_TYPES,
    METADATA,
    OCTET_STREAM,
    RENDERED,
    STORE_RESPONSE,
    Representation,
)
from dicomweb.retrieve.wado_uri import PICTURE_PARAMETERS
from dicomweb.retrieve.zipped import ZIP
from dicomweb.store.arriving import STORED
from dicomweb.transactions import ACCEPT, SEARCH, SWITCH, Handler, Parameter, Resource, Transaction, strings
from dicomweb.worklist.worklist_service import WORKLIST

_INSTANCES: Final = (*strings(Representation(DICOM, multipart) for multipart in (True, False)), ZIP)
_FRAME_TYPES: Final = strings(
    Representation(media_type, multipart)
    for multipart in (True, False)
    for media_type in (OCTET_STREAM, *dict.fromkeys(FRAME_MEDIA_TYPES.values()))
)
_BULK: Final = tuple(dict.fromkeys((*strings(BULK_DATA), *_FRAME_TYPES)))
_METADATA: Final = strings(METADATA)
_RENDERED: Final = strings(RENDERED)
_STORED: Final = strings(Representation(one, multipart) for multipart in (True, False) for one in STORED)
_STORE_RESPONSE: Final = strings(STORE_RESPONSE)

SEARCH_STUDIES: Final = (
    *SEARCH,
    Parameter("emptyvaluematching", "Matching of empty values (8.3.4.6)", SWITCH),
    Parameter("multiplevaluematching", "Matching of several values (8.3.4.7)", SWITCH),
)
RENDERING: Final = (
    *ACCEPT,
    Parameter("viewport", "vw,vh or vw,vh,sx,sy,sw,sh (8.3.5.1.3)"),
    Parameter("window", "center,width,function (8.3.5.1.4)"),
    Parameter("annotation", "What is written on pictures: patient, technique, or both (8.3.5.1.1)"),
    Parameter(
        "iccprofile",
        "The colour profile of pictures (8.3.5.1.5)",
        {"type": "string", "enum": ["no", "yes", "srgb", "adobergb", "rommrgb"]},
    ),
    Parameter("quality", "Quality of a lossy picture (8.3.5.1.2)", {"type": "integer", "minimum": 1, "maximum": 100}),
)

_ACCESSED: Final = "instances accessed"
# What was deleted, and what lies beyond the end.
_OF_RANGES: Final = (410, 416)

_STUDY: Final = "/studies/{study}"
_SERIES: Final = _STUDY + "/series/{series}"
_INSTANCE: Final = _SERIES + "/instances/{instance}"
_FRAMES: Final = _INSTANCE + "/frames/{frames}"


def _search(handler: Handler) -> Transaction:
    return Transaction("GET", "Search", "10.6", handler, _METADATA, SEARCH_STUDIES, audited="query", at_once=True)


def _metadata(handler: Handler) -> Transaction:
    return Transaction(
        *("GET", "Retrieve", "10.4.1.1.2", handler, _METADATA, ACCEPT),
        statuses=(200, 304),
        refusals=(410,),
        audited=_ACCESSED,
    )


def _instances(handler: Handler) -> Transaction:
    return Transaction(
        *("GET", "Retrieve", "10.4.1.1.1", handler, _INSTANCES, ACCEPT),
        statuses=(200, 206, 304),
        refusals=_OF_RANGES,
        audited="instances downloaded",
    )


def _bulk(handler: Handler) -> Transaction:
    return Transaction(
        *("GET", "Retrieve", "10.4.1.1.5", handler, _BULK, ACCEPT),
        statuses=(200, 206, 304),
        refusals=_OF_RANGES,
        audited=_ACCESSED,
    )


def _rendered(handler: Handler, clause: str = "10.4.1.1.3") -> Transaction:
    return Transaction(
        *("GET", "Retrieve", clause, handler, _RENDERED, RENDERING),
        statuses=(200, 206, 304),
        refusals=_OF_RANGES,
        draws=True,
        audited=_ACCESSED,
    )


def _thumbnail(handler: Handler) -> Transaction:
    return _rendered(handler, "10.4.1.1.4")


_STORE: Final = Transaction(
    "POST",
    "Store",
    "10.5",
    lambda to: to.intake.store,
    _STORE_RESPONSE,
    right="write",
    takes=_STORED,
    statuses=(200, 202, 409),
)


def _describe(method: Literal["GET", "OPTIONS"], name: str = "Retrieve") -> Transaction:
    offers = ("application/vnd.sun.wadl+xml", "application/json")
    return Transaction(
        method, name, "8.9", lambda to: to.descriptions.capabilities, offers, ACCEPT, right=None, statuses=(200, 304)
    )


_DELETE: Final = Transaction(
    "DELETE",
    "Delete",
    "RFC 9110 9.3.5",
    lambda to: to.removal.delete,
    right="delete",
    statuses=(204,),
    refusals=(409, 410),
)
_COMMITMENT: Final = (
    Transaction(
        *("POST", "Request", "13.4", lambda to: to.commitment.request),
        *(_METADATA, ACCEPT, "write", TAKEN),
        statuses=(200, 202),
        refusals=(409,),
    ),
    # Whoever stores may ask whether it is safe, and nobody else: a device that only stores has no right to read.
    Transaction(
        *("GET", "Result Check", "13.5", lambda to: to.commitment.check),
        *(_METADATA, ACCEPT, "write"),
        statuses=(200, 202),
    ),
)
_URI_PARAMETERS: Final = (
    Parameter("requestType", "Always WADO (9.1.2.1.1)", {"type": "string", "enum": ["WADO"]}),
    *(Parameter(name, f"{name} (9.1.2.1)") for name in ("studyUID", "seriesUID", "objectUID")),
    Parameter("contentType", "Acceptable media types (9.1.2.2.1)"),
    Parameter("transferSyntax", "Of application/dicom (9.4.1.2.2)"),
    *(Parameter(name, f"{name} (9.5.1.2)") for name in PICTURE_PARAMETERS),
)


# In the order in which they are tried: what a viewer asks for most comes first.
RESOURCES: Final = (
    Resource(
        _FRAMES,
        "Frames",
        (
            Transaction(
                *("GET", "Retrieve", "10.4.1.1.6", lambda to: to.pixels.frames),
                *(_FRAME_TYPES, ACCEPT),
                statuses=(200, 206, 304),
                refusals=_OF_RANGES,
                audited=_ACCESSED,
                at_once=True,
            ),
        ),
    ),
    Resource(_FRAMES + "/rendered", "Rendered Frames", (_rendered(lambda to: to.renderings.frames),)),
    Resource(_FRAMES + "/thumbnail", "Frame Thumbnail", (_thumbnail(lambda to: to.renderings.frame_thumbnail),)),
    Resource(_INSTANCE + "/rendered", "Rendered Instance", (_rendered(lambda to: to.renderings.instance),)),
    Resource(_INSTANCE + "/thumbnail", "Instance Thumbnail", (_thumbnail(lambda to: to.renderings.thumbnail),)),
    Resource(_SERIES + "/thumbnail", "Series Thumbnail", (_thumbnail(lambda to: to.renderings.thumbnail),)),
    Resource(_STUDY + "/thumbnail", "Study Thumbnail", (_thumbnail(lambda to: to.renderings.thumbnail),)),
    Resource(_SERIES + "/metadata", "Series Metadata", (_metadata(lambda to: to.retrieval.metadata),)),
    Resource(_STUDY + "/metadata", "Study Metadata", (_metadata(lambda to: to.retrieval.metadata),)),
    Resource(_INSTANCE + "/metadata", "Instance Metadata", (_metadata(lambda to: to.retrieval.metadata),)),
    Resource(_INSTANCE + "/bulkdata", "Instance Bulkdata", (_bulk(lambda to: to.bulk_data.all_values),)),
    Resource(_SERIES + "/bulkdata", "Series Bulkdata", (_bulk(lambda to: to.bulk_data.all_values),)),
    Resource(_STUDY + "/bulkdata", "Study Bulkdata", (_bulk(lambda to: to.bulk_data.all_values),)),
    Resource(_INSTANCE + "/pixeldata", "Instance Pixel Data", (_bulk(lambda to: to.bulk_data.pixel_data),)),
    Resource(_SERIES + "/pixeldata", "Series Pixel Data", (_bulk(lambda to: to.bulk_data.pixel_data),)),
    Resource(_STUDY + "/pixeldata", "Study Pixel Data", (_bulk(lambda to: to.bulk_data.pixel_data),)),
    Resource(_INSTANCE + "/bulkdata/{path:path}", "Bulkdata", (_bulk(lambda to: to.bulk_data.value),)),
    Resource(_INSTANCE, "Instance", (_instances(lambda to: to.retrieval.instances), _DELETE)),
    Resource(_SERIES, "Series Instances", (_instances(lambda to: to.retrieval.instances), _DELETE)),
    Resource(_STUDY, "Study Instances", (_instances(lambda to: to.retrieval.instances), _STORE, _DELETE)),
    Resource("/studies", "All Studies", (_search(lambda to: to.searches.studies), _STORE)),
    Resource(_STUDY + "/series", "Study's Series", (_search(lambda to: to.searches.series),)),
    Resource(_STUDY + "/instances", "Study's Instances", (_search(lambda to: to.searches.instances),)),
    Resource(_SERIES + "/instances", "Study's Series' Instances", (_search(lambda to: to.searches.instances),)),
    Resource("/series", "All Series", (_search(lambda to: to.searches.series),)),
    Resource("/instances", "All Instances", (_search(lambda to: to.searches.instances),)),
    Resource(_SERIES + "/rendered", "Rendered Series", (_rendered(lambda to: to.renderings.collection),)),
    Resource(_STUDY + "/rendered", "Rendered Study", (_rendered(lambda to: to.renderings.collection),)),
    Resource("/commitment-requests/{transaction}", "Storage Commitment", _COMMITMENT),
    Resource(
        "/wado",
        "Instance by URI",
        (
            Transaction(
                *("GET", "Retrieve", "9", lambda to: to.by_uri.retrieve),
                *((DICOM, *_RENDERED), _URI_PARAMETERS),
                statuses=(200, 206, 304),
                refusals=_OF_RANGES,
                audited=_ACCESSED,
                draws=True,
            ),
        ),
    ),
    Resource("/", "Capabilities of the Service", (_describe("GET"), _describe("OPTIONS", "Retrieve by OPTIONS"))),
    Resource("/capabilities", "Capabilities", (_describe("GET"),)),
    Resource(
        "/openapi.json",
        "OpenAPI Document",
        (
            Transaction(
                *("GET", "Retrieve", "8.9", lambda to: to.descriptions.openapi),
                *(strings((PLAIN_JSON, OPENAPI)), ACCEPT),
                right=None,
                statuses=(200, 304),
            ),
        ),
    ),
    *WORKLIST,
)
