"""The pixels of kept instances: frames as stored, decoded or encoded, pictures, and whole instances transcoded.

Everything that touches a codec happens in child processes (`storage.imaging.decoder_process`).
"""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from copy import copy
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO, Final, cast

from storage.data_set import part10
from storage.drawn import DrawnPictures
from storage.errors import NoSuchInstance, NotRenderable, OutOfResources
from storage.files import Files
from storage.imaging.assembly import TooLong, assemble
from storage.imaging.decoder_messages import LARGEST_SENT
from storage.imaging.decoder_pool import DecoderBusy, DecoderFailed, DecoderPool
from storage.imaging.decoders import SYNTAXES
from storage.imaging.encoders import encodings
from storage.imaging.header import header
from storage.imaging.presentation_state import Reference, references
from storage.imaging.received_pictures import FORMATS
from storage.imaging.rendering import Rendering
from storage.prepared import PreparedPictures, Wanted
from storage.records import InstanceRecord, Layout
from storage.regions.images import Images
from storage.waiting import about_to_wait

__all__ = ["RECEIVED_PICTURES", "DecodedFrame", "Pixels", "Rendering", "transcodings"]

EXPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1"
RECEIVED_PICTURES: Final = frozenset(FORMATS)
"""The media types of picture files that `Pixels.received` takes."""

_AT_ONCE: Final = 1 << 24
_LOG: Final = logging.getLogger("durchblick.storage")
_FAILURES: Final = {
    "died": "Decoding this frame ended the decoder; the pixels are damaged or need more memory than is allowed.",
    "too_slow": "Decoding this frame takes longer than is allowed.",
    "nonsense": "Decoding this frame ended the decoder; the pixels are damaged.",
}


def transcodings(record: InstanceRecord) -> tuple[str, ...]:
    """The transfer syntaxes that the pixels of `record` can be encoded in, besides Explicit VR Little Endian."""
    if record.number_of_frames < 1 or record.transfer_syntax_uid not in SYNTAXES:
        return ()
    return encodings(record.bits_allocated)


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """One frame in native form, and the attributes of the Image Pixel module that describe it now.

    They differ from the data set's where a codec undid a colour transformation or interleaved colour planes.
    `icc_profile`, base64, is that of a picture file.
    """

    rows: int
    columns: int
    samples_per_pixel: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    pixel_representation: int
    photometric_interpretation: str
    planar_configuration: int
    pixels: bytes
    icc_profile: str = ""

    @classmethod
    def of(cls, description: dict[str, Any], pixels: bytes) -> "DecodedFrame":
        """From a decoder's answer."""
        return cls(**description, pixels=pixels)

    def without_pixels(self) -> "DecodedFrame":
        """Its description alone."""
        return replace(self, pixels=b"")


