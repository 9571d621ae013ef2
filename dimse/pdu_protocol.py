"""The upper layer protocol without input and output: bytes become PDUs, and PDUs become bytes (PS3.8 9.3).

Nothing here waits, reads or sends, so every way in which TCP may cut the stream can be tested.
"""

from collections.abc import Iterable, Iterator, Mapping
from struct import Struct
from typing import Final, NamedTuple

ASSOCIATE_RQ: Final = 0x01
ASSOCIATE_AC: Final = 0x02
ASSOCIATE_RJ: Final = 0x03
P_DATA: Final = 0x04
RELEASE_RQ: Final = 0x05
RELEASE_RP: Final = 0x06
ABORT: Final = 0x07

# Reasons of an A-ABORT whose source is the service provider (PS3.8 table 9-26).
UNRECOGNIZED_PDU: Final = 1
UNEXPECTED_PDU: Final = 2
UNEXPECTED_PARAMETER: Final = 5
INVALID_PARAMETER: Final = 6

SERVICE_USER: Final = 0
SERVICE_PROVIDER: Final = 2

HEADER_LENGTH: Final = 6
_HEADER: Final = Struct(">BxI")
_DATA_VALUE: Final = Struct(">IBB")
_DATA_VALUE_OVERHEAD: Final = 6
_SMALLEST_BUFFER: Final = 8_192


class ProtocolViolation(Exception):
    """The peer broke the protocol; `reason` is what an A-ABORT says about it (PS3.8 table 9-26)."""

    def __init__(self, detail: str, reason: int) -> None:
        super().__init__(detail)
        self.detail = detail
        self.reason = reason


class Pdu(NamedTuple):
    """One protocol data unit: `body` is what follows its length field, valid until more bytes are received."""

    kind: int
    body: memoryview


class DataValue(NamedTuple):
    """One presentation data value of a P-DATA-TF PDU (PS3.8 9.3.5.1, annex E.2)."""

    context_id: int
    is_command: bool
    is_last: bool
    fragment: memoryview


class PduReader:
    """Cuts a stream into PDUs inside one buffer that is used again and again.

    `longest` maps each kind of PDU that may come now to the greatest length its length field may announce. Kind and
    length are judged as soon as the six bytes of the header are there, before any room is made for the rest.
    """

    def __init__(self, longest: Mapping[int, int]) -> None:
        self._longest = longest
        self._buffer = memoryview(bytearray(_SMALLEST_BUFFER))
        self._start = 0
        self._end = 0

    def expect(self, longest: Mapping[int, int], capacity: int) -> None:
        """From now on these PDUs may come; make the buffer at least `capacity` bytes."""
        self._longest = longest
        if capacity > len(self._buffer):
            self._make_room(capacity)

    def release(self) -> None:
        """Give the buffer back; nothing more will be received."""
        self._buffer, self._start, self._end = memoryview(bytearray()), 0, 0

    @property
    def pending(self) -> int:
        """How many received bytes have not been taken as PDUs."""
        return self._end - self._start

    @property
    def is_full(self) -> bool:
        """Whether no byte can be received until PDUs are taken."""
        return self.pending == len(self._buffer)

    @property
    def next_kind(self) -> int | None:
        """The type of the next PDU, as far as it has come."""
        return self._buffer[self._start] if self.pending else None

    def space(self) -> memoryview:
        """Where the next received bytes belong: never empty unless the reader is full. Ends the life of every `Pdu`."""
        if self._start == self._end:
            self._start = self._end = 0
        elif self._end == len(self._buffer) or self._start + self._pending_pdu_length() > len(self._buffer):
            self._make_room(len(self._buffer))
        return self._buffer[self._end :]

    def received(self, count: int) -> None:
        """`count` bytes were put into what `space` returned."""
        self._end += count

    def next_pdu(self) -> Pdu | None:
        """Take the next complete PDU; None until more bytes are received. Raises `ProtocolViolation`."""
        if self.pending < HEADER_LENGTH:
            return None
        kind, length = _HEADER.unpack_from(self._buffer, self._start)
        self._judge(kind, length)
        if self.pending < HEADER_LENGTH + length:
            if HEADER_LENGTH + length > len(self._buffer):
                self._make_room(HEADER_LENGTH + length)
            return None
        body = self._buffer[self._start + HEADER_LENGTH : self._start + HEADER_LENGTH + length]
        self._start += HEADER_LENGTH + length
        return Pdu(kind, body)

    def _judge(self, kind: int, length: int) -> None:
        longest = self._longest.get(kind)
        if longest is None:
            if ASSOCIATE_RQ <= kind <= ABORT:
                raise ProtocolViolation(f"PDU type {kind:02X}H came unexpectedly", UNEXPECTED_PDU)
            raise ProtocolViolation(f"PDU type {kind:02X}H does not exist", UNRECOGNIZED_PDU)
        if length > longest:
            raise ProtocolViolation(
                f"a PDU of type {kind:02X}H announced {length} bytes, allowed are {longest}", INVALID_PARAMETER
            )

    def _pending_pdu_length(self) -> int:
        if self.pending < HEADER_LENGTH:
            return len(self._buffer)
        length: int = _HEADER.unpack_from(self._buffer, self._start)[1]
        return HEADER_LENGTH + length

    def _make_room(self, capacity: int) -> None:
        target = self._buffer if capacity <= len(self._buffer) else memoryview(bytearray(capacity))
        pending = self.pending
        target[:pending] = self._buffer[self._start : self._end]
        self._buffer, self._start, self._end = target, 0, pending


