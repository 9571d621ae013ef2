"""Searches against a matcher that is written from PS3.4 C.2.2.2, in Python and without the index."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.attributes import BY_KEYWORD, Level
from storage.database import Database
from storage.errors import CannotUnderstand
from storage.index import Index
from storage.query import Match, Query
from storage.scope import ListedStudies, PatientIdentity, StudyScope, WholeArchive, Within
from tests.support.archive import AnInstance, fill
from tests.support.matcher import SERIES_UID, SOP_UID, STUDY_UID, first_of_series, matching, visible

OWN = {Level.STUDY: STUDY_UID, Level.SERIES: SERIES_UID, Level.INSTANCE: SOP_UID}


def found(database: Database, level: Level, **keys: str) -> list[str]:
    """The UIDs at `level` that match; several values are separated by a backslash."""
    matches = tuple(Match(BY_KEYWORD[keyword], tuple(value.split("\\"))) for keyword, value in keys.items())
    results = Index(database).search(WholeArchive(), Query(level, matches))
    return [uid(one, level) for one in results.data_sets]


def uid(result: dict[str, Any], level: Level) -> str:
    return str(result[OWN[level]]["Value"][0])


def studies_with(keyword: str, *values: str) -> list[AnInstance]:
    """One study for each value, 1.0, 1.1, ..."""
    return [AnInstance(f"1.{i}.1.1", f"1.{i}.1", f"1.{i}", {keyword: value}) for i, value in enumerate(values)]


CASES = [
    ("PatientID", ("A1", "a1", "A1 b", "", "A%1", "A_1", "A*1", "A?1", "A!1", "A\\1"), {
        "A1": {"A1"},
        "A*": {"A1", "A1 b", "A%1", "A_1", "A*1", "A?1", "A!1", "A\\1"},
        "A?1": {"A%1", "A_1", "A*1", "A?1", "A!1", "A\\1"},
        "A%1": {"A%1"},
        "A_1": {"A_1"},
        "A_*": {"A_1"},
        "A%*": {"A%1"},
        "A!*": {"A!1"},
        "*1*b": {"A1 b"},
        " A1 ": {"A1"},
        "B": set(),
    }),
    ("PatientName", ("Müller^Jörg", "MULLER^JORG", "Weiß^Änne", "Muster^Erika^^", "Beispiel",
                     "Yamada^Tarou=山田^太郎=やまだ^たろう", "100%^Jan", ""), {
        "müller^jörg": {"Müller^Jörg", "MULLER^JORG"},
        "Muller*": {"Müller^Jörg", "MULLER^JORG"},
        "M?ller^*": {"Müller^Jörg", "MULLER^JORG"},
        "WEISS^*": {"Weiß^Änne"},
        "weiß^anne": {"Weiß^Änne"},
        "Muster^Erika": {"Muster^Erika^^"},
        "Muster^Erika^": {"Muster^Erika^^"},
        "muster": set(),
        "*erika*": {"Muster^Erika^^"},
        "山田^太郎": {"Yamada^Tarou=山田^太郎=やまだ^たろう"},
        "山田*": {"Yamada^Tarou=山田^太郎=やまだ^たろう"},
        "yamada^tarou": {"Yamada^Tarou=山田^太郎=やまだ^たろう"},
        "*たろう": {"Yamada^Tarou=山田^太郎=やまだ^たろう"},
        "beispiel^*": {"Beispiel"},
        "100%*": {"100%^Jan"},
        "1%*": set(),
    }),
    ("StudyDate", ("20260102", "20260131", "2026.02.01", "", "unknown", "20251231"), {
        "20260102": {"20260102"},
        "2026.01.02": {"20260102"},
        "20260101-20260131": {"20260102", "20260131"},
        "20260131-": {"20260131", "2026.02.01"},
        "-20260102": {"20260102", "20251231"},
        "20260201": {"2026.02.01"},
        "nonsense": set(),
        "20260101-nonsense": set(),
    }),
    ("StudyTime", ("10", "1015", "101500.5", "101559", "10:15:30", "235959.999999", ""), {
        "1015": {"1015", "101500.5", "101559", "10:15:30"},
        "10": {"10", "1015", "101500.5", "101559", "10:15:30"},
        "101500.5": {"101500.5"},
        "101530": {"10:15:30"},
        "1015-1015": {"1015", "101500.5", "101559", "10:15:30"},
        "101501-": {"101559", "10:15:30", "235959.999999"},
        "-1014": {"10"},
        "23-": {"235959.999999"},
        "9": set(),
    }),
]  # fmt: skip


@pytest.mark.parametrize(
    ("keyword", "values", "key", "expected"),
    [(keyword, values, key, expected) for keyword, values, cases in CASES for key, expected in cases.items()],
)
def test_matching_by_example(
    database: Database, keyword: str, values: tuple[str, ...], key: str, expected: set[str]
) -> None:
    fill(database, studies_with(keyword, *values))
    results = Index(database).search(WholeArchive(), Query(Level.STUDY, (Match(BY_KEYWORD[keyword], (key,)),)))
    got = {values[int(uid(one, Level.STUDY).split(".")[1])] for one in results.data_sets}
    assert got == expected


@pytest.mark.parametrize("key", ["", "*", "\0", " "])
@pytest.mark.parametrize("keyword", ["PatientID", "PatientName", "StudyDate", "StudyTime", "ModalitiesInStudy"])
def test_an_empty_key_matches_everything(database: Database, keyword: str, key: str) -> None:
    fill(database, studies_with("PatientID", "A", "B", ""))
    assert len(found(database, Level.STUDY, **{keyword: key})) == 3


def test_a_list_of_uids_matches_any_of_them(database: Database) -> None:
    fill(database, studies_with("PatientID", "A", "B", "C"))
    assert set(found(database, Level.STUDY, StudyInstanceUID="1.0\\1.2\\9.9\\")) == {"1.0", "1.2"}


def test_modalities_in_study_are_any_of_and_listed(database: Database) -> None:
    fill(
        database,
        [
            AnInstance("1.1.1.1", "1.1.1", "1.1", {"Modality": "CT"}),
            AnInstance("1.1.2.1", "1.1.2", "1.1", {"Modality": "SR"}),
            AnInstance("1.1.3.1", "1.1.3", "1.1", {"Modality": "CT"}),
            AnInstance("1.2.1.1", "1.2.1", "1.2", {"Modality": "MR"}),
            AnInstance("1.3.1.1", "1.3.1", "1.3"),
        ],
    )
    assert found(database, Level.STUDY, ModalitiesInStudy="CT") == ["1.1"]
    assert set(found(database, Level.STUDY, ModalitiesInStudy="SR\\MR")) == {"1.1", "1.2"}
    assert set(found(database, Level.STUDY, ModalitiesInStudy="?R")) == {"1.1", "1.2"}
    assert set(found(database, Level.SERIES, ModalitiesInStudy="SR")) == {"1.1.1", "1.1.2", "1.1.3"}
    results = Index(database).search(WholeArchive(), Query(Level.STUDY)).data_sets
    by_uid = {uid(one, Level.STUDY): one for one in results}
    assert by_uid["1.1"]["00080061"] == {"vr": "CS", "Value": ["CT", "SR"]}
    assert "00080061" not in by_uid["1.3"]
    assert by_uid["1.1"]["00201206"]["Value"] == [3]


def test_what_only_held_instances_are_is_no_key_for_others(database: Database) -> None:
    fill(
        database,
        [
            AnInstance("1.1.1.1", "1.1.1", "1.1", {"Modality": "CT", "PatientID": "A"}),
            AnInstance("1.1.2.1", "1.1.2", "1.1", {"Modality": "MR", "PatientID": "B", "SOPClassUID": "1.2.3"}),
        ],
    )
    for keyword, value in (("ModalitiesInStudy", "MR"), ("SOPClassesInStudy", "1.2.3")):
        query = Query(Level.STUDY, (Match(BY_KEYWORD[keyword], (value,)),))
        assert Index(database).search(ListedStudies(frozenset({"1.1"})), query).data_sets == []
        assert len(Index(database).search(WholeArchive(), query).data_sets) == 1
    wanted = Query(Level.STUDY, include=frozenset({"00080062"}))
    (seen,) = Index(database).search(ListedStudies(frozenset({"1.1"})), wanted).data_sets
    assert seen["00080062"]["Value"] == ["1.2.840.10008.5.1.4.1.1.2"]


def test_counts_and_sop_classes_can_be_keys(database: Database) -> None:
    fill(database, [AnInstance(f"1.1.1.{i}", "1.1.1", "1.1") for i in range(3)] + studies_with("PatientID", "A"))
    assert found(database, Level.STUDY, NumberOfStudyRelatedInstances="3") == ["1.1"]
    assert set(found(database, Level.STUDY, NumberOfStudyRelatedSeries="1")) == {"1.0", "1.1"}
    assert found(database, Level.SERIES, NumberOfSeriesRelatedInstances="3") == ["1.1.1"]
    assert len(found(database, Level.STUDY, SOPClassesInStudy="1.2.840.10008.5.1.4.1.1.2")) == 2
    assert found(database, Level.STUDY, SOPClassesInStudy="1.2.3") == []


def test_a_number_is_compared_as_a_number(database: Database) -> None:
    fill(database, [AnInstance(f"1.1.1.{i}", "1.1.1", "1.1", {"InstanceNumber": str(i)}) for i in (1, 10)])
    assert found(database, Level.INSTANCE, InstanceNumber="010") == ["1.1.1.10"]
    assert found(database, Level.INSTANCE, InstanceNumber="ten") == []
    assert found(database, Level.INSTANCE, InstanceNumber="9" * 40) == []


def test_a_key_below_the_level_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="below"):
        Query(Level.STUDY, (Match(BY_KEYWORD["Modality"], ("CT",)),))


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "PatientID", "PatientName", "ModalitiesInStudy"])
def test_long_lists_are_no_error(database: Database, keyword: str) -> None:
    fill(database, studies_with("PatientID", "A"))
    assert found(database, Level.STUDY, **{keyword: "\\".join(f"9.{i}" for i in range(3000))}) == []


def test_more_names_with_wildcards_than_a_database_takes_are_refused(database: Database) -> None:
    fill(database, studies_with("PatientName", "Muster"))
    with pytest.raises(CannotUnderstand, match="wildcards"):
        found(database, Level.STUDY, PatientName="\\".join(f"A{i}*" for i in range(201)))


def test_hostile_patterns_end_soon(database: Database) -> None:
    fill(database, studies_with("PatientID", "a" * 64))
    assert found(database, Level.STUDY, PatientID="*a" * 30 + "*b") == []


def test_hostile_values_stay_values(database: Database) -> None:
    evil = "'; DROP TABLE study; --"
    fill(database, studies_with("PatientID", evil, "B"))
    assert found(database, Level.STUDY, PatientID=evil) == ["1.0"]
    assert found(database, Level.STUDY, PatientName="' OR '1'='1") == []


# --- the property -------------------------------------------------------------------------------------------------

TEXTS = st.text("aA1%_!*?^ ", max_size=4).map(str.strip)
NAMES = st.one_of(
    st.sampled_from(["", "Muster^Erika", "MÜLLER^Jan", "Muller^Jan=山田^太郎", "Weiß", "A*B^C"]),
    st.text("aÄß^=%", max_size=5).map(lambda name: name.strip("^=")).filter(lambda name: "==" not in name),
)
DATES = st.sampled_from(["", "20251231", "20260101", "20260102", "2026.01.03", "junk"])
TIMES = st.sampled_from(["", "10", "1015", "101530", "101530.25", "235959"])
MODALITIES = st.sampled_from(["", "CT", "MR", "SR"])
NUMBERS = st.sampled_from(["", "1", "2", "10"])

STUDY_VALUES = st.fixed_dictionaries(
    {"PatientID": TEXTS, "PatientName": NAMES, "StudyDate": DATES, "StudyTime": TIMES, "PatientBirthDate": DATES}
)
SERIES_VALUES = st.fixed_dictionaries({"Modality": MODALITIES, "SeriesNumber": NUMBERS, "SeriesDescription": TEXTS})
INSTANCE_VALUES = st.fixed_dictionaries({"InstanceNumber": NUMBERS})


@st.composite
def archives(draw: st.DrawFn) -> list[AnInstance]:
    """Studies, series and instances; of a study, any instance but the first may be of another patient."""
    instances = []
    for study in range(draw(st.integers(1, 4))):
        study_values = draw(STUDY_VALUES)
        for series in range(draw(st.integers(1, 2))):
            series_values = draw(SERIES_VALUES)
            for number in range(draw(st.integers(1, 3))):
                values = {**study_values, **series_values, **draw(INSTANCE_VALUES)}
                if (series or number) and draw(st.integers(0, 3)) == 0:
                    values["PatientID"] += "x"
                instances.append(
                    AnInstance(f"1.{study}.{series}.{number}", f"1.{study}.{series}", f"1.{study}", values)
                )
    return instances


WILD = st.text("aA1%_!*?^ Ää", max_size=4)
RANGES = st.tuples(DATES, DATES).map("-".join)
TIME_RANGES = st.tuples(TIMES, TIMES).map("-".join)
KEYS: dict[str, st.SearchStrategy[str]] = {
    "PatientID": st.one_of(TEXTS, WILD),
    "PatientName": st.one_of(NAMES, WILD, st.sampled_from(["m*", "*^jan", "muster^*", "MULLER^JAN", "weiss"])),
    "StudyDate": st.one_of(DATES, RANGES),
    "StudyTime": st.one_of(TIMES, TIME_RANGES),
    "StudyInstanceUID": st.sampled_from(["1.0", "1.1", "1.9"]),
    "ModalitiesInStudy": st.sampled_from(["CT", "MR", "?T", "X", ""]),
    "Modality": st.sampled_from(["CT", "?R", "C*", ""]),
    "SeriesNumber": NUMBERS,
    "SeriesDescription": WILD,
    "InstanceNumber": NUMBERS,
}


@st.composite
def queries(draw: st.DrawFn) -> Query:
    level = draw(st.sampled_from(list(Level)))
    usable = [keyword for keyword in KEYS if BY_KEYWORD[keyword].level <= level]
    chosen = draw(st.lists(st.sampled_from(usable), max_size=3, unique=True))
    matches = tuple(Match(BY_KEYWORD[key], tuple(draw(st.lists(KEYS[key], min_size=1, max_size=2)))) for key in chosen)
    return Query(level, matches, limit=draw(st.none() | st.integers(0, 4)), offset=draw(st.integers(0, 3)))


@st.composite
def scopes(draw: st.DrawFn) -> StudyScope:
    identity = st.builds(PatientIdentity, TEXTS, st.just(""), DATES)
    listed = st.builds(ListedStudies, st.frozensets(st.sampled_from(["1.0", "1.1", "1.2"])))
    plain = st.one_of(st.just(WholeArchive()), listed, identity)
    return draw(st.one_of(plain, st.builds(Within, plain, plain)))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(instances=archives(), query=queries(), scope=scopes())
def test_searches_equal_the_plain_matcher(
    database: Database, instances: list[AnInstance], query: Query, scope: StudyScope
) -> None:
    fill(database, instances)
    expected = matching(instances, query, scope)
    page = expected[query.offset :][: query.limit]
    results = Index(database).search(scope, query)
    assert [uid(one, query.level) for one in results.data_sets] == page
    if query.limit is not None:
        assert results.remaining == max(0, len(expected) - query.offset - len(page))
    else:
        assert results.remaining == 0


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(instances=archives(), scope=scopes())
def test_counts_are_of_what_the_scope_sees(database: Database, instances: list[AnInstance], scope: StudyScope) -> None:
    fill(database, instances)
    seen = visible(instances, scope)
    for one in Index(database).search(scope, Query(Level.STUDY)).data_sets:
        members = [instance for instance in seen if instance.study == uid(one, Level.STUDY)]
        assert one["00201208"]["Value"] == [len(members)]
        assert one["00201206"]["Value"] == [len({member.series for member in members})]
        modalities = {first_of_series(instances, member)["Modality"] for member in members} - {""}
        assert one.get("00080061", {"Value": []})["Value"] == sorted(modalities)
    for one in Index(database).search(scope, Query(Level.SERIES)).data_sets:
        members = [instance for instance in seen if instance.series == uid(one, Level.SERIES)]
        assert one["00201209"]["Value"] == [len(members)]
