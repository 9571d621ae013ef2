"""Conditional and range requests (RFC 9110 sections 13 and 14), HEAD, and where the bytes come from."""

from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest
from starlette.requests import Request
from starlette.responses import Response

from dicomweb import payloads
from dicomweb.media_types import EXPLICIT_LITTLE, OCTET_STREAM, Representation
from dicomweb.problems import RangeNotSatisfiable, answer
from dicomweb.single_part import Content, Version, one
from storage.files import Files, blob_key

PLAIN = Representation(OCTET_STREAM, transfer_syntax=EXPLICIT_LITTLE)
CODED = Representation("image/jls", transfer_syntax="1.2.840.10008.1.2.4.80")
TEXT = bytes(range(256)) * 4
STRONG, WEAK = Version('"s"', 1_000_000_000.5), Version('W/"w"')
DATE, EARLIER = "Sun, 09 Sep 2001 01:46:40 GMT", "Sun, 09 Sep 2001 01:46:39 GMT"


def request(method: str = "GET", **headers: str) -> Request:
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": fields, "query_string": b"", "path": "/", "method": method})


def asked(version: Version = STRONG, method: str = "GET", **headers: str) -> Response:
    return one(request(method, **headers), version, PLAIN, len(TEXT), lambda: Content.of(TEXT), packs=True)


@pytest.mark.parametrize(
    ("field", "begin", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-9", 5, 10),
        ("bytes=1000-", 1000, 1024),
        ("bytes=-24", 1000, 1024),
        ("bytes=-9999", 0, 1024),
        ("bytes=0-1023", 0, 1024),
        ("bytes=1020-99999999", 1020, 1024),
        ("bytes= 1-2 ", 1, 3),
    ],
)
def test_one_range(field: str, begin: int, end: int) -> None:
    response = asked(range=field)
    assert (response.status_code, response.body) == (206, TEXT[begin:end])
    assert response.headers["content-range"] == f"bytes {begin}-{end - 1}/1024"
    assert response.headers["content-length"] == str(end - begin)


@pytest.mark.parametrize(
    "field",
    [
        "bytes=0-1,3-4",
        "bytes=-",
        "bytes=2-1",
        "bytes=a-b",
        "lines=1-2",
        "bytes",
        "",
        "bytes=1-2;q=1",
        "bytes=" + "9" * 99,
    ],
)
def test_what_is_no_single_range_is_ignored(field: str) -> None:
    """RFC 9110 14.2: an invalid Range is no error; several ranges are answered with the whole."""
    response = asked(range=field)
    assert (response.status_code, response.body) == (200, TEXT)
    assert response.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize("field", ["bytes=1024-", "bytes=9999-10000", "bytes=-0"])
def test_a_range_behind_the_end(field: str) -> None:
    with pytest.raises(RangeNotSatisfiable) as refusal:
        asked(range=field)
    response = answer(refusal.value)
    assert (response.status_code, response.headers["content-range"]) == (416, "bytes */1024")


@pytest.mark.parametrize(
    ("version", "condition", "status"),
    [
        (STRONG, '"s"', 206),
        (STRONG, '"other"', 200),
        (STRONG, 'W/"s"', 200),
        (WEAK, 'W/"w"', 200),
        (STRONG, DATE, 206),
        (STRONG, EARLIER, 200),
        (WEAK, DATE, 200),
        (STRONG, "nonsense", 200),
    ],
)
def test_if_range_compares_strongly(version: Version, condition: str, status: int) -> None:
    """RFC 9110 13.1.5: of another version the whole is sent, never a part that does not belong to what is there."""
    assert asked(version, range="bytes=0-1", if_range=condition).status_code == status


