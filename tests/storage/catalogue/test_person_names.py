"""Which names may be one person's: the same in words, on both sides of the database."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.attributes import Level
from storage.catalogue import person_names
from storage.query import Query
from storage.scope import PatientIdentity
from tests.support.keeping import EVERYTHING, Keeping
from tests.support.synthetic import ct

NAMES = (
    "Muster^Erika",
    "Müller^Erika",
    "Muster^Jan",
    "Erika",
    "",
    "Muster^Erika^Jan",
    "Ö^太郎=太郎",
    "MUELLER^ERIKA^^DR",
)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Muster^Erika", "MUSTER^ERIKA"),
        ("Müller^Jörg", "Mueller^Joerg"),
        ("Müller^Jörg", "MULLER^JORG^^"),
        ("Muster^Erika", "Erika^Muster"),
        ("Muster^Erika", "Muster^Erika^Rosa^Dr."),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "YAMADA^TAROU"),
        ("Muster^Erika", ""),
        ("", ""),
    ],
)
def test_these_may_be_one_person(name: str, other: str) -> None:
    assert person_names.agree(name, other) and person_names.agree(other, name)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Muster^Erika", "Muster^Hanna"),
        ("Muster^Erika", "Beispiel^Erika"),
        ("Muster^Erika^Rosa", "Muster^Erika^Anna"),
        ("Muster^Erika", "Muster^E"),
    ],
)
def test_these_are_looked_at_by_somebody(name: str, other: str) -> None:
    assert not person_names.agree(name, other) and not person_names.agree(other, name)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keeping]:
    keeping = Keeping(tmp_path_factory.mktemp("names"))
    for name in NAMES:
        keeping.put(ct(PatientName=name))
    yield keeping
    keeping.close()


@given(st.lists(st.sampled_from(["Muster", "Müller", "MUELLER", "Erika", "Jan", "Ö", "太郎", "^", "="]), max_size=6))
def test_the_database_finds_the_same(kept: Keeping, words: list[str]) -> None:
    name = "^".join(words)
    patient = PatientIdentity("TEST-1", "", "19500131", patient_name=name)
    found = {study.study_instance_uid for study in kept.index.studies(patient)}
    everyone = kept.index.overviews(EVERYTHING, Query(Level.STUDY, ()))
    assert found == {one.study_instance_uid for one in everyone if person_names.agree(name, one.patient_name)}
