"""Whatever comes after whatever: taking over from a predecessor yields what the plain way yields, or nothing."""

from io import BytesIO
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import generate_uid

from storage.data_set import part10
from storage.data_set.predecessor import Predecessor
from storage.data_set.reading import Reading, plain
from storage.errors import CannotUnderstand
from tests.storage.encodings import (
    DEFLATED,
    ITEM_END,
    NATIVE,
    SEQUENCE_END,
    UNDEFINED,
    encapsulated,
    explicit,
    file_of,
    implicit,
    item,
    small_file,
    with_meta,
)
from tests.support.corpus import bundled, shared
from tests.support.synthetic import ct

HEAD = 1 << 14
EXPLICIT, BIG = NATIVE[1:]
SOP_INSTANCE = explicit(0x00080018, "UI", b"2.25.1")


class Read(NamedTuple):
    """One data set that was read, and what it leaves for its successor."""

    reading: Reading
    predecessor: Predecessor | None


def plainly(whole: bytes) -> Read:
    """Read without a predecessor, and remembered as one."""
    found = part10.read(BytesIO(whole))
    reading = plain(found)
    return Read(reading, Predecessor.of(whole[:HEAD], found, reading))


def succeeding(before: Read, whole: bytes) -> Read | None:
    """What `before` makes of `whole`, which must be what the plain way makes of it."""
    try:
        meta, start = part10.beginning(whole[:HEAD])
    except CannotUnderstand:
        return None
    if before.predecessor is None:
        return None
    read = before.predecessor.successor(whole[:HEAD], len(whole), start, meta, lambda: whole)
    if read is None:
        return None
    reading, plainly_read = read[0], plainly(whole).reading
    assert repr(reading._replace(changed=None)) == repr(plainly_read)
    assert reading.changed is not None
    unchanged = (reading.json.keys() | before.reading.json.keys()) - reading.changed
    assert all(reading.json[key] is before.reading.json[key] for key in unchanged)
    return Read(*read)


def after(first: bytes, *more: bytes) -> Reading | None:
    """The last of these, each read as successor of the one before it."""
    read: Read | None = plainly(first)
    for whole in more:
        read = read and succeeding(read, whole)
    return read.reading if read else None


def slices(transfer_syntax: str = EXPLICIT, **attributes: Any) -> list[bytes]:
    series = {"StudyInstanceUID": generate_uid(), "SeriesInstanceUID": generate_uid(), **attributes}
    return [
        file_of(ct(4, 4, number, ImagePositionPatient=[0, 0, 10**number], **series), transfer_syntax)
        for number in range(1, 5)
    ]


@pytest.mark.parametrize("transfer_syntax", NATIVE)
def test_the_slices_of_a_series_succeed_each_other(transfer_syntax: str) -> None:
    wholes = slices(transfer_syntax)
    assert after(*wholes) is not None
    assert after(*wholes[::-1]) is not None


def test_what_is_taken_over_is_not_read_again() -> None:
    one, two = slices()[:2]
    before = plainly(one)
    heir = succeeding(before, two)
    assert heir is not None
    assert heir.reading.changed == frozenset(("00080018", "00200013", "00200032"))
    assert heir.reading.json["0020000D"] is before.reading.json["0020000D"]


@pytest.mark.parametrize("transfer_syntax", NATIVE)
def test_sequences_and_private_attributes_are_taken_over(transfer_syntax: str) -> None:
    whole = small_file(transfer_syntax)
    assert after(whole, whole) is not None


def test_sequences_of_either_length_move_with_what_is_before_them() -> None:
    nested = item(explicit(0x00081150, "UI", b"1.2\0") + ITEM_END, UNDEFINED) + SEQUENCE_END
    closed = item(explicit(0x00081150, "UI", b"1.3\0"))
    rest = explicit(0x00081140, "SQ", nested, UNDEFINED) + explicit(0x00082112, "SQ", closed)
    wholes = [with_meta(explicit(0x00080018, "UI", b"2.25." + b"1" * n) + rest) for n in (1, 3, 1, 5)]
    reading = after(*wholes)
    assert reading is not None
    assert reading.json["00081140"]["Value"] == [{"00081150": {"vr": "UI", "Value": ["1.2"]}}]


