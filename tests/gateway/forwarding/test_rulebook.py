"""Rules of the desk beside those of the file: which hold, and who may be called what."""

from collections.abc import Iterable

import pytest

from gateway.forwarding.deliveries import Deliveries
from gateway.forwarding.delivery import Wanted
from gateway.forwarding.rulebook import LONGEST_NAME, MOST, NameTaken, NoSuchRule, RuleBook, RuleChanged, TooMany
from gateway.forwarding.rules import Rule, Selection
from storage.database import Database
from tests.support.keeping import Keeping

FILE = Rule("Nachts", Selection(), ("pacs",))
CT = Selection(frozenset({"CT1"}), frozenset({"CT"}), (("PatientID", ("4711",)),), frozenset({"", "north"}))


def book(keeping: Keeping, rules: Iterable[Rule] = (FILE,), targets: Iterable[str] = ("pacs", "second")) -> RuleBook:
    return RuleBook(keeping.database, rules, targets)


def on(rules: RuleBook, name: str, selection: Selection = CT, targets: tuple[str, ...] = ("pacs",)) -> int:
    """A rule that was switched on."""
    made = rules.add(name, selection, targets)
    rules.switch(made.rule.number, made.version, on=True)
    return made.rule.number


def test_rules_of_the_desk_hold_once_they_are_on_behind_those_of_the_file(keeping: Keeping) -> None:
    rules = book(keeping)
    made = rules.add("CT", CT, ("pacs", "second"))
    assert (made.standing, made.version, made.is_configured) == ("off", 1, False)
    assert rules.holding() == [FILE]
    rules.switch(made.rule.number, made.version, on=True)
    assert rules.holding() == [FILE, Rule("CT", CT, ("pacs", "second"), made.rule.number)]
    assert (made.rule.mark, FILE.mark) == (f"desk {made.rule.number}", "Nachts")
    rules.switch(made.rule.number, made.version + 1, on=False)
    assert rules.holding() == [FILE]


def test_what_one_process_changes_counts_for_the_others_at_once(keeping: Keeping) -> None:
    rules = book(keeping)
    elsewhere = Database(keeping.folder / "durchblick.sqlite")
    number = on(RuleBook(elsewhere, [FILE], ["pacs"]), "CT")
    assert [one.number for one in rules.holding()] == [0, number]
    RuleBook(elsewhere, [FILE], ["pacs"]).remove(number, 2)
    assert rules.holding() == [FILE]
    elsewhere.close()


def test_a_name_is_taken_once_whatever_its_case(keeping: Keeping) -> None:
    rules = book(keeping)
    rules.add("CT", CT, ("pacs",))
    other = rules.add("MR", CT, ("pacs",))
    for name in ("NACHTS", "Ct"):
        with pytest.raises(NameTaken):
            rules.add(name, CT, ("pacs",))
        with pytest.raises(NameTaken):
            rules.change(other.rule.number, other.version, name, CT, ("pacs",))
    assert rules.change(other.rule.number, other.version, "mr", CT, ("pacs",)).rule.name == "mr"
    for wrong in ("", "x" * (LONGEST_NAME + 1)):
        with pytest.raises(ValueError, match="characters"):
            rules.add(wrong, CT, ("pacs",))


def test_a_rule_rests_while_the_file_has_its_name(keeping: Keeping) -> None:
    number = on(book(keeping, ()), "Nachts")
    rules = book(keeping)
    assert [one.standing for one in rules.all()] == ["holds", "clash"] and rules.holding() == [FILE]
    deliveries = Deliveries(keeping.database)
    deliveries.want(Wanted("Nachts", "pacs", "1.2", 0, 1, Selection(), 1))
    rules.change(number, 2, "Tags", CT, ("pacs",))
    assert [one.name for one in rules.holding()] == ["Nachts", "Tags"]
    assert [one.wanted.rule for one in deliveries.listed()] == ["Nachts"]


def test_nothing_goes_to_targets_that_the_file_does_not_have(keeping: Keeping) -> None:
    rules = book(keeping)
    for targets in ((), ("elsewhere",), ("pacs", "elsewhere")):
        with pytest.raises(ValueError, match="targets of the configuration"):
            rules.add("CT", CT, targets)
    on(rules, "one left", targets=("pacs", "second"))
    on(rules, "none left", targets=("second",))
    later = book(keeping, (), ("pacs",))
    assert [(one.rule.targets, one.lost, one.standing) for one in later.all()] == [
        (("pacs",), ("second",), "holds"),
        ((), ("second",), "no target"),
    ]
    assert [one.name for one in later.holding()] == ["one left"]


def test_whoever_has_not_seen_the_last_change_changes_nothing(keeping: Keeping) -> None:
    rules = book(keeping)
    seen = rules.add("CT", CT, ("pacs",))
    number = seen.rule.number
    rules.change(number, seen.version, "CT und MR", Selection(), ("second",))
    for late in (
        lambda: rules.change(number, seen.version, "CT", CT, ("pacs",)),
        lambda: rules.switch(number, seen.version, on=True),
        lambda: rules.remove(number, seen.version),
        lambda: rules.remove(number + 1, 1),
    ):
        with pytest.raises(RuleChanged):
            late()
    assert (rules.get(number).rule.name, rules.get(number).standing) == ("CT und MR", "off")


def test_numbers_are_never_used_again(keeping: Keeping) -> None:
    rules = book(keeping)
    first = rules.add("CT", CT, ("pacs",))
    rules.remove(first.rule.number, first.version)
    assert rules.add("CT", CT, ("pacs",)).rule.number > first.rule.number
    with pytest.raises(NoSuchRule):
        rules.get(first.rule.number)


def test_there_are_not_more_than_can_be_looked_at(keeping: Keeping, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST >= 100
    monkeypatch.setattr("gateway.forwarding.rulebook.MOST", 1)
    rules = book(keeping)
    rules.add("CT", CT, ("pacs",))
    with pytest.raises(TooMany):
        rules.add("MR", CT, ("pacs",))


def test_what_was_sent_by_a_rule_stays_its_own_under_another_name(keeping: Keeping) -> None:
    rules, deliveries = book(keeping), Deliveries(keeping.database)
    made = rules.add("CT", CT, ("pacs",))
    for rule, study in (("CT", "1.2"), ("Nachts", "1.3")):
        deliveries.want(Wanted(rule, "pacs", study, 0, 1, Selection(), 1))
    rules.change(made.rule.number, made.version, "CT nachts", CT, ("pacs",))
    assert sorted(one.wanted.rule for one in deliveries.listed()) == ["CT nachts", "Nachts"]


def test_every_change_is_audited_without_what_may_be_a_patients(keeping: Keeping) -> None:
    rules = book(keeping)
    made = rules.add("Herr Muster", CT, ("pacs",))
    number = made.rule.number
    rules.change(number, 1, "Frau Muster", CT, ("pacs", "second"))
    rules.switch(number, 2, on=True)
    rules.switch(number, 3, on=False)
    rules.remove(number, 4)
    rows = [tuple(row) for row in keeping.database.read("SELECT event, subject, detail FROM audit")]
    conditions = "sources=CT1 sites=main,north modalities=CT attributes=PatientID"
    assert rows == [
        ("forwarding rule made", f"rule {number}", f"targets=pacs {conditions}"),
        ("forwarding rule changed", f"rule {number}", f"targets=pacs,second {conditions}"),
        ("forwarding rule switched on", f"rule {number}", ""),
        ("forwarding rule switched off", f"rule {number}", ""),
        ("forwarding rule removed", f"rule {number}", ""),
    ]
