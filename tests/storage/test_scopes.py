"""Every question to the index takes a scope, and each place where one is asked for counts.

A table asks everything that can be asked as somebody who may see one study of two. Then each call of `visible` in the
code of the storage is made blind, one at a time, and somebody has to be told something else.
"""

import ast
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Final

import pytest

from storage.attributes import BY_TAG, Level
from storage.catalogue.condition import Condition
from storage.catalogue.removal import doomed
from storage.catalogue.selection import Wanted, select
from storage.catalogue.visibility import visible
from storage.errors import Refusal
from storage.media.file_set import FileSet
from storage.query import Match, Query
from storage.scope import ListedStudies, PatientIdentity, StudyScope, WholeArchive
from storage.verify import indexed
from tests.house.checkout import ROOT
from tests.support.keeping import EVERYTHING, Keeping
from tests.support.synthetic import ct

OWN, FOREIGN, STRANGER = "1.2.10", "1.2.20", "1.2.30"
SCOPE: Final = ListedStudies(frozenset({OWN}))
ROOT_URL: Final = "http://localhost"
RELATED: Final = ("00201200", "00201202", "00201204")


def put(keeping: Keeping, study: str, number: int, **attributes: Any) -> None:
    uids = {"StudyInstanceUID": study, "SeriesInstanceUID": f"{study}.1", "SOPInstanceUID": f"{study}.1.{number}"}
    keeping.put(ct(number=number, **uids | attributes))


@pytest.fixture(scope="module")
def keeping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keeping]:
    """Two studies of one patient, both with an image that is held because it names another one."""
    keeping = Keeping(tmp_path_factory.mktemp("scopes"))
    for study in (OWN, FOREIGN):
        put(keeping, study, 1)
        put(keeping, study, 2, PatientID=STRANGER)
    yield keeping
    keeping.close()


def _paged(keeping: Keeping, scope: StudyScope) -> Any:
    """What a retrieval sends of an image that is held between its beginning and its page."""
    first = f"{OWN}.1.1"
    selected = select(keeping.database, scope, Wanted(study_instance_uids=(OWN, FOREIGN)))
    _hold(keeping, first, 1)
    found = list(selected.pages())
    _hold(keeping, first, 0)
    return found


def _hold(keeping: Keeping, sop_instance: str, held: int) -> None:
    sql = "UPDATE instance SET held = ? WHERE sop_instance_uid = ?"
    assert keeping.database.write(lambda connection: connection.execute(sql, (held, sop_instance)).rowcount) == 1


def _accepted(keeping: Keeping, scope: StudyScope) -> Any:
    shown = keeping.index.accept_held(scope, FOREIGN, source="test")
    _hold(keeping, f"{FOREIGN}.1.2", 1)
    return shown


def _file_set(keeping: Keeping, scope: StudyScope) -> Any:
    records = [one for study in (OWN, FOREIGN) for one in keeping.index.instances(EVERYTHING, study)]
    return FileSet.of(keeping.database, scope, records).dicomdir()


def _by_number_of_studies(number: str) -> Query:
    return Query(Level.STUDY, (Match(BY_TAG["00201200"], (number,)),))


