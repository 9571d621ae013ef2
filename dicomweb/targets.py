"""The target resource of a request (PS3.18 10.1.2): UIDs and frame numbers of its path, and the URL of an instance."""

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from dicomweb.problems import BadRequest
from storage.errors import NoSuchInstance
from storage.identifiers import uid
from storage.records import InstanceRecord, Layout

NOTHING_THERE: Final = "Nothing of that name is visible here."
_MOST_FRAMES: Final = 100_000


@dataclass(frozen=True, slots=True)
class Target:
    """The UIDs of a path, each checked; empty where the path does not go so deep."""

    study: str
    series: str = ""
    instance: str = ""

    @classmethod
    def of(cls, request: Request) -> "Target":
        """Raises `MalformedIdentifier` for what is no UID."""
        path = request.path_params
        return cls(
            uid(path["study"], "Study Instance UID"),
            uid(path["series"], "Series Instance UID") if "series" in path else "",
            uid(path["instance"], "SOP Instance UID") if "instance" in path else "",
        )


def instance_url(base_url: str, record: InstanceRecord) -> str:
    """The URL of an instance (PS3.18 table 10.4.1-1)."""
    return (
        f"{base_url}/studies/{record.study_instance_uid}/series/{record.series_instance_uid}"
        f"/instances/{record.sop_instance_uid}"
    )


def frame_numbers(text: str) -> list[int]:
    """The numbers of a frame list in its order (PS3.18 10.4.1.1.6), or `BadRequest`."""
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > _MOST_FRAMES or not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        raise BadRequest("A frame list is made of frame numbers from 1 on, separated by commas.")
    numbers = [int(part) for part in parts]
    if 0 in numbers:
        raise BadRequest("Frame numbers begin with 1.")
    return numbers


def check_frames(record: InstanceRecord, layout: Layout, numbers: list[int]) -> None:
    """Raise `NoSuchInstance` unless the instance has every frame of `numbers`."""
    count = layout.frames.count if layout.frames else record.number_of_frames
    if max(numbers) > count:
        raise NoSuchInstance(f"There is no frame {max(numbers)}: the instance has {count}.")
