"""Bodies in pieces, and what is sent with them."""

import asyncio
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from starlette.requests import Request

from dicomweb import payloads
from dicomweb.media_types import EXPLICIT_LITTLE, OCTET_STREAM, Representation
from dicomweb.payloads import file_pieces, not_modified, single_part, streamed, validator

NATIVE = Representation(OCTET_STREAM, transfer_syntax=EXPLICIT_LITTLE)


def request(**headers: str) -> Request:
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": fields, "query_string": b"", "path": "/", "method": "GET"})


def test_a_file_comes_in_pieces_and_is_closed() -> None:
    file = BytesIO(bytes(range(256)) * 4096)
    pieces = list(file_pieces(lambda: file, 1, 1_000_000))
    assert b"".join(pieces) == (bytes(range(256)) * 4096)[1:1_000_001]
    assert max(map(len, pieces)) == 256 * 1024
    assert file.closed


def test_a_file_that_is_not_wanted_is_not_opened() -> None:
    def never() -> Any:
        raise AssertionError

    file_pieces(never, 0, 1)


def test_a_file_that_is_left_in_the_middle_is_closed() -> None:
    file = BytesIO(b"x" * 1_000_000)
    pieces = file_pieces(lambda: file, 0, 1_000_000)
    next(pieces)
    del pieces
    assert file.closed


def test_a_file_that_is_too_short() -> None:
    with pytest.raises(EOFError):
        list(file_pieces(lambda: BytesIO(b"x"), 0, 2))


def test_only_the_first_piece_is_made_before_the_answer() -> None:
    made: list[int] = []

    def pieces() -> Iterator[bytes]:
        for number in range(10):
            made.append(number)
            yield b"x" * payloads._JOINED

    response = streamed(pieces(), {}, "text/plain")
    assert (response.status_code, made) == (200, [0])


def test_small_pieces_are_joined() -> None:
    joined = list(payloads._joined(iter([b"x" * 1000] * 1000)))
    assert b"".join(joined) == b"x" * 1_000_000
    assert len(joined) == 8


def test_a_refusal_of_the_first_piece_is_raised_at_once() -> None:
    def pieces() -> Iterator[bytes]:
        raise ValueError
        yield b""

    with pytest.raises(ValueError):
        streamed(pieces(), {}, "text/plain")


@pytest.mark.parametrize("content", [b"", b"x" * 4095, bytes(hash(str(at)) & 255 for at in range(100_000))])
def test_what_is_not_worth_compressing(content: bytes) -> None:
    assert single_part(request(accept_encoding="gzip"), content, NATIVE, {}).body == content


def test_what_a_codec_has_made_is_not_compressed_again() -> None:
    coded = Representation("image/jp2", transfer_syntax="1.2.840.10008.1.2.4.90")
    smooth = bytes(10_000)
    assert single_part(request(accept_encoding="gzip"), smooth, coded, {}).body == smooth
    assert len(single_part(request(accept_encoding="gzip"), smooth, NATIVE, {}).body) < 100


def test_noise_is_seen_in_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError

    monkeypatch.setattr(zlib, "compressobj", never)
    noise = bytes(hash(str(at)) & 255 for at in range(100_000))
    assert single_part(request(accept_encoding="gzip"), noise, NATIVE, {}).body == noise


def test_a_sample_may_promise_too_much() -> None:
    """Content whose middle is smooth and whose rest is not."""
    noise = bytes(hash(str(at)) & 255 for at in range(2_000_000))
    content = noise[:1_000_000] + bytes(70_000) + noise[1_000_000:]
    assert single_part(request(accept_encoding="gzip"), content, NATIVE, {}).body == content


def test_validators_tell_apart() -> None:
    assert validator("a", 1) == validator("a", 1)
    assert len({validator("a", 1), validator("a", "1"), validator("a1"), validator("a", 1, None)}) == 4


@pytest.mark.parametrize(
    ("field", "known"),
    [('W/"a"', True), ('"a"', True), ('"b", W/"a"', True), ("*", True), ('"b"', False), ("a", False), ("", False)],
)
def test_conditions(field: str, known: bool) -> None:
    response = not_modified(request(if_none_match=field), 'W/"a"')
    assert (response is not None) is known
    assert not_modified(request(), 'W/"a"') is None


def test_a_short_body_is_sent_at_once_and_its_long_pieces_are_not_copied() -> None:
    content = memoryview(bytes(50_000))
    pieces: list[bytes | memoryview] = [b"he", b"ad", content, b"ta", b"il"]
    response = streamed(iter(pieces), {}, "text/plain", size=50_008)
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(response({"type": "http"}, lambda: None, send))  # type: ignore[arg-type,return-value]
    assert [message["body"] for message in sent[1:]] == [b"head", content, b"tail"]
    assert sent[2]["body"] is content
    assert [message.get("more_body", False) for message in sent[1:]] == [True, True, False]
    assert response.headers["content-length"] == "50008"
    assert streamed(iter(()), {}, "text/plain", size=0).body == b""
