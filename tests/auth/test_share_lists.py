"""Lists of shares: each once, in order, in their state, and found by what is known of them."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from auth.schema import _SHARE_SEEN, MIGRATIONS
from auth.share_lists import LISTED, SOON, Listing, ShareLists, Sought
from auth.shares import Shares
from storage import schema
from storage.database import Database
from storage.scope import ListedStudies, PatientIdentity
from tests.auth.conftest import BIRTH_DATE, PEPPER, CountingVerifiers, Household, StandingClock

TRIGGERS = ("share_doubted_by_studies", "study_doubts_shares", "changed_study_doubts_shares")


@pytest.fixture
def lists(house: Household) -> ShareLists:
    return ShareLists(house.database, house.clock)


def _patient(house: Household, name: str, patient_id: str, site: str = "", days: int = 90) -> str:
    scope = PatientIdentity(patient_id, "", BIRTH_DATE, site, patient_name=name)
    return house.shares.create(scope, BIRTH_DATE, days, site=site).share.id


def _pages(lists: ShareLists, listing: Listing, limit: int) -> Iterator[list[str]]:
    behind = ""
    while True:
        page = lists.page(listing, behind, limit)
        yield [share.id for share in page.shares]
        behind = page.behind
        if not behind:
            return


def test_every_share_comes_once_however_they_come_and_go(house: Household, lists: ShareLists) -> None:
    made = []
    for number in range(7):
        made.append(_patient(house, f"Probe^{number}", f"P{number}", days=20 + number % 3))
        house.clock.move(number % 2)
    pages = _pages(lists, Listing(""), 3)
    seen = next(pages)
    house.clock.move(60)
    _patient(house, "Später^Gekommen", "LATE")
    house.shares.revoke(made[0])
    rest = list(pages)
    assert [len(page) for page in rest] == [3, 1]
    assert sorted(seen + [one for page in rest for one in page]) == sorted(made)
    # Those of one second come in any order, but always in the same.
    assert [len(page) for page in _pages(lists, Listing(""), 4)] == [4, 4]
    assert lists.page(Listing(""), "no place").shares == lists.page(Listing("")).shares


def test_those_that_end_come_by_their_end(house: Household, lists: ShareLists) -> None:
    last, first, between = (_patient(house, "Probe^A", "P", days=days) for days in (9, 2, 5))
    _patient(house, "Probe^A", "P", days=90)
    assert list(_pages(lists, Listing("", "ending"), 2)) == [[first, between], [last]]


def test_states_are_those_that_a_share_has(house: Household, lists: ShareLists) -> None:
    """Own row and that of the share it comes from: everything that they can be."""
    parent = _patient(house, "Probe^A", "P")
    child = house.shares.hand_on(parent, BIRTH_DATE, 30).share.id
    flags = ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1))
    now = int(house.clock().timestamp())
    sql = "UPDATE share SET revoked = ?, lapsed = ?, frozen = ?, expires = ? WHERE id = ?"
    for values in product(flags, flags):
        for ends in (now - 1, now + SOON - 1, now + SOON):
            rows = [(*own, ends, share) for share, own in zip((parent, child), values, strict=True)]
            house.database.write(lambda connection, rows=rows: connection.executemany(sql, rows).rowcount)  # type: ignore[misc]
            counts = lists.counts(Listing(None))
            listed = {one.id: state for state in LISTED for one in lists.page(Listing(None, state)).shares}
            for share in (parent, child):
                state = house.shares.get(share).state
                assert listed[share] == ("ending" if state == "live" and ends - now < SOON else state), (values, ends)
            assert [counts[state] for state in LISTED] == [list(listed.values()).count(state) for state in LISTED]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("müller", ["Müller^Erika", "Müller^Jan"]),
        ("MULLER erika", ["Müller^Erika"]),
        ("Erika, Müller", ["Müller^Erika"]),
        ("ika", ["Müller^Erika"]),
        ("100%", []),
        ("_", []),
        ("nobody", []),
    ],
)
def test_names_are_found_in_any_order_and_case(
    house: Household, lists: ShareLists, text: str, found: list[str]
) -> None:
    names = {_patient(house, name, f"P{name}"): name for name in ("Müller^Erika", "Müller^Jan", "Probe^Max")}
    page = lists.page(Listing("", sought=Sought(text)))
    assert sorted(names[share.id] for share in page.shares) == found


def test_shares_are_found_by_number_patient_study_and_end(house: Household, lists: ShareLists) -> None:
    soon, late = _patient(house, "Probe^A", "P1", days=5), _patient(house, "Probe^B", "P2", days=50)
    listed = house.shares.create(ListedStudies(frozenset({"1.2.3", "1.2.4"})), BIRTH_DATE, 50).share

    def found(**what: object) -> set[str]:
        return {share.id for share in lists.page(Listing(**({"site": ""} | what))).shares}  # type: ignore[arg-type]

    assert found(sought=Sought(soon.upper())) == found(sought=Sought(soon[:8])) == {soon}
    assert found(sought=Sought(soon[:3])) == set()
    assert found(sought=Sought("", patients=frozenset({"P2"}))) == {late}
    assert found(sought=Sought("", studies=frozenset({"1.2.4"}))) == {listed.id}
    end = int(listed.expires.timestamp())
    assert found(ends_from=end) == found(ends_from=end - 86399, ends_until=end) == {late, listed.id}
    assert found(ends_until=end - 1) == {soon}
    assert {share.id for share in lists.about("", "P1", ["1.2.3"])} == {soon, listed.id}
    assert {share.id for share in lists.about("", "", [])} == set()


def test_a_site_lists_its_own(house: Household, lists: ShareLists) -> None:
    first, north = _patient(house, "Probe^A", "P1"), _patient(house, "Probe^A", "P1", "north")
    for site, expected in (("", {first}), ("north", {north}), (None, {first, north})):
        for found in (
            lists.page(Listing(site, sought=Sought("probe"))).shares,
            lists.page(Listing(site)).shares,
            lists.about(site, "P1", []),
        ):
            assert {share.id for share in found} == expected
        assert sum(lists.counts(Listing(site)).values()) == len(expected)


def test_shares_made_before_are_found_too(tmp_path: Path) -> None:
    database, clock = Database(tmp_path / "old.sqlite"), StandingClock()
    database.migrate(schema.MIGRATIONS)
    database.migrate(MIGRATIONS)
    shares = Shares(database, PEPPER, clock, CountingVerifiers())
    named = shares.create(PatientIdentity("P", "", BIRTH_DATE, patient_name="Müller^Erika"), BIRTH_DATE, 9).share.id
    listed = shares.create(ListedStudies(frozenset({"1.2.3"})), BIRTH_DATE, 9).share.id
    sql = "INSERT INTO study (study_instance_uid, patient_id, attributes) VALUES ('1.2.4', 'P', '')"
    database.write(lambda connection: connection.execute(sql))

    def as_before(connection: object) -> None:
        for sql in (
            *(f"DROP TRIGGER {name}" for name in TRIGGERS),
            "DROP INDEX share_doubted",
            "DROP VIEW share_seen",
            "ALTER TABLE share DROP COLUMN doubted",
            "DELETE FROM _sqlite_migrations WHERE name = 'm022_doubted_shares'",
            "DROP TABLE share_study",
            "DROP INDEX share_by_created",
            "ALTER TABLE share DROP COLUMN name",
            "ALTER TABLE staff_session DROP COLUMN share_search",
            "DELETE FROM _sqlite_migrations WHERE name = 'm021_search_of_shares'",
        ):
            connection.execute(sql)  # type: ignore[attr-defined]
        connection.execute(_SHARE_SEEN)  # type: ignore[attr-defined]

    database.write(as_before)
    database.migrate(MIGRATIONS)
    lists = ShareLists(database, clock)
    assert [one.id for one in lists.page(Listing("", sought=Sought("muller"))).shares] == [named]
    assert [one.id for one in lists.about("", "", ["1.2.3"])] == [listed]
    assert [one.id for one in lists.doubted("")] == [named]
    database.close()
