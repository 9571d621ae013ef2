"""Signing in at a certified OpenID provider that others wrote, as a browser does: over its forms and redirects."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient

from gateway.app import application
from gateway.config import Config
from gateway.house import House, build
from gateway.sections import DeskConfig, OpenIdConfig
from tests.gateway.portal_house import ORIGIN
from tests.support import certified_provider
from tests.support.certified_provider import CLIENT_ID, CLIENT_SECRET


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with certified_provider.running(f"{ORIGIN}/desk/openid/callback") as issuer:
        yield issuer


@pytest.fixture
def house(issuer: str, tmp_path: Path) -> Iterator[House]:
    (tmp_path / "secret").write_text(f"{CLIENT_SECRET}\n", encoding="utf-8")
    openid = OpenIdConfig(name="Haus", issuer=issuer, client_id=CLIENT_ID, client_secret_file="secret")
    house = build(Config(base=tmp_path, desk=DeskConfig(openid=openid)))
    house.staff.add("anna", "referral", "", None)
    yield house
    house.close()


@pytest.fixture
def browser(house: House) -> Iterator[TestClient]:
    headers = {"accept-language": "en", "sec-fetch-site": "same-origin"}
    with TestClient(application(house), ORIGIN, follow_redirects=False, headers=headers) as client:
        yield client


def _at_the_provider(browser: TestClient, name: str) -> str:
    """The path by which the provider sends the browser back once `name` has signed in and agreed there."""
    with httpx2.Client() as outside:
        response = outside.get(browser.get("/desk/openid").headers["location"])
        for form in ({"prompt": "login", "login": name, "password": "any"}, {"prompt": "consent"}):
            response = _followed(outside, response)
            response = outside.post(response.url, data=form)
        return str(_followed(outside, response).headers["location"]).removeprefix(ORIGIN)


def _followed(outside: httpx2.Client, response: httpx2.Response) -> httpx2.Response:
    """Where the provider's own redirects end: at a form of it, or at the one that leads to us."""
    while response.is_redirect and not response.headers["location"].startswith(ORIGIN):
        response = outside.get(response.url.join(response.headers["location"]))
    return response


def _said(browser: TestClient, path: str) -> str:
    """What the sign-in page says to whoever came back by `path`."""
    answer = browser.get(path)
    assert answer.status_code == 303 and "d" not in answer.cookies
    return browser.get(answer.headers["location"]).text


def test_staff_sign_in_work_and_sign_out(house: House, browser: TestClient) -> None:
    path = _at_the_provider(browser, "anna")
    assert browser.get(path).status_code == 200
    # What they may do is what their account says.
    assert browser.get("/desk").status_code == 200
    assert browser.get("/desk/staff").status_code == 403
    assert browser.post("/desk/sign-out").headers["location"] == "/desk/sign-in?signed_out"
    assert browser.get("/desk").headers["location"] == "/desk/sign-in"
    assert "did not work" in _said(browser, path), "A code counts once."


def test_a_code_is_worth_nothing_in_another_browser(house: House, browser: TestClient) -> None:
    path = _at_the_provider(browser, "anna")
    with TestClient(application(house), ORIGIN, follow_redirects=False, headers={"accept-language": "en"}) as other:
        assert "did not work" in _said(other, path)
        _at_the_provider(other, "anna")
        assert "did not work" in _said(other, path)


def test_a_stolen_code_needs_the_verifier_of_its_own_sign_in(browser: TestClient) -> None:
    stolen = httpx2.URL(_at_the_provider(browser, "anna")).params["code"]
    own = httpx2.URL(_at_the_provider(browser, "anna"))
    assert "did not work" in _said(browser, str(own.copy_set_param("code", stolen)))


def test_an_answer_of_another_provider_is_refused(browser: TestClient) -> None:
    path = httpx2.URL(_at_the_provider(browser, "anna"))
    assert "did not work" in _said(browser, str(path.copy_set_param("iss", "https://other.example")))
    assert "did not work" in _said(browser, str(path.copy_remove_param("iss")))


def test_whoever_has_no_account_here_is_told_so(browser: TestClient) -> None:
    assert "You are signed in with Haus, but have no account here." in _said(
        browser, _at_the_provider(browser, "berta")
    )


def test_whoever_turns_round_at_the_provider_is_told_so(browser: TestClient) -> None:
    with httpx2.Client() as outside:
        form = _followed(outside, outside.get(browser.get("/desk/openid").headers["location"]))
        turned = _followed(outside, outside.get(f"{form.url}/abort")).headers["location"].removeprefix(ORIGIN)
    assert "Signing in with Haus was cancelled." in _said(browser, turned)


def test_a_secret_that_the_provider_does_not_know_opens_nothing(house: House, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("another", encoding="utf-8")
    other = build(house.config.model_copy(update={"storage": house.config.storage.model_copy(update={"folder": "b"})}))
    with TestClient(application(other), ORIGIN, follow_redirects=False, headers={"accept-language": "en"}) as browser:
        assert "did not work" in _said(browser, _at_the_provider(browser, "anna"))
    other.close()


def test_a_provider_that_does_not_answer_is_named(tmp_path: Path, house: House) -> None:
    openid = house.config.desk.openid.model_copy(update={"issuer": "http://127.0.0.1:9"})
    config = house.config.model_copy(update={"desk": DeskConfig(openid=openid)})
    other = build(config.model_copy(update={"storage": config.storage.model_copy(update={"folder": "b"})}))
    with TestClient(application(other), ORIGIN, follow_redirects=False, headers={"accept-language": "en"}) as browser:
        assert "Haus does not answer at the moment." in _said(browser, "/desk/openid")
    other.close()
