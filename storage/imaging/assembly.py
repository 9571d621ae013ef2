"""Puts a transcoded instance together from what the decoders give: surroundings first, then frame after frame."""

from collections.abc import Callable
from struct import pack
from typing import IO, Any, Final

from storage.imaging.derivation import RATIO_LENGTH
from storage.imaging.explicit_encoding import SEQUENCE_END, fragment_header

Ask = Callable[..., tuple[dict[str, Any], bytes]]

_AT_ONCE: Final = 1 << 24
_LARGEST_OFFSET: Final = 0xFFFFFFFF


class TooLong(Exception):
    """A frame begins further behind the first one than a Basic Offset Table can tell (PS3.5 A.4)."""


def assemble(target: IO[bytes], transfer_syntax_uid: str, ask: Ask) -> None:
    """Write the whole Part 10 file to `target`, which is empty; `ask` puts a task with its arguments to a decoder."""
    answer, body = ask("transcoded", syntax=transfer_syntax_uid)
    target.write(body[: answer["before"]])
    if answer["encapsulated"]:
        _encapsulated(target, answer, transfer_syntax_uid, ask)
    elif answer["frames"]:
        _decoded(target, answer["frames"], ask)
        target.write(b"\0" * (answer["pixel_bytes"] % 2))
    else:
        _native(target, answer["pixel_bytes"], ask)
        target.write(b"\0" * (answer["pixel_bytes"] % 2))
    target.write(body[answer["before"] :])


def _native(target: IO[bytes], size: int, ask: Ask) -> None:
    for begin in range(0, size, _AT_ONCE):
        target.write(ask("native", begin=begin, end=min(begin + _AT_ONCE, size))[1])


def _decoded(target: IO[bytes], frames: int, ask: Ask) -> None:
    joined = _BitString(target)
    for number in range(1, frames + 1):
        description, frame = ask("decoded", number=number, ranges=None)
        joined.append(frame, _bits(description))
    joined.flush()


def _encapsulated(target: IO[bytes], answer: dict[str, Any], transfer_syntax_uid: str, ask: Ask) -> None:
    start = target.tell()
    offsets, encoded = [], 0
    for number in range(1, answer["frames"] + 1):
        frame = ask("encoded", number=number, ranges=None, syntax=transfer_syntax_uid)[1]
        offsets.append(target.tell() - start)
        target.write(fragment_header(len(frame)))
        target.write(frame)
        encoded += len(frame)
    target.write(SEQUENCE_END)
    end = target.tell()
    if answer["table"]:
        if offsets[-1] > _LARGEST_OFFSET:
            raise TooLong
        target.seek(start - 4 * answer["table"])
        target.write(pack(f"<{len(offsets)}L", *offsets))
    if answer["ratio"]:
        target.seek(answer["ratio"])
        target.write(f"{answer['pixel_bytes'] / encoded:.4g}".encode().ljust(RATIO_LENGTH))
    target.seek(end)


def _bits(description: dict[str, Any]) -> int:
    """Bits of a decoded frame, whose colour is not subsampled any more."""
    shape = ("rows", "columns", "samples_per_pixel", "bits_allocated")
    rows, columns, samples, allocated = (int(description[name]) for name in shape)
    return rows * columns * samples * allocated


class _BitString:
    """Writes frames of any number of bits behind one another, as single-bit frames lie in Pixel Data (PS3.5 8.1.1)."""

    def __init__(self, target: IO[bytes]) -> None:
        self._target = target
        self._pending = 0
        self._pending_bits = 0

    def append(self, frame: bytes, bits: int) -> None:
        if not self._pending_bits and bits % 8 == 0:
            self._target.write(frame[: bits // 8])
            return
        value = int.from_bytes(frame, "little") & ((1 << bits) - 1)
        self._pending |= value << self._pending_bits
        whole, self._pending_bits = divmod(self._pending_bits + bits, 8)
        self._target.write((self._pending & ((1 << whole * 8) - 1)).to_bytes(whole, "little"))
        self._pending >>= whole * 8

    def flush(self) -> None:
        if self._pending_bits:
            self._target.write(self._pending.to_bytes(1, "little"))
