"""Fuzzy matching of names by their words: what they are, and how the index finds them."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.attributes import BY_KEYWORD, Level
from storage.catalogue import comparison, fuzzy_names, person_names
from storage.catalogue.fuzzy_names import is_near, key_words, words
from storage.database import Database
from storage.index import Index
from storage.query import Match, Query
from storage.schema import MIGRATIONS
from storage.scope import WholeArchive
from tests.storage.test_query import uid
from tests.support.archive import AnInstance, fill
from tests.support.fuzzy import distance, split

NAME = BY_KEYWORD["PatientName"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Müller^Jörg^^Dr.", ("muller", "jorg", "dr")),
        ("MUELLER^JOERG", ("muller", "jorg")),
        ("Mu\u0308ller", ("muller",)),
        ("Weiß", ("weiss",)),
        ("Weiss", ("weiss",)),
        ("Ærø", ("aro",)),
        ("Łukasz^Đorđe", ("lukasz", "dorde")),
        ("O'Brien", ("obrien",)),
        ("O\u2019Brien", ("obrien",)),
        ("Meyer-Schmidt^Anna Maria", ("meyer", "schmidt", "anna", "maria")),
        ("Anna^ANNA", ("anna",)),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", ("yamada", "tarou", "山田", "太郎", "やまた", "たろう")),
        ("김^철수", ("김", "철수")),
        ("Нгуен^Й", ("нгуен", "и")),
        ("हिन्दी", ("हिनदी",)),
        ("^=^", ()),
        ("", ()),
    ],
)
def test_words(name: str, expected: tuple[str, ...]) -> None:
    assert words(name) == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("Mül*^?an", ("mul*", "?an")),
        ("*^Jan", ("jan",)),
        ("*", ()),
        ("*-*", ()),
        ("?? ??", ()),
        (".,;", ()),
        ("\u200b", ()),
        ("a" * 257, ()),
    ],
)
def test_words_of_keys(key: str, expected: tuple[str, ...]) -> None:
    assert key_words(key) == expected
    assert isinstance(comparison.fuzzy(key), comparison.Fuzzy) == bool(expected)


LETTERS = st.text("abcd山", max_size=6)


@settings(max_examples=500)
@given(LETTERS, LETTERS)
def test_near_words_are_at_a_distance_of_one(word: str, other: str) -> None:
    assert is_near(word, other) == (word == other or (len(word) >= 4 and distance(word, other) <= 1))


SCRIPTS = st.characters(min_codepoint=32, max_codepoint=0x24F) | st.sampled_from("ЙйΆάאַガヤ゙山김")


@settings(max_examples=500)
@given(st.text(SCRIPTS, max_size=12))
def test_words_are_those_of_the_plain_matcher(name: str) -> None:
    assert words(name) == tuple(dict.fromkeys(split(name, "")))


@pytest.mark.parametrize("word", ["abcd", "müllersohn", "a" * 32])
def test_every_edit_is_looked_up_from_a_literal_beginning(word: str) -> None:
    """At least half of the word, so that few rows are looked at."""
    parts = [one for sql, values in fuzzy_names._look_ups(word) if "LIKE" in sql for one in values]
    assert len(parts) == 2 * len(word) + 1
    assert all(pattern.index("_") >= len(word) // 2 for pattern in parts)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    opened = Database(tmp_path / "index.sqlite")
    opened.migrate(MIGRATIONS)
    return opened


def found(database: Database, key: str, fuzzy: bool = True) -> set[str]:
    query = Query(Level.STUDY, (Match(NAME, (key,), fuzzy=fuzzy),))
    return {uid(one, Level.STUDY) for one in Index(database).search(WholeArchive(), query).data_sets}


def studies(*names: str) -> list[AnInstance]:
    return [AnInstance(f"1.{i}.1.1", f"1.{i}.1", f"1.{i}", {"PatientName": name}) for i, name in enumerate(names)]


def test_the_index_looks_at_few_names(database: Database) -> None:
    """The words are searched by their index and not scanned."""
    fill(database, studies("Muster^Erika"))
    condition = fuzzy_names.condition(NAME.tag, key_words("Muster Erika"))
    plan = database.read(f"EXPLAIN QUERY PLAN SELECT study.id FROM study WHERE {condition.sql}", condition.parameters)
    steps = [row["detail"] for row in plan]
    assert not any("SCAN named" in step for step in steps)
    assert any("study_name_by_word_backwards (tag=? AND backwards>? AND backwards<?)" in step for step in steps)


def test_names_that_become_known_later_are_found(database: Database) -> None:
    nameless = AnInstance("1.0.1.1", "1.0.1", "1.0", {"PatientID": "P"})
    named = AnInstance("1.0.1.2", "1.0.1", "1.0", {"PatientID": "P", "PatientName": "Müller=山田"})
    fill(database, [nameless, named])
    assert found(database, "Mueler") == found(database, "山田", fuzzy=False) == {"1.0"}


def test_nothing_is_left_of_a_study_that_is_deleted(database: Database) -> None:
    fill(database, studies("Muster^Erika=山田", "Beispiel"))
    database.write(lambda connection: connection.execute("DELETE FROM study").rowcount)
    for table in ("study_name_word", "study_name_group"):
        assert database.read(f"SELECT * FROM {table}") == []


def test_names_of_an_older_index_are_found(tmp_path: Path) -> None:
    """The migration takes in what is there already."""
    database = Database(tmp_path / "older.sqlite")
    database.migrate(MIGRATIONS)
    fill(database, studies("Müller^Jörg=山田^太郎", "Muster"))

    def forget(connection: object) -> None:
        execute = connection.execute  # type: ignore[attr-defined]
        for statement in ("DROP TABLE study_name_word", "DROP TABLE study_name_group", "DROP INDEX study_by_referrer"):
            execute(statement)
        execute("DELETE FROM _sqlite_migrations WHERE name = '005_study_names'")

    database.write(forget)
    database.migrate(MIGRATIONS)
    assert found(database, "joerg mueller") == {"1.0"}
    assert found(database, "山田*", fuzzy=False) == {"1.0"}


def test_names_of_very_many_groups_and_words_take_no_room(database: Database) -> None:
    """A name with ten thousand values is malformed; the first ones are found."""
    fill(database, studies(""))
    name = "\\".join(f"muster^{number}=山田" for number in range(10_000))
    study = int(database.read("SELECT id FROM study")[0][0])
    database.write(lambda connection: person_names.keep(connection, study, NAME.tag, name))
    assert database.read("SELECT count(*) FROM study_name_group")[0][0] == 21
    assert database.read("SELECT count(*) FROM study_name_word")[0][0] == 100
    assert found(database, "Mustr") == {"1.0"}
