"""The child that decodes: `python -m storage.imaging.decoder_process MEMORY SECONDS`; requests on stdin, answers out.

It is the place where hostile codestreams meet C code, so it holds nothing worth having: no socket, no database, no
secret. The kernel ends it when it takes more than its memory, writes a file, or spends more than its time on one
request; it ends by itself when its parent is gone.
"""

import resource
import signal
import sys
import traceback
import warnings
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO, Final

from storage.errors import Refusal
from storage.imaging.decoder_messages import LARGEST_SENT, decoded, encoded
from storage.imaging.decoding import (
    decoded_frame,
    decoded_samples,
    encoded_frame,
    moving_picture,
    presentation_state,
    rendered_frame,
    transcoded,
)
from storage.imaging.image_pixels import Undecodable
from storage.imaging.received_pictures import native
from storage.imaging.stored_image import StoredImage, open_image
from storage.regions.sets import RegionSets

_KEPT_IMAGES: Final = 8
_GRACE: Final = 1.0


class Decoder:
    """Answers requests; keeps the headers of the last few instances, which are what a series of frames shares."""

    def __init__(self, memory: int) -> None:
        """`memory` is what the process may take; a decoded frame may have a quarter of it."""
        self._memory = memory
        self._images: OrderedDict[Path, StoredImage] = OrderedDict()
        self._regions = RegionSets()

    def answer(self, request: dict[str, Any], body: bytes = b"") -> tuple[dict[str, Any], bytes]:
        """The answer's header and body; raises `Undecodable`, a `Refusal`, or whatever a codec raises."""
        largest = self._memory // 4
        if request["task"] == "received":
            limit_memory(self._memory)
            return native(body, request["media_type"], request["samples"], largest)
        path = Path(request["path"])
        limit_memory(self._memory, path.stat().st_size)
        if request["task"] == "transcoded":
            return transcoded(self._image_if_any(path), path, largest, request["syntax"])
        if request["task"] == "regions":
            return {}, self._regions.placed(path, request)
        if request["task"] == "outlines":
            return {}, self._regions.outlines(path, request, lambda at: decoded_samples(self._image(path), at, largest))
        stored = self._image(path)
        if request["task"] == "native":
            return {}, stored.native_bytes(request["begin"], request["end"])
        if request["task"] == "moving":
            return {}, moving_picture(stored, request["frames"], largest, request["rendering"])
        number, ranges = request["number"], request["ranges"]
        match request["task"]:
            case "stored":
                return {}, stored.encoded_frame(number, ranges)
            case "decoded":
                return decoded_frame(stored, number, ranges, largest)
            case "encoded":
                return {}, encoded_frame(stored, number, ranges, largest, request["syntax"])
            case _:
                said = request.get("state")
                state = presentation_state(Path(said), request["sop_instance_uid"], number) if said else None
                return {}, rendered_frame(stored, number, ranges, largest, request["rendering"], state)

    def _image_if_any(self, path: Path) -> StoredImage | None:
        try:
            return self._image(path)
        except Undecodable:
            return None

    def _image(self, path: Path) -> StoredImage:
        if path in self._images:
            self._images.move_to_end(path)
            return self._images[path]
        stored = open_image(path)
        if stored.may_be_kept:
            self._images[path] = stored
            while len(self._images) > _KEPT_IMAGES:
                self._images.popitem(last=False)
        return stored


def limit_memory(memory: int, mapped: int = 0) -> None:
    """Let this process have `memory` bytes, and `mapped` bytes of address space more for a file that it maps."""
    for limit, size in ((resource.RLIMIT_AS, memory + mapped), (resource.RLIMIT_DATA, memory)):
        _, hard = resource.getrlimit(limit)
        allowed = size if hard == resource.RLIM_INFINITY else min(size, hard)
        resource.setrlimit(limit, (allowed, hard))


def serve(requests: BinaryIO, answers: BinaryIO, decoder: Decoder, seconds: float) -> None:
    """Say that it is ready, then answer until the requests end.

    It also returns when memory ran out, and tells the parent: the heap is full of holes then.
    """
    _send(answers, {})
    while request := _request(requests):
        # SIGALRM keeps its default action, which also ends a process that never returns from C code. The parent
        # kills earlier; this is for the case that the parent is gone.
        signal.setitimer(signal.ITIMER_REAL, seconds + _GRACE)
        header, body = _answered(decoder, *request)
        _send(answers, header, body)
        signal.setitimer(signal.ITIMER_REAL, 0)
        if header.get("last"):
            return


def _request(requests: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """Header and body of the next request, None when the parent has closed its end."""
    try:
        header, body = decoded(lambda size: _exactly(requests, size), LARGEST_SENT)
    except EOFError:
        return None
    return dict(header), body


def _exactly(requests: BinaryIO, size: int) -> bytes:
    data = requests.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _send(answers: BinaryIO, header: dict[str, Any], body: bytes = b"") -> None:
    for piece in encoded(header, body):
        answers.write(piece)
    answers.flush()


def _answered(decoder: Decoder, request: dict[str, Any], sent: bytes) -> tuple[dict[str, Any], bytes]:
    try:
        header, body = decoder.answer(request, sent)
    except Undecodable as error:
        return {"refusal": "NotRenderable", "detail": str(error)}, b""
    except Refusal as error:
        return {"refusal": type(error).__name__, "detail": error.detail}, b""
    except MemoryError:
        detail = "Decoding takes more memory than it may have."
        return {"refusal": "NotRenderable", "detail": detail, "last": True}, b""
    except FileNotFoundError:
        return {"refusal": "NoSuchInstance", "detail": "The instance is gone."}, b""
    except BaseException as error:
        # Not only Exception: codecs written in Rust panic with something that is none.
        detail = "The pixels cannot be decoded: they are damaged, or not what the data set says."
        return {"refusal": "NotRenderable", "detail": detail, "cause": _cause(error)}, b""
    return header, body


def _cause(error: BaseException) -> str:
    """Type and place of an error for the log, without its text, which may hold values of the data set."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__}@{Path(frames[-1].filename).stem}:{frames[-1].lineno}"


def main(memory: int, seconds: float) -> None:
    """Serve stdin and stdout within these limits."""
    warnings.simplefilter("ignore")
    # Ctrl-C reaches every process of the terminal; when to end is the parent's decision.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for limit in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
        resource.setrlimit(limit, (0, 0))
    limit_memory(memory)
    serve(sys.stdin.buffer, sys.stdout.buffer, Decoder(memory), seconds)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