# --- what decides how others are read -------------------------------------------------------------------------------


def test_text_is_not_taken_over_from_another_character_set() -> None:
    text = explicit(0x00100010, "PN", b"M\xc4nner ")
    latin, greek = (
        with_meta(explicit(0x00080005, "CS", b"ISO_IR " + n) + SOP_INSTANCE + text) for n in (b"100", b"126")
    )
    assert after(latin, latin) is not None
    assert after(latin, greek) is None
    assert after(latin, with_meta(SOP_INSTANCE + text)) is None
    assert after(with_meta(SOP_INSTANCE + text), latin) is None


def test_ambiguous_values_are_not_taken_over_from_another_pixel_representation() -> None:
    def whole(signed: bytes) -> bytes:
        elements = implicit(0x00080018, b"2.25.1") + implicit(0x00280103, signed) + implicit(0x00280106, b"\xff\xff")
        return with_meta(elements, NATIVE[0])

    assert after(whole(b"\0\0"), whole(b"\0\0")) is not None
    assert after(whole(b"\0\0"), whole(b"\1\0")) is None


def test_a_fresh_ambiguous_value_is_decided_by_what_was_not_fresh() -> None:
    def whole(smallest: bytes) -> bytes:
        elements = implicit(0x00080018, b"2.25.1") + implicit(0x00280103, b"\1\0") + implicit(0x00280106, smallest)
        return with_meta(elements, NATIVE[0])

    reading = after(whole(b"\0\0"), whole(b"\xff\xff"))
    assert reading is not None
    assert reading.json["00280106"] == {"vr": "SS", "Value": [-1]}


def test_private_values_are_not_taken_over_from_another_creator() -> None:
    def whole(creator: bytes, value: bytes = b"\1\0\0\0") -> bytes:
        elements = implicit(0x00080018, b"2.25.1") + implicit(0x00190010, creator) + implicit(0x0019100C, value)
        return with_meta(elements, NATIVE[0])

    assert after(whole(b"SIEMENS MR HEADER "), whole(b"SIEMENS MR HEADER ", b"2000")) is not None
    assert after(whole(b"SIEMENS MR HEADER "), whole(b"DURCHBLICK")) is None


# --- what is unusual -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transfer_syntax", ["1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.5"])
def test_encapsulated_pixels_have_their_own_fragments(transfer_syntax: str) -> None:
    wholes = [encapsulated([b"ab" * n, b"cd"], transfer_syntax=transfer_syntax) for n in (1, 5000, 2)]
    reading = after(*wholes)
    assert reading is not None
    assert reading.image.frames is not None
    assert reading.image.frames.fragments


def test_several_encapsulated_frames_are_left_to_the_plain_way() -> None:
    whole = encapsulated([b"ab", b"cd"], frames=2)
    assert after(whole, whole) is None


def test_frames_of_another_size_are_left_to_the_plain_way() -> None:
    small, large, long = (
        file_of(ct(rows, 4, SOPInstanceUID="2.25.1", PixelData=bytes(length)))
        for rows, length in ((4, 32), (8, 64), (4, 64))
    )
    assert after(small, small) is not None
    assert after(small, large) is None
    assert after(small, long) is None


def test_bulk_data_lie_where_they_lie_in_their_own_file() -> None:
    def whole(uid: bytes) -> bytes:
        inner = item(explicit(0x54001010, "OB", bytes(2000)))
        large = explicit(0x00420011, "OB", bytes(1500)) + explicit(0x54000100, "SQ", inner)
        return with_meta(explicit(0x00080018, "UI", uid) + large)

    reading = after(whole(b"2.25.1"), whole(b"2.25.100"))
    assert reading is not None
    assert set(reading.bulk_data) == {"00420011", "54000100/0/54001010"}


