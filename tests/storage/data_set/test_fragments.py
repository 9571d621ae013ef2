import pytest

from storage.data_set.data_elements import EXPLICIT_LITTLE_ENDIAN
from storage.data_set.fragments import begins_codestream, ends_codestream, fragments
from storage.errors import CannotUnderstand
from tests.storage.encodings import SEQUENCE_END, item


def test_offsets_are_those_of_the_headers() -> None:
    chain = b"??" + item(b"") + item(b"abc") + item(SEQUENCE_END) + SEQUENCE_END + b"rest"
    assert list(fragments(chain, 0x7FE00010, 2, len(chain), EXPLICIT_LITTLE_ENDIAN)) == [2, 10, 21, 37]


@pytest.mark.parametrize("chain", [b"", item(b"ab"), item(b"ab", 3) + SEQUENCE_END, b"12345678" + SEQUENCE_END])
def test_what_is_no_chain_is_refused(chain: bytes) -> None:
    with pytest.raises(CannotUnderstand, match="Pixel Data"):
        fragments(chain, 0x7FE00010, 0, len(chain), EXPLICIT_LITTLE_ENDIAN)


@pytest.mark.parametrize(
    ("beginning", "is_one"),
    [
        (b"\xff\xd8\xff\xe0", True),
        (b"\xff\x4f\xff\x51", True),
        (b"\0\0\0\x0cjP  \r\n", True),
        (b"\xff\x0a\x7f", True),
        (b"\0\0\0\x0cJXL \r\n", True),
        (b"\xff\xd9\xff\xd8", False),
        (b"\0\0\0\x0cftyp", False),
        (b"\xff", False),
        (b"", False),
    ],
)
def test_beginnings_of_codestreams(beginning: bytes, is_one: bool) -> None:
    buffer = b"\xff" + beginning + b"\xd8" * 8
    assert begins_codestream(buffer, 1, 1 + len(beginning)) is is_one


@pytest.mark.parametrize("end", [b"..\xff\xd9", b"\xff\xd9" + bytes(8)])
def test_ends_of_codestreams(end: bytes) -> None:
    assert ends_codestream(end, 0, len(end))


@pytest.mark.parametrize("end", [b"\xff\xd9" + bytes(9), b"\xff", b""])
def test_other_ends(end: bytes) -> None:
    assert not ends_codestream(end + b"\xd9\xff\xd9", 0, len(end))
