import re
from io import BytesIO
from struct import pack
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.uid import ImplicitVRLittleEndian

from storage.data_set import dicom_json, fragments, frames, scanner
from storage.data_set.data_elements import Element
from storage.errors import CannotUnderstand
from tests.storage.encodings import (
    DEFLATED,
    ITEM_END,
    NATIVE,
    SEQUENCE_END,
    UNDEFINED,
    encapsulated,
    explicit,
    implicit,
    item,
    read,
    small_file,
    with_meta,
)

SOP_INSTANCE = explicit(0x00080018, "UI", b"2.25.1")
PIXELS = explicit(0x7FE00010, "OW", bytes(8))


def elements_of(data_set: bytes) -> list[Element]:
    return read(with_meta(data_set)).elements


@pytest.mark.parametrize("transfer_syntax", NATIVE)
def test_cut_at_every_byte(transfer_syntax: str) -> None:
    """Refused, unless the cut is between two elements: there nothing shows that something is missing."""
    whole = small_file(transfer_syntax)
    data_set = dcmread(BytesIO(whole))
    raw: list[Any] = [data_set.get_item(tag) for tag in data_set._dict]
    ends = {one.value_tell + one.length for one in raw if isinstance(one, RawDataElement) and one.length != UNDEFINED}
    ends.add(whole.index(b"ISO_IR 192") + 10)
    sequence = whole.index(b"innermost")
    ends.add(
        whole.index(SEQUENCE_END if transfer_syntax != NATIVE[2] else pack(">HHL", 0xFFFE, 0xE0DD, 0), sequence) + 8
    )
    for length in range(len(whole)):
        try:
            assert read(whole[:length]).elements
        except CannotUnderstand:
            assert length not in ends
        else:
            assert length in ends


def test_deflated_cut_at_every_byte() -> None:
    whole = small_file(DEFLATED)
    padding = len(whole) - len(whole.rstrip(b"\0"))
    for length in range(len(whole) - padding):
        with pytest.raises(CannotUnderstand):
            read(whole[:length])


def test_encapsulated_cut_at_every_byte() -> None:
    whole = encapsulated([b"\xff\xd8ab\xff\xd9", b"\xff\xd8cd\xff\xd9"], frames=2)
    begin = whole.index(pack("<HH2s", 0x7FE0, 0x10, b"OB"))
    for length in range(begin + 1, len(whole)):
        with pytest.raises(CannotUnderstand):
            read(whole[:length])


@pytest.mark.parametrize(
    ("data_set", "reason"),
    [
        (
            explicit(0x7FE00010, "OW", bytes(1000), 1_000_000),
            "The data set ends inside Pixel Data: 1000000 bytes announced, 1000 present.",
        ),
        (explicit(0x7FE00010, "OW", b"abc", 0xFFFFFFFE), "4294967294 bytes announced, 3 present"),
        (explicit(0x00100010, "PN", b"", 65535), "Patient's Name: 65535 bytes announced, 0 present"),
        (explicit(0x00081140, "SQ", item(b"", 16)), "ends inside an item of Referenced Image Sequence: 16 bytes"),
        (explicit(0x00081140, "SQ", item(b"abcdefgh", 16), 24), "ends inside Referenced Image Sequence: "),
        (
            explicit(0x00081140, "SQ", item(SOP_INSTANCE, UNDEFINED), UNDEFINED),
            "ends inside an item that is never closed",
        ),
        (explicit(0x00081140, "SQ", item(SOP_INSTANCE), UNDEFINED), "which is never closed"),
        (explicit(0x00081140, "SQ", SOP_INSTANCE), "holds something that is not an item"),
        (explicit(0x00081140, "SQ", item(b"", 9999), UNDEFINED), "an item of Referenced Image Sequence: 9999 bytes"),
        (explicit(0x7FE00010, "OB", item(b"") + item(b"ab", 9), UNDEFINED), "a fragment of Pixel Data: 9 bytes"),
        (explicit(0x7FE00010, "OB", item(b""), UNDEFINED), "Pixel Data, before its closing delimiter"),
        (explicit(0x7FE00010, "OW", bytes(64), UNDEFINED), "not a fragment"),
        (explicit(0x00081030, "LO", b"", 4)[:-1], "ends inside the header"),
        (explicit(0x00091001, "UT", b"abcd", UNDEFINED), "undefined length, which its VR UT does not allow"),
        (bytes(12) + SOP_INSTANCE, "no data element"),
    ],
)
def test_what_is_not_there_is_refused(data_set: bytes, reason: str) -> None:
    with pytest.raises(CannotUnderstand, match=re.escape(reason)):
        read(with_meta(SOP_INSTANCE + data_set))