Ask = Callable[[Keeping, StudyScope], Any]
QUESTIONS: Final[dict[str, Ask]] = {
    "find studies": lambda k, s: list(k.index.find(s, Query(Level.STUDY))),
    "find series": lambda k, s: list(k.index.find(s, Query(Level.SERIES))),
    "find instances": lambda k, s: list(k.index.find(s, Query(Level.INSTANCE))),
    "search": lambda k, s: k.index.search(s, Query(Level.STUDY, limit=5)),
    "count what a patient has": lambda k, s: list(k.index.find(s, Query(Level.STUDY, include=frozenset(RELATED)))),
    "find who has one study": lambda k, s: list(k.index.find(s, _by_number_of_studies("1"))),
    "instances": lambda k, s: k.index.instances(s, FOREIGN),
    "own instances": lambda k, s: k.index.instances(s, OWN),
    "blob keys": lambda k, s: k.index.blob_keys(s, FOREIGN),
    "located": lambda k, s: k.index.located(s, FOREIGN, f"{FOREIGN}.1", f"{FOREIGN}.1.1"),
    "metadata of a study": lambda k, s: k.index.metadata(s, FOREIGN, bulk_data_root=ROOT_URL),
    "metadata of an instance": lambda k, s: k.index.metadata(
        s, FOREIGN, f"{FOREIGN}.1", f"{FOREIGN}.1.1", bulk_data_root=ROOT_URL
    ),
    "own data sets": lambda k, s: list(k.index.data_sets(s, OWN, bulk_data_root=ROOT_URL)),
    "one study": lambda k, s: k.index.studies(s, 1),
    "summary": lambda k, s: k.index.summary(s, FOREIGN),
    "own summary": lambda k, s: k.index.summary(s, OWN),
    "counts": lambda k, s: k.index.counts(s),
    "changed series": lambda k, s: k.index.changed_series(s, ROOT_URL, 10),
    "arrivals": lambda k, s: k.index.arrivals(s, None).studies,
    "unsettled": lambda k, s: k.index.unsettled(s, 0),
    "arrived": lambda k, s: k.index.arrived(s, FOREIGN, 0, 1 << 40),
    "overviews": lambda k, s: k.index.overviews(s, Query(Level.STUDY)),
    "held": lambda k, s: k.index.held(s),
    "held instances": lambda k, s: k.index.held_instances(s, FOREIGN),
    "lookalikes": lambda k, s: k.index.lookalikes(s, [PatientIdentity("TEST-1", "", "19990101")]),
    "accept what is held": _accepted,
    "how much is to be sent": lambda k, s: len(select(k.database, s, Wanted(study_instance_uids=(OWN, FOREIGN)))),
    "how many of these": lambda k, s: len(select(k.database, s, Wanted(sop_instance_uids=(f"{FOREIGN}.1.1",)))),
    "what is sent in the end": _paged,
    "what would be deleted": lambda k, s: [dict(row) for row in doomed(k.database.read, s, (FOREIGN, "", "")).rows],
    "what is kept": lambda k, s: indexed(k.database, s, [f"{study}.1.1" for study in (OWN, FOREIGN)]),
    "a file-set": _file_set,
}


def told(keeping: Keeping, question: str) -> str:
    """The answer, or the refusal, to somebody who sees the own study only."""
    try:
        return repr(QUESTIONS[question](keeping, SCOPE))
    except Refusal as refusal:
        return repr((type(refusal), refusal.detail))


@pytest.mark.parametrize("question", QUESTIONS)
def test_nothing_is_told_of_what_the_scope_does_not_show(keeping: Keeping, question: str) -> None:
    answer = told(keeping, question)
    if question != "a file-set":
        assert FOREIGN not in answer and f"{OWN}.1.2" not in answer, answer


Place = tuple[str, int]


def _places() -> Iterator[Place]:
    """Module and line of each call of `visible`."""
    for path in sorted((ROOT / "storage").rglob("*.py")):
        text = path.read_text("utf-8")
        for node in ast.walk(ast.parse(text)) if "visible" in text else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "visible":
                yield ".".join(path.relative_to(ROOT).with_suffix("").parts), node.lineno


PLACES: Final = list(_places())


@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place[0]}:{place[1]}")
def test_each_place_that_asks_for_the_scope_counts(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch, place: Place
) -> None:
    before = {question: told(keeping, question) for question in QUESTIONS}
    module, line = place

    def blind(scope: StudyScope, level: Level) -> Condition:
        return visible(WholeArchive() if sys._getframe(1).f_lineno == line else scope, level)

    monkeypatch.setattr(import_module(module), "visible", blind)
    assert {question: told(keeping, question) for question in QUESTIONS} != before