def test_bulk_data_that_are_no_longer_there_are_not_referred_to() -> None:
    with_bulk_data = with_meta(SOP_INSTANCE + explicit(0x00420011, "OB", bytes(1500)))
    reading = after(with_bulk_data, with_meta(SOP_INSTANCE), with_meta(SOP_INSTANCE))
    assert reading is not None
    assert "00420011" not in reading.json
    assert after(with_meta(SOP_INSTANCE), with_bulk_data, with_meta(SOP_INSTANCE)) is not None


@pytest.mark.parametrize(
    "elements",
    [
        explicit(0x00080060, "CS", b"CT") + SOP_INSTANCE,
        SOP_INSTANCE + SOP_INSTANCE,
        explicit(0x00080018, "UI", b"2.25.9") + SOP_INSTANCE,
        SOP_INSTANCE + ITEM_END,
        SOP_INSTANCE + SEQUENCE_END,
        SOP_INSTANCE + bytes(20),
        SOP_INSTANCE + explicit(0x7FE00010, "OW", bytes(4)) + bytes(2),
        SOP_INSTANCE + explicit(0x7FE00010, "OW", bytes(4)) + explicit(0xFFFCFFFC, "OB", bytes(4)),
        SOP_INSTANCE + explicit(0x00204000, "LT", bytes(HEAD)),
    ],
    ids=["unsorted", "twice", "replaced", "item", "sequence", "zeros", "odd", "padding", "long"],
)
def test_the_unusual_is_left_to_the_plain_way(elements: bytes) -> None:
    usual, unusual = with_meta(SOP_INSTANCE), with_meta(elements)
    plainly(unusual)
    assert after(usual, unusual) is None
    assert after(unusual, unusual) is None


@pytest.mark.parametrize(
    "elements",
    [
        SOP_INSTANCE + explicit(0x00080060, "CS", b"CT", 4),
        SOP_INSTANCE + explicit(0x7FE00010, "OW", bytes(4), 6),
        SOP_INSTANCE + explicit(0x7FE00010, "OB", item(b"ab"), UNDEFINED),
        SOP_INSTANCE + b"\x08\0",
        b"",
    ],
)
def test_the_broken_is_left_to_the_plain_way(elements: bytes) -> None:
    assert after(with_meta(SOP_INSTANCE), with_meta(SOP_INSTANCE)) is not None
    assert succeeding(plainly(with_meta(SOP_INSTANCE)), with_meta(elements)) is None
    with pytest.raises(CannotUnderstand):
        plainly(with_meta(elements))


def test_nothing_is_taken_over_from_another_encoding() -> None:
    wholes = {syntax: file_of(ct(4, 4, SOPInstanceUID="2.25.1"), syntax) for syntax in (*NATIVE, DEFLATED)}
    for one in wholes:
        for other in wholes:
            assert (after(wholes[one], wholes[other]) is None) == (one != other or one == DEFLATED)


def test_file_meta_information_inside_the_data_set_is_left_to_the_plain_way() -> None:
    whole = with_meta(explicit(0x00020010, "UI", b"1.2\0") + SOP_INSTANCE)
    meta, start = part10.beginning(with_meta(SOP_INSTANCE))
    before = plainly(with_meta(SOP_INSTANCE)).predecessor
    assert before is not None
    assert before.successor(whole, len(whole), start, meta, lambda: whole) is None


def test_the_group_length_is_no_attribute() -> None:
    whole = with_meta(explicit(0x00080000, "UL", b"\x0e\0\0\0") + SOP_INSTANCE)
    reading = after(whole, whole)
    assert reading is not None
    assert "00080000" not in reading.json


# --- anything after anything -----------------------------------------------------------------------------------------

