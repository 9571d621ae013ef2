"""WADO-RS: the Retrieve transaction for frames (PS3.18 10.4.1.1.6), in any syntax that is stored or can be made."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from dicomweb.media_types import EXPLICIT_LITTLE, IMPLICIT_LITTLE, Representation, frame_representations
from dicomweb.multipart import Part
from dicomweb.negotiation import Acceptable
from dicomweb.payloads import multipart_response, strong_validator, validator
from dicomweb.problems import NotAcceptable
from dicomweb.single_part import Content, Version, one
from dicomweb.targets import Target, check_frames, frame_numbers, instance_url
from storage.errors import NotRenderable
from storage.pixels import transcodings
from storage.records import InstanceRecord, Layout
from storage.scope import StudyScope
from storage.storage import Storage


class Frames:
    """The frames of one instance in one representation."""

    def __init__(
        self, storage: Storage, record: InstanceRecord, layout: Layout, representation: Representation
    ) -> None:
        self._storage = storage
        self._record = record
        self._layout = layout
        self.representation = representation
        syntax, stored = representation.transfer_syntax, record.transfer_syntax_uid
        # Implicit VR Little Endian differs in headers only; frames of both lie in the file as they are to be sent.
        self.are_stored = syntax == stored or (syntax == EXPLICIT_LITTLE and stored == IMPLICIT_LITTLE)

    def version(self, number: int) -> Version:
        """Stored bytes never change; what a codec makes may when it is renewed."""
        parts = (self._record.blob_key, number, str(self.representation))
        if not self.are_stored:
            return Version(validator(*parts))
        return Version(strong_validator(*parts), self._storage.files.modified(self._record.blob_key))

    def size(self, number: int) -> int | None:
        """Bytes of frame `number`, None where only making it tells."""
        if not self.are_stored or self._layout.frames is None:
            return None
        return sum(length for _, length in self._layout.frames.ranges(number))

    def content(self, number: int) -> Content:
        """Frame `number`: straight from the file wherever its bytes already are what is to be sent."""
        pixels, record, layout = self._storage.pixels, self._record, self._layout
        if self.are_stored and layout.frames is not None:
            return Content.kept(self._storage.files, record.blob_key, layout.frames.ranges(number))
        if self.are_stored:
            return Content.of(pixels.stored_frame(record, layout, number))
        if self.representation.transfer_syntax == EXPLICIT_LITTLE:
            return Content.of(pixels.decoded_frame(record, layout, number))
        return Content.of(pixels.encoded_frame(record, layout, number, self.representation.transfer_syntax))

    def parts(self, numbers: Sequence[int], location: str) -> Iterator[Part]:
        """A part for each of `numbers`, made when it is wanted; `location` and its number is where it can be had."""
        for number in numbers:
            content = self.content(number)
            yield Part(self.representation.content_type, f"{location}{number}", content.whole(), content.size)


class PixelRetrieval:
    """Frames of an instance. The methods block and are called in threads."""

    def __init__(self, storage: Storage, base_url: Callable[[HTTPConnection], str]) -> None:
        self._storage = storage
        self._base_url = base_url

    def frames(self, request: Request, scope: StudyScope) -> Response:
        """The listed frames: decoded to native little endian pixels, as they are stored, or encoded as asked for.

        When they cannot be had so, 406 says in which forms they can.
        """
        target = Target.of(request)
        numbers = frame_numbers(request.path_params["frames"])
        record, layout = self._storage.index.located(scope, target.study, target.series, target.instance)
        check_frames(record, layout, numbers)
        kinds = (record.transfer_syntax_uid, transcodings(record))
        representation = _choice(Acceptable.of(request), *kinds, len(numbers) == 1)
        try:
            return self._sent(request, record, Frames(self._storage, record, layout, representation), numbers)
        except NotRenderable as refusal:
            offers = frame_offers(record, single=len(numbers) == 1)
            raise NotAcceptable(other_offers(record, offers, representation), refusal.detail) from None

    def _sent(self, request: Request, record: InstanceRecord, frames: Frames, numbers: Sequence[int]) -> Response:
        representation = frames.representation
        if not representation.multipart:
            number = numbers[0]
            version, size = frames.version(number), frames.size(number)
            return one(request, version, representation, size, lambda: frames.content(number), packs=True)
        parts = frames.parts(numbers, f"{instance_url(self._base_url(request), record)}/frames/")
        # Their sizes are known where they lie in the file, and that of a single one when it is made.
        known = list(parts) if frames.are_stored or (len(numbers) == 1 and request.method == "GET") else ()
        return multipart_response(known or parts, representation.media_type, size_of=known, request=request)


@lru_cache(maxsize=1024)
def _choice(acceptable: Acceptable, stored: str, made: tuple[str, ...], single: bool) -> Representation:
    """The negotiation of a whole series is the same for each of its frames."""
    return acceptable.choose_or_refuse(frame_representations(stored, made, single=single))


def frame_offers(record: InstanceRecord, *, single: bool) -> tuple[Representation, ...]:
    """In what forms frames of `record` can be had."""
    return frame_representations(record.transfer_syntax_uid, transcodings(record), single=single)


def stored_frames(record: InstanceRecord) -> Representation:
    """Frames of `record` as they are stored, as parts."""
    return next(offer for offer in frame_offers(record, single=False) if offer.stored)


def other_offers(record: InstanceRecord, offers: Sequence[Representation], refused: Representation) -> list[str]:
    """What can be had instead of `refused`: as stored, and decoded unless that is what failed."""
    worth = {record.transfer_syntax_uid, EXPLICIT_LITTLE} - {refused.transfer_syntax}
    return [str(offer) for offer in offers if offer.transfer_syntax in worth]
