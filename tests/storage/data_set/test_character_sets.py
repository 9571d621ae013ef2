import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.charset import python_encoding

from storage.data_set.character_sets import character_sets, terms_of


@pytest.mark.parametrize(
    ("terms", "encoded", "text"),
    [
        # The names of PS3.5 annexes H, I, J and K, in its own bytes.
        (("ISO_IR 192",), "Wang^XiaoDong=王^小東".encode(), "Wang^XiaoDong=王^小東"),
        (("GB18030",), "Wang^XiaoDong=王^小东".encode("gb18030"), "Wang^XiaoDong=王^小东"),
        (
            ("", "ISO 2022 IR 87"),
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
            "Yamada^Tarou=山田^太郎=やまだ^たろう",
        ),
        (
            ("ISO 2022 IR 13", "ISO 2022 IR 87"),
            b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J",
            "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎",
        ),
        (
            ("", "ISO 2022 IR 149"),
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
            "Hong^Gildong=洪^吉洞=홍^길동",
        ),
        (
            ("", "ISO 2022 IR 58"),
            b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=",
            "Zhang^XiaoDong=张^小东=",
        ),
        (("ISO 2022 IR 100", "ISO 2022 IR 126"), b"J\xe9r\xf4me^\x1b-F\xc4\xe9\\\xe9", "Jérôme^Δι\\é"),
        (("ISO_IR 144",), "Люкceмбypг".encode("iso8859_5"), "Люкceмбypг"),
        (("ISO_IR 166",), "ทดสอบ".encode("iso8859_11"), "ทดสอบ"),
    ],
)
def test_declared_character_sets(terms: tuple[str, ...], encoded: bytes, text: str) -> None:
    assert character_sets(terms).decode(encoded) == text


@pytest.mark.parametrize("term", ["ISO-IR 100", "ISO_IR_100", "iso_ir 100", "ISO IR 100"])
def test_misspelt_terms_are_understood(term: str) -> None:
    assert character_sets((term,)).decode(b"\xc4\xd6") == "ÄÖ"
    assert character_sets((term.replace("100", "144"),)).decode(b"\xbb") == "Л"


@pytest.mark.parametrize("terms", [(), ("",), ("ISO_IR 6",), ("ISO_IR 4711",)])
def test_who_declares_nothing_known_means_utf_8_or_latin_1(terms: tuple[str, ...]) -> None:
    assert character_sets(terms).decode("Möller".encode()) == "Möller"
    assert character_sets(terms).decode(b"M\xf6ller") == "Möller"


def test_a_declared_set_is_believed() -> None:
    assert character_sets(("ISO_IR 100",)).decode("ö".encode()) == "Ã¶"


def test_a_single_byte_escape_ends_with_the_value() -> None:
    """PS3.5 6.1.2.5.3: a delimiter brings back the initial set."""
    assert character_sets(("ISO 2022 IR 100", "ISO 2022 IR 144")).decode(b"\x1b-L\xbb=\xbb") == "Л=»"


def test_a_korean_escape_outlives_delimiters() -> None:
    """Not by the letter of PS3.5 6.1.2.5.3, but senders exist that escape once for all components."""
    assert character_sets(("", "ISO 2022 IR 149")).decode(b"\x1b$)C\xb1\xe8^\xc8\xf1\xc1\xdf") == "김^희중"


def test_undecodable_bytes_are_replaced() -> None:
    assert character_sets(("ISO_IR 192",)).decode(b"M\xf6ller") == "M\ufffdller"


def test_escapes_mean_nothing_in_utf_8() -> None:
    assert character_sets(("ISO_IR 192",)).decode(b"a\x1b$Bb") == "a\x1b$Bb"


def test_terms_of() -> None:
    assert terms_of(b"\\ISO 2022 IR 87 ") == ("", "ISO 2022 IR 87")


@given(st.lists(st.sampled_from(sorted(python_encoding)) | st.text(max_size=12), max_size=3), st.binary(max_size=40))
def test_nothing_fails(terms: list[str], encoded: bytes) -> None:
    for value in (encoded, b"\x1b$B" + encoded, encoded + b"\x1b"):
        character_sets(tuple(terms)).decode(value).encode("utf-8")