@pytest.mark.parametrize("levels", [64, 65, 3000])
@pytest.mark.parametrize("vr", ["SQ", "UN"])
def test_nesting(levels: int, vr: str) -> None:
    begin, end = explicit(0x00400275, vr, item(b"", UNDEFINED), UNDEFINED), ITEM_END + SEQUENCE_END
    if vr == "UN":
        begin = implicit(0x00400275, item(b"", UNDEFINED), UNDEFINED)
    data_set = SOP_INSTANCE + explicit(0x00400275, vr, item(b"", UNDEFINED), UNDEFINED)
    data_set += begin * (levels - 1) + end * levels
    if levels <= scanner.DEEPEST:
        assert elements_of(data_set)[-1].vr == "SQ"
        return
    with pytest.raises(CannotUnderstand, match="nested more than 64 deep"):
        elements_of(data_set)


def test_unknown_values_nested_too_deep_stay_unknown() -> None:
    value = b""
    for _ in range(200):
        value = implicit(0x00400275, item(value))
    found = elements_of(SOP_INSTANCE + explicit(0x00400275, "UN", item(value)))
    assert found[-1].vr in ("SQ", "UN")


@pytest.mark.parametrize("value", [item(explicit(0x00100010, "PN", b"") * 80), item(b"") * 40])
def test_too_many_elements(value: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanner, "MOST_ELEMENTS", 100)
    sequence = explicit(0x00081140, "SQ", value)
    assert elements_of(SOP_INSTANCE + sequence)
    with pytest.raises(CannotUnderstand, match="more than 100 elements"):
        elements_of(SOP_INSTANCE + sequence + sequence)


def test_too_many_fragments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fragments, "MOST_FRAGMENTS", 100)
    with pytest.raises(CannotUnderstand, match="more than 100 fragments"):
        read(encapsulated([b""] * 200))


@pytest.mark.parametrize(
    "rest",
    [b"\0", b"\r\n", bytes(512), b"GARBAGE!" * 40, b"\xff" * 300, explicit(0x00080018, "UI", b"", 99)],
)
def test_what_follows_pixel_data_and_is_no_element_is_ignored(rest: bytes) -> None:
    assert elements_of(SOP_INSTANCE + PIXELS + rest)[-1].tag == 0x7FE00010


def test_zeros_to_the_end_of_a_block_are_ignored() -> None:
    assert len(elements_of(SOP_INSTANCE + bytes(500))) == 1


@pytest.mark.parametrize("tag", [0xFFFCFFFC, 0xFFFAFFFA, 0x7FE10010])
def test_elements_after_pixel_data_are_read_whole_or_refused(tag: int) -> None:
    trailing = explicit(tag, "OB", bytes(20))
    data_set = with_meta(SOP_INSTANCE + PIXELS + trailing)
    assert read(data_set).elements[-1].tag == tag
    for missing in range(1, 20 + 11):
        with pytest.raises(CannotUnderstand):
            read(data_set[:-missing])


def test_too_many_zeros_are_no_padding() -> None:
    with pytest.raises(CannotUnderstand, match="no data element"):
        elements_of(SOP_INSTANCE + bytes(2 << 20))


def test_unknown_values_are_little_endian_in_big_endian_data_sets() -> None:
    rows = pack(">HH2sHL", 0x28, 0x10, b"UN", 0, 2) + pack("<H", 4)
    columns = pack(">HH2sH", 0x28, 0x11, b"US", 2) + pack(">H", 4)
    found = read(with_meta(pack(">HH2sH", 8, 0x18, b"UI", 6) + b"2.25.1" + rows + columns, NATIVE[2]))
    assert found.number(0x00280010) == found.number(0x00280011) == 4


def test_zeros_do_not_close_an_item() -> None:
    with pytest.raises(CannotUnderstand):
        elements_of(SOP_INSTANCE + explicit(0x00081140, "SQ", item(SOP_INSTANCE + bytes(64), UNDEFINED)))


def test_needless_delimiters_are_ignored() -> None:
    value = item(explicit(0x00081155, "UI", b"2.25.3") + ITEM_END) + SEQUENCE_END
    found = elements_of(
        SOP_INSTANCE + explicit(0x00081140, "SQ", value) + SEQUENCE_END + explicit(0x00100020, "LO", b"A1")
    )
    assert [element.tag for element in found] == [0x00080018, 0x00081140, 0x00100020]
    assert found[1].items is not None
    assert [[element.tag for element in inner] for inner in found[1].items] == [[0x00081155]]


def test_an_item_outside_of_a_sequence_is_refused() -> None:
    with pytest.raises(CannotUnderstand, match="belongs to no sequence"):
        elements_of(SOP_INSTANCE + item(SOP_INSTANCE))


def test_tags_out_of_order_are_sorted_and_the_last_of_equal_ones_counts() -> None:
    found = read(with_meta(explicit(0x00100020, "LO", b"B ") + SOP_INSTANCE + explicit(0x00100020, "LO", b"C ")))
    assert [element.tag for element in found.elements] == [0x00080018, 0x00100020, 0x00100020]
    last = found.find(0x00100020)
    assert last is not None
    assert found.value(last) == b"C "


