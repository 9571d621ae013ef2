"""What came before a rule held, wanted when somebody asks for it: every instance once."""

from collections.abc import Callable

from gateway.forwarding.backlog import backlog_of
from gateway.forwarding.deliveries import Deliveries
from gateway.forwarding.delivery import Wanted
from gateway.forwarding.dispatcher import Dispatcher
from gateway.forwarding.rules import Rule, Selection
from storage.ingest import Stored
from storage.scope import SiteStudies, StudyScope, WholeArchive
from tests.support.keeping import Keeping

CT = Selection(modalities=frozenset({"CT"}))
RULE = Rule("ct", CT, ("A", "B"), 1)
Put = Callable[..., Stored]


def asked(keeping: Keeping, deliveries: Deliveries, rule: Rule = RULE, scope: StudyScope | None = None) -> list[Wanted]:
    found = list(backlog_of(keeping.index, deliveries, scope or WholeArchive(), rule, 7))
    assert deliveries.want_all(found) == len(found)
    return found


def ranges(found: list[Wanted]) -> list[tuple[str, str, int, int, int]]:
    return [(one.target, one.study, one.after, one.upto, one.instances) for one in found]


def test_what_was_not_wanted_is_wanted_once(keeping: Keeping, deliveries: Deliveries, put: Put) -> None:
    rules: list[Rule] = []
    dispatcher = Dispatcher(keeping.index, deliveries, lambda: rules, 0)
    put(StudyInstanceUID="1.1"), put(StudyInstanceUID="1.1")
    put(StudyInstanceUID="1.2", Modality="MR")
    dispatcher.look()
    rules.append(RULE)
    put(StudyInstanceUID="1.1"), put(StudyInstanceUID="1.3")
    dispatcher.look()
    rules.clear()
    put(StudyInstanceUID="1.1")
    dispatcher.look()
    assert ranges(asked(keeping, deliveries)) == [
        *[("A", "1.1", 0, 2, 2), ("A", "1.1", 5, 6, 1)],
        *[("B", "1.1", 0, 2, 2), ("B", "1.1", 5, 6, 1)],
    ]
    assert asked(keeping, deliveries) == []
    everything = {place for one in deliveries.listed() if one.wanted.target == "A" and one.wanted.study == "1.1"
                  for place in range(one.wanted.after + 1, one.wanted.upto + 1)}  # fmt: skip
    assert {1, 2, 4, 6} <= everything
    assert sum(one.wanted.instances for one in deliveries.listed()) == 2 * 5


def test_what_the_dispatcher_will_look_at_is_left_to_it(keeping: Keeping, deliveries: Deliveries, put: Put) -> None:
    put(StudyInstanceUID="1.1")
    assert asked(keeping, deliveries) == []
    Dispatcher(keeping.index, deliveries, lambda: [RULE], 0).look()
    assert asked(keeping, deliveries) == [] and len(deliveries.listed()) == 2


def test_nothing_is_wanted_of_other_sites(keeping: Keeping, deliveries: Deliveries, put: Put) -> None:
    keeping.index.assign_origins({"NORTH1": "north"})
    put(StudyInstanceUID="1.1"), put("NORTH1@10.0.0.1", StudyInstanceUID="1.2")
    deliveries.deal(2, [], [])
    assert {one.study for one in asked(keeping, deliveries, scope=SiteStudies("north"))} == {"1.2"}
    assert {one.study for one in asked(keeping, deliveries)} == {"1.1"}


def test_what_was_asked_for_is_audited(keeping: Keeping, deliveries: Deliveries, put: Put) -> None:
    put(StudyInstanceUID="1.1")
    deliveries.deal(1, [], [])
    asked(keeping, deliveries)
    assert keeping.audited()[-2:] == [("forwarding asked for", "1.1")] * 2
