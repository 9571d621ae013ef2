from pathlib import Path

from storage.attributes import ATTRIBUTES, Level, Matching
from storage.database import Database
from storage.schema import MIGRATIONS, column_names


def test_every_attribute_with_a_column_has_one(tmp_path: Path) -> None:
    database = Database(tmp_path / "index.sqlite")
    database.migrate(MIGRATIONS)
    for level, table in ((Level.STUDY, "study"), (Level.SERIES, "series"), (Level.INSTANCE, "instance")):
        rows = database.read(f"SELECT name, type FROM pragma_table_info('{table}')")
        types = {row["name"]: row["type"] for row in rows}
        for attribute in ATTRIBUTES:
            if attribute.level is level and attribute.column:
                number = attribute.matching is Matching.NUMBER
                assert types[attribute.column] == ("INTEGER" if number else "TEXT"), attribute.keyword
        assert set(column_names(level)) <= set(types)
    database.close()


def test_names_have_a_folded_companion() -> None:
    names = column_names(Level.STUDY)
    assert names[names.index("patient_name") + 1] == "patient_name_folded"


def test_every_table_is_strict(tmp_path: Path) -> None:
    """SQLite would store anything anywhere otherwise, and PostgreSQL would not."""
    database = Database(tmp_path / "index.sqlite")
    database.migrate(MIGRATIONS)
    tables = database.read(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '!_%' ESCAPE '!'"
    )
    loose = [row["name"] for row in tables if not row["sql"].endswith("STRICT")]
    assert [name for name in loose if not name.startswith("sqlite_")] == []
    database.close()
