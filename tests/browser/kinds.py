"""Synthetic instances of every kind that a patient may have, for the browser tests."""

from typing import Any, Protocol

from pydicom.dataset import Dataset

from tests.browser import pictures


class Placed(Protocol):
    """Makes the attributes that put instances into one series of a study of that name and date."""

    def __call__(self, name: str, date: str, **attributes: str | None) -> dict[str, Any]: ...


def studies(placed: Placed) -> dict[str, list[Dataset]]:
    """By the names that tests use."""
    return {"film": [film(**placed("film", "20190101", Modality="US"))]}


def film(**attributes: Any) -> Dataset:
    """Twelve frames, frame n of the even grey 20n, for 40 ms each."""
    made = pictures.multi_frame(12, **attributes)
    made.FrameTime = "40"
    return made
