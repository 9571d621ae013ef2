"""Answers in XML (PS3.18 8.7.3.2): each data set is a Native DICOM Model, several are one part each."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import Response

from dicomweb.media_types import DICOM_XML, Representation
from dicomweb.multipart import Part
from dicomweb.payloads import multipart_response, single_part
from storage.data_set import native_model as model
from storage.data_set.dicom_json import Json

_PATH = (("studies", "0020000D"), ("series", "0020000E"), ("instances", "00080018"))

Location = Callable[[Json], str]


def native_models(
    data_sets: Iterable[Json], location: Location, headers: Mapping[str, str] = MappingProxyType({})
) -> Response:
    """`data_sets` as multipart/related, each encoded when it is to be sent; none at all are a body without parts."""
    return multipart_response(_parts(data_sets, location), DICOM_XML, headers=headers)


def native_model(
    request: Request, data_set: Json, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """One data set as a document by itself, compressed where the client takes that."""
    response = single_part(request, model.encode(data_set), Representation(DICOM_XML), headers or {})
    response.status_code = status
    return response


def metadata_url(base_url: str, data_set: Json) -> str:
    """Where the metadata of the instance are found that this data set is of (PS3.18 table 10.4.1-2)."""
    return "".join([base_url, *(f"/{name}/{data_set[tag]['Value'][0]}" for name, tag in _PATH), "/metadata"])


def _parts(data_sets: Iterable[Json], location: Location) -> Iterator[Part]:
    for data_set in data_sets:
        document = model.encode(data_set)
        yield Part(DICOM_XML, location(data_set), (document,), len(document))
