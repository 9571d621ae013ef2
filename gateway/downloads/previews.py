"""The pictures that the viewer of an archive shows: JPEGs of so many bytes that the archive hardly grows by them."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from storage.errors import NotRenderable
from storage.imaging.rendering import Rendering
from storage.records import InstanceRecord
from storage.storage import Storage

_LOG: Final = logging.getLogger("durchblick.gateway")

BUDGET: Final = 0.09
"""Bytes of pictures for each byte of DICOM files, at most: the whole overhead stays below 12 %."""

_HEADERS: Final = 260
"""What an archive needs for one more file, beside its content."""

# JPEG quality and longest side, the best first; noise costs most, and a low quality takes noise away first.
_LADDER: Final = ((88, 1024), (80, 1024), (70, 1024), (60, 1024), (50, 1024), (50, 512), (40, 256))


@dataclass(frozen=True, slots=True)
class Image:
    """An instance with images, and the bytes of its file in the archive."""

    record: InstanceRecord
    size: int

    @property
    def room(self) -> float:
        """Bytes that the picture of one frame may take."""
        return BUDGET * self.size / max(self.record.number_of_frames, 1) - _HEADERS


class Previews:
    """Draws the pictures of one series. Blocking; the decoders' processes do the work."""

    def __init__(self, storage: Storage, images: Sequence[Image]) -> None:
        self._storage = storage
        self._images = images

    def pictures(self) -> Iterator[bytes | None]:
        """A JPEG for each frame of each instance, in their order; None for what cannot be drawn.

        Raises `OutOfResources` when the decoders are busy.
        """
        rendering = self._affordable()
        for image in self._images:
            for number in range(1, image.record.number_of_frames + 1):
                yield self._picture(image, number, rendering)

    def _affordable(self) -> Rendering:
        """The best rendering of which three samples keep to the budget."""
        count = len(self._images)
        samples = [self._images[at] for at in sorted({0, count // 2, count - 1})] if count else []
        for quality, side in _LADDER[:-1]:
            rendering = _rendering(quality, side)
            drawn = [
                (sample, self._picture(sample, (sample.record.number_of_frames + 1) // 2, rendering))
                for sample in samples
            ]
            fitting = [(sample.room, len(picture)) for sample, picture in drawn if picture]
            if sum(size for _, size in fitting) <= sum(room for room, _ in fitting):
                return rendering
        return _rendering(*_LADDER[-1])

    def _picture(self, image: Image, number: int, rendering: Rendering) -> bytes | None:
        try:
            layout = self._storage.index.layout(image.record)
            return self._storage.pixels.draw(image.record, layout, number, rendering)
        except NotRenderable:
            _LOG.info("preview_left_out syntax=%s", image.record.transfer_syntax_uid)
            return None


def _rendering(quality: int, side: int) -> Rendering:
    return Rendering(viewport=(side, side), quality=quality)