class Pixels:
    """Decodes and renders kept instances. Safe to use from any thread; all methods block."""

    def __init__(
        self,
        files: Files,
        processes: int = 2,
        memory: int = 1 << 30,
        seconds: float = 20.0,
        folder: Path | None = None,
        prepared: PreparedPictures | None = None,
        drawn: DrawnPictures | None = None,
    ) -> None:
        """Use up to `processes` children, each of `memory` bytes and `seconds` a request, started when needed.

        Temporary files are made in `folder`, or where the system wants them. No child is asked for a picture that is
        among the `prepared` ones, or the `drawn` ones.
        """
        self._files = files
        self._folder = folder
        self._prepared = prepared
        self._drawn = drawn
        self._pool = DecoderPool(processes, memory, seconds)

    def stored_frame(self, record: InstanceRecord, layout: Layout, number: int) -> bytes:
        """Frame `number` (from 1) as it is stored, fragments joined (PS3.5 A.4); native ones begin in the first bit.

        Raises `NoSuchInstance` for a number beyond the last frame, `NotRenderable` where frames cannot be told apart.
        """
        if layout.frames is None:
            return self._frame("stored", record, layout, number)[1]
        return b"".join(self._files.pieces(record.blob_key, layout.frames.ranges(number), _AT_ONCE))

    def decoded(self, record: InstanceRecord, layout: Layout, number: int) -> DecodedFrame:
        """Frame `number` (from 1) decompressed, with its description. Raises as `stored_frame`."""
        return DecodedFrame.of(*self._frame("decoded", record, layout, number))

    def decoded_frame(self, record: InstanceRecord, layout: Layout, number: int) -> bytes:
        """Frame `number` (from 1) as it would lie in Pixel Data of Explicit VR Little Endian (PS3.5 8.1.1 and 8.2)."""
        return self.decoded(record, layout, number).pixels

    def rendered(
        self,
        record: InstanceRecord,
        layout: Layout,
        number: int,
        rendering: Rendering,
        state: InstanceRecord | None = None,
    ) -> bytes:
        """The picture file of frame `number` (from 1), with the presentation state `state` applied if there is one.

        Raises as `stored_frame`.
        """
        wanted = Wanted(record, number, rendering, state.digest if state else "")
        return self._kept(wanted, lambda: self.draw(record, layout, number, rendering, state))

    def draw(
        self,
        record: InstanceRecord,
        layout: Layout,
        number: int,
        rendering: Rendering,
        state: InstanceRecord | None = None,
    ) -> bytes:
        """As `rendered`, but drawn anew and not kept."""
        more: dict[str, Any] = {"rendering": asdict(rendering)}
        if state:
            more |= {"state": str(self._files.path(state.blob_key)), "sop_instance_uid": record.sop_instance_uid}
        return self._frame("rendered", record, layout, number, **more)[1]

    def moving(self, record: InstanceRecord, rendering: Rendering) -> bytes:
        """All frames as one moving GIF at the speed that the data set names. Raises `NotRenderable`."""
        more = {"frames": record.number_of_frames, "rendering": asdict(rendering)}
        return self._kept(Wanted(record, 0, rendering), lambda: self._ask("moving", record, **more)[1])

    def references(self, record: InstanceRecord) -> list[Reference]:
        """The images that the presentation state `record` is for."""
        with self._files.open(record.blob_key) as file:
            read = part10.read(file)
        return list(references(header(read.buffer, read.elements)))

    def regions(self, record: InstanceRecord, images: Images, series: str) -> bytes:
        """Which regions the set `record` has, and on which `images` of `series` they lie, as JSON.

        {"concerns": whether it is for these images at all, "label": what it is called, "regions": [{"number", "name",
        "colour": "#rrggbb", "images": [[first, last], ...]}], "more": regions that are not listed, "parts": of how
        many frames or contours it is made, "left_out": those that lie on none of the images}. Raises `NotRenderable`.
        """
        return self._ask("regions", record, images=images.sent(), series=series)[1]

    def outlines(self, record: InstanceRecord, images: Images, index: int) -> bytes:
        """What the set `record` covers of one of the images, as JSON, in its pixels. Raises `NotRenderable`.

        {"complete": bool, and "masks": [{"number", "left", "top", "width", "height", "values": base64 of a byte for
        each pixel}] of a segmentation or "shapes": [{"number", "form": "closed", "open" or "point", "points": [x, y,
        ...]}] of a structure set, whose (0, 0) is the outer corner of the first pixel}
        """
        return self._ask("outlines", record, images=images.sent(), index=index)[1]

    def _kept(self, wanted: Wanted, draw: Callable[[], bytes]) -> bytes:
        if self._prepared and (found := self._prepared.find(wanted)):
            return found
        return self._drawn.picture(wanted, draw) if self._drawn else draw()

    def encoded_frame(self, record: InstanceRecord, layout: Layout, number: int, transfer_syntax_uid: str) -> bytes:
        """Frame `number` (from 1) compressed to one of the `transcodings`, as the content of a fragment.

        Raises as `stored_frame`.
        """
        return self._frame("encoded", record, layout, number, syntax=transfer_syntax_uid)[1]

    def transcoded(self, record: InstanceRecord, transfer_syntax_uid: str) -> BinaryIO:
        """The whole instance as a Part 10 file in `transfer_syntax_uid`: an unlinked temporary file at position 0.

        That is Explicit VR Little Endian or one of its `transcodings`. Attributes stay as they are but for
        those that this makes untrue. In JPEG Baseline, which loses something, it is a derived image with its own SOP
        Instance UID (PS3.3 C.7.6.1.1.5). Raises `NotRenderable` for other syntaxes, for video, and for pixels that
        the syntax cannot hold, `OutOfResources` when the disk is full.
        """
        made = (EXPLICIT_VR_LITTLE_ENDIAN, *transcodings(record))
        if transfer_syntax_uid not in made:
            offered = ", ".join(made)
            detail = f"This instance is sent as stored, in {record.transfer_syntax_uid}, or in one of {offered}."
            raise self._refused(record, detail)
        try:
            with ExitStack() as until_done:
                target = until_done.enter_context(TemporaryFile(dir=self._folder))
                assemble(target, transfer_syntax_uid, partial(self._ask, record=record))
                target.seek(0)
                until_done.pop_all()
        except TooLong as error:
            raise self._refused(record, "Encoded, this instance is too long for its syntax.") from error
        except OSError as error:
            raise OutOfResources("There is no room for the transcoded instance.") from error
        return cast(BinaryIO, target)

    def received(self, data: bytes, media_type: str, samples: int) -> DecodedFrame:
        """The frame that a picture file of one of the `RECEIVED_PICTURES` is (see `received_pictures.native`).

        Raises `NotRenderable` for what cannot be decoded, or not within the limits of a child.
        """
        if len(data) > LARGEST_SENT:
            raise NotRenderable(f"A picture file of more than {LARGEST_SENT} bytes is not decoded.")
        request = {"task": "received", "media_type": media_type, "samples": samples}
        return DecodedFrame.of(*self._answer(request, media_type, data))

    def beside(self, files: Files) -> "Pixels":
        """The same children for the instances of another store, of which no picture is kept. It needs no closing."""
        other = copy(self)
        other._files, other._prepared, other._drawn = files, None, None
        return other

    def close(self) -> None:
        """End the children."""
        self._pool.close()

    def _frame(
        self, task: str, record: InstanceRecord, layout: Layout, number: int, **more: Any
    ) -> tuple[dict[str, Any], bytes]:
        ranges = None if layout.frames is None else layout.frames.ranges(number)
        return self._ask(task, record, number=number, ranges=ranges, **more)

    def _ask(self, task: str, record: InstanceRecord, **more: Any) -> tuple[dict[str, Any], bytes]:
        path = str(self._files.path(record.blob_key))
        try:
            return self._answer({"task": task, "path": path} | more, record.transfer_syntax_uid)
        except (NoSuchInstance, NotRenderable) as refusal:
            refusal.sop_class_uid, refusal.sop_instance_uid = record.sop_class_uid, record.sop_instance_uid
            raise

    def _answer(self, request: dict[str, Any], form: str, sent: bytes = b"") -> tuple[dict[str, Any], bytes]:
        """What a child answers; `form` is what it decodes, for the log."""
        about_to_wait()
        try:
            answer, body = self._pool.ask(request, sent)
        except DecoderBusy as error:
            raise OutOfResources("All decoders are busy; try again in a moment.") from error
        except DecoderFailed as error:
            reason = str(error)
            _LOG.warning("event=decoder_failed reason=%s task=%s syntax=%s", reason, request["task"], form)
            raise NotRenderable(_FAILURES[reason]) from error
        if "cause" in answer:
            _LOG.info("event=undecodable cause=%s syntax=%s", answer["cause"], form)
        if "refusal" in answer:
            kind = NoSuchInstance if answer["refusal"] == "NoSuchInstance" else NotRenderable
            raise kind(str(answer["detail"]))
        return answer, body

    @staticmethod
    def _refused(record: InstanceRecord, detail: str) -> NotRenderable:
        return NotRenderable(detail, sop_class_uid=record.sop_class_uid, sop_instance_uid=record.sop_instance_uid)