def data_values(body: memoryview) -> Iterator[DataValue]:
    """The presentation data values of a P-DATA-TF PDU, at least one. Raises `ProtocolViolation`."""
    offset, end = 0, len(body)
    while offset < end or offset == 0:
        if end - offset < _DATA_VALUE_OVERHEAD:
            raise ProtocolViolation("a presentation data value is cut short", INVALID_PARAMETER)
        length, context_id, control = _DATA_VALUE.unpack_from(body, offset)
        following = offset + 4 + length
        if length < 2 or following > end:
            raise ProtocolViolation("a presentation data value has an impossible length", INVALID_PARAMETER)
        yield DataValue(
            context_id, bool(control & 1), bool(control & 2), body[offset + _DATA_VALUE_OVERHEAD : following]
        )
        offset = following


def encode_values(context_id: int, data: bytes, longest_pdu: int, *, is_command: bool, is_last: bool = True) -> bytes:
    """`data` as P-DATA-TF PDUs, none longer than the peer's `longest_pdu` (0: no limit; else > 6).

    `is_last` says whether `data` end the command set or data set they belong to (PS3.8 annex E.2).
    """
    step = longest_pdu - _DATA_VALUE_OVERHEAD if longest_pdu else max(len(data), 1)
    # DCMTK aborts on fragments of odd length in the midst of a data set.
    step -= step % 2 if 1 < step < len(data) else 0
    starts = range(0, len(data), step)
    pdus: list[bytes] = []
    for start in starts:
        control = is_command | (is_last and start == starts[-1]) << 1
        pdus += _data_value_pdu(context_id, data[start : start + step], control)
    return b"".join(pdus)


def encode_data_set(context_id: int, pieces: Iterable[bytes], longest_pdu: int) -> Iterator[bytes]:
    """The P-DATA-TF PDUs of a data set that comes in pieces of any length, those of one piece at a time.

    Only the last fragment says that it is the last, and only that may have an odd length.
    """
    held = b""
    for piece in pieces:
        if held and piece:
            even = len(held) - len(held) % 2
            yield encode_values(context_id, held[:even], longest_pdu, is_command=False, is_last=False)
            piece = held[even:] + piece
        held = piece or held
    yield encode_values(context_id, held, longest_pdu, is_command=False)


def _data_value_pdu(context_id: int, fragment: bytes, control: int) -> tuple[bytes, bytes, bytes]:
    header = _HEADER.pack(P_DATA, len(fragment) + _DATA_VALUE_OVERHEAD)
    return header, _DATA_VALUE.pack(len(fragment) + 2, context_id, control), fragment


def encode_reject(result: int, source: int, reason: int) -> bytes:
    """An A-ASSOCIATE-RJ PDU (PS3.8 9.3.4)."""
    return _HEADER.pack(ASSOCIATE_RJ, 4) + bytes((0, result, source, reason))


def encode_release_reply() -> bytes:
    """An A-RELEASE-RP PDU (PS3.8 9.3.7)."""
    return _HEADER.pack(RELEASE_RP, 4) + bytes(4)


def encode_abort(source: int, reason: int = 0) -> bytes:
    """An A-ABORT PDU (PS3.8 9.3.8)."""
    return _HEADER.pack(ABORT, 4) + bytes((0, 0, source, reason))
