"""Signing in at an OpenID provider of our own, for no real one errs in all that must be as it should be."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient

from gateway.app import application
from gateway.config import Config, ConfigError, parse
from gateway.house import House, build
from gateway.sections import DeskConfig, OpenIdConfig
from tests.gateway.portal_house import ORIGIN
from tests.support import openid_provider
from tests.support.openid_provider import CLIENT_ID, CLIENT_SECRET, Provider


@pytest.fixture(scope="module")
def started() -> Iterator[Provider]:
    with openid_provider.running() as provider:
        yield provider


@pytest.fixture
def provider(started: Provider) -> Provider:
    started.claims, started.error, started.methods = {"preferred_username": "Anna"}, "", None
    return started


@pytest.fixture
def house(provider: Provider, tmp_path: Path) -> Iterator[House]:
    house = build(_config(provider, tmp_path))
    house.staff.add("anna", "desk", "", None)
    yield house
    house.close()


@pytest.fixture
def browser(house: House) -> Iterator[TestClient]:
    with TestClient(application(house), ORIGIN, follow_redirects=False) as client:
        yield client


def _config(provider: Provider, folder: Path) -> Config:
    (folder / "secret").write_text(f"{CLIENT_SECRET}\n", encoding="utf-8")
    openid = OpenIdConfig(name="Haus", issuer=provider.url, client_id=CLIENT_ID, client_secret_file="secret")
    return Config(base=folder, desk=DeskConfig(openid=openid))


def _there_and_back(browser: TestClient) -> str:
    """The path and query by which the provider sends the browser back."""
    away = browser.get("/desk/openid")
    assert away.status_code == 303
    back: str = httpx2.get(away.headers["location"]).headers["location"]
    assert back.startswith(f"{ORIGIN}/desk/openid/callback?")
    return back.removeprefix(ORIGIN)


def _refused(browser: TestClient, path: str, reason: str = "failed") -> None:
    answer = browser.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/desk/sign-in?openid={reason}")
    assert browser.get("/desk").status_code == 303


def test_staff_sign_in_at_the_provider(house: House, browser: TestClient) -> None:
    assert "Anmelden mit Haus" in browser.get("/desk/sign-in", headers={"accept-language": "de"}).text
    arrived = browser.get(_there_and_back(browser))
    # A redirect would be part of the provider's navigation, with which no strict cookie is sent.
    assert arrived.status_code == 200 and 'content="0;url=/desk"' in arrived.text
    cookies = arrived.headers.get_list("set-cookie")
    assert any(one.startswith("d=") and "samesite=strict" in one.lower() for one in cookies)
    assert any(one.startswith('o="";') for one in cookies)
    assert browser.get("/desk").status_code == 200
    assert [member.secured for member in house.staff.list()] == [True]


def test_the_secret_is_shown_as_the_provider_wants_it(provider: Provider, browser: TestClient) -> None:
    provider.methods = ["client_secret_post", "private_key_jwt"]
    assert browser.get(_there_and_back(browser)).status_code == 200


@pytest.mark.parametrize(
    "error",
    [
        "other nonce",
        "other audience",
        "other issuer",
        "expired",
        "other key",
        "unsigned",
        "other metadata",
        "unnamed answer",
    ],
)
def test_an_answer_that_is_not_as_it_should_be_opens_nothing(
    provider: Provider, browser: TestClient, error: str
) -> None:
    path = _there_and_back(browser)
    provider.error = error
    _refused(browser, path)


def test_a_code_counts_once_and_in_its_own_browser_only(house: House, browser: TestClient) -> None:
    path = _there_and_back(browser)
    with TestClient(application(house), ORIGIN, follow_redirects=False) as other:
        _refused(other, path)
        _there_and_back(other)
        _refused(other, path)
    assert browser.get(path).status_code == 200
    browser.cookies.delete("d")
    _refused(browser, path)


def test_a_forged_way_back_opens_nothing(browser: TestClient) -> None:
    path = _there_and_back(browser)
    _refused(browser, path.partition("&state=")[0] + "&state=" + "x" * 43)
    for query in ("", "?error=access_denied", "?code=x&state=y"):
        _refused(browser, f"/desk/openid/callback{query}")


def test_whoever_has_no_account_stays_outside(provider: Provider, house: House, browser: TestClient) -> None:
    house.staff.add("local", "desk", "", "sieben graue Katzen")
    house.staff.add("left", "desk", "", None)
    house.staff.disable("left")
    for name in ("nobody", "local", "left", ""):
        provider.claims = {"preferred_username": name}
        _refused(browser, _there_and_back(browser), "no_account")


def test_a_name_that_the_id_token_leaves_out_is_asked_for(provider: Provider, browser: TestClient) -> None:
    provider.claims, provider.error = {}, "other person"
    _refused(browser, _there_and_back(browser))
    provider.error = ""
    assert browser.get(_there_and_back(browser)).status_code == 200


def test_an_account_belongs_to_the_first_who_used_it(provider: Provider, house: House, browser: TestClient) -> None:
    assert browser.get(_there_and_back(browser)).status_code == 200
    browser.cookies.clear()
    provider.claims = {"preferred_username": "anna", "sub": "subject-2"}
    _refused(browser, _there_and_back(browser), "no_account")
    house.staff.add("berta", "admin", None, None)
    provider.claims = {"preferred_username": "berta", "sub": "subject-1"}
    _refused(browser, _there_and_back(browser), "no_account")
    provider.claims = {"preferred_username": "ANNA"}
    assert browser.get(_there_and_back(browser)).status_code == 200


def test_a_provider_that_is_away_is_no_error_of_ours(provider: Provider, tmp_path: Path) -> None:
    config = _config(provider, tmp_path)
    gone = config.desk.openid.model_copy(update={"issuer": "http://127.0.0.1:9"})
    house = build(config.model_copy(update={"desk": DeskConfig(openid=gone)}))
    with TestClient(application(house), ORIGIN, follow_redirects=False) as browser:
        _refused(browser, "/desk/openid", "away")
    house.close()


def test_without_a_provider_there_is_no_such_way(tmp_path: Path) -> None:
    house = build(Config(base=tmp_path))
    with TestClient(application(house), ORIGIN, follow_redirects=False) as browser:
        assert browser.get("/desk/openid").status_code == 404
        assert "openid" not in browser.get("/desk/sign-in").text
        assert browser.get("/desk/sign-in?openid=away").text == browser.get("/desk/sign-in").text
    house.close()


@pytest.mark.parametrize(
    "section",
    [{"issuer": "https://login.example"}, {"issuer": "http://login.example", "name": "a", "client_id": "b"}],
    ids=["incomplete", "plain http"],
)
def test_half_a_provider_is_refused(section: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="desk.openid"):
        parse({"desk": {"openid": {"client_secret_file": "x", **section}}}, tmp_path)


def test_a_missing_secret_is_said(provider: Provider, tmp_path: Path) -> None:
    config = _config(provider, tmp_path)
    (tmp_path / "secret").unlink()
    with pytest.raises(ConfigError, match="client_secret_file"):
        build(config)
