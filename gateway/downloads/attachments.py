"""What a browser opens by itself of instances that are no images: documents (PDF) and videos (MP4)."""

from collections.abc import Iterator
from typing import Final, Literal

from dicomweb.rendered.encapsulated import document, video, video_type
from dicomweb.rendered.rendered_media import ENCAPSULATIONS, Category, category
from storage.errors import NotRenderable
from storage.records import InstanceRecord
from storage.storage import Storage

_PDF: Final = "application/pdf"

Attachment = tuple[Literal["pdf", "video"], Iterator[bytes | memoryview]]


def attachment_of(storage: Storage, record: InstanceRecord) -> Attachment | None:
    """The document or video in an instance, as it was put there; None where there is none that browsers open."""
    match category(record):
        case Category.ENCAPSULATED if ENCAPSULATIONS[record.sop_class_uid].media_type == _PDF:
            try:
                return "pdf", document(storage.files, record).whole()
            except NotRenderable:
                return None
        case Category.VIDEO:
            layout = storage.index.layout(record)
            if video_type(storage.files, record, layout) == "video/mp4":
                return "video", video(storage.files, record, layout).whole()
    return None
