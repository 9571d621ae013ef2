"""The list of shares at the desk: what is searched, by state and end, page by page, and never in an address."""

import re

import pytest
from starlette.testclient import TestClient

from auth.share_lists import SOON
from gateway.desk import share_list
from storage.scope import ListedStudies, PatientIdentity
from tests.gateway.desk.conftest import Desk, until


def _shown(html: str) -> set[str]:
    return set(re.findall(r'href="/desk/shares/([0-9a-f]{12})"', html))


def _search(client: TestClient, **fields: str) -> tuple[str, set[str]]:
    location = client.post("/desk/shares/search", data=fields).headers["location"]
    return location, _shown(client.get(location).text)


def test_names_numbers_and_ends_find_shares(own_desk: Desk) -> None:
    shares = own_desk.house.shares
    erika = own_desk.issued(90).share
    jan = shares.create(ListedStudies(frozenset({own_desk.jan.study_instance_uid})), "19770505", 20).share
    gone = shares.create(
        PatientIdentity("GONE", "", "19400101", "", patient_name="Abgereist^Adam"), "19400101", SOON // 86400 - 4
    ).share
    with own_desk.browser("anna") as anna:
        assert _search(anna, q="Mueller Erika")[1] == {erika.id}
        assert _search(anna, q="jan müller")[1] == {jan.id}
        assert _search(anna, q="19500131")[1] == {erika.id}
        assert _search(anna, q="abgereist")[1] == {gone.id}
        assert _search(anna, q=jan.id[:6])[1] == {jan.id}
        assert _search(anna, q="", **{"from": until(11), "until": until(30)})[1] == {jan.id}
        location, found = _search(anna, q="abgereist", state="ending")
        assert found == {gone.id} and "abgereist" not in location and "state=ending" in location
        page = anna.get(location).text
        assert 'value="abgereist"' in page and f"{location.partition('?')[0]}?found=1" in page.replace("&amp;", "&")
        assert _shown(anna.get("/desk/shares?from=gestern&until=9999-99-99&state=x&behind=y").text) == {
            erika.id,
            jan.id,
            gone.id,
        }
    with own_desk.browser("nora") as nora:
        assert _search(nora, q="müller")[1] == set()


def test_a_long_list_goes_on_page_by_page(own_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share_list, "_PAGE", 2)
    made = {own_desk.issued(60).share.id for _ in range(5)}
    with own_desk.browser("anna") as anna:
        address, seen = "/desk/shares?state=live", []
        while address:
            page = anna.get(address).text
            assert '<span class="number">5</span>' in page
            seen.append(_shown(page))
            following = re.search(r'href="([^"]*behind=[^"]*)"', page)
            address = following[1].replace("&amp;", "&") if following else ""
        assert [len(one) for one in seen] == [2, 2, 1] and set().union(*seen) == made
        assert 'href="/desk/shares?state=live"' in page and "Zum Anfang" in page


def test_a_patient_has_all_shares_however_many_others_came_since(own_desk: Desk) -> None:
    """Found by identity and not among the newest ones."""
    old = own_desk.issued(60).share
    with own_desk.browser("anna") as anna:
        assert old.id in anna.get(f"/desk/studies/{own_desk.chest.study_instance_uid}").text
        assert old.id not in anna.get(f"/desk/studies/{own_desk.lookalike.study_instance_uid}").text
