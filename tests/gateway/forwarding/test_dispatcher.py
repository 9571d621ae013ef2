"""Which of what comes is wanted where, and when."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydicom.uid import generate_uid

from gateway.forwarding.deliveries import Deliveries
from gateway.forwarding.dispatcher import Dispatcher
from gateway.forwarding.rulebook import RuleBook
from gateway.forwarding.rules import Rule, Selection, sender
from gateway.sections import RuleConfig
from storage.ingest import Stored
from storage.scope import WholeArchive
from tests.support.keeping import Keeping
from tests.support.synthetic import ct

Put = Callable[..., Stored]


def rule(*targets: str, **selection: Any) -> Rule:
    return Rule("r", Selection.of(RuleConfig(name="r", to=targets, **selection)), targets)


def age(keeping: Keeping, study: str, seconds: float) -> None:
    """Let the last of a study have come so long ago."""
    then = (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="seconds")
    sql = """UPDATE instance SET received_at = ? WHERE series_id IN
        (SELECT series.id FROM series JOIN study ON study.id = series.study_id WHERE study_instance_uid = ?)"""
    keeping.database.write(lambda connection: connection.execute(sql, (then, study)))


def told(deliveries: Deliveries) -> list[tuple[str, str, int]]:
    return [(one.wanted.target, one.wanted.study, one.wanted.instances) for one in deliveries.listed()][::-1]


def kept(keeping: Keeping, study: str) -> bytes:
    """The one instance of a study as STOW-RS sends it on."""
    (record,) = keeping.index.instances(WholeArchive(), study)
    return keeping.files.path(record.blob_key).read_bytes()


def test_only_what_comes_once_there_is_forwarding_is_wanted(keeping: Keeping, put: Put) -> None:
    put(StudyInstanceUID="1.1")
    deliveries = Deliveries(keeping.database)
    dispatcher = Dispatcher(keeping.index, deliveries, lambda: [rule("A")], 0)
    assert dispatcher.look() == 0
    put(StudyInstanceUID="1.2"), put(StudyInstanceUID="1.1")
    assert dispatcher.look() == 2
    assert told(deliveries) == [("A", "1.2", 1), ("A", "1.1", 1)]
    assert dispatcher.look() == 0 == Dispatcher(keeping.index, deliveries, lambda: [rule("A")], 0).look()


def test_a_study_is_wanted_once_it_rests_and_holds_up_nobody(
    keeping: Keeping, deliveries: Deliveries, put: Put
) -> None:
    dispatcher = Dispatcher(keeping.index, deliveries, lambda: [rule("A")], 60)
    put(StudyInstanceUID="1.1"), put(StudyInstanceUID="1.2")
    age(keeping, "1.2", 61)
    assert dispatcher.look() == 1
    put(StudyInstanceUID="1.2")
    age(keeping, "1.2", 62)
    assert (dispatcher.look(), dispatcher.look()) == (1, 0)
    assert told(deliveries) == [("A", "1.2", 1), ("A", "1.2", 1)]
    age(keeping, "1.1", 63)
    assert dispatcher.look() == 1
    assert told(deliveries)[-1] == ("A", "1.1", 1)
    assert deliveries.places() == {}
    put(StudyInstanceUID="1.3")
    age(keeping, "1.3", 64)
    assert dispatcher.look() == 1


def test_rules_choose(keeping: Keeping, deliveries: Deliveries, put: Put) -> None:
    rules = [
        rule("by source", sources=("CT1", "STOW-RS")),
        rule("by modality", modalities=("MR",)),
        rule("by attribute", match={"StudyDescription": ("*Thorax*", "Kopf"), "InstanceNumber": ("1", "2")}),
        rule("all uploads", sources=("upload",)),
        rule("one site's", sources=("upload:north",)),
        rule("nothing", sources=("CT1",), modalities=("MR",), match={"PatientID": ("X",)}),
    ]
    dispatcher = Dispatcher(keeping.index, deliveries, lambda: rules, 0)
    one, other = generate_uid(), generate_uid()
    put(StudyInstanceUID="1.2", SeriesInstanceUID=one, number=1)
    put("CT2@10.0.0.1", StudyInstanceUID="1.2", SeriesInstanceUID=one, number=2)
    put("STOW-RS", StudyInstanceUID="1.2", SeriesInstanceUID=one, number=3)
    put("CT11@10.0.0.1", StudyInstanceUID="1.2", SeriesInstanceUID=other, Modality="MR", number=9)
    put("upload", StudyInstanceUID="1.2", SeriesInstanceUID=one, number=4)
    put("upload:north", StudyInstanceUID="1.2", SeriesInstanceUID=one, number=5)
    put("upload:x@10.0.0.1", StudyInstanceUID="1.2", SeriesInstanceUID=one, number=6)
    assert dispatcher.look() == 5
    assert told(deliveries) == [
        ("by source", "1.2", 2),
        ("by modality", "1.2", 1),
        ("by attribute", "1.2", 2),
        ("all uploads", "1.2", 2),
        ("one site's", "1.2", 1),
    ]


def test_a_rule_may_be_for_some_sites(keeping: Keeping, deliveries: Deliveries, put: Put) -> None:
    """A study belongs to the site of whoever sent its first instance, whoever sends more of it."""
    keeping.index.assign_origins({"NORTH1": "north", "upload:north": "north"})
    rules = [
        rule("main", sites=("main",)),
        rule("north", sites=("north", "gone")),
        rule("all", sites=("main", "north")),
    ]
    put(StudyInstanceUID="1.1"), put("NORTH1@10.0.0.1", StudyInstanceUID="1.1")
    put("upload:north", StudyInstanceUID="1.2")
    assert Dispatcher(keeping.index, deliveries, lambda: rules, 0).look() == 4
    assert told(deliveries) == [("main", "1.1", 2), ("all", "1.1", 2), ("north", "1.2", 1), ("all", "1.2", 1)]


def test_the_rules_are_those_of_the_moment(keeping: Keeping, deliveries: Deliveries, put: Put) -> None:
    rules = RuleBook(keeping.database, [rule("A")], ["A", "B"])
    dispatcher = Dispatcher(keeping.index, deliveries, rules.holding, 0)
    put(StudyInstanceUID="1.1")
    dispatcher.look()
    made = rules.add("more", Selection(), ("B",))
    put(StudyInstanceUID="1.2")
    dispatcher.look()
    rules.switch(made.rule.number, made.version, on=True)
    put(StudyInstanceUID="1.3")
    dispatcher.look()
    rules.remove(made.rule.number, made.version + 1)
    put(StudyInstanceUID="1.4")
    dispatcher.look()
    both = [("A", "1.3", 1), ("B", "1.3", 1)]
    assert told(deliveries) == [("A", "1.1", 1), ("A", "1.2", 1), *both, ("A", "1.4", 1)]


def test_a_rule_may_have_several_targets(keeping: Keeping, deliveries: Deliveries, put: Put) -> None:
    dispatcher = Dispatcher(keeping.index, deliveries, lambda: [rule("A", "B"), rule("B")], 0)
    put(StudyInstanceUID="1.2")
    dispatcher.look()
    assert told(deliveries) == [("A", "1.2", 1), ("B", "1.2", 1)]


def test_what_came_while_no_rule_was_in_force_is_not_sent_later(
    keeping: Keeping, deliveries: Deliveries, put: Put
) -> None:
    without = Dispatcher(keeping.index, deliveries, lambda: [], 0)
    put(StudyInstanceUID="1.2")
    without.look()
    assert Dispatcher(keeping.index, deliveries, lambda: [rule("A")], 0).look() == 0


def test_between_two_archives_by_stow_rs_it_ends_after_one_turn(tmp_path: Path) -> None:
    """Neither can tell by an AE title that what comes is its own, but an instance as it is kept is no arrival."""
    here, there = Keeping(tmp_path / "here"), Keeping(tmp_path / "there")
    queues = Deliveries(here.database), Deliveries(there.database)
    here_looks = Dispatcher(here.index, queues[0], lambda: [rule("there")], 0)
    there_looks = Dispatcher(there.index, queues[1], lambda: [rule("here")], 0)
    assert (here_looks.look(), there_looks.look()) == (0, 0)
    here.put(ct(StudyInstanceUID="1.1"))
    assert here_looks.look() == 1
    there.put(kept(here, "1.1"))
    assert there_looks.look() == 1
    here.put(kept(there, "1.1"))
    assert here_looks.look() == 0
    assert (told(queues[0]), told(queues[1])) == ([("there", "1.1", 1)], [("here", "1.1", 1)])
    here.close()
    there.close()


def test_a_selection_survives_being_kept() -> None:
    one = Selection(frozenset({"b", "a"}), frozenset({"CT"}), (("PatientID", ("1", "2")),))
    assert Selection.decode(one.encode()) == one
    assert one.encode() == Selection(frozenset({"a", "b"}), frozenset({"CT"}), one.keys).encode()
    older = '[["CT1"],[],[]]'
    assert Selection.decode(older).encode() == older == Selection(frozenset({"CT1"})).encode()
    of_site = Selection(sites=frozenset({"", "north"}))
    assert Selection.decode(of_site.encode()) == of_site
    assert (sender("CT1@10.0.0.1"), sender("STOW-RS")) == ("CT1", "STOW-RS")
