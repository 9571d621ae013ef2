"""The body of a Store request while it arrives: each part goes straight into a file of the store (PS3.18 10.5.1)."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from dicomweb.media_types import DICOM
from dicomweb.multipart import PartsReader
from dicomweb.negotiation import parse_media_type
from dicomweb.problems import UnsupportedMediaType
from storage.errors import CannotUnderstand, Refusal
from storage.incoming import Incoming
from storage.ingest import Ingest

_TAKEN: Final = ('multipart/related; type="application/dicom"', DICOM)
_SHORTEST: Final = 133
"""Bytes of preamble, prefix, and one more (PS3.10 7.1)."""
_PART_TYPES: Final = frozenset({"", DICOM, "application/octet-stream"})


class Arriving:
    """One part on its way into the store. What goes wrong with it stays with it."""

    def __init__(self, ingest: Ingest, headers: Mapping[str, str], done: Callable[["Arriving"], None]) -> None:
        self.incoming: Incoming | None = None
        self.refusal: Refusal | None = None
        self._ingest = ingest
        self._done = done
        self._beginning = bytearray()
        media_type, _ = parse_media_type(headers.get("content-type", ""))
        if media_type not in _PART_TYPES:
            self.refusal = CannotUnderstand(f"Only parts of the media type {DICOM} are taken.")

    def write(self, data: memoryview) -> None:
        if self.refusal is not None:
            return
        try:
            if self.incoming is None:
                # What is no file yet costs no file: a request may have very many parts.
                self._beginning += data[:_SHORTEST]
                if len(self._beginning) < _SHORTEST:
                    return
                data = memoryview(bytes(self._beginning) + data[_SHORTEST:])
                self.incoming = self._ingest.receive()
            self.incoming.write(data)
        except Refusal as refusal:
            self.abandon()
            self.refusal = refusal.with_traceback(None)

    def end(self) -> None:
        if self.incoming is None and self.refusal is None:
            self.refusal = CannotUnderstand("The part is shorter than any DICOM file.")
        self._done(self)

    def abandon(self) -> None:
        if self.incoming is not None:
            self.incoming.abandon()
            self.incoming = None


class Body:
    """The body of one request as it is split into parts. Used by one thread at a time."""

    def __init__(self, ingest: Ingest, media_type: str, parameters: Mapping[str, str]) -> None:
        """Raises `UnsupportedMediaType`, or `BadRequest` for a multipart body without boundary."""
        self._ingest = ingest
        self._complete: list[Arriving] = []
        self._current: Arriving | None = None
        self._reader: PartsReader | None = None
        if media_type == DICOM:
            self._open({})
        elif media_type == "multipart/related" and parameters.get("type", DICOM).lower() == DICOM:
            self._reader = PartsReader(parameters.get("boundary", ""), self._open)
        else:
            raise UnsupportedMediaType(_TAKEN)

    def portions(self, data: bytes) -> Iterable[bytes]:
        """The next bytes in portions to be fed one after the other, each of them with few parts."""
        return self._reader.portions(data) if self._reader else (data,)

    def feed(self, data: bytes) -> list[Arriving]:
        """Take the next bytes and return the parts that are complete with them."""
        if self._reader is not None:
            self._reader.feed(data)
        elif self._current is not None:
            self._current.write(memoryview(data))
        return self.complete()

    def close(self) -> list[Arriving]:
        """The body has ended: the last part, if it is complete. Raises `BadRequest` if it is not."""
        if self._reader is not None:
            self._reader.close()
        elif self._current is not None:
            self._current.end()
        return self.complete()

    def complete(self) -> list[Arriving]:
        """The parts that have become complete since this was last asked."""
        complete, self._complete = self._complete, []
        return complete

    def abandon(self) -> None:
        """Let go of a part that will never be complete."""
        if self._current is not None:
            self._current.abandon()
            self._current = None

    def _open(self, headers: Mapping[str, str]) -> Arriving:
        self._current = Arriving(self._ingest, headers, self._end)
        return self._current

    def _end(self, part: Arriving) -> None:
        self._complete.append(part)
        self._current = None
