"""Encapsulated PDF documents as a browser shows them, in a frame of our own page or alone."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from auth.sessions import Session
from dicomweb.media_types import Representation
from dicomweb.payloads import strong_validator
from dicomweb.rendered.encapsulated import document
from dicomweb.rendered.rendered_media import ENCAPSULATIONS
from dicomweb.single_part import Version, one
from storage.errors import NoSuchInstance
from storage.storage import Storage

_PDF: Final = Representation("application/pdf")
# A document reaches nobody and runs nothing of ours; the reader of the browser needs styles of its own, and no sandbox.
_HEADERS: Final = {
    "content-disposition": "inline",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'",
    "x-frame-options": "SAMEORIGIN",
}


class Documents:
    """Sends them; the method blocks."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def pdf(self, request: Request, session: Session) -> Response:
        """The PDF of an instance, or the part of it that is asked for. Raises NoSuchInstance, NotRenderable."""
        uids = (request.path_params[name] for name in ("study", "series", "instance"))
        record = self._storage.index.instance(session.share.scope, *uids)
        kind = ENCAPSULATIONS.get(record.sop_class_uid)
        if kind is None or kind.media_type != _PDF.media_type:
            raise NoSuchInstance("This instance is no PDF document.")
        content = document(self._storage.files, record)
        version = Version(strong_validator(record.digest, "inline"))
        return one(request, version, _PDF, content.size, lambda: content, _HEADERS)
