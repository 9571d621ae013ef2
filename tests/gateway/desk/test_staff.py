"""The pages on which administrators manage accounts, and the first sign-in by a set-up code."""

import re
from html import unescape

import pyotp
import pytest
from starlette.testclient import TestClient

from tests.gateway.desk.conftest import PASSWORD, Desk

OWN = "ein eigener Satz"


def _code(html: str) -> str:
    (code,) = re.findall(r'id="set-up"[^>]*>([^<]*)<', html)
    return str(code)


def _sign_in(client: TestClient, name: str, password: str) -> str:
    return client.post("/desk/sign-in", data={"name": name, "password": password}).headers.get("location", "")


def test_from_a_new_account_to_its_first_search(own_desk: Desk) -> None:
    with own_desk.browser("carla") as carla:
        page = carla.get("/desk/staff").text
        assert 'href="/desk/staff/anna"' in page and 'value="*" selected' in page
        made = carla.post("/desk/staff", data={"name": "Neu", "role": "desk", "site": "north"})
        assert made.status_code == 200 and made.headers["cache-control"] == "no-store"
        code = _code(made.text)
        assert code not in carla.get("/desk/staff/neu").text
        assert "noch nicht eingerichtet" in carla.get("/desk/staff/neu").text
    with own_desk.browser() as client:
        assert _sign_in(client, "neu", code) == "/desk/enrolment"
        first = client.cookies["d"]
        assert "Ihr Passwort" in client.get("/desk/enrolment").text
        assert "Ihr Passwort" in client.post("/desk/enrolment", data={"code": "000000"}).text
        unusable = {
            code: "bisheriges Passwort",
            "kurz": "mindestens 12",
            "Sommer2026!!!!": "zu leicht zu raten",
            "Lampen im Musterklinikum": "Namen des Hauses",
            "Lampen der Nordklinik": "Namen des Hauses",
        }
        wrongs = [(OWN, "anders", "nicht gleich"), *((password, password, said) for password, said in unusable.items())]
        for password, again, said in wrongs:
            wrong = client.post("/desk/password", data={"password": password, "again": again})
            assert wrong.status_code == 400 and said in wrong.text
        done = client.post("/desk/password", data={"password": OWN, "again": OWN})
        assert done.headers["location"] == "/desk/enrolment" and client.cookies["d"] != first
        seed = re.sub(r"\s", "", re.findall(r'id="seed">([^<]*)<', client.get("/desk/enrolment").text)[0])
        assert client.post("/desk/enrolment", data={"code": pyotp.TOTP(seed).now()}).headers["location"] == "/desk"
        assert "Nordklinik" in client.get("/desk").text
        assert client.post("/desk/password", data={"password": OWN, "again": OWN}).status_code == 400
        assert _sign_in(client, "neu", code) == ""


def test_a_name_that_is_taken_is_said(desk: Desk) -> None:
    with desk.browser("carla") as carla:
        for name in ("anna", "a b", ""):
            answer = carla.post("/desk/staff", data={"name": name, "role": "desk", "site": ""})
            assert answer.status_code == 400 and 'aria-invalid="true"' in answer.text
        for data in ({"name": "x", "role": "chief"}, {"name": "x", "role": "desk", "site": "nowhere"}):
            assert carla.post("/desk/staff", data=data).status_code == 404


def test_changes_say_what_is_so_now(own_desk: Desk) -> None:
    with own_desk.browser("carla") as carla:
        steps = (("role", "Einsicht"), ("locking", "gesperrt"), ("unlocking", "aktiv"))
        for step, said in steps:
            answer = carla.post(f"/desk/staff/anna/{step}", data={"role": "referral", "site": "north"})
            page = unescape(carla.get(answer.headers["location"]).text)
            assert "gilt sofort" in page and said in page, step
        assert own_desk.house.staff.get("anna").site == "north"
        assert _code(carla.post("/desk/staff/anna/set-up").text)
        assert "entfernt" in carla.get(carla.post("/desk/staff/anna/removal").headers["location"]).text
        assert carla.get("/desk/staff/anna").status_code == 404


@pytest.mark.parametrize("step", ["role", "locking", "unlocking", "set-up", "removal"])
def test_ones_own_account_is_for_others_to_change(desk: Desk, step: str) -> None:
    with desk.browser("carla") as carla:
        page = carla.get("/desk/staff/carla").text
        assert "Ihr eigenes Konto" in page and "/desk/staff/carla/" not in page
        assert carla.post(f"/desk/staff/carla/{step}", data={"role": "desk", "site": "*"}).status_code == 409
    assert desk.house.staff.get("carla").role == "admin"


def test_others_do_not_see_the_way_there(desk: Desk) -> None:
    for name, sees in (("anna", False), ("rolf", False), ("carla", True)):
        with desk.browser(name) as client:
            assert ('href="/desk/staff"' in client.get("/desk").text) == sees
            assert client.get("/desk/staff").status_code == (200 if sees else 403)


def test_everybody_changes_their_own_password_by_the_last_one(own_desk: Desk) -> None:
    with own_desk.browser("anna") as anna, own_desk.browser("anna") as elsewhere:
        assert 'href="/desk/password"' in anna.get("/desk/account").text
        assert 'id="last"' in anna.get("/desk/password").text
        chosen = {"password": OWN, "again": OWN}
        wrong = anna.post("/desk/password", data={**chosen, "last": "wrong password!"})
        assert wrong.status_code == 400 and "stimmt nicht" in wrong.text
        done = anna.post("/desk/password", data={**chosen, "last": PASSWORD})
        assert done.headers["location"] == "/desk" and anna.get("/desk").status_code == 200
        assert elsewhere.get("/desk").status_code == 303
    own_desk.house.staff_sign_in.prove("anna", OWN, "192.0.2.1")
