import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pynetdicom.pdu import A_ABORT_RQ, A_ASSOCIATE_RJ, A_RELEASE_RP, P_DATA_TF

from dimse import pdu_protocol as pdus
from dimse.pdu_protocol import PduReader, ProtocolViolation
from tests.dimse.peer import p_data, pdv

LONGEST = {pdus.P_DATA: 20_000, pdus.RELEASE_RQ: 4, pdus.ABORT: 4}
STREAM = [
    p_data(pdv(1, 3, b"c" * 90)),
    p_data(pdv(1, 0, bytes(range(256)) * 5), pdv(1, 2, b"")),
    struct.pack(">BxI", pdus.RELEASE_RQ, 4) + bytes(4),
]


def read(reader: PduReader, pieces: list[bytes]) -> list[tuple[int, bytes]]:
    """Feed `pieces` as a connection would, each in as many steps as the reader has space for."""
    found = []
    for piece in pieces:
        while piece:
            space = reader.space()
            taken = min(len(space), len(piece))
            assert taken > 0
            space[:taken] = piece[:taken]
            reader.received(taken)
            piece = piece[taken:]
            while (pdu := reader.next_pdu()) is not None:
                found.append((pdu.kind, bytes(pdu.body)))
    return found


def expected(stream: list[bytes]) -> list[tuple[int, bytes]]:
    return [(pdu[0], pdu[6:]) for pdu in stream]


def test_split_at_every_byte() -> None:
    whole = b"".join(STREAM)
    for at in range(len(whole) + 1):
        assert read(PduReader(LONGEST), [whole[:at], whole[at:]]) == expected(STREAM)


def test_byte_by_byte() -> None:
    whole = b"".join(STREAM)
    assert read(PduReader(LONGEST), [bytes((byte,)) for byte in whole]) == expected(STREAM)


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 20_000 - 6), max_size=12),
    cuts=st.lists(st.integers(1, 30_000), max_size=40),
    capacity=st.sampled_from([0, 20_006, 40_012]),
)
def test_any_lengths_in_any_pieces(lengths: list[int], cuts: list[int], capacity: int) -> None:
    stream = [p_data(pdv(1, 0, bytes((number,)) * length)) for number, length in enumerate(lengths)]
    whole = b"".join(stream)
    pieces = []
    for cut in cuts:
        pieces.append(whole[:cut])
        whole = whole[cut:]
    reader = PduReader(LONGEST)
    reader.expect(LONGEST, capacity)
    assert read(reader, [*pieces, whole]) == expected(stream)


def test_is_full_only_when_nothing_was_taken() -> None:
    reader = PduReader(LONGEST)
    space = reader.space()
    space[:] = (STREAM[2] * (len(space) // 10 + 1))[: len(space)]
    reader.received(len(space))
    assert reader.is_full and len(reader.space()) == 0
    assert reader.next_pdu() is not None
    assert not reader.is_full and len(reader.space()) == 10


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (struct.pack(">BxI", 4, 20_001), pdus.INVALID_PARAMETER),
        (struct.pack(">BxI", 4, 0xFFFFFFFF), pdus.INVALID_PARAMETER),
        (struct.pack(">BxI", 5, 5), pdus.INVALID_PARAMETER),
        (struct.pack(">BxI", 1, 100), pdus.UNEXPECTED_PDU),
        (struct.pack(">BxI", 2, 100), pdus.UNEXPECTED_PDU),
        (struct.pack(">BxI", 0, 4), pdus.UNRECOGNIZED_PDU),
        (struct.pack(">BxI", 8, 4), pdus.UNRECOGNIZED_PDU),
        (b"GET / ", pdus.UNRECOGNIZED_PDU),
    ],
)
def test_header_is_judged_before_the_rest_comes(header: bytes, reason: int) -> None:
    reader = PduReader(LONGEST)
    capacity = len(reader.space())
    reader.space()[:6] = header
    reader.received(6)
    with pytest.raises(ProtocolViolation) as violation:
        reader.next_pdu()
    assert violation.value.reason == reason
    assert len(reader.space()) == capacity - 6, "no room may be made for a PDU that is not allowed"


def test_data_values() -> None:
    values = list(pdus.data_values(memoryview(p_data(pdv(1, 3, b"ab"), pdv(5, 0, b""), pdv(7, 0xFE, b"c"))[6:])))
    assert [(v.context_id, v.is_command, v.is_last, bytes(v.fragment)) for v in values] == [
        (1, True, True, b"ab"),
        (5, False, False, b""),
        (7, False, True, b"c"),
    ]


@pytest.mark.parametrize(
    "body",
    [b"", b"\0\0\0", struct.pack(">IBB", 1, 1, 3), struct.pack(">IBB", 3, 1, 3), pdv(1, 3, b"ab") + b"\0\0\0\2\1"],
)
def test_malformed_data_values(body: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        list(pdus.data_values(memoryview(body)))


@settings(max_examples=60, deadline=None)
@given(command=st.binary(min_size=1, max_size=300), longest=st.sampled_from([0, 7, 8, 50, 16384]))
def test_command_respects_the_longest_pdu_of_the_peer(command: bytes, longest: int) -> None:
    encoded = pdus.encode_command(3, command, longest)
    found = read(PduReader({pdus.P_DATA: longest or len(encoded)}), [encoded])
    values = [value for _, body in found for value in pdus.data_values(memoryview(body))]
    assert b"".join(bytes(value.fragment) for value in values) == command
    assert [value.is_last for value in values] == [False] * (len(values) - 1) + [True]
    assert all(value.is_command and value.context_id == 3 for value in values)


def test_short_pdus_are_those_of_pynetdicom() -> None:
    reject = A_ASSOCIATE_RJ()
    reject.decode(pdus.encode_reject(2, 3, 1))
    assert (reject.result, reject.source, reject.reason_diagnostic) == (2, 3, 1)
    abort = A_ABORT_RQ()
    abort.decode(pdus.encode_abort(pdus.SERVICE_PROVIDER, pdus.INVALID_PARAMETER))
    assert (abort.source, abort.reason_diagnostic) == (2, 6)
    assert pdus.encode_release_reply() == A_RELEASE_RP().encode()
    data = P_DATA_TF()
    data.decode(pdus.encode_command(5, b"abcd", 0))
    assert [item.presentation_data_value for item in data.presentation_data_value_items] == [b"\x03abcd"]