VALUES = st.sampled_from(
    [b"", bytes(1100), b"1\\2", b"\xff\xff", b"M\xc4^\x1b$)C", b"1.5 ", b"ISO_IR 100", b"SIEMENS CT VA0  COAD"]
)
TAGS = st.sampled_from(
    [0x00080000, 0x00080005, 0x00080018, 0x00083002, 0x00100010, 0x00190010, 0x00191010, 0x00191011, 0x00280103]
    + [0x00280106, 0x00281101, 0x00289001, 0x00400555, 0x00420011, 0x54001010]
)


@st.composite
def element(draw: Any, explicitly: bool, nested: bool = True) -> tuple[int, bytes]:
    tag, value = draw(TAGS), draw(VALUES)
    if nested and draw(st.integers(0, 4)) == 0:
        inner = b"".join(one for _, one in draw(st.lists(element(explicitly, nested=False), max_size=3)))
        length = draw(st.sampled_from([None, UNDEFINED]))
        value = item(inner + (ITEM_END if length else b""), length) + (SEQUENCE_END if length else b"")
        tag = draw(st.sampled_from([0x00081140, 0x00191012, 0x00400555]))
        return tag, explicit(tag, "SQ", value, length) if explicitly else implicit(tag, value, length)
    vr = draw(st.sampled_from(["CS", "UN", "US", "LO", "DS", "IS", "OB", "PN"]))
    return tag, explicit(tag, vr, value) if explicitly else implicit(tag, value)


@st.composite
def series(draw: Any) -> list[bytes]:
    """Data sets that share most of their elements, mostly in order."""
    explicitly = draw(st.booleans())
    common = draw(st.lists(element(explicitly), min_size=1, max_size=8))
    wholes = []
    for _ in range(draw(st.integers(2, 4))):
        own = draw(st.lists(element(explicitly), max_size=2))
        elements = [one for one in common if draw(st.integers(0, 5))] + own
        if draw(st.integers(0, 9)):
            elements = list({tag: (tag, encoded) for tag, encoded in sorted(elements)}.values())
        encoded = b"".join(one for _, one in elements)
        pixels = explicit(0x7FE00010, "OW", b"\1\2") if explicitly else implicit(0x7FE00010, b"\1\2")
        wholes.append(with_meta(encoded + draw(st.sampled_from([b"", pixels])), EXPLICIT if explicitly else NATIVE[0]))
    return wholes


@settings(max_examples=100, deadline=None)
@given(series())
def test_a_successor_is_what_the_plain_way_makes_of_it(wholes: list[bytes]) -> None:
    for first in wholes:
        try:
            before = plainly(first)
        except CannotUnderstand:
            continue
        current = before
        for whole in wholes:
            current = succeeding(current, whole) or before


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2), st.integers(0, 400), st.binary(min_size=1, max_size=3))
def test_damaged_bytes_are_read_as_the_plain_way_reads_them(syntax: int, at: int, damage: bytes) -> None:
    whole = small_file(NATIVE[syntax])
    before = plainly(whole)
    start = part10.beginning(whole)[1]
    at = start + at % (len(whole) - start)
    succeeding(before, whole[:at] + damage + whole[at + len(damage) :])
    succeeding(before, whole[:at])


def corpus() -> list[bytes]:
    paths = bundled() + shared(
        "charset", "encapsulation", "modality", "objects", "odd_legal", "series", "transfer_syntax"
    )
    return [path.read_bytes() for path in paths if path.stat().st_size < 1 << 22]


def test_real_files_succeed_each_other_as_the_plain_way_reads_them() -> None:
    readable = []
    for whole in corpus():
        try:
            readable.append((whole, plainly(whole)))
        except CannotUnderstand:
            continue
    itself = [succeeding(read, whole) for whole, read in readable]
    for (_, read), (whole, _) in pairwise(readable):
        succeeding(read, whole)
    assert sum(one is not None for one in itself) > len(itself) // 3
