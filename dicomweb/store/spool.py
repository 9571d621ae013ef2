"""The parts of a Store request that only make instances together: kept in one nameless file until its body has ended.

However many and large they are, memory holds no more than where each of them lies.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Final
from urllib.parse import urljoin

from dicomweb.media_types import ALIASES, OCTET_STREAM
from dicomweb.negotiation import parse_media_type
from dicomweb.problems import ContentTooLarge
from storage.data_set.assembly import Run
from storage.errors import CannotUnderstand
from storage.incoming import exhausted

MOST_ADDRESSES: Final = 8 << 20
"""Characters in all addresses of one request, which are in memory."""
_LONGEST_LOCATION: Final = 2_048
_LONGEST_NAME: Final = 128


@dataclass(frozen=True, slots=True)
class Spooled:
    """One part that has arrived whole."""

    media_type: str
    transfer_syntax: str
    location: str
    run: Run


class Spool:
    """Where the parts of one request lie. Used by one thread at a time."""

    def __init__(self, open_file: Callable[[], BinaryIO], base_url: str) -> None:
        """`base_url` is what relative addresses in the request are relative to. Raises `OutOfResources`."""
        self._file = open_file()
        self._base_url = base_url
        self._size = self._characters = 0
        self._parts: dict[str, list[Spooled]] = {}
        self._wanted: set[str] = set()

    def part(self, content_type: str, location: str, done: Callable[[Spooled], None]) -> "SpooledPart":
        """A sink for the next part; `done` gets it when it is whole."""
        media_type, parameters = parse_media_type(content_type)
        media_type = ALIASES.get(media_type, media_type) or OCTET_STREAM
        syntax = parameters.get("transfer-syntax", "")[:_LONGEST_NAME]
        begun = Spooled(media_type[:_LONGEST_NAME], syntax, location, Run(self._file, self._size, 0))
        return SpooledPart(begun, self._write, done)

    def keep(self, part: Spooled) -> None:
        """Note `part` as bulk data, to be found by its Content-Location. Raises `ContentTooLarge` for too many."""
        address = self._address(part.location)
        self._characters += len(part.location) + len(part.media_type) + len(part.transfer_syntax)
        if self._characters > MOST_ADDRESSES:
            raise ContentTooLarge("The Content-Locations of the parts are too long altogether.")
        self._parts.setdefault(address, []).append(part)

    def find(self, uri: str) -> list[Spooled]:
        """The parts whose Content-Location is `uri`, in their order, or `CannotUnderstand` where there are none."""
        address = self._address(uri)
        found = self._parts.get(address)
        if not found:
            raise CannotUnderstand("A BulkDataURI is the Content-Location of no part of the request.")
        self._wanted.add(address)
        return found

    def unclaimed(self) -> int:
        """How many parts nobody has looked for."""
        return sum(len(parts) for address, parts in self._parts.items() if address not in self._wanted)

    def append(self, data: bytes) -> Run:
        """Keep what has been made of parts, too. Raises `OutOfResources`."""
        run = Run(self._file, self._size, len(data))
        self._write(memoryview(data))
        return run

    def close(self) -> None:
        """Forget everything."""
        self._file.close()

    def _address(self, uri: str) -> str:
        if len(uri) > _LONGEST_LOCATION:
            raise CannotUnderstand(f"An address of bulk data has more than {_LONGEST_LOCATION} characters.")
        try:
            return urljoin(self._base_url, uri)
        except ValueError:
            return uri

    def _write(self, data: memoryview) -> None:
        with exhausted():
            while data:
                written = self._file.write(data)
                self._size += written
                data = data[written:]


class SpooledPart:
    """One part on its way into the spool."""

    def __init__(self, begun: Spooled, write: Callable[[memoryview], None], done: Callable[[Spooled], None]) -> None:
        self._begun = begun
        self._write = write
        self._done = done
        self._size = 0

    def write(self, data: memoryview) -> None:
        """Take the next bytes. Raises `OutOfResources`."""
        self._size += len(data)
        self._write(data)

    def end(self) -> None:
        """The part is whole."""
        begun = self._begun
        run = Run(begun.run.file, begun.run.offset, self._size)
        self._done(Spooled(begun.media_type, begun.transfer_syntax, begun.location, run))

    def abandon(self) -> None:
        """What is there already stays in the file, which does not stay."""
