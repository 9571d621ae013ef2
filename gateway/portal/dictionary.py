"""The keywords of the data dictionary (PS3.6), for the tools that show an image's header."""

import gzip
from functools import cached_property
from typing import Final

import orjson
from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary
from starlette.requests import Request
from starlette.responses import Response

from dicomweb.negotiation import accepts_gzip

_HEADERS: Final = {"cache-control": "public, max-age=86400", "vary": "accept-encoding"}


class Dictionary:
    """For everybody: it is the standard's."""

    def keywords(self, request: Request) -> Response:
        """All keywords by their tags, as in the DICOM JSON model; those of repeating groups as "60xx3000"."""
        plain, gzipped = self._content
        if accepts_gzip(request):
            return Response(gzipped, headers=_HEADERS | {"content-encoding": "gzip"}, media_type="application/json")
        return Response(plain, headers=_HEADERS, media_type="application/json")

    @cached_property
    def _content(self) -> tuple[bytes, bytes]:
        # Made when somebody asks first: most processes are never asked.
        named = {f"{tag:08X}": entry[4] for tag, entry in DicomDictionary.items() if entry[4]}
        repeating = {tag: entry[4] for tag, entry in RepeatersDictionary.items() if entry[4]}
        plain = orjson.dumps(named | repeating)
        return plain, gzip.compress(plain, 9, mtime=0)
