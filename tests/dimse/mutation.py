"""Damage to PDUs: by bytes, by fields, and by their order."""

import random
import struct
from collections.abc import Callable, Sequence
from typing import Final

from tests.dimse.conversations import Await, Conversation, Step

_LENGTHS: Final = (
    0,
    1,
    2,
    5,
    6,
    0x7F,
    0x80,
    0xFF,
    0x0100,
    0x7FFF,
    0xFFFF,
    0x00020001,
    0x7FFFFFFF,
    0xFFFFFFFE,
    0xFFFFFFFF,
)
_FIELDS: Final = (0x0001, 0x0010, 0x0020, 0x0021, 0x0030, 0x0100, 0x0130, 0x8001, 0x8100, 0x0FFF, 0x0FF0)
_DATA: Final = 4
_VALUE_AT: Final = 12


class Mutator:
    """Makes damaged conversations out of good ones. The same seed makes the same ones."""

    def __init__(self, seed: object, good: Sequence[Conversation]) -> None:
        self._random = random.Random(repr(seed))
        self._good = good
        self._pdus = [step for one in good for step in one.steps if isinstance(step, bytes)]
        self._bytewise: tuple[Callable[[bytearray], None], ...] = (
            self._set,
            self._flip,
            self._delete,
            self._insert,
            self._repeat,
            self._zero,
            self._length,
            self._field,
        )

    def conversation(self) -> list[Step]:
        """The next one: a good one, damaged in one place or several."""
        steps = list(self._random.choice(self._good).steps)
        for _ in range(self._random.choice((1, 1, 1, 2, 3, 8))):
            self._damage(steps)
        return steps

    def segments(self, pdu: bytes) -> list[bytes]:
        """How the bytes of a PDU go out: mostly at once, sometimes cut anywhere."""
        if self._random.random() < 0.8 or len(pdu) < 2:
            return [pdu]
        at = self._random.randrange(1, len(pdu))
        return [pdu[:at], pdu[at:]]

    def chance(self, probability: float) -> bool:
        """Whether something happens that has this probability."""
        return self._random.random() < probability

    def _damage(self, steps: list[Step]) -> None:
        at = self._random.choice([number for number, step in enumerate(steps) if isinstance(step, bytes)] or [0])
        step = steps[at] if steps else b""
        match self._random.randrange(10):
            case 0:
                steps[at:at] = [self._random.choice(self._pdus)]
            case 1:
                steps[at : at + 1] = [self._random.choice(self._pdus)]
            case 2 if len(steps) > 1:
                del steps[at]
            case 3:
                steps[at:at] = steps[at : at + 1] * self._random.choice((1, 1, 2, 20))
            case 4:
                other = self._random.randrange(len(steps))
                steps[at], steps[other] = steps[other], steps[at]
            case _ if not isinstance(step, Await):
                steps[at] = self._damaged(step)

    def _damaged(self, pdu: bytes) -> bytes:
        data = bytearray(pdu)
        self._random.choice(self._bytewise)(data)
        if self.chance(0.7):
            repair(data)
        return bytes(data)

    def _place(self, data: bytearray) -> int:
        return self._random.randrange(len(data)) if data else 0

    def _set(self, data: bytearray) -> None:
        for _ in range(self._random.choice((1, 1, 2, 10))):
            data[self._place(data) :][:1] = b""
            at = self._place(data)
            data[at : at + 1] = bytes((self._random.randrange(256),))

    def _flip(self, data: bytearray) -> None:
        at = self._place(data)
        data[at : at + 1] = bytes(byte ^ 1 << self._random.randrange(8) for byte in data[at : at + 1])

    def _delete(self, data: bytearray) -> None:
        at = self._place(data)
        del data[at : at + self._random.choice((1, 2, 8, 60, 1000))]

    def _insert(self, data: bytearray) -> None:
        at = self._place(data)
        data[at:at] = self._random.randbytes(self._random.choice((1, 2, 8, 60, 1000)))

    def _repeat(self, data: bytearray) -> None:
        at = self._place(data)
        data[at:at] = data[at : at + self._random.randrange(1, 300)] * self._random.choice((1, 2, 30))

    def _zero(self, data: bytearray) -> None:
        at = self._place(data)
        end = min(len(data), at + self._random.choice((2, 4, 16)))
        data[at:end] = self._random.choice((b"\0", b"\xff")) * (end - at)

    def _length(self, data: bytearray) -> None:
        """A length, of whatever lies there."""
        form = self._random.choice((">I", "<I", ">H", "<H"))
        size = struct.calcsize(form)
        at = self._random.choice((2, 6, self._place(data), self._place(data) & ~1))
        value = self._random.choice(_LENGTHS) % (1 << 8 * size)
        data[at : at + size] = struct.pack(form, value)

    def _field(self, data: bytearray) -> None:
        """The type of the PDU, the context, the message control header, or the command field."""
        match self._random.randrange(4):
            case 0:
                data[0:1] = bytes((self._random.randrange(10),))
            case 1:
                data[10:11] = bytes((self._random.randrange(16),))
            case 2:
                data[11:12] = bytes((self._random.randrange(5),))
            case _:
                found = data.find(b"\0\0\0\1\2\0\0\0", _VALUE_AT)
                if found >= 0:
                    data[found + 8 : found + 10] = struct.pack("<H", self._random.choice(_FIELDS))


def repair(pdu: bytearray) -> None:
    """State true lengths again of the PDU, and of its presentation data value, so that damage gets deeper."""
    if len(pdu) < _VALUE_AT:
        return
    pdu[2:6] = struct.pack(">I", len(pdu) - 6)
    if pdu[0] == _DATA:
        pdu[6:10] = struct.pack(">I", len(pdu) - 10)
