"""Images that others point to: those that a Key Object Selection names, those that a presentation state is for."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from dicomweb.rendered.rendered_media import Category, category
from dicomweb.rendered.report_items import Referenced, content, text
from gateway.pages.wording import plain
from gateway.portal.metadata import data_set_of
from gateway.portal.studies import SMALL, thumbnail_url
from storage.errors import NoSuchInstance
from storage.records import InstanceRecord
from storage.scope import StudyScope
from storage.storage import Storage

MOST = 500
"""Images of one selection that are shown."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An image that is pointed to: where the viewer shows it, and a small picture of it."""

    url: str
    thumbnail: str


@dataclass(frozen=True, slots=True)
class State:
    """A presentation state as the viewer's script reads it; `images`: SOP Instance UIDs to frames, [] for all."""

    series: str
    instance: str
    label: str
    images: dict[str, list[int]]


class References:
    """Resolves them as far as `scope` shows what they point to; `root` is where DICOMweb is mounted."""

    def __init__(self, storage: Storage, root: str) -> None:
        self._storage = storage
        self._root = root

    def viewer_url(self, scope: StudyScope, reference: Referenced) -> str:
        """Where the viewer shows the image that a report names; empty where it is none, or none to be seen."""
        image = self._referenced(scope, reference)
        return _viewer(image, next(iter(reference.frames), 1)) if image else ""

    def key_images(self, scope: StudyScope, record: InstanceRecord) -> list[Shown]:
        """The images of a Key Object Selection (PS3.3 A.35.4), in its order."""
        return list(self._key_images(scope, record))

    def marked(self, scope: StudyScope, state: InstanceRecord) -> list[Shown]:
        """The images that a presentation state is for, as it shows them."""
        found = []
        for reference in self._storage.pixels.references(state):
            series, instance = reference.series_instance_uid, reference.sop_instance_uid
            image = self._image(scope, state.study_instance_uid, series, instance)
            if image is not None:
                number = next(iter(reference.frames), 1)
                address = marked_url(self._root, image, number, state, SMALL)
                found.append(Shown(_viewer(image, number), address))
        return found[:MOST]

    def states(self, scope: StudyScope, study: str, states: list[str], series: str) -> list[State]:
        """The presentation states in the series `states` that are for images of `series`."""
        found: list[State] = []
        for uid in states:
            for record in self._storage.index.instances(scope, study, uid):
                if category(record) is Category.PRESENTATION_STATE:
                    found += self._state(scope, record, series)
        return found[:MOST]

    def _state(self, scope: StudyScope, record: InstanceRecord, series: str) -> Iterator[State]:
        images = {
            reference.sop_instance_uid: list(reference.frames)
            for reference in self._storage.pixels.references(record)
            if reference.series_instance_uid == series
        }
        if images:
            said = data_set_of(self._storage, scope, record)
            label = plain(text(said, "00700081") or text(said, "00700080"))
            yield State(record.series_instance_uid, record.sop_instance_uid, label, images)

    def _key_images(self, scope: StudyScope, record: InstanceRecord) -> Iterator[Shown]:
        count = 0
        for item in content(data_set_of(self._storage, scope, record)):
            image = self._referenced(scope, item.reference) if item.reference else None
            if image is not None and item.reference:
                number = next(iter(item.reference.frames), 1)
                yield Shown(_viewer(image, number), thumbnail_url(self._root, image, number))
                count += 1
                if count == MOST:
                    return

    def _referenced(self, scope: StudyScope, reference: Referenced) -> InstanceRecord | None:
        path = reference.path.split("/")
        return self._image(scope, path[2], path[4], path[6]) if len(path) == 7 else None

    def _image(self, scope: StudyScope, study: str, series: str, instance: str) -> InstanceRecord | None:
        try:
            record = self._storage.index.instance(scope, study, series, instance)
        except NoSuchInstance:
            return None
        return record if category(record) is Category.IMAGE else None


def marked_url(root: str, image: InstanceRecord, frame: int, state: InstanceRecord, side: int) -> str:
    """The picture of a frame with a presentation state applied (PS3.18 9.5.1.2), in a square of `side` pixels."""
    query = {
        "requestType": "WADO",
        "studyUID": image.study_instance_uid,
        "seriesUID": image.series_instance_uid,
        "objectUID": image.sop_instance_uid,
        "frameNumber": frame,
        "contentType": "image/jpeg",
        "presentationSeriesUID": state.series_instance_uid,
        "presentationUID": state.sop_instance_uid,
        "columns": side,
        "rows": side,
    }
    return f"{root}/wado?{urlencode(query)}"


def _viewer(image: InstanceRecord, frame: int) -> str:
    """The address of the viewer with that frame in sight."""
    path = f"/studies/{image.study_instance_uid}/series/{image.series_instance_uid}"
    return f"{path}?{urlencode({'instance': image.sop_instance_uid, 'frame': frame})}"
