"""Pictures that somebody asked for, kept for the next who asks: drawn once, however many ask at the same time."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from typing import Final

from storage.errors import OutOfResources
from storage.prepared import PreparedPictures, Wanted

_SHARE_BETWEEN_LOOKS: Final = 16


class DrawnPictures:
    """Safe to use from any thread; several processes may share a folder. All methods block."""

    def __init__(self, pictures: PreparedPictures, most_bytes: int) -> None:
        """Keep them among `pictures`, which are nobody else's, in at most about `most_bytes`; 0 keeps none.

        Each process may keep a sixteenth more before it looks how much there is.
        """
        self._pictures = pictures
        self._most = most_bytes
        self._lock = threading.Lock()
        self._being_drawn: dict[str, Future[bytes]] = {}
        self._since_look = most_bytes

    def picture(self, wanted: Wanted, draw: Callable[[], bytes]) -> bytes:
        """The picture, kept or drawn now. What `draw` raises reaches all who wait for the same picture."""
        if not self._most:
            return draw()
        if found := self._pictures.find(wanted):
            return found
        with self._lock:
            waiting = self._being_drawn.get(wanted.name)
            if waiting is None:
                mine = self._being_drawn[wanted.name] = Future[bytes]()
        return waiting.result() if waiting else self._draw(wanted, draw, mine)

    def tidy(self) -> None:
        """Drop what shows a deleted instance, and the oldest beyond the limit."""
        self._pictures.evict(self._most)

    def drop(self, study_instance_uid: str, blob_keys: Iterable[str]) -> None:
        """Drop every picture of these instances of a study, which are being deleted. Raises OSError."""
        self._pictures.drop(study_instance_uid, blob_keys)

    def _draw(self, wanted: Wanted, draw: Callable[[], bytes], future: Future[bytes]) -> bytes:
        try:
            # It may have been kept between our look and our turn.
            picture = self._pictures.find(wanted)
            if not picture:
                picture = draw()
                self._keep(wanted, picture)
        except BaseException as error:
            future.set_exception(error)
            raise
        else:
            future.set_result(picture)
            return picture
        finally:
            # Only now: whoever comes later finds it kept.
            with self._lock:
                del self._being_drawn[wanted.name]

    def _keep(self, wanted: Wanted, picture: bytes) -> None:
        # A full disk is no reason to withhold a picture.
        with suppress(OutOfResources):
            self._pictures.keep(wanted, picture, durably=False)
        with self._lock:
            self._since_look += len(picture)
            is_due = self._since_look > self._most // _SHARE_BETWEEN_LOOKS
            self._since_look = 0 if is_due else self._since_look
        if is_due:
            self.tidy()
