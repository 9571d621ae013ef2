"""Films that every phone plays (H.264 in MP4), encoded by the operator's own FFmpeg, which is no part of Durchblick.

It gets raw pictures by a pipe, one after the other, and writes one file. Whatever it does, it does so alone, for a
bounded time, on one processor that it yields to all others, and in bounded memory.
"""

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from threading import Timer
from typing import IO, BinaryIO, Final, Protocol

from PIL.Image import Image

SECONDS: Final = 1200.0
"""What one film may take, from its first picture to its end."""

_MEMORY: Final = 4 << 30
_LARGEST: Final = 2 << 30
_LAST_IN_LINE: Final = 10
# Pictures are sRGB, which players know as the matrix and primaries of BT.709. Both sides of 4:2:0 are even: an odd one
# gets a white line. A key frame a second or more lets people jump about. Bit exact: no moment, no version of the muxer.
_ENCODED: Final = (
    *("-an", "-map_metadata", "-1", "-threads", "1", "-filter_threads", "1", "-fflags", "+bitexact"),
    *("-vf", "pad=w=ceil(iw/2)*2:h=ceil(ih/2)*2:color=white,scale=out_color_matrix=bt709:out_range=tv,format=yuv420p"),
    *("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-profile:v", "high", "-g", "30"),
    *("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-flags:v", "+bitexact"),
    *("-movflags", "+faststart", "-f", "mp4"),
)


class FilmFailed(Exception):
    """FFmpeg is not there any more, has failed, was killed, or has taken too long."""


class Encoder(Protocol):
    """What makes a film of pictures."""

    def film(self, pictures: Iterator[Image], milliseconds: int, target: BinaryIO) -> None:
        """See `Ffmpeg.film`."""


class Ffmpeg:
    """One program; several films may be made at once, each by a process of its own."""

    def __init__(self, program: str, seconds: float = SECONDS) -> None:
        self._program = program
        self._seconds = seconds

    def film(self, pictures: Iterator[Image], milliseconds: int, target: BinaryIO) -> None:
        """Write the film of one or more RGB pictures of the same size, each shown for `milliseconds`, to an empty file.

        That is one that the system knows; it need not have a name, so that nothing is left of it whatever happens.
        Raises `FilmFailed`, and what `pictures` raises; then there may be a part of the film.
        """
        first = next(pictures)
        columns, rows = first.size
        process, pipe = self._begun(f"{columns}x{rows}", milliseconds, target.fileno())
        end = Timer(self._seconds, process.kill)
        end.daemon = True
        end.start()
        try:
            for picture in chain((first,), pictures):
                _write(pipe, picture.tobytes())
            pipe.close()
            if process.wait():
                raise FilmFailed
        finally:
            end.cancel()
            pipe.close()
            process.kill()
            process.wait()

    def _begun(self, size: str, milliseconds: int, target: int) -> "tuple[subprocess.Popen[bytes], IO[bytes]]":
        """The process and its pipe. No shell reads its arguments, and none of them is a patient's word."""
        given = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", size, "-framerate", f"1000/{milliseconds}")
        into = f"file:/dev/fd/{target}"
        command = (self._program, "-nostdin", "-y", "-v", "error", *given, "-i", "pipe:0", *_ENCODED, into)
        try:
            process = subprocess.Popen(
                command,
                bufsize=0,
                pass_fds=(target,),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={"LC_ALL": "C"},
            )
        except OSError as error:
            raise FilmFailed from error
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, _LAST_IN_LINE)
            if sys.platform == "linux":
                resource.prlimit(process.pid, resource.RLIMIT_AS, (_MEMORY, _MEMORY))
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (_LARGEST, _LARGEST))
        assert process.stdin is not None
        return process, process.stdin


def found(program: str) -> Ffmpeg | None:
    """The FFmpeg of this name in PATH, or at this path; None where there is none, or none is wanted ("")."""
    path = shutil.which(program) if program else None
    return Ffmpeg(path) if path else None


def _write(pipe: IO[bytes], picture: bytes) -> None:
    try:
        written = pipe.write(picture)
    except OSError as error:
        raise FilmFailed from error
    if written != len(picture):
        raise FilmFailed