@pytest.mark.parametrize(
    ("version", "headers", "status"),
    [
        (STRONG, {"if_none_match": '"s"'}, 304),
        (STRONG, {"if_none_match": 'W/"s"'}, 304),
        (WEAK, {"if_none_match": '"x", W/"w"'}, 304),
        (STRONG, {"if_none_match": '"x"'}, 200),
        (STRONG, {"if_modified_since": DATE}, 304),
        (STRONG, {"if_modified_since": EARLIER}, 200),
        (STRONG, {"if_modified_since": "yesterday"}, 200),
        (WEAK, {"if_modified_since": DATE}, 200),
        (STRONG, {"if_none_match": '"x"', "if_modified_since": DATE}, 200),
        (STRONG, {"if_none_match": '"s"', "range": "bytes=0-1"}, 304),
    ],
)
def test_conditions(version: Version, headers: dict[str, str], status: int) -> None:
    """RFC 9110 13.2.2: If-Modified-Since counts only without If-None-Match; Range comes last."""
    response = asked(version, **headers)
    assert response.status_code == status
    assert response.headers["etag"] == version.etag
    assert response.headers.get("last-modified") == (DATE if version is STRONG else None)
    assert "Accept" in response.headers["vary"]


def test_a_head_makes_nothing() -> None:
    def never() -> Any:
        raise AssertionError

    for size, length in ((1024, "1024"), (None, None)):
        response = one(request("HEAD", range="bytes=0-1"), STRONG, PLAIN, size, never)
        assert (response.status_code, response.headers.get("content-length")) == (200, length)
        assert response.headers["accept-ranges"] == "bytes"
    packed = one(request("HEAD", accept_encoding="gzip"), STRONG, PLAIN, 1024, never, packs=True)
    assert "content-length" not in packed.headers


def test_compression_gives_up_what_only_the_same_bytes_have() -> None:
    """RFC 9110 8.8.1: another coding is not the same bytes, so its tag is weak; a range is one of the plain bytes."""
    smooth = bytes(100_000)
    packed = one(request(accept_encoding="gzip"), STRONG, PLAIN, None, lambda: Content.of(smooth), packs=True)
    assert (packed.headers["content-encoding"], packed.headers["etag"]) == ("gzip", 'W/"s"')
    part = one(
        request(accept_encoding="gzip", range="bytes=0-9"), STRONG, PLAIN, None, lambda: Content.of(smooth), packs=True
    )
    assert (part.status_code, part.body, "content-encoding" in part.headers) == (206, bytes(10), False)
    coded = one(request(accept_encoding="gzip"), STRONG, CODED, None, lambda: Content.of(smooth), packs=True)
    assert coded.body == smooth


def test_a_temporary_file_is_closed_also_when_no_byte_of_it_is_wanted() -> None:
    file = BytesIO(TEXT)
    with pytest.raises(RangeNotSatisfiable):
        one(request(range="bytes=9999-"), WEAK, PLAIN, None, lambda: Content.temporary(cast(BinaryIO, file), 0, 1024))
    assert file.closed


def test_ranges_over_the_pieces_of_a_file(tmp_path: Path) -> None:
    """A frame of several fragments is one string of bytes."""
    files, key = Files(tmp_path), blob_key("1.2", "0" * 64, "0" * 16)
    path = tmp_path / "blobs" / key
    path.parent.mkdir(parents=True)
    path.write_bytes(TEXT)
    ranges = [(10, 5), (100, 0), (200, 7), (20, 3)]
    whole = TEXT[10:15] + TEXT[200:207] + TEXT[20:23]
    content = Content.kept(files, key, ranges)
    assert content.size == len(whole)
    for begin in range(content.size):
        for length in range(content.size - begin + 1):
            assert b"".join(content.pieces(begin, length)) == whole[begin : begin + length]
    files.close()


def test_long_content_is_streamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payloads, "_AT_ONCE", 100)
    response = asked(range="bytes=0-500")
    assert not hasattr(response, "body")
    assert (response.status_code, response.headers["content-length"]) == (206, "501")
    assert hasattr(asked(range="bytes=0-99"), "body")
