"""Passkeys with Chromium's own virtual authenticator, against an application that is reached by a name."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, CDPSession, Page, Route

from gateway.app import application
from gateway.config import Config
from gateway.house import House, build
from gateway.sections import HttpConfig
from tests.browser.conftest import fresh
from tests.support.gateway import free_port

PASSWORD = "sieben graue Katzen"


@dataclass(frozen=True)
class Served:
    """A house that answers over HTTP."""

    house: House
    url: str


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    port = free_port()
    url = f"http://localhost:{port}"
    house = build(Config(base=tmp_path_factory.mktemp("passkeys"), http=HttpConfig(port=port, public_url=url)))
    server = uvicorn.Server(uvicorn.Config(application(house), port=port, lifespan="off", log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield Served(house, url)
    server.should_exit = True
    thread.join()
    house.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = fresh(chromium)
    yield context.new_page()
    context.close()


def _authenticator(page: Page, *, verified: bool = True) -> tuple[CDPSession, str]:
    """A virtual authenticator that verifies its user, or cannot."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": verified,
        "isUserVerified": verified,
        "automaticPresenceSimulation": True,
    }
    added: dict[str, Any] = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session, added["authenticatorId"]


def _enrol(served: Served, page: Page, name: str) -> None:
    """The first sign-in, by password, and a passkey as second factor."""
    served.house.staff.add(name, "desk", None, PASSWORD)
    page.goto(f"{served.url}/desk")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Passwort").fill(PASSWORD)
    page.get_by_role("button", name="Anmelden", exact=True).click()
    page.wait_for_url("**/desk/enrolment")
    page.get_by_role("button", name="Passkey einrichten").click()


def test_a_passkey_is_a_second_factor_and_a_way_in(served: Served, page: Page) -> None:
    _authenticator(page)
    _enrol(served, page, "paula")
    page.wait_for_url("**/desk")
    assert served.house.staff.get("paula").passkeys == 1
    page.get_by_role("button", name="Abmelden").click()
    page.get_by_role("button", name="Mit Passkey anmelden").click()
    page.wait_for_url("**/desk")
    page.get_by_role("link", name="Konto").click()
    page.locator("dd").get_by_text("paula", exact=True).wait_for()
    page.get_by_role("button", name="Abmelden").click()

    # Without its passkey the password alone opens nothing any more.
    page.get_by_label("Name").fill("paula")
    page.get_by_label("Passwort").fill(PASSWORD)
    page.get_by_role("button", name="Anmelden", exact=True).click()
    page.get_by_role("heading", name="Das hat nicht geklappt").wait_for()

    served.house.staff.disable("paula")
    page.get_by_role("button", name="Mit Passkey anmelden").click()
    page.locator("#passkey-problem").wait_for()
    assert page.request.get(f"{served.url}/desk", max_redirects=0).status == 303


def test_an_answer_counts_once_and_only_with_its_challenge(served: Served, page: Page) -> None:
    _authenticator(page)
    _enrol(served, page, "petra")
    page.wait_for_url("**/desk")
    page.get_by_role("button", name="Abmelden").click()
    sent: list[tuple[str, str]] = []

    def keep(request: Any) -> None:
        if request.url.endswith("/desk/sign-in/passkey"):
            sent.append((request.post_data, request.all_headers()["cookie"]))

    page.on("request", keep)
    page.get_by_role("button", name="Mit Passkey anmelden").click()
    page.wait_for_url("**/desk")
    answer, cookies = sent[0]
    sealed = next(part for part in cookies.split("; ") if part.startswith("p=")).partition("=")[2]
    body = json.loads(answer)
    for cookie, document in ((sealed, body), ("", body), (sealed, {**body, "id": "AAAA"}), (sealed, {}), (sealed, [])):
        response = page.request.post(
            f"{served.url}/desk/sign-in/passkey",
            data=json.dumps(document),
            headers={"content-type": "application/json", "sec-fetch-site": "same-origin", "cookie": f"p={cookie}"},
        )
        assert response.status in (400, 401), document


def test_an_authenticator_that_verifies_nobody_is_not_enough(served: Served, page: Page) -> None:
    _authenticator(page, verified=False)

    def ask_for_less(route: Route) -> None:
        answer = route.fetch()
        options = answer.json()
        options["authenticatorSelection"]["userVerification"] = "discouraged"
        route.fulfill(response=answer, json=options)

    page.route("**/desk/passkeys/options", ask_for_less)
    with page.expect_response("**/desk/passkeys") as answered:
        _enrol(served, page, "pia")
    assert answered.value.status == 401
    page.locator("#passkey-problem").wait_for()
    assert served.house.staff.get("pia").passkeys == 0


def test_passkeys_are_offered_only_where_browsers_make_them(tmp_path: Path) -> None:
    for url, possible in (
        ("https://images.example.org", True),
        ("http://images.example.org", False),
        ("https://192.0.2.1", False),
        ("http://127.0.0.1:8080", False),
        ("http://localhost:8080", True),
    ):
        house = build(Config(base=tmp_path, http=HttpConfig(public_url=url)))
        assert house.passkeys.are_possible == possible, url
        house.close()
