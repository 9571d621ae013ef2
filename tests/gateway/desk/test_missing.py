"""Whoever extends a share or issues it anew has the archive asked for what is gone, and is told so."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from auth.records import Issued
from gateway.archive.service import asking_of
from gateway.cli.main import durchblick
from gateway.sections import ArchiveConfig, DimseConfig, PeerConfig
from storage.scope import ListedStudies
from tests.gateway.desk.conftest import Desk, opened

PACS = PeerConfig(ae_title="PACS1", host="127.0.0.1", port=9)
CONFIGURATION = """
[archive]
ae_title = "PACS1"

[[dimse.peers]]
ae_title = "PACS1"
host = "127.0.0.1"
port = 9
"""


@pytest.fixture(scope="module")
def archived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk whose first site names an archive."""
    yield from opened(
        tmp_path_factory.mktemp("archived"), archive=ArchiveConfig(ae_title="PACS1"), dimse=DimseConfig(peers=(PACS,))
    )


def _gone(desk: Desk) -> Issued:
    """A share of two studies, of which one is not here any more."""
    return desk.house.shares.create(ListedStudies(frozenset({desk.chest.study_instance_uid, "1.2.3"})), "19500131", 5)


def _over_the_api(desk: Desk, method: str, path: str, **more: Any) -> Any:
    token = desk.house.tokens.create("ris", {"share"})
    with desk.browser() as client:
        answer = client.request(method, path, headers={"authorization": f"Bearer {token}"}, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()


def _command(desk: Desk, *arguments: str) -> str:
    config = desk.house.config.base / "config.toml"
    config.write_text(CONFIGURATION, encoding="utf-8")
    handlers, level = logging.root.handlers, logging.root.level
    finished = CliRunner().invoke(durchblick, ["share", *arguments, "--config", str(config)])
    logging.root.handlers, logging.root.level = handlers, level
    assert finished.exit_code == 0, finished.stderr
    return finished.stderr


def _at_the_desk(desk: Desk, path: str) -> str:
    with desk.browser("anna", "en") as anna:
        answer = anna.post(path)
        return answer.text if answer.status_code == 200 else str(anna.get(answer.headers["location"]).text)


CALLERS: dict[str, Callable[[Desk, str], str]] = {
    "desk extends": lambda desk, share: _at_the_desk(desk, f"/desk/shares/{share}/extension"),
    "desk issues anew": lambda desk, share: _at_the_desk(desk, f"/desk/shares/{share}/code"),
    "API extends": lambda desk, share: _over_the_api(desk, "PATCH", f"/desk/api/shares/{share}", json={"days": 9})[
        "images"
    ]["note"],
    "API issues anew": lambda desk, share: _over_the_api(desk, "POST", f"/desk/api/shares/{share}/code")["images"][
        "note"
    ],
    "command extends": lambda desk, share: _command(desk, "extend", share, "--days", "9"),
    "command issues anew": lambda desk, share: _command(desk, "reissue", share),
}


@pytest.mark.parametrize("caller", CALLERS)
def test_the_archive_is_asked_whoever_asks_for_the_share(archived: Desk, caller: str) -> None:
    share = _gone(archived).share
    asking = asking_of(archived.house)
    assert not asking.look(share).asked
    assert "PACS1 is asked" in CALLERS[caller](archived, share.id)
    assert asking.look(share).asked


def test_the_desk_says_how_the_archive_comes_to_be_asked(archived: Desk) -> None:
    share = _gone(archived).share
    with archived.browser("anna", "en") as anna:
        page = f"/desk/shares/{share.id}"
        assert "PACS1 is asked for it when you extend" in anna.get(page).text
        anna.post(f"{page}/extension")
        assert "PACS1 is asked; what it has" in anna.get(page).text
        sql = "UPDATE archive_request SET tries = 12, told = 'no answer'"
        archived.house.storage.database.write(lambda connection: connection.execute(sql))
        assert "PACS1 was asked for it, without success" in anna.get(page).text


def test_a_ris_is_told_what_is_missing_and_who_is_asked(archived: Desk) -> None:
    share = _gone(archived).share
    path = f"/desk/api/shares/{share.id}"
    before = _over_the_api(archived, "GET", path)["images"]
    assert before == {
        "here": 1,
        "missing": 1,
        "archive": "PACS1",
        "asked": False,
        "trouble": "",
        "note": "1 of its studies are not here; PACS1 is asked when the share is extended or gets a new code.",
    }
    after = _over_the_api(archived, "PATCH", path, json={"days": 9})["images"]
    assert after | {"note": ""} == before | {"asked": True, "note": ""}
    sql = "UPDATE archive_request SET tries = 3, told = 'nobody listens'"
    archived.house.storage.database.write(lambda connection: connection.execute(sql))
    assert _over_the_api(archived, "GET", path)["images"]["trouble"] == "nobody listens"


def test_a_ris_is_told_plainly_that_there_is_no_archive(desk: Desk) -> None:
    share = _gone(desk).share
    told = _over_the_api(desk, "PATCH", f"/desk/api/shares/{share.id}", json={"days": 9})["images"]
    assert (told["here"], told["missing"], told["archive"], told["asked"]) == (1, 1, "", False)
    assert "no archive is configured" in told["note"]


def test_a_ris_is_told_nothing_where_nothing_is_missing(archived: Desk) -> None:
    told = _over_the_api(archived, "GET", f"/desk/api/shares/{archived.issued().share.id}")["images"]
    assert (told["here"], told["missing"], told["asked"], told["note"]) == (2, None, False, "")
