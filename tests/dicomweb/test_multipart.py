"""multipart/related in both directions: any cut gives the same parts, hostile bodies end in one refusal."""

from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomweb import multipart
from dicomweb.multipart import Part, PartsReader, TooManyParts, closing, encode, encoded_size
from dicomweb.problems import BadRequest

Parts = list[tuple[dict[str, str], bytes]]


class Collector:
    """Keeps the complete parts."""

    def __init__(self) -> None:
        self.parts: Parts = []
        self._headers: dict[str, str] = {}
        self._content = bytearray()

    def open(self, headers: Mapping[str, str]) -> "Collector":
        self._headers, self._content = dict(headers), bytearray()
        return self

    def write(self, data: memoryview) -> None:
        self._content += data

    def end(self) -> None:
        self.parts.append((self._headers, bytes(self._content)))


def read(pieces: Iterable[bytes], boundary: str = "b") -> Parts:
    collector = Collector()
    reader = PartsReader(boundary, collector.open)
    for piece in pieces:
        reader.feed(piece)
    reader.close()
    return collector.parts


def cut(body: bytes, at: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted(position % (len(body) + 1) for position in at), len(body)]
    return [body[begin:end] for begin, end in zip(edges, edges[1:], strict=False)]


# Contents made of what delimiters are made of, so that false beginnings are common.
contents = st.lists(st.sampled_from([b"\r", b"\n", b"-", b"--b", b"\r\n--", b"\r\n--bx", b"x", b"\0" * 40])).map(
    b"".join
)


@given(st.lists(contents, min_size=1, max_size=4), st.lists(st.integers(0, 10_000), max_size=12))
def test_any_cut_gives_the_same_parts(values: list[bytes], at: list[int]) -> None:
    values = [value for value in values if b"\r\n--b\r" not in b"\r\n" + value + b"\r\n" and b"--b-" not in value]
    parts = [Part("application/dicom", f"/{number}", (value,), len(value)) for number, value in enumerate(values)]
    body = b"".join(encode(parts, "b"))
    assert len(body) == encoded_size(parts, "b")
    if values:
        expected = [
            (
                {
                    "content-type": part.content_type,
                    "content-location": part.location,
                    "content-length": str(len(value)),
                },
                value,
            )
            for part, value in zip(parts, values, strict=True)
        ]
        assert read(cut(body, at)) == expected


def test_one_byte_at_a_time() -> None:
    first = b"preamble\r\n--b\r\nContent-Type: application/dicom\r\n\r\n\r\n--\r\n--c"
    body = first + b"\r\n--b\r\nA:1\r\n\r\n\r\n--b--\r\nepilogue"
    expected = [({"content-type": "application/dicom"}, b"\r\n--\r\n--c"), ({"a": "1"}, b"")]
    assert read([body]) == read([body[i : i + 1] for i in range(len(body))]) == expected


def test_a_part_needs_no_header() -> None:
    assert read([b"--b\r\n\r\nx\r\n--b--"]) == [({}, b"x")]


def test_a_long_preamble_is_passed_over() -> None:
    preamble = [b"-" * 1000] * 1000
    assert read([*preamble, b"\r\n--bx\r\n--b\r\n\r\nx\r\n--b--"]) == [({}, b"x")]


def test_a_body_without_parts() -> None:
    assert read([b"--b--\r\n"]) == []


def test_blanks_behind_a_delimiter_are_padding() -> None:
    assert read([b"--b \t\r\n\r\nx\r\n--b \t\r\n\r\ny\r\n--b--"]) == [({}, b"x"), ({}, b"y")]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no delimiter at all",
        b"--b",
        b"--b\r\n\r\nx",
        b"--b\r\n\r\nx\r\n--b",
        b"--b\r\nContent-Type",
        b"--b\r\nCont\0ent-Type: x\r\n\r\nx\r\n--b--",
        b"--b\r\n: x\r\n\r\nx\r\n--b--",
        b"--b\r\n" + b"A: 1\r\n" * 1000 + b"\r\nx\r\n--b--",
        b"--b\r\nA: " + b"1" * 100_000 + b"\r\n\r\nx\r\n--b--",
        b"--b\r\n" + b"A" * 100_000 + b": 1\r\n\r\nx\r\n--b--",
    ],
)
def test_hostile_bodies_are_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read([body])
    with pytest.raises(BadRequest):
        read([body[i : i + 7] for i in range(0, len(body), 7)])


@pytest.mark.parametrize("boundary", ["", "x" * 71, "bö", "a\nb"])
def test_boundaries_that_are_none(boundary: str) -> None:
    with pytest.raises(BadRequest, match="boundary"):
        read([], boundary)


def test_parts_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart, "MAXIMUM_PARTS", 3)
    assert len(read([b"--b\r\n\r\nx\r\n" * 3 + b"--b--"])) == 3
    with pytest.raises(TooManyParts):
        read([b"--b\r\n\r\nx\r\n" * 4 + b"--b--"])


def test_sizes_that_are_not_known() -> None:
    part = Part("image/jpeg", "/1", (b"x",), None)
    assert encoded_size([part], "b") is None
    assert b"Content-Length" not in b"".join(encode([part], "b"))
    assert b"".join(encode([], "b")) == closing("b") == b"--b--\r\n"


def test_boundaries_differ() -> None:
    assert len({multipart.new_boundary() for _ in range(100)}) == 100


def test_a_body_of_very_many_parts_is_taken_in_small_portions() -> None:
    """Each part that is complete may hold a file open until it is stored."""
    reader = PartsReader("b", Collector().open)
    ordinary, dense = bytes(200_000), b"--b\r\n\r\nx\r\n" * 1000
    assert list(reader.portions(ordinary)) == [ordinary]
    portions = list(reader.portions(dense))
    assert b"".join(portions) == dense
    assert max(portion.count(b"--b") for portion in portions) < 120
