"""gzip on requests (RFC 9110 8.4, RFC 1952): undone in bounded pieces, bombs refused."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from dicomweb.problems import BadRequest, ContentTooLarge
from dicomweb.store import content_encoding
from dicomweb.store.content_encoding import Gunzip
from storage.storage import Storage
from tests.dicomweb.replies import problem_of
from tests.dicomweb.store.test_stow import body, left_over, post, stored_uids
from tests.support.synthetic import ct, part10


@given(st.binary(max_size=4000), st.integers(1, 64), st.integers(1, 3))
def test_any_cut_gives_the_same_bytes(data: bytes, size: int, members: int) -> None:
    packed = gzip.compress(data) * members
    decoder = Gunzip()
    found = b"".join(piece for at in range(0, len(packed), size) for piece in decoder.feed(packed[at : at + size]))
    decoder.close()
    assert found == data * members


def test_pieces_are_bounded() -> None:
    pieces = list(Gunzip().feed(gzip.compress(bytes(10_000_000))))
    assert sum(map(len, pieces)) == 10_000_000
    assert max(map(len, pieces)) <= 256 * 1024


def test_a_bomb_is_refused_before_it_goes_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_encoding, "ALWAYS_TAKEN", 1 << 20)
    taken = 0
    with pytest.raises(ContentTooLarge):
        for piece in Gunzip().feed(gzip.compress(bytes(200 << 20), 9)):
            taken += len(piece)
    assert taken < 50 << 20


@pytest.mark.parametrize("damaged", [b"no gzip", gzip.compress(b"x" * 1000, mtime=0)[:-9], zlib.compress(b"x"), b""])
def test_what_is_no_gzip(damaged: bytes) -> None:
    decoder = Gunzip()
    with pytest.raises(BadRequest):
        list(decoder.feed(damaged))
        decoder.close()


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP"])
def test_a_store_request_in_gzip(client: TestClient, coding: str) -> None:
    response = post(client, gzip.compress(body(part10(ct()), part10(ct()))), **{"Content-Encoding": coding})
    assert (response.status_code, len(stored_uids(response.json()))) == (200, 2)


def test_bad_encodings_of_a_store_request(
    client: TestClient, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status and what is left of each; an encoding that is not known names the one that is (RFC 9110 15.5.16)."""
    whole = body(part10(ct()))
    for content in (whole, gzip.compress(whole)[:-12], b""):
        problem_of(post(client, content, **{"Content-Encoding": "gzip"}), 400)
    unknown = post(client, whole, **{"Content-Encoding": "br"})
    problem_of(unknown, 415)
    assert unknown.headers["accept-encoding"] == "gzip"
    monkeypatch.setattr(content_encoding, "ALWAYS_TAKEN", 1 << 10)
    bomb = b"--b\r\nContent-Type: application/dicom\r\n\r\n" + bytes(4 << 20)
    problem_of(post(client, gzip.compress(bomb), **{"Content-Encoding": "gzip"}), 413)
    assert client.get("/instances").json() == []
    assert not left_over(storage)
