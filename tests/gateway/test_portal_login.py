"""Signing in by code and by QR token, and every way in which it fails."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from auth.codes import new_code, new_token
from auth.errors import Denied
from auth.identity import Identification
from tests.gateway.portal_house import SIGN_IN, Portal, attribute, opened, sign_in


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with opened(tmp_path_factory.mktemp("portal")) as portal:
        yield portal


@pytest.fixture
def visitor(portal: Portal) -> Iterator[TestClient]:
    with portal.visitor() as client:
        yield client


@pytest.mark.parametrize(
    "birth_date", ["31.01.1950", "31.1.1950", "31/01/1950", "31011950", "1950-01-31", " 31 01 1950 "]
)
def test_code_and_birth_date_open_the_overview(portal: Portal, visitor: TestClient, birth_date: str) -> None:
    answer = sign_in(visitor, code=portal.issued.code.lower().replace("-", " "), birth_date=birth_date)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie
    assert "Erika Muster" in visitor.get("/").text


def test_token_and_birth_date_open_the_overview(portal: Portal, visitor: TestClient) -> None:
    assert sign_in(visitor, token=portal.issued.token, code="").status_code == 303
    assert "Erika Muster" in visitor.get("/").text


def test_who_is_signed_in_sees_no_form_at_the_start(portal: Portal) -> None:
    with portal.patient() as client:
        assert 'id="login"' not in client.get("/").text


def _without_entries(html: str, *entered: str) -> str:
    for text in entered:
        html = html.replace(f'value="{text}"', 'value=""')
    return html


def test_denials_do_not_say_what_was_wrong(portal: Portal, visitor: TestClient) -> None:
    unknown, right = new_code(), portal.issued.code
    wrong_code = sign_in(visitor, code=unknown)
    wrong_date = sign_in(visitor, code=right, birth_date="30.01.1950")
    both = sign_in(visitor, code=unknown, birth_date="30.01.1950")
    assert {wrong_code.status_code, wrong_date.status_code, both.status_code} == {403}
    bodies = {
        _without_entries(answer.text, unknown, right, "31.01.1950", "30.01.1950")
        for answer in (wrong_code, wrong_date, both)
    }
    assert len(bodies) == 1
    assert "finden wir keine Bilder" in wrong_code.text
    assert "set-cookie" not in wrong_date.headers


def test_a_wrong_token_is_denied_and_asks_for_the_date_again(visitor: TestClient) -> None:
    token = new_token()
    answer = sign_in(visitor, token=token)
    assert answer.status_code == 403
    assert attribute(answer.text, "token", "value") == token
    assert attribute(answer.text, "birth-date", "name") == "birth_date"
    assert 'name="code"' not in answer.text


def test_what_was_entered_stays_in_the_form(visitor: TestClient) -> None:
    code = new_code()
    answer = sign_in(visitor, code=code, birth_date="1.2.1950")
    assert attribute(answer.text, "code", "value") == code
    assert attribute(answer.text, "birth-date", "value") == "1.2.1950"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"code": ""}, "Bitte geben Sie Ihren Zugangscode ein"),
        ({"code": "0000-1111-2222-3333"}, "Im Zugangscode ist ein Tippfehler"),
        ({"code": "ABC"}, "Im Zugangscode ist ein Tippfehler"),
        ({"code": '"><script>alert(1)</script>'}, "Im Zugangscode ist ein Tippfehler"),
        ({"token": "x", "birth_date": "gestern"}, "Dieses Geburtsdatum verstehen wir nicht"),
        ({"token": "x", "birth_date": ""}, "Dieses Geburtsdatum verstehen wir nicht"),
    ],
)
def test_typing_errors_are_explained(visitor: TestClient, fields: dict[str, str], sentence: str) -> None:
    answer = sign_in(visitor, **fields)
    assert answer.status_code == 400
    assert sentence in answer.text
    assert 'aria-invalid="true" autofocus' in answer.text
    assert "<script>alert" not in answer.text


def test_typing_errors_ask_no_database(portal: Portal) -> None:
    class Nobody(Identification):
        def __init__(self) -> None:
            pass

    with portal.visitor(house=replace(portal.house, identification=Nobody())) as client:
        assert sign_in(client, code="0000-1111-2222-3333", birth_date="x").status_code == 400


@pytest.mark.parametrize(
    ("seconds", "sentence"), [(1, "in 1 Minute noch"), (60, "in 1 Minute noch"), (61, "in 2 Minuten")]
)
def test_the_throttle_tells_when_to_try_again(portal: Portal, seconds: int, sentence: str) -> None:
    class Throttled(Identification):
        def __init__(self) -> None:
            pass

        def by_code(self, code: str, birth_date: str, network: str) -> Any:
            raise Denied(seconds)

    with portal.visitor(house=replace(portal.house, identification=Throttled())) as client:
        answer = sign_in(client, code=new_code())
        assert (answer.status_code, answer.headers["retry-after"]) == (429, str(seconds))
        assert sentence in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
    ],
)
def test_forms_of_other_sites_are_refused(portal: Portal, visitor: TestClient, headers: dict[str, str]) -> None:
    data = {"code": portal.issued.code, "birth_date": "31.01.1950"}
    answer = visitor.post("/login", data=data, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert portal.issued.code not in answer.text


def test_browsers_without_fetch_metadata_sign_in_by_their_origin(portal: Portal, visitor: TestClient) -> None:
    data = {"code": portal.issued.code, "birth_date": "31.01.1950"}
    assert visitor.post("/login", data=data, headers={"origin": "http://127.0.0.1:8080"}).status_code == 303


def test_a_giant_form_is_no_form(visitor: TestClient) -> None:
    answer = sign_in(visitor, code="A" * 100_000)
    assert answer.status_code == 400
    assert len(answer.text) < 20_000


def test_the_landing_page_serves_browsers_with_and_without_script(visitor: TestClient) -> None:
    page = visitor.get("/z").text
    for_everybody = page.split('<div id="code-part" class="without-script">')[1].split("</div>")[0]
    assert 'name="code"' in for_everybody and "JavaScript ausgeschaltet" in for_everybody
    assert '<script src="/static/js/landing.js' in page.split("</head>")[0]


def test_get_login_leads_to_the_start(visitor: TestClient) -> None:
    answer = visitor.get("/login")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("de-DE,de;q=0.9", "de"),
        ("en", "en"),
        ("it,en;q=0.5,de;q=0.4", "en"),
        ("fr,en;q=0.5", "fr"),
        ("ja", "de"),
        ("", "de"),
        ("en;q=0,de;q=0.1", "de"),
    ],
)
def test_language_by_header(portal: Portal, accept: str, language: str) -> None:
    with portal.visitor(language=accept) as client:
        assert f'<html lang="{language}"' in client.get("/").text


def test_the_switch_is_remembered_and_wins_over_the_header(visitor: TestClient) -> None:
    assert '<html lang="en"' in visitor.get("/?lang=en").text
    assert '<html lang="en"' in visitor.get("/").text
    assert '<html lang="en"' in sign_in(visitor, code="x").text
    assert '<html lang="de"' in visitor.get("/?lang=de").text
    assert '<html lang="de"' in visitor.get("/?lang=xx").text
    assert "set-cookie" not in visitor.get("/?lang=xx").headers


def test_the_switch_keeps_the_image(portal: Portal) -> None:
    stored = portal.chest[0]
    with portal.patient() as client:
        page = client.get(f"/studies/{stored.study_instance_uid}/series/{stored.series_instance_uid}?i=3").text
        assert "?lang=en&amp;i=3" in page


def test_after_a_failed_login_the_switch_leads_to_a_page_that_can_be_fetched(visitor: TestClient) -> None:
    page = visitor.post("/login", data={"code": "x"}, headers=SIGN_IN).text
    assert 'href="/?lang=en"' in page
