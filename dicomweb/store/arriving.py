"""The body of a Store request while it arrives (PS3.18 10.5.1): each Part 10 file goes straight into the store.

Metadata and bulk data are set aside until all is there; see `assembling`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from dicomweb.media_types import ALIASES, DICOM, DICOM_JSON, DICOM_XML, OCTET_STREAM
from dicomweb.multipart import PartsReader, Sink
from dicomweb.negotiation import parse_media_type
from dicomweb.problems import UnsupportedMediaType
from dicomweb.store.assembling import METADATA_TYPES, Assembly
from dicomweb.store.content_encoding import content_decoder
from storage.errors import CannotUnderstand, ProcessingFailure, Refusal
from storage.incoming import Incoming
from storage.ingest import Ingest
from storage.pixels import Pixels

STORED: Final = (DICOM, DICOM_JSON, DICOM_XML)
_TAKEN: Final = (*(f'multipart/related; type="{one}"' for one in STORED), *STORED)
_SHORTEST: Final = 133
"""Bytes of preamble, prefix, and one more (PS3.10 7.1)."""
_PART_TYPES: Final = frozenset({"", DICOM, OCTET_STREAM})


class Arriving:
    """One part on its way into the store. What goes wrong with it stays with it."""

    def __init__(self, ingest: Ingest, media_type: str, done: Callable[["Arriving"], None]) -> None:
        self.incoming: Incoming | None = None
        self.refusal: Refusal | None = None
        self._ingest = ingest
        self._done = done
        self._beginning = bytearray()
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

    def arrived(self) -> Incoming | Refusal:
        """The instance that the part is, or why it is none."""
        return self.incoming or self.refusal or ProcessingFailure("The part was not kept.")


class Body:
    """The body of one request as it is split into parts. Used by one thread at a time."""

    def __init__(self, ingest: Ingest, pixels: Pixels, headers: Mapping[str, str], base_url: str) -> None:
        """Raises `UnsupportedMediaType` or `UnsupportedContentEncoding`, or `BadRequest` for a multipart body without
        boundary.
        """
        self._ingest = ingest
        self._pixels = pixels
        self._base_url = base_url
        self._complete: list[Arriving] = []
        self._current: Arriving | None = None
        self._single: Sink | None = None
        self._reader: PartsReader | None = None
        self._assembly: Assembly | None = None
        self._is_first = False
        self._decoder = content_decoder(headers.get("content-encoding", ""))
        media_type, parameters = parse_media_type(headers.get("content-type", ""))
        self._begin(ALIASES.get(media_type, media_type), parameters)

    def feed(self, data: bytes) -> list[Incoming | Refusal]:
        """Take the next bytes and return the parts that are complete with them."""
        return [part for parts in self.portions(data) for part in parts]

    def portions(self, data: bytes) -> Iterator[list[Incoming | Refusal]]:
        """Take the next bytes as it is asked for; gives, portion by portion, the parts that are complete with it.

        Each complete part may hold a file open, so those of one portion must be begun with before the next.
        """
        for piece in self._decoder.feed(data) if self._decoder else (data,):
            if self._reader is not None:
                for portion in self._reader.portions(piece):
                    self._reader.feed(portion)
                    yield self.complete()
            elif self._single is not None:
                self._single.write(memoryview(piece))
        yield self.complete()

    def close(self) -> list[Incoming | Refusal]:
        """The body has ended: the last part, if it is complete. Raises `BadRequest` if it is not."""
        if self._decoder is not None:
            self._decoder.close()
        if self._reader is not None:
            self._reader.close()
        elif self._single is not None:
            self._single.end()
        return self.complete()

    def complete(self) -> list[Incoming | Refusal]:
        """The parts that have become complete since this was last asked."""
        complete, self._complete = self._complete, []
        return [part.arrived() for part in complete]

    def assembled(self) -> Iterator[Incoming | Refusal] | None:
        """After `close`: the instances made of metadata and bulk data, each when it is asked for; None without any."""
        return self._assembly.instances() if self._assembly else None

    def abandon(self) -> None:
        """Let go of a part that will never be complete, and of all that was set aside."""
        if self._current is not None:
            self._current.abandon()
            self._current = None
        if self._assembly is not None:
            self._assembly.close()

    def _begin(self, media_type: str, parameters: Mapping[str, str]) -> None:
        stated = parameters.get("type", "").lower()
        stated = ALIASES.get(stated, stated)
        if media_type in STORED:
            self._is_first = True
            self._single = self._open({"content-type": media_type})
        elif media_type == "multipart/related" and stated in ("", *STORED):
            self._reader = PartsReader(parameters.get("boundary", ""), self._open)
            # Without a type the first part says what this is (RFC 2387 3.1).
            self._is_first = not stated
            if stated in METADATA_TYPES:
                self._assembly = Assembly(self._ingest, self._pixels, self._base_url)
        else:
            raise UnsupportedMediaType(_TAKEN)

    def _open(self, headers: Mapping[str, str]) -> Sink:
        media_type, _ = parse_media_type(headers.get("content-type", ""))
        media_type = ALIASES.get(media_type, media_type)
        if self._is_first and media_type in METADATA_TYPES:
            self._assembly = Assembly(self._ingest, self._pixels, self._base_url)
        self._is_first = False
        if self._assembly is not None and media_type != DICOM:
            return self._assembly.open(headers.get("content-type", ""), headers.get("content-location", ""))
        self._current = Arriving(self._ingest, media_type, self._end)
        return self._current

    def _end(self, part: Arriving) -> None:
        self._complete.append(part)
        self._current = None
