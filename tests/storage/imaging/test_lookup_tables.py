import numpy as np
import pytest

from storage.imaging.header import Header, Value
from storage.imaging.image_pixels import Undecodable
from storage.imaging.lookup_tables import LookupTable, lookup_table

DESCRIPTOR, DATA, SEGMENTED = 0x00281101, 0x00281201, 0x00281221


def header(
    descriptor: tuple[int, ...], data: bytes = b"", segmented: bytes = b"", *, big_endian: bool = False
) -> Header:
    words = np.asarray(descriptor, ">i2" if big_endian else "<i2").tobytes()
    values = {DESCRIPTOR: Value("SS", words, big_endian), DATA: Value("OW", data, big_endian)}
    return Header(values | {SEGMENTED: Value("OW", segmented, big_endian)})


def table(source: Header) -> LookupTable:
    found = lookup_table(source, DESCRIPTOR, DATA, segmented=SEGMENTED)
    assert found is not None
    return found


def words(*values: int) -> bytes:
    return np.asarray(values, "<u2").tobytes()


def test_sixteen_bit_entries_in_either_byte_order() -> None:
    little = table(header((3, -5, 16), words(1, 2, 65535)))
    big = table(header((3, -5, 16), np.asarray((1, 2, 65535), ">u2").tobytes(), big_endian=True))
    for found in (little, big):
        assert (found.entries.tolist(), found.first, found.bits) == ([1, 2, 65535], -5, 16)


def test_eight_bit_entries_packed_or_in_words() -> None:
    assert table(header((4, 0, 8), bytes((9, 8, 7, 6)))).entries.tolist() == [9, 8, 7, 6]
    assert table(header((4, 0, 8), words(9, 8, 7, 6))).entries.tolist() == [9, 8, 7, 6]


def test_a_count_of_zero_means_all_of_sixteen_bits() -> None:
    assert len(table(header((0, 0, 16), words(*range(65536)))).entries) == 65536


def test_a_count_above_what_a_signed_descriptor_can_say() -> None:
    assert len(table(header((40000 - 65536, 0, 12), words(*range(40000)))).entries) == 40000


def test_values_outside_take_the_ends() -> None:
    found = table(header((3, 10, 16), words(100, 200, 300)))
    assert found(np.array([-1.0, 10.0, 11.0, 99.0])).tolist() == [100, 100, 200, 300]


def test_segments_discrete_linear_and_indirect() -> None:
    # Two discrete entries, a line of four up to 50, and both again: the offset counts bytes (C.7.9.2.3).
    segments = words(0, 2, 1, 10, 1, 4, 50, 2, 2, 0, 0)
    assert table(header((12, 0, 16), segmented=segments)).entries.tolist() == [1, 10, 20, 30, 40, 50] * 2


def test_eight_bit_segments() -> None:
    segments = bytes((0, 1, 0, 1, 5, 250))
    assert table(header((6, 0, 8), segmented=segments)).entries.tolist() == [0, 50, 100, 150, 200, 250]


@pytest.mark.parametrize(
    "source",
    [
        header((3, 0), words(1, 2, 3)),
        header((3, 0, 32), words(1, 2, 3)),
        header((12, 0, 16), segmented=words(1, 4, 50)),
        header((12, 0, 16), segmented=words(7, 1, 1, 1)),
        header((12, 0, 16), segmented=words(0, 1, 5, 2, 1, 6, 0, 2, 1, 6, 0)),
    ],
)
def test_contradictions_are_refused(source: Header) -> None:
    with pytest.raises(Undecodable):
        table(source)


def test_a_segment_cannot_grow_beyond_the_table() -> None:
    segments = words(0, 1, 0) + words(1, 65535, 65535) * 2000
    assert len(table(header((100, 0, 16), segmented=segments)).entries) == 100


def test_without_descriptor_or_data_there_is_none() -> None:
    assert lookup_table(Header({}), DESCRIPTOR, DATA) is None
    assert lookup_table(header((3, 0, 16)), DESCRIPTOR, DATA) is None
