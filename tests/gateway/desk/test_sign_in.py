"""Signing in at the desk: what the pages say and set, and what they do not tell."""

import re
from pathlib import Path

import pyotp
import pytest
from starlette.testclient import TestClient

from gateway.app import application
from gateway.config import Config
from gateway.house import build
from gateway.sections import HttpConfig
from tests.gateway.desk.conftest import PASSWORD, Desk
from tests.gateway.portal_house import SIGN_IN


def _sign_in(client: TestClient, name: str, password: str = PASSWORD, code: str = "") -> tuple[int, str]:
    answer = client.post("/desk/sign-in", data={"name": name, "password": password, "code": code})
    return answer.status_code, answer.headers.get("location", "")


def test_the_first_sign_in_sets_up_one_time_codes(own_desk: Desk) -> None:
    own_desk.house.staff.add("neu", "desk", "", PASSWORD)
    with own_desk.browser() as client:
        assert _sign_in(client, "neu") == (303, "/desk/enrolment")
        first = client.cookies["d"]
        assert client.get("/desk").headers["location"] == "/desk/sign-in?ended"
        page = client.get("/desk/enrolment")
        assert page.headers["cache-control"] == "no-store"
        seed = re.sub(r"\s", "", re.findall(r'id="seed">([^<]*)<', page.text)[0])
        wrong = client.post("/desk/enrolment", data={"code": "000000"})
        assert wrong.status_code == 400 and "passt nicht" in wrong.text
        done = client.post("/desk/enrolment", data={"code": pyotp.TOTP(seed).now()})
        assert (done.status_code, done.headers["location"]) == (303, "/desk")
        assert client.get("/desk").status_code == 200
        assert client.get("/desk/enrolment").status_code == 303
        client.cookies.set("d", first)
        assert client.get("/desk/enrolment").status_code == 303


def test_cookies_are_bound_to_the_host_over_https(tmp_path: Path) -> None:
    house = build(Config(base=tmp_path, http=HttpConfig(public_url="https://images.example.org")))
    house.staff.add("neu", "desk", "", PASSWORD)
    with TestClient(
        application(house), "https://images.example.org", headers={**SIGN_IN}, follow_redirects=False
    ) as client:
        answer = client.post("/desk/sign-in", data={"name": "neu", "password": PASSWORD})
    house.close()
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("__host-d=")
    assert all(part in cookie for part in ("httponly", "secure", "samesite=strict", "path=/"))


def test_every_failure_has_the_same_answer(desk: Desk) -> None:
    with desk.browser() as client:
        pages = set()
        for name, password, code in (
            ("anna", "wrong password!", ""),
            ("nobody", PASSWORD, ""),
            ("anna", PASSWORD, "1"),
        ):
            answer = client.post("/desk/sign-in", data={"name": name, "password": password, "code": code})
            assert "set-cookie" not in answer.headers
            pages.add((answer.status_code, answer.text.replace(name, "NAME")))
        assert len(pages) == 1 and {status for status, _ in pages} == {403}
        assert not any(PASSWORD in text or "wrong password!" in text for _, text in pages)


def test_too_many_failures_have_to_wait(own_desk: Desk) -> None:
    with own_desk.browser() as client:
        statuses = [_sign_in(client, "anna", "wrong password!")[0] for _ in range(11)]
        assert statuses == [403] * 9 + [429] * 2
        answer = client.post("/desk/sign-in", data={"name": "anna", "password": PASSWORD})
        assert int(answer.headers["retry-after"]) > 0 and "1 Minute" in answer.text


def test_signing_out_ends_the_session_and_empties_the_browser(desk: Desk) -> None:
    with desk.browser("anna") as client:
        cookie = client.cookies["d"]
        answer = client.post("/desk/sign-out")
        assert (answer.status_code, answer.headers["location"]) == (303, "/desk/sign-in?signed_out")
        assert answer.headers["clear-site-data"] == '"cache", "storage"'
        client.cookies.set("d", cookie)
        assert client.get("/desk").headers["location"] == "/desk/sign-in?ended"


@pytest.mark.parametrize("reason", ["ended", "signed_out"])
def test_the_form_says_why_one_is_there(desk: Desk, reason: str) -> None:
    with desk.browser(language="en") as client:
        words = {"ended": "signed out", "signed_out": "See you"}
        assert words[reason] in client.get(f"/desk/sign-in?{reason}").text


@pytest.mark.parametrize(
    "headers", [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"sec-fetch-site": "", "origin": "https://evil.example"}],
    ids=["cross-site", "same-site", "origin"],
)  # fmt: skip
def test_forms_of_other_sites_do_nothing(desk: Desk, headers: dict[str, str]) -> None:
    before = len(desk.house.shares.list())
    with desk.browser("anna") as client:
        for path in ("/desk/shares", "/desk", "/desk/sign-in", "/desk/requests/1"):
            answer = client.post(
                path, data={"study": desk.chest.study_instance_uid, "what": "patient"}, headers=headers
            )
            assert answer.status_code == 403, path
        client.post("/desk/sign-out", headers=headers)
        assert client.get("/desk").status_code == 200
    assert len(desk.house.shares.list()) == before


def test_large_forms_are_not_read(desk: Desk) -> None:
    with desk.browser() as client:
        answer = client.post("/desk/sign-in", data={"name": "anna", "password": "x" * 100_000})
        assert answer.status_code == 403


def test_asking_for_the_session_needs_one(desk: Desk, anna: TestClient) -> None:
    assert anna.get("/desk/session").json() == {}
    with desk.browser() as client:
        assert client.get("/desk/session").headers["location"] == "/desk/sign-in"


def test_the_patients_pages_do_not_lead_to_the_desk(desk: Desk) -> None:
    with desk.browser() as client:
        for path in ("/", "/z", "/nowhere"):
            assert "desk" not in client.get(path).text
