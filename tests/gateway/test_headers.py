"""Security headers: on everything, once, and not over what an answer says itself."""

import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from gateway.headers import CONTENT_SECURITY_POLICY, HEADERS, SecurityHeaders

PROJECT = Path(__file__).resolve().parents[2]


def _client(*, https: bool) -> TestClient:
    async def plain(request: Request) -> Response:
        return PlainTextResponse("x")

    async def special(request: Request) -> Response:
        return PlainTextResponse("x", headers={"cache-control": "public"})

    inner = Starlette(routes=[Route("/", plain), Route("/special", special)])
    return TestClient(SecurityHeaders(inner, https=https))


@pytest.mark.parametrize("path", ["/", "/missing"])
def test_every_answer_has_them(path: str) -> None:
    answer = _client(https=False).get(path)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value


def test_an_answer_may_say_otherwise() -> None:
    answer = _client(https=False).get("/special")
    assert answer.headers["cache-control"] == "public"
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY


def test_hsts_only_over_tls() -> None:
    assert "strict-transport-security" not in _client(https=False).get("/").headers
    assert _client(https=True).get("/").headers["strict-transport-security"] == "max-age=63072000"


def test_the_policy_allows_nothing_inline_and_nothing_foreign() -> None:
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "http" not in CONTENT_SECURITY_POLICY
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert CONTENT_SECURITY_POLICY.endswith("require-trusted-types-for 'script'")


def test_templates_have_nothing_inline() -> None:
    templates = [one for folder in (PROJECT / "gateway").rglob("templates") for one in folder.rglob("*.html")]
    assert len(templates) > 50
    for template in templates:
        source = template.read_text("utf-8")
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|\| *safe", source), template.name
        assert all("src=" in script for script in re.findall(r"<script[^>]*>", source)), template.name


def test_scripts_write_no_markup_and_evaluate_nothing() -> None:
    scripts = list((PROJECT / "viewer_static" / "js").rglob("*.js"))
    assert len(scripts) > 50
    for script in scripts:
        forbidden = (
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|https?://(?!www\.w3\.org/)"
        )
        assert not re.search(forbidden, script.read_text("utf-8")), script.name
