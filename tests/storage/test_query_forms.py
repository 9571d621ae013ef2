"""Forms of keys beyond plain ones, against the same plain matcher: fuzzy names, items, lists, moments, pages."""

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.attributes import Level
from storage.database import Database
from storage.index import Index
from storage.query import EMPTY, Match, Query
from storage.scope import StudyScope, WholeArchive
from tests.storage.test_query import DATES, TIMES, scopes, uid
from tests.support.archive import AnInstance, by_keyword, data_set, fill
from tests.support.matcher import matching

EVERYTHING = WholeArchive()
PROPERTY = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

WORDS = st.sampled_from(
    [
        "Müller",
        "MULLER",
        "Mueller",
        "Miller",
        "Mülelr",
        "Weiß",
        "Weiss",
        "Jörg",
        "Joerg",
        "Jan",
        "Jana",
        "Anna",
        "山田",
        "太郎",
    ]
)
ODD = st.text("aäeßü山é-^ '*?_%=", max_size=6)
NAMES = st.one_of(
    st.just(""), st.lists(WORDS, min_size=1, max_size=3).map("^".join), st.tuples(WORDS, WORDS).map("=".join),
    ODD.map(lambda name: name.strip("^=* ?")).filter(lambda name: "==" not in name),
)  # fmt: skip
ZONES = st.sampled_from(["", "+0100", "-0500", "+1400"])
CODES = st.sampled_from(["", "A", "B", "AB"])
ITEMS = st.lists(
    st.fixed_dictionaries({"ScheduledProcedureStepID": CODES, "RequestedProcedureID": CODES}), min_size=0, max_size=2
)
STUDY_VALUES = st.fixed_dictionaries(
    {
        **{"PatientID": CODES, "PatientName": NAMES, "ReferringPhysicianName": NAMES},
        **{"OtherPatientNames": st.lists(NAMES.filter(bool), max_size=2).map("\\".join)},
        **{"StudyDate": DATES, "StudyTime": TIMES, "TimezoneOffsetFromUTC": ZONES, "PatientBirthDate": DATES},
    }
)


@st.composite
def archives(draw: st.DrawFn) -> list[AnInstance]:
    instances = []
    for study in range(draw(st.integers(1, 4))):
        values = draw(STUDY_VALUES)
        for series in range(draw(st.integers(1, 2))):
            own = {
                "Modality": draw(st.sampled_from(["", "CT", "MR"])),
                "SeriesNumber": draw(st.sampled_from(["", "1"])),
            }
            items = draw(ITEMS)
            for number in range(draw(st.integers(1, 2))):
                name = f"1.{study}.{series}"
                every = {**values, **own, "InstanceNumber": draw(st.sampled_from(["", "1", "2"]))}
                sequences = {"RequestAttributesSequence": items} if items else {}
                instances.append(AnInstance(f"{name}.{number}", name, f"1.{study}", every, items=sequences))
    return instances


def key(keyword: str, *values: str, **how: Any) -> Match:
    return Match(by_keyword(keyword), values, **how)


def items_key(step: str, procedure: str) -> Match:
    inner = (key("ScheduledProcedureStepID", step), key("RequestedProcedureID", procedure))
    return Match(by_keyword("RequestAttributesSequence"), item=inner)


FUZZY = st.one_of(
    WORDS, NAMES, ODD, st.tuples(WORDS, WORDS).map(" ".join), st.sampled_from(["mul*", "*örg", "?an", EMPTY])
)
MODALITIES = st.sampled_from(["CT", "?R", "*", EMPTY])
KEYS: dict[Level, list[st.SearchStrategy[Match]]] = {
    Level.STUDY: [
        st.builds(key, st.sampled_from(["PatientName", "ReferringPhysicianName"]), FUZZY, fuzzy=st.booleans()),
        st.builds(key, st.just("PatientName"), FUZZY, FUZZY, fuzzy=st.booleans(), every=st.booleans()),
        st.builds(key, st.just("OtherPatientNames"), FUZZY, fuzzy=st.booleans()),
        st.builds(key, st.just("OtherPatientNames"), FUZZY, FUZZY, fuzzy=st.booleans(), every=st.just(True)),
        st.builds(key, st.just("ModalitiesInStudy"), MODALITIES, st.just("MR"), every=st.booleans()),
        st.builds(key, st.just("StudyDate"), st.one_of(DATES, st.tuples(DATES, DATES).map("-".join))),
        st.builds(key, st.just("StudyTime"), st.one_of(TIMES, st.tuples(TIMES, TIMES).map("-".join))),
    ],
    Level.SERIES: [st.builds(items_key, CODES | st.just("A*"), CODES | st.just(EMPTY))],
    Level.INSTANCE: [],
}  # fmt: skip


