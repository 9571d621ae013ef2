"""The pixels of kept instances: frames as stored, frames decoded, pictures, and whole instances decompressed.

Everything that touches a codec happens in child processes (`storage.decoder_process`).
"""

import logging
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO, Final

from storage.decoder_pool import DecoderBusy, DecoderFailed, DecoderPool
from storage.errors import NoSuchInstance, NotRenderable, OutOfResources
from storage.files import Files
from storage.records import InstanceRecord, Layout
from storage.rendering import Rendering

__all__ = ["DecodedFrame", "Pixels", "Rendering"]

_LOG: Final = logging.getLogger("durchblick.storage")
_FAILURES: Final = {
    "died": "Decoding this frame ended the decoder; the pixels are damaged or need more memory than is allowed.",
    "too_slow": "Decoding this frame takes longer than is allowed.",
    "nonsense": "Decoding this frame ended the decoder; the pixels are damaged.",
}


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """One frame in native form, and the attributes of the Image Pixel module that describe it now.

    They differ from the data set's where a codec undid a colour transformation or interleaved colour planes.
    """

    rows: int
    columns: int
    samples_per_pixel: int
    bits_allocated: int
    bits_stored: int
    pixel_representation: int
    photometric_interpretation: str
    planar_configuration: int
    pixels: bytes


class Pixels:
    """Decodes and renders kept instances. Safe to use from any thread; all methods block."""

    def __init__(self, files: Files, processes: int = 2, memory: int = 1 << 30, seconds: float = 20.0) -> None:
        """Use up to `processes` children, each of `memory` bytes and `seconds` a request, started when needed."""
        self._files = files
        self._pool = DecoderPool(processes, memory, seconds)

    def stored_frame(self, record: InstanceRecord, layout: Layout, number: int) -> bytes:
        """Frame `number` (from 1) as it is stored, fragments joined (PS3.5 A.4); native ones begin in the first bit.

        Raises `NoSuchInstance` for a number beyond the last frame, `NotRenderable` where frames cannot be told apart.
        """
        if layout.frames is None:
            return self._ask("stored", record, layout, number)[1]
        pieces = (self._files.read(record.blob_key, *piece) for piece in layout.frames.ranges(number))
        return b"".join(pieces)

    def decoded(self, record: InstanceRecord, layout: Layout, number: int) -> DecodedFrame:
        """Frame `number` (from 1) decompressed, with its description. Raises as `stored_frame`."""
        description, pixels = self._ask("decoded", record, layout, number)
        return DecodedFrame(**description, pixels=pixels)

    def decoded_frame(self, record: InstanceRecord, layout: Layout, number: int) -> bytes:
        """Frame `number` (from 1) as it would lie in Pixel Data of Explicit VR Little Endian (PS3.5 8.1.1 and 8.2)."""
        return self.decoded(record, layout, number).pixels

    def rendered(self, record: InstanceRecord, layout: Layout, number: int, rendering: Rendering) -> bytes:
        """The picture of frame `number` (from 1) as a JPEG or PNG file. Raises as `stored_frame`."""
        return self._ask("rendered", record, layout, number, rendering=asdict(rendering))[1]

    def transcoded(self, record: InstanceRecord, transfer_syntax_uid: str) -> BinaryIO:
        """The whole instance as a Part 10 file in `transfer_syntax_uid`: an unlinked temporary file at position 0.

        Only Explicit VR Little Endian can be had. Raises `NotRenderable` otherwise, and for video.
        """
        raise NotRenderable(f"Only the stored transfer syntax {record.transfer_syntax_uid} can be had.")

    def close(self) -> None:
        """End the children."""
        self._pool.close()

    def _ask(
        self, task: str, record: InstanceRecord, layout: Layout, number: int, **more: Any
    ) -> tuple[dict[str, Any], bytes]:
        ranges = None if layout.frames is None else layout.frames.ranges(number)
        path = str(self._files.path(record.blob_key))
        request = {"task": task, "path": path, "number": number, "ranges": ranges} | more
        try:
            answer, body = self._pool.ask(request)
        except DecoderBusy as error:
            raise OutOfResources("All decoders are busy; try again in a moment.") from error
        except DecoderFailed as error:
            reason = str(error)
            _LOG.warning("event=decoder_failed reason=%s task=%s syntax=%s", reason, task, record.transfer_syntax_uid)
            raise self._refused(record, NotRenderable, _FAILURES[reason]) from error
        if "cause" in answer:
            _LOG.info("event=undecodable cause=%s syntax=%s", answer["cause"], record.transfer_syntax_uid)
        if "refusal" in answer:
            kind = NoSuchInstance if answer["refusal"] == "NoSuchInstance" else NotRenderable
            raise self._refused(record, kind, str(answer["detail"]))
        return answer, body

    @staticmethod
    def _refused(
        record: InstanceRecord, kind: type[NoSuchInstance] | type[NotRenderable], detail: str
    ) -> NoSuchInstance | NotRenderable:
        return kind(detail, sop_class_uid=record.sop_class_uid, sop_instance_uid=record.sop_instance_uid)
