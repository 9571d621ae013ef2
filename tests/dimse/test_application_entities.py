from collections.abc import Iterator
from pathlib import Path

import pytest

from dimse.application_entities import ApplicationEntities, KnownPeer
from dimse.settings import Peer
from storage.database import Database

CONFIGURED = Peer("PACS1", "10.0.0.5", 104)
WARD = Peer(
    "WARD",
    "ward.example",
    11112,
    tls=True,
    allow=("store", "query"),
    transfer_syntaxes=("1.2.840.10008.1.2.1",),
    sop_classes=("1.2.840.10008.5.1.4.1.1.2",),
    associations=3,
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "db.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def entities(database: Database) -> ApplicationEntities:
    return ApplicationEntities(database, [CONFIGURED])


def test_what_is_added_is_found_with_all_it_may_do(entities: ApplicationEntities) -> None:
    assert entities.find("WARD") is None
    entities.add(WARD)
    assert entities.find(" WARD ") == WARD
    assert entities.find("PACS1") == CONFIGURED
    assert entities.peers() == [KnownPeer(CONFIGURED, True), KnownPeer(WARD, False)]
    entities.remove("WARD")
    assert entities.find("WARD") is None


def test_what_another_process_adds_counts_at_once(entities: ApplicationEntities, tmp_path: Path) -> None:
    other = Database(tmp_path / "db.sqlite")
    try:
        ApplicationEntities(other).add(WARD)
        assert entities.find("WARD") == WARD
        ApplicationEntities(other).remove("WARD")
        assert entities.find("WARD") is None
    finally:
        other.close()


def test_the_configuration_wins(entities: ApplicationEntities, database: Database) -> None:
    ApplicationEntities(database).add(Peer("PACS1", "elsewhere", 4242))
    assert entities.find("PACS1") == CONFIGURED
    assert entities.peers() == [KnownPeer(CONFIGURED, True)]


@pytest.mark.parametrize(
    ("peer", "said"),
    [
        (CONFIGURED, "stands in the configuration file"),
        (Peer("A" * 17, "h", 104), "1 to 16 characters"),
        (Peer("A\\B", "h", 104), "without backslash"),
        (Peer("A", " ", 104), "The host is missing"),
        (Peer("A", "h", 0), "1 to 65535"),
        (Peer("A", "h", 104, allow=("everything",)), "store, query, retrieve, commit"),
        (Peer("A", "h", 104, sop_classes=("CT",)), "CT is no UID"),
        (Peer("A", "h", 104, associations=-1), "0 \\(the general limit\\)"),
    ],
)
def test_what_cannot_be_used_is_refused(entities: ApplicationEntities, peer: Peer, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        entities.add(peer)


def test_an_ae_title_is_taken_once(entities: ApplicationEntities) -> None:
    entities.add(WARD)
    with pytest.raises(ValueError, match="known already"):
        entities.add(Peer("WARD", "elsewhere", 104))
    assert entities.find("WARD") == WARD


@pytest.mark.parametrize(("title", "said"), [("PACS1", "remove it there"), ("NOBODY", "has the AE title NOBODY")])
def test_what_cannot_be_removed_is_said(entities: ApplicationEntities, title: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        entities.remove(title)
