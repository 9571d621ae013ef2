"""Sets of regions as a decoder process reads them from their files, and what it answers about them."""

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import orjson

from storage.data_set.dicom_json import attributes
from storage.data_set.part10 import read
from storage.imaging.image_pixels import Samples, Undecodable
from storage.regions import segmentation, structure_set
from storage.regions.images import Images
from storage.regions.segmentation import Segmentation, segmentation_of
from storage.regions.structure_set import StructureSet, structure_set_of

RegionSet = Segmentation | StructureSet

CLASSES: Final = segmentation.CLASSES | structure_set.CLASSES
"""The SOP classes whose instances are such sets."""

_KEPT: Final = 2


class RegionSets:
    """Answers about sets; keeps the last few, since one image after the other is asked about."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Path, RegionSet] = OrderedDict()

    def placed(self, path: Path, request: dict[str, Any]) -> bytes:
        """Which regions there are, and on which of the images of the request they lie, as JSON."""
        found, images = self._of(path), Images.received(request["images"])
        concerns = found.concerns(images, request["series"])
        return orjson.dumps(found.placed(images).message(found.regions, found.label, concerns=concerns))

    def outlines(self, path: Path, request: dict[str, Any], samples: Callable[[int], Samples]) -> bytes:
        """What is to be drawn on the image of the request, as JSON; `samples` decodes a frame of the set (from 1)."""
        found, images = self._of(path), Images.received(request["images"])
        if isinstance(found, Segmentation):
            return orjson.dumps(found.outlines(images, request["index"], samples))
        return orjson.dumps(found.outlines(images, request["index"]))

    def _of(self, path: Path) -> RegionSet:
        if path not in self._kept:
            self._kept[path] = _read(path)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(path)
        return self._kept[path]


def _read(path: Path) -> RegionSet:
    with path.open("rb") as file:
        part10 = read(file)
    data_set, _ = attributes(part10.buffer, part10.elements)
    if part10.meta.sop_class_uid in segmentation.CLASSES:
        return segmentation_of(data_set)
    if part10.meta.sop_class_uid in structure_set.CLASSES:
        return structure_set_of(data_set)
    raise Undecodable("This instance is neither a segmentation nor a structure set.")
