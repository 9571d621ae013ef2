import struct

from hypothesis import given, settings
from hypothesis import strategies as st
from pynetdicom.pdu import A_ABORT_RQ, A_ASSOCIATE_RJ, A_RELEASE_RP, P_DATA_TF

from dimse import pdu_protocol as pdus
from dimse.pdu_protocol import PduReader
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
    data=st.binary(min_size=1, max_size=300),
    longest=st.sampled_from([0, 7, 8, 50, 16384]),
    is_command=st.booleans(),
    is_last=st.booleans(),
)
def test_values_respect_the_longest_pdu_of_the_peer(data: bytes, longest: int, is_command: bool, is_last: bool) -> None:
    encoded = pdus.encode_values(3, data, longest, is_command=is_command, is_last=is_last)
    found = read(PduReader({pdus.P_DATA: longest or len(encoded)}), [encoded])
    values = [value for _, body in found for value in pdus.data_values(memoryview(body))]
    assert b"".join(bytes(value.fragment) for value in values) == data
    assert [value.is_last for value in values] == [False] * (len(values) - 1) + [is_last]
    assert all(value.is_command == is_command and value.context_id == 3 for value in values)


@settings(max_examples=100, deadline=None)
@given(
    pieces=st.lists(st.binary(max_size=40), max_size=8),
    longest=st.sampled_from([0, 7, 8, 9, 15, 50, 16384]),
)
def test_data_set_of_any_pieces_has_even_fragments_and_one_last(pieces: list[bytes], longest: int) -> None:
    encoded = list(pdus.encode_data_set(3, pieces, longest))
    found = read(PduReader({pdus.P_DATA: longest or 1000}), encoded)
    values = [value for _, body in found for value in pdus.data_values(memoryview(body))]
    assert b"".join(bytes(value.fragment) for value in values) == b"".join(pieces)
    assert [value.is_last for value in values] == [False] * (len(values) - 1) + [True] * bool(values)
    assert not any(value.is_command for value in values)
    if longest > 7:
        assert not any(len(value.fragment) % 2 for value in values[:-1])


def test_next_kind_is_known_from_the_first_byte() -> None:
    reader = PduReader({pdus.RELEASE_RQ: 4})
    assert reader.next_kind is None
    reader.space()[:1] = b"\5"
    reader.received(1)
    assert reader.next_kind == pdus.RELEASE_RQ


def test_short_pdus_are_those_of_pynetdicom() -> None:
    reject = A_ASSOCIATE_RJ()
    reject.decode(pdus.encode_reject(2, 3, 1))
    assert (reject.result, reject.source, reject.reason_diagnostic) == (2, 3, 1)
    abort = A_ABORT_RQ()
    abort.decode(pdus.encode_abort(pdus.SERVICE_PROVIDER, pdus.INVALID_PARAMETER))
    assert (abort.source, abort.reason_diagnostic) == (2, 6)
    assert pdus.encode_release_reply() == A_RELEASE_RP().encode()
    data = P_DATA_TF()
    data.decode(pdus.encode_values(5, b"abcd", 0, is_command=True))
    assert [item.presentation_data_value for item in data.presentation_data_value_items] == [b"\x03abcd"]