def test_vr_unknown_to_the_standard_has_a_long_length() -> None:
    """PS3.5 6.2.2: so that VRs defined later can be skipped."""
    future = pack("<HH2sHL", 0x0010, 0x0010, b"ZZ", 0, 4) + b"abcd"
    shorter = pack("<HH2sH", 0x0010, 0x0020, b"Q9", 4)
    found = elements_of(SOP_INSTANCE + future + explicit(0x00100030, "DA", b"19500131"))
    assert [(element.tag, element.length) for element in found[1:]] == [(0x00100010, 4), (0x00100030, 8)]
    with pytest.raises(CannotUnderstand):
        elements_of(SOP_INSTANCE + shorter)


def test_implicit_elements_amid_explicit_ones() -> None:
    found = elements_of(SOP_INSTANCE + implicit(0x00090010, b"MAKER ") + explicit(0x00100020, "LO", b"A1"))
    assert [(element.tag, element.vr) for element in found[1:]] == [(0x00090010, "LO"), (0x00100020, "LO")]


@pytest.mark.parametrize("encode", [implicit, lambda tag, value: explicit(tag, "LO", value)])
def test_unknown_of_undefined_length_is_a_sequence(encode) -> None:  # type: ignore[no-untyped-def]
    """In Implicit VR by PS3.5 6.2.2, in Explicit VR by some senders."""
    value = item(encode(0x00100020, b"A1")) + SEQUENCE_END
    found = elements_of(SOP_INSTANCE + explicit(0x00091001, "UN", value, UNDEFINED) + explicit(0x00100020, "LO", b"A1"))
    assert found[1].vr == "SQ"
    assert found[1].items is not None
    assert [(inner.tag, inner.vr) for inner in found[1].items[0]] == [(0x00100020, "LO")]
    assert found[2].tag == 0x00100020


def test_private_sequence_of_undefined_length_in_implicit_vr() -> None:
    inner = implicit(0x00091002, b"", UNDEFINED) + item(implicit(0x00100020, b"A1")) + SEQUENCE_END
    value = item(inner + ITEM_END, UNDEFINED) + SEQUENCE_END
    found = read(
        with_meta(implicit(0x00080018, b"2.25.1") + implicit(0x00091001, value, UNDEFINED), ImplicitVRLittleEndian)
    )
    assert found.elements[1].items is not None
    assert found.elements[1].items[0][0].items is not None


def test_items_in_the_other_byte_order() -> None:
    """Written so by converters that turn round everything but the inside of a private sequence."""
    big = pack(">HHL", 0xFFFE, 0xE000, UNDEFINED) + pack(">HH2sH", 0x28, 0x10, b"US", 2) + b"\1\2"
    big += pack(">HHL", 0xFFFE, 0xE00D, 0) + pack(">HHL", 0xFFFE, 0xE0DD, 0)
    found = read(with_meta(SOP_INSTANCE + explicit(0x00091001, "SQ", big, UNDEFINED)))
    assert found.elements[1].items is not None
    assert found.elements[1].items[0][0].big_endian
    model, _ = dicom_json.model(found)
    assert model["00091001"]["Value"][0]["00280010"]["Value"] == [0x0102]


def test_fragments_of_the_outermost_pixel_data() -> None:
    found = read(encapsulated([b"ab", b"cdef"]))
    assert found.fragments is not None
    starts = list(found.fragments)
    assert [after - this - 8 for this, after in zip(starts, starts[1:], strict=False)] == [0, 2, 4]
    assert found.buffer[starts[2] + 8 : starts[3]] == b"cdef"


def test_pixel_data_of_an_icon_are_not_those_of_the_image() -> None:
    icon = explicit(0x7FE00010, "OB", item(b"") + item(b"icon") + SEQUENCE_END, UNDEFINED)
    found = read(with_meta(SOP_INSTANCE + explicit(0x00880200, "SQ", item(icon)) + PIXELS))
    assert found.fragments is None
    assert found.elements[-1].length == 8


@given(position=st.integers(0, 10_000), byte=st.integers(0, 255), transfer_syntax=st.sampled_from([*NATIVE, "J"]))
@settings(max_examples=400, deadline=None)
def test_a_changed_byte_is_read_or_refused(position: int, byte: int, transfer_syntax: str) -> None:
    jpegs = [b"\xff\xd8ab\xff\xd9", b"\xff\xd8cd\xff\xd9"]
    whole = bytearray(
        encapsulated(jpegs, bytes(8), frames=2) if transfer_syntax == "J" else small_file(transfer_syntax)
    )
    whole[position % len(whole)] = byte
    try:
        found = read(bytes(whole))
    except CannotUnderstand:
        return
    dicom_json.model(found)
    frames.locate(found)
