"""Which images of a series go into a file, and how they are drawn: evenly chosen, one by one, in bounded time."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from dicomweb.media_types import is_video
from dicomweb.rendered.report_items import text
from storage.errors import NoSuchInstance, NotRenderable, OutOfResources
from storage.pixels import Rendering
from storage.records import InstanceRecord
from storage.storage import Storage

MOST: Final = 120
"""Images in one file."""

SECONDS: Final = 90.0
"""What drawing one file may take."""

_RATES: Final = ("00082144", "00180040")
_FRAME_TIME: Final = "00181063"
_FRAME_TIMES: Final = "00181065"
_USUAL: Final = 100.0
_QUICKEST, _SLOWEST = 16.0, 5000.0


@dataclass(frozen=True, slots=True)
class Image:
    """A frame of an instance; both numbers count from 1, `number` through the whole series."""

    number: int
    record: InstanceRecord
    frame: int


@dataclass(frozen=True, slots=True)
class Choice:
    """Every `step`-th of the `total` images of a series."""

    images: tuple[Image, ...]
    total: int
    step: int


def choose(records: Sequence[InstanceRecord], most: int = MOST) -> Choice:
    """At most `most` of what is an image among `records`, evenly, the first one always."""
    still = [one for one in records if one.number_of_frames and not is_video(one.transfer_syntax_uid)]
    total = sum(one.number_of_frames for one in still)
    step = max(-(-total // most), 1)
    return Choice(tuple(image for image in _numbered(still) if (image.number - 1) % step == 0), total, step)


def _numbered(records: Sequence[InstanceRecord]) -> Iterator[Image]:
    number = 0
    for record in records:
        for frame in range(1, record.number_of_frames + 1):
            number += 1
            yield Image(number, record, frame)


def drawn(
    storage: Storage, choice: Choice, rendering: Rendering, seconds: float = SECONDS
) -> Iterator[tuple[Image, bytes | None]]:
    """Each image with its picture file, None for what cannot be drawn; one at a time is in memory.

    Raises `OutOfResources` when the decoders are busy or all of it takes longer than `seconds`.
    """
    end = time.monotonic() + seconds
    for image in choice.images:
        if time.monotonic() > end:
            raise OutOfResources("Drawing this series takes longer than is allowed.")
        picture = None
        with suppress(NotRenderable, NoSuchInstance):
            layout = storage.index.layout(image.record)
            picture = storage.pixels.draw(image.record, layout, image.frame, rendering)
        yield image, picture


def milliseconds(data_set: dict[str, Any], step: int) -> int:
    """How long each picture of a film stays, by the `data_set` (DICOM JSON) of a moving image.

    Recommended Display Frame Rate or Cine Rate, else Frame Time (PS3.3 C.7.6.5), times the images that are passed over,
    so that a heart beats as it did; ten pictures a second where it names none.
    """
    rates = [rate for tag in _RATES if (rate := _number(data_set, tag)) > 0]
    vector = [value for value in data_set.get(_FRAME_TIMES, {}).get("Value", [])[1:] if isinstance(value, (int, float))]
    named = 1000.0 / rates[0] if rates else _number(data_set, _FRAME_TIME) or sum(vector) / max(len(vector), 1)
    return round(min(max(named * step if named > 0 else _USUAL, _QUICKEST), _SLOWEST))


def _number(data_set: dict[str, Any], tag: str) -> float:
    try:
        return float(text(data_set, tag))
    except ValueError:
        return 0.0
