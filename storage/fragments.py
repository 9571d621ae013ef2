"""The marks by which a fragment shows that a compressed image begins or ends in it (PS3.5 A.4)."""

from typing import Final

from storage.data_elements import Buffer

# JPEG and JPEG-LS: SOI. JPEG 2000: SOC and SIZ, or the signature box of a JP2 file. JPEG XL: bare or in a container.
_BEGINNINGS: Final = (b"\xff\xd8", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ", b"\xff\x0a", b"\0\0\0\x0cJXL ")
# EOI of JPEG and JPEG-LS and EOC of JPEG 2000 are the same two bytes; padding may follow.
_END: Final = b"\xff\xd9"
_LONGEST_BEGINNING: Final = 8
_LONGEST_PADDED_END: Final = 10


def begins_codestream(buffer: Buffer, start: int, stop: int) -> bool:
    """Whether the bytes from `start` to `stop` begin as a compressed image does."""
    return buffer[start : min(stop, start + _LONGEST_BEGINNING)].startswith(_BEGINNINGS)


def ends_codestream(buffer: Buffer, start: int, stop: int) -> bool:
    """Whether the bytes from `start` to `stop` end as a compressed image does, padding allowed."""
    return _END in buffer[max(start, stop - _LONGEST_PADDED_END) : stop]
