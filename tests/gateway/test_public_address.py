"""The address by which callers know us, as proxies tell it (RFC 7239)."""

from pathlib import Path

import pytest
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from gateway.config import parse
from gateway.public_address import BehindProxies, PublicAddress, base_urls, told

PLAIN = {"x-forwarded-proto": "https", "x-forwarded-host": "images.example"}


def client(folder: Path, peer: str = "127.0.0.1", **http: object) -> TestClient:
    """A service that answers with its own public URL, the caller's address and the scheme."""
    config = parse({"http": http}, folder)
    base_url = base_urls(config)

    async def service(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        assert request.client is not None
        text = f"{base_url(HTTPConnection(scope))} {request.client.host} {request.url.scheme}"
        await PlainTextResponse(text)(scope, receive, send)

    return TestClient(BehindProxies(service, config.http.trusted_proxies), client=(peer, 50_000))


def test_without_a_proxy_the_configuration_counts(tmp_path: Path) -> None:
    assert client(tmp_path).get("/").text.split()[0] == "http://127.0.0.1:8080/dicom-web"
    configured = client(tmp_path, public_url="https://a.example")
    assert configured.get("/").text.split()[0] == "https://a.example/dicom-web"


def test_a_trusted_proxy_is_believed(tmp_path: Path) -> None:
    headers = {"x-forwarded-for": "192.0.2.7", "x-forwarded-prefix": "/pacs/", **PLAIN}
    text = client(tmp_path).get("/", headers=headers).text
    assert text.split() == ["https://images.example/pacs/dicom-web", "192.0.2.7", "https"]


def test_nobody_else_is_believed(tmp_path: Path) -> None:
    """Also not who names a proxy as the one it speaks for."""
    for forged in ({}, {"x-forwarded-for": "127.0.0.1"}):
        text = client(tmp_path, "192.0.2.9").get("/", headers={**PLAIN, **forged}).text
        assert text.split() == ["http://127.0.0.1:8080/dicom-web", "192.0.2.9", "http"]


def test_what_the_operator_says_counts_more(tmp_path: Path) -> None:
    """Of a proxy then only the prefix, which `public_url` cannot name."""
    headers = {**PLAIN, "x-forwarded-prefix": "/pacs"}
    text = client(tmp_path, public_url="https://a.example").get("/", headers=headers).text
    assert text.split()[0] == "https://a.example/pacs/dicom-web"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"forwarded": "for=192.0.2.7;proto=https;host=a.example"}, "https://a.example"),
        ({"forwarded": 'Proto=HTTPS; Host="a.example:8443"'}, "https://a.example:8443"),
        ({"forwarded": 'host=evil.example;proto=http, for="[2001:db8::1]:47";host="[2001:db8::2]";proto=https'},
         "https://[2001:db8::2]"),
        ({"forwarded": 'for="a,b";host=a.example'}, "http://a.example"),
        ({"forwarded": "proto=https"}, "https://own.example"),
        ({"x-forwarded-proto": "https"}, "https://own.example"),
        ({"x-forwarded-host": "a.example"}, "http://a.example"),
        ({"x-forwarded-host": "evil.example, a.example", "x-forwarded-proto": "http, https"}, "https://a.example"),
        ({**PLAIN, "x-forwarded-port": "8443"}, "https://images.example:8443"),
        ({**PLAIN, "x-forwarded-port": "443"}, "https://images.example"),
        ({**PLAIN, "x-forwarded-port": "443; drop"}, "https://images.example"),
        # Forwarded counts before the older fields.
        ({**PLAIN, "forwarded": "host=b.example;proto=http"}, "http://b.example"),
        ({"x-forwarded-for": "192.0.2.7"}, ""),
        ({}, ""),
        ({"x-forwarded-host": "a.example/path"}, ""),
        ({"x-forwarded-host": 'a"b'}, ""),
        ({"x-forwarded-host": "a" * 300}, ""),
        ({"x-forwarded-proto": "javascript", "x-forwarded-host": "a.example"}, "http://a.example"),
        ({"forwarded": '"' * 3000}, ""),
    ],
)  # fmt: skip
def test_what_proxies_tell(fields: dict[str, str], expected: str) -> None:
    assert told(Headers({"host": "own.example", **fields}), "http") == PublicAddress(expected)


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("/pacs", "/pacs"),
        ("/a/b/", "/a/b"),
        ("/", ""),
        ("pacs", ""),
        ("/a/../b", ""),
        ("//a", ""),
        ("/a b", ""),
        ('/"', ""),
    ],
)
def test_prefixes(prefix: str, expected: str) -> None:
    assert told(Headers({"x-forwarded-prefix": prefix}), "http").prefix == expected