@st.composite
def queries(draw: st.DrawFn) -> Query:
    level = draw(st.sampled_from(list(Level)))
    usable = [one for of in Level if of <= level for one in KEYS[of]]
    chosen = [draw(one) for one in draw(st.lists(st.sampled_from(usable), max_size=3))]
    matches = tuple({match.attribute.tag: match for match in chosen}.values())
    return Query(
        level,
        matches,
        limit=draw(st.none() | st.integers(0, 3)),
        combined_date_time=draw(st.booleans()),
        timezone=draw(ZONES),
    )


@PROPERTY
@given(instances=archives(), query=queries(), scope=scopes())
def test_searches_equal_the_plain_matcher(
    database: Database, instances: list[AnInstance], query: Query, scope: StudyScope
) -> None:
    fill(database, instances)
    expected = matching(instances, query, scope)
    results = Index(database).search(scope, query)
    assert [uid(one, query.level) for one in results.data_sets] == expected[: query.limit]
    assert results.remaining == (0 if query.limit is None else max(0, len(expected) - query.limit))


@PROPERTY
@given(instances=archives(), query=queries(), newer=archives(), gone=st.integers(0, 3))
def test_who_goes_on_behind_a_place_misses_nothing_and_sees_nothing_twice(
    small_pages: None,
    database: Database,
    instances: list[AnInstance],
    query: Query,
    newer: list[AnInstance],
    gone: int,
) -> None:
    """What arrives or is deleted between two pages moves nothing else."""
    fill(database, instances)
    query = replace(query, limit=query.limit or 1)
    first = Index(database).search(EVERYTHING, query)
    expected = matching(instances, query, EVERYTHING)
    seen = [uid(one, query.level) for one in first.data_sets]
    assert seen == expected[: query.limit] and (first.last is None) == (not seen)
    arrived = [replace(one, uid=f"2{one.uid}", series=f"2{one.series}", study=f"2{one.study}") for one in newer]
    kept = [one for one in instances if one.study != f"1.{gone}"]
    fill(database, [*arrived, *kept])
    place, found = first.last, list(seen)
    while place is not None:
        page = Index(database).search(EVERYTHING, replace(query, after=place))
        found += [uid(one, query.level) for one in page.data_sets]
        behind = Index(database).search(EVERYTHING, replace(query, after=place, limit=None)).data_sets
        assert page.remaining == len(behind) - len(page.data_sets)
        place = page.last
    assert len(found) == len(set(found))
    still = {name for name in expected if not name.startswith(f"1.{gone}")}
    assert still <= set(found) <= {*expected, *matching(arrived, query, EVERYTHING)}
    assert [name for name in found if name in expected] == [name for name in expected if name in found]


INCLUDED = (
    "PatientID",
    "OtherPatientNames",
    "RequestAttributesSequence",
    "Modality",
    "InstanceNumber",
    "KVP",
    "00091002",
)


@PROPERTY
@given(
    instances=archives(),
    level=st.sampled_from(list(Level)),
    included=st.sets(st.sampled_from(INCLUDED)),
    everything=st.booleans(),
)
def test_what_is_included_is_what_the_first_instance_of_its_level_says(
    database: Database, instances: list[AnInstance], level: Level, included: set[str], everything: bool
) -> None:
    """PS3.18 8.3.4.3, 10.6.3.3: of the level and those above, with its value, and nothing from below."""
    instances = [replace(one, values={**one.values, "KVP": "120", "00091002": one.uid}) for one in instances]
    fill(database, instances)
    known = [by_keyword(keyword) for keyword in INCLUDED]
    query = Query(level, include=frozenset(by_keyword(keyword).tag for keyword in included), include_all=everything)
    for found in Index(database).search(EVERYTHING, query).data_sets:
        for attribute in known:
            asked = everything or attribute.keyword in included or attribute.tag in included
            if attribute.level > level:
                assert attribute.tag not in found
            elif asked:
                told = data_set(first_of(instances, found, attribute.level)).get(attribute.tag)
                assert found.get(attribute.tag) == (told if told and told["Value"] else None)


def first_of(instances: list[AnInstance], found: dict[str, Any], level: Level) -> AnInstance:
    """The instance that came first of the study, series or instance `found`."""
    name = {Level.STUDY: "study", Level.SERIES: "series", Level.INSTANCE: "uid"}[level]
    return next(one for one in instances if getattr(one, name) == uid(found, level))
