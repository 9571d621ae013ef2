"""Segments and contours that somebody has drawn for others, as the doctor's tools lay them over a series."""

from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from auth.sessions import Session
from gateway.pages.compression import compressed
from gateway.pages.wording import plain
from gateway.portal.door import NO_STORE
from gateway.portal.metadata import data_set_of
from gateway.portal.stack import Stack
from storage.data_set.json_values import text
from storage.errors import NoSuchInstance, NotRenderable
from storage.records import InstanceRecord
from storage.regions.images import MOST, Images, Listed
from storage.regions.planes import Plane, plane_of
from storage.regions.sets import CLASSES
from storage.scope import StudyScope
from storage.storage import Storage

_MOST_SETS: Final = 50


class Regions:
    """Answers JSON with the scope of the visitor's share. The methods block."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def listed(self, request: Request, session: Session) -> Response:
        """The sets of the study, for whatever series: [{"address", "name"}]. Raises NoSuchInstance."""
        scope, study, series = session.share.scope, request.path_params["study"], request.path_params["series"]
        self._storage.index.instances(scope, study, series)
        found = [one for one in self._storage.index.instances(scope, study) if one.sop_class_uid in CLASSES]
        summary = self._storage.index.summary(scope, study)
        names = {one.series_instance_uid: one.series_description for one in summary.series}
        root = f"/studies/{study}/series/{series}/regions"
        answer = [
            {
                "address": f"{root}/{one.series_instance_uid}/{one.sop_instance_uid}",
                "name": plain(names.get(one.series_instance_uid, "")),
            }
            for one in found[:_MOST_SETS]
        ]
        return _json(request, answer)

    def one(self, request: Request, session: Session) -> Response:
        """A set: its regions and where they lie (see `Pixels.regions`); with `?image=` (from 1) what to draw there.

        Raises NoSuchInstance, NotRenderable.
        """
        scope, study, series = session.share.scope, request.path_params["study"], request.path_params["series"]
        record = self._storage.index.instance(
            scope, study, request.path_params["beside"], request.path_params["instance"]
        )
        if record.sop_class_uid not in CLASSES:
            raise NoSuchInstance("This instance is no set of regions.")
        stack = Stack(self._storage.index.instances(scope, study, series))
        if stack.total > MOST:
            raise NotRenderable("The series has more images than are looked at.")
        asked = request.query_params.get("image")
        if asked is None:
            images = Images(_listed(stack), self._planes(scope, study, series, stack))
            answer = orjson.loads(self._storage.pixels.regions(record, images, series))
            answer["label"] = plain(answer["label"])
            for region in answer["regions"]:
                region["name"] = plain(region["name"])
            return _json(request, answer)
        if not (asked.isascii() and asked.isdigit() and 1 <= int(asked[:9]) <= stack.total):
            raise NoSuchInstance("No such image.")
        index = int(asked[:9]) - 1
        images = Images(_listed(stack), self._plane(scope, stack, index))
        return _json(request, orjson.loads(self._storage.pixels.outlines(record, images, index)))

    def _planes(self, scope: StudyScope, study: str, series: str, stack: Stack) -> dict[int, Plane]:
        """The planes of all images that say where they lie."""
        begins: dict[str, tuple[int, int]] = {}
        total = 0
        for record in stack.records:
            begins[record.sop_instance_uid] = total, record.number_of_frames
            total += record.number_of_frames
        planes: dict[int, Plane] = {}
        for encoded in self._storage.index.data_sets(scope, study, series, bulk_data_root=""):
            data_set = orjson.loads(encoded)
            first, frames = begins.get(text(data_set, "00080018"), (0, 0))
            for frame in range(frames):
                if plane := plane_of(data_set, frame + 1):
                    planes[first + frame] = plane
        return planes

    def _plane(self, scope: StudyScope, stack: Stack, index: int) -> dict[int, Plane]:
        record, frame = _at(stack, index)
        plane = plane_of(data_set_of(self._storage, scope, record), frame)
        return {index: plane} if plane else {}


def _listed(stack: Stack) -> list[Listed]:
    return [
        Listed(one.sop_instance_uid, one.number_of_frames, one.image_rows, one.image_columns) for one in stack.records
    ]


def _at(stack: Stack, index: int) -> tuple[InstanceRecord, int]:
    """The instance that holds image `index`, and its frame (from 1)."""
    for record in stack.records:
        if index < record.number_of_frames:
            return record, index + 1
        index -= record.number_of_frames
    raise NoSuchInstance("No such image.")


def _json(request: Request, answer: Any) -> Response:
    headers = dict(NO_STORE)
    content = compressed(request, orjson.dumps(answer), headers)
    return Response(content, headers=headers, media_type="application/json")
