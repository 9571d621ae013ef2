"""Which shares have to be compared with studies that have the same PatientID, without a look at all the others."""

import sqlite3
from collections.abc import Sequence
from typing import Any

import pytest

from auth.share_lists import ShareLists
from storage.catalogue.comparable import folded
from storage.database import Parameters
from storage.scope import ListedStudies, PatientIdentity
from tests.auth.conftest import BIRTH_DATE, Household

NAME = "Müller^Erika"


@pytest.fixture
def lists(house: Household) -> ShareLists:
    return ShareLists(house.database, house.clock)


def _share(house: Household, patient_id: str = "P1", name: str = NAME, issuer: str = "A", site: str = "") -> str:
    scope = PatientIdentity(patient_id, issuer, BIRTH_DATE, site, patient_name=name)
    return house.shares.create(scope, BIRTH_DATE, 90, site=site).share.id


def _study(
    house: Household, number: int, patient_id: str = "P1", name: str = NAME, born: str = BIRTH_DATE, issuer: str = "A"
) -> None:
    row = (f"1.2.{number}", patient_id, issuer, born, name, folded(name))
    sql = """INSERT INTO study (study_instance_uid, patient_id, issuer_of_patient_id, patient_birth_date, patient_name,
        patient_name_folded, attributes) VALUES (?, ?, ?, ?, ?, ?, '')"""
    house.database.write(lambda connection: connection.execute(sql, row))


def _doubted(lists: ShareLists, site: str | None = None) -> set[str]:
    return {share.id for share in lists.doubted(site)}


OTHERS: dict[str, dict[str, str]] = {
    "birth date": {"born": "19500130"},
    "issuer": {"issuer": "B"},
    "no issuer": {"issuer": ""},
    "name": {"name": "Müller^Hanna"},
}


@pytest.mark.parametrize("differs", OTHERS)
@pytest.mark.parametrize("first", ["share", "study", "study that changes"])
def test_a_study_of_somebody_else_doubts_a_share_whichever_comes_first(
    house: Household, lists: ShareLists, differs: str, first: str
) -> None:
    if first == "study":
        _study(house, 1, **OTHERS[differs])
    share = _share(house)
    assert _doubted(lists) == ({share} if first == "study" else set())
    _study(house, 2)
    _study(house, 3, name="MÜLLER^ERIKA")
    if first == "share":
        _study(house, 4, **OTHERS[differs])
    if first == "study that changes":
        _study(house, 5)
        assert _doubted(lists) == set()
        columns = {"born": "patient_birth_date", "issuer": "issuer_of_patient_id", "name": "patient_name_folded"}
        ((name, value),) = OTHERS[differs].items()
        sql = f"UPDATE study SET {columns[name]} = ? WHERE study_instance_uid = '1.2.5'"
        house.database.write(lambda connection: connection.execute(sql, (folded(value),)))
    assert _doubted(lists) == {share}


def test_only_live_shares_by_patient_of_the_site_are_doubted(house: Household, lists: ShareLists) -> None:
    first, north, other = _share(house), _share(house, site="north"), _share(house, "P2")
    revoked, nameless = _share(house), _share(house, name="")
    house.shares.create(ListedStudies(frozenset({"1.2.1"})), BIRTH_DATE, 90)
    house.shares.revoke(revoked)
    _study(house, 1, name="Müller^Hanna")
    assert (_doubted(lists), _doubted(lists, "north")) == ({first, north, nameless}, {north})
    assert other not in _doubted(lists)
    house.clock.move(days=100)
    assert _doubted(lists) == set()


def test_a_share_that_shows_the_study_comes_along(house: Household, lists: ShareLists) -> None:
    """Two people have one PatientID, and a share each: what one of them shows is no riddle."""
    one = _share(house)
    _study(house, 1, born="19600101")
    scope = PatientIdentity("P1", "A", "19600101", patient_name=NAME)
    other = house.shares.create(scope, "19600101", 90).share.id
    assert _doubted(lists) == {one, other}


def test_shares_that_nobody_doubts_cost_nothing(
    house: Household, lists: ShareLists, monkeypatch: pytest.MonkeyPatch
) -> None:
    doubted = _share(house)
    _study(house, 1, born="19600101")
    few = _steps(house, lists, monkeypatch)

    def work(connection: sqlite3.Connection) -> None:
        (columns,) = zip(*connection.execute("SELECT name FROM pragma_table_info('share')"), strict=True)
        own = {"id": "'x' || value", "patient_id": "'X' || value", "selector": "NULL", "token": "NULL", "doubted": "0"}
        values = ", ".join(own.get(name, name) for name in columns)
        numbers = "(WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 2000) "
        connection.execute(
            f"INSERT INTO share SELECT {values} FROM share, {numbers} SELECT value FROM n) WHERE id = ?", (doubted,)
        )

    house.database.write(work)
    assert len(house.shares.list()) == 2001
    assert _doubted(lists) == {doubted}
    assert _steps(house, lists, monkeypatch) < few + 50


def _steps(house: Household, lists: ShareLists, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many instructions SQLite's machine takes for the list."""
    asked: list[tuple[str, Parameters]] = []
    read = house.database.read

    def noted(sql: str, parameters: Parameters = ()) -> Sequence[Any]:
        asked.append((sql, parameters))
        return read(sql, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(house.database, "read", noted)
        lists.doubted("")
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    connection = sqlite3.connect(house.database._path)
    connection.set_progress_handler(step, 1)
    for sql, parameters in asked:
        connection.execute(sql, parameters).fetchall()
    connection.close()
    assert steps
    return steps
