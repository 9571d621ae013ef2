"""Content that is one data set, in the DICOM JSON model or as a Native DICOM Model (PS3.18 8.7.3): taken and given."""

from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from dicomweb.media_types import ALIASES, DICOM_JSON, DICOM_XML, METADATA
from dicomweb.native_models import native_model, native_models
from dicomweb.negotiation import Acceptable, parse_media_type
from dicomweb.payloads import single_part
from dicomweb.problems import BadRequest, ContentTooLarge, UnsupportedMediaType
from storage.data_set import native_model_reader
from storage.data_set.dicom_json import Json

TAKEN: Final = (DICOM_JSON, DICOM_XML)


async def data_set_of(request: Request, largest: int, *, may_be_empty: bool = False) -> Any:
    """The data set of the request's content as its JSON says, by itself or as the only member of an array (F.2).

    Nothing in it is checked. `{}` for no content where it `may_be_empty`. Raises `ContentTooLarge` for more than
    `largest` bytes, `UnsupportedMediaType`, `BadRequest` for what is no JSON, `CannotUnderstand` for what is no XML.
    """
    media_type = parse_media_type(request.headers.get("content-type", ""))[0]
    media_type = ALIASES.get(media_type, media_type)
    content = await _bounded(request, largest)
    if may_be_empty and not content:
        return {}
    if media_type not in TAKEN:
        raise UnsupportedMediaType(TAKEN)
    if media_type == DICOM_XML:
        return native_model_reader.decode(content)
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise BadRequest("The content is not JSON.") from None
    return document[0] if isinstance(document, list) and len(document) == 1 else document


def data_set_answer(request: Request, data_set: Json, location: str, headers: dict[str, str] | None = None) -> Response:
    """`data_set`, which is found at `location`, in the form that the client prefers; 406 where it takes none."""
    chosen = Acceptable.of(request).choose_or_refuse(METADATA)
    if chosen.multipart:
        return native_models([data_set], lambda _: location, headers or {})
    if chosen.media_type == DICOM_XML:
        return native_model(request, data_set, headers=headers)
    return single_part(request, orjson.dumps([data_set]), chosen, headers or {})


async def _bounded(request: Request, largest: int) -> bytes:
    held = bytearray()
    async for piece in request.stream():
        held += piece
        if len(held) > largest:
            raise ContentTooLarge(f"The content is larger than {largest} bytes.")
    return bytes(held)
