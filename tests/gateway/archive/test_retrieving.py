"""Earlier examinations are fetched from the archive, and it is watched whether they come."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dimse.scu.trouble import Trouble, TroubleKind
from gateway.archive import retrievals as rows
from gateway.archive.archive import Archive, ArchiveAway, ArchivedStudy
from gateway.archive.fetching import Fetching
from gateway.archive.retrievals import HELD_SECONDS, MOST_ATTEMPTS, NoLongerHeld, Retrieval, Retrievals
from gateway.archive.retrieving import Retrieving
from gateway.archive.schema import MIGRATIONS
from gateway.archive.service import archive_of, retrievals_of, retrieving_of
from gateway.cli.main import durchblick
from gateway.config import Config, ConfigError, parse
from storage.audit_trail import AuditTrail
from storage.scope import PatientIdentity
from tests.gateway.archive.conftest import Hospital, hospital
from tests.support.keeping import Keeping
from tests.support.patience import PATIENCE
from tests.support.synthetic import ct

PATIENT = PatientIdentity("TEST-1", "", "19500131")
AWAY = Trouble(TroubleKind.UNREACHABLE, "Nobody listens.")


class Scripted(Archive):
    """An archive whose `fetch` puts so many images here, raises what it is told, or waits until it is ended."""

    def __init__(
        self, keeping: Keeping, gives: int = 0, error: Exception | None = None, *, hangs: bool = False
    ) -> None:
        self.ae_title = "PACS1"
        self.keeping, self.gives, self.error, self.hangs = keeping, gives, error, hangs
        self.fetched: list[str] = []

    def fetch(self, study: str, fetching: Fetching | None = None) -> int:
        assert fetching
        self.fetched.append(study)
        for number in range(self.gives):
            image = ct(number=number, StudyInstanceUID=study, SeriesInstanceUID=f"{study}.1")
            image.SOPInstanceUID = f"{study}.1.{number}"
            self.keeping.put(image)
        if self.error:
            raise self.error
        if self.hangs:
            ended = threading.Event()
            fetching.end = ended.set  # type: ignore[method-assign]
            assert ended.wait(PATIENCE)
            raise ArchiveAway(Trouble(TroubleKind.LOST, "ended by us"))
        return self.gives


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keeping(tmp_path: Path) -> Iterator[Keeping]:
    keeping = Keeping(tmp_path / "data")
    keeping.database.migrate(MIGRATIONS)
    yield keeping
    keeping.close()


@pytest.fixture
def retrievals(keeping: Keeping, clock: Clock) -> Retrievals:
    return Retrievals(keeping.database, clock)


def archived(study: str = "1.2.3", instances: int | None = 3) -> ArchivedStudy:
    return ArchivedStudy(
        study, "20240101", ("CT", "SR"), "Thorax", "ACC", "Muster^M", "4711", "", "19500131", instances
    )


def only(retrievals: Retrievals, site: str = "") -> Retrieval:
    (found,) = retrievals.of_studies(site, ["1.9"])
    return found


def fetching(keeping: Keeping, retrievals: Retrievals, archive: Archive, stall: float = 30.0) -> Retrieving:
    return Retrieving(retrievals, keeping.index, "", archive, stall, look_seconds=0.01)


def test_what_the_archive_has_is_listed_and_fetched(tmp_path: Path) -> None:
    for way in ("move", "get"):
        with hospital(tmp_path / way, way) as made:
            made.have_here(0)
            _list_and_fetch(made)


def _list_and_fetch(made: Hospital) -> None:
    archive = archive_of(made.house)
    assert archive is not None
    (listed,) = archive.studies_of(PATIENT)
    assert (listed.uid, listed.instances, listed.modalities) == (made.study, 3, ("CT",))
    assert archive.studies([made.study, "1.2.3"]) == [listed]
    assert archive.studies_by_accession("nobody's") == []
    wanted = retrievals_of(made.house)
    wanted.want("", "PACS1", "1.9", [listed])
    (worker,) = retrieving_of(made.house)
    assert (worker.work_off(), made.here()) == (1, 3)
    done = only(wanted)
    assert (done.state, done.received, done.expected, done.percent, done.trouble) == ("done", 3, 3, 100, None)
    events = [one for one in AuditTrail(made.house.storage.database).events() if one.subject == made.study]
    assert [one.event for one in events if one.event.startswith("study")] == ["study asked for", "study retrieved"]


def test_the_command_line_lists_and_fetches(tmp_path: Path) -> None:
    with hospital(tmp_path, "get") as made:
        peer = f'[[dimse.peers]]\nae_title = "PACS1"\nhost = "127.0.0.1"\nport = {made.port}\n'
        config = tmp_path / "config.toml"
        config.write_text(f'[archive]\nae_title = "PACS1"\nretrieve = "get"\n{peer}', "utf-8")

        def run(*arguments: str) -> Result:
            return CliRunner().invoke(durchblick, ["archive", *arguments, "--config", str(config)])

        listed = json.loads(run("list", "--patient-id", "TEST-1", "--birth-date", "19500131", "--json").stdout)
        assert [(one["study"], one["instances"]) for one in listed] == [(made.study, 3)]
        assert run("list", "--accession", "nobody's").output == "There are none.\n"
        assert f"{made.study}  waiting  PACS1  0 of 3" in run("fetch", "--study", made.study).output
        (worker,) = retrieving_of(made.house)
        assert worker.work_off() == 1
        assert [one["state"] for one in json.loads(run("progress", "--json").stdout)] == ["done"]
        assert "does not have 1.2.3" in run("fetch", "--study", "1.2.3").output
        assert "no site south" in run("list", "--accession", "A", "--site", "south").output
        assert run("list", "--patient-id", "TEST-1").exit_code == 2


def test_a_silent_archive_is_let_go_of(tmp_path: Path) -> None:
    with hospital(tmp_path, "move", deaf=True) as made:
        wanted, archive = retrievals_of(made.house), archive_of(made.house)
        assert archive is not None
        wanted.want("", "PACS1", "1.9", archive.studies([made.study]))
        worker = Retrieving(wanted, made.house.storage.index, "", archive, 0.3, look_seconds=0.05)
        assert worker.work_off() == 0
        later = only(wanted)
        assert later.trouble == Trouble(TroubleKind.STALLED, "Nothing more has come; 0 of 3 instances are here.")
        assert (later.state, later.attempts) == ("waiting", 1)


def test_what_is_here_counts_and_not_what_the_archive_says(keeping: Keeping, retrievals: Retrievals) -> None:
    away = ArchiveAway(Trouble(TroubleKind.INCOMPLETE, "1 of the instances could not be sent"))
    retrievals.want("", "PACS1", "1.9", [archived()])
    assert fetching(keeping, retrievals, Scripted(keeping, 3, away)).work_off() == 1
    assert only(retrievals).state == "done"


def test_less_than_expected_is_tried_again_and_told_at_last(
    keeping: Keeping, retrievals: Retrievals, clock: Clock
) -> None:
    retrievals.want("", "PACS1", "1.9", [archived()])
    archive = Scripted(keeping, 2)
    worker = fetching(keeping, retrievals, archive)
    for attempt in range(1, MOST_ATTEMPTS + 1):
        assert worker.work_off() == 0
        found = only(retrievals)
        assert (found.attempts, found.received, found.state == "failed") == (attempt, 2, attempt == MOST_ATTEMPTS)
        clock.now = found.due_at
    assert found.trouble and found.trouble.kind == "incomplete" and "2 of 3" in found.trouble.sentence
    assert ("study retrieval failed", "1.2.3") in keeping.audited()
    archive.gives = 3
    assert worker.work_off() == 0
    retrievals.want("", "PACS1", "1.9", [archived()])
    assert (worker.work_off(), only(retrievals).trouble) == (1, None)


@pytest.mark.parametrize(
    ("error", "kind"), [(ArchiveAway(AWAY), "unreachable"), (KeyError("x"), "other")], ids=["away", "unexpected"]
)
def test_an_archive_that_fails_is_asked_again_later(
    keeping: Keeping, retrievals: Retrievals, error: Exception, kind: str
) -> None:
    retrievals.want("", "PACS1", "1.9", [archived()])
    archive = Scripted(keeping, error=error)
    assert fetching(keeping, retrievals, archive).work_off() == 0
    found = only(retrievals)
    assert found.trouble and (found.state, found.attempts, found.trouble.kind) == ("waiting", 1, kind)
    assert fetching(keeping, retrievals, archive).work_off() == 0 and len(archive.fetched) == 1


def test_where_the_archive_tells_no_number_its_word_counts(keeping: Keeping, retrievals: Retrievals) -> None:
    retrievals.want("", "PACS1", "1.9", [archived("1.2.3", None), archived("1.2.4", None)])
    archive = Scripted(keeping, 1)
    assert fetching(keeping, retrievals, archive).work_off() == 2
    retrievals.want("", "PACS1", "1.9", [archived("1.2.5", None)])
    archive.gives = 0
    assert fetching(keeping, retrievals, archive).work_off() == 0


def test_stopping_leaves_it_to_the_next_one(keeping: Keeping, retrievals: Retrievals) -> None:
    retrievals.want("", "PACS1", "1.9", [archived()])
    stopping = iter([False, False, False])
    worker = fetching(keeping, retrievals, Scripted(keeping, 1, hangs=True))
    assert worker.work_off(lambda: next(stopping, True)) == 0
    found = only(retrievals)
    assert (found.state, found.attempts, found.trouble, found.received) == ("waiting", 0, None, 1)
    assert fetching(keeping, retrievals, Scripted(keeping, 3)).work_off() == 1


def test_who_is_not_heard_of_loses_it(keeping: Keeping, retrievals: Retrievals, clock: Clock) -> None:
    retrievals.want("", "PACS1", "1.9", [archived()])
    first = retrievals.take_up("")
    assert first and retrievals.take_up("") is None and only(retrievals).is_being_fetched(clock.now)
    retrievals.tell(first, 1, 3)
    clock.now += HELD_SECONDS
    second = retrievals.take_up("")
    assert second and second.id == first.id
    late: list[Callable[[], None]] = [
        lambda: retrievals.tell(first, 2, 3),
        lambda: retrievals.finish(first, 3),
        lambda: retrievals.postpone(first, AWAY),
        lambda: retrievals.hand_over(first),
    ]
    for act in late:
        with pytest.raises(NoLongerHeld):
            act()


def test_the_same_is_wanted_once_and_each_site_has_its_own(retrievals: Retrievals, keeping: Keeping) -> None:
    for _ in range(2):
        retrievals.want("", "PACS1", "1.9", [archived()])
    retrievals.want("north", "NORTHPACS", "1.9", [archived()])
    assert keeping.audited().count(("study asked for", "1.2.3")) == 2
    assert (only(retrievals).archive, only(retrievals, "north").archive) == ("PACS1", "NORTHPACS")
    taken = retrievals.take_up("north")
    assert taken and taken.site == "north" and retrievals.take_up("north") is None
    assert retrievals.of_studies("", ["1.8"]) == []


def test_what_ended_long_ago_is_forgotten(retrievals: Retrievals, clock: Clock) -> None:
    retrievals.want("", "PACS1", "1.9", [archived(), archived("1.2.4")])
    taken = retrievals.take_up("")
    assert taken
    retrievals.finish(taken, 3)
    clock.now += rows._FORGOTTEN + 1
    retrievals.forget()
    assert only(retrievals).state == "waiting"


class Loose(Archive):
    """An archive that matches the PatientID alone, and nothing where it does not know a key."""

    def __init__(self, *found: dict[str, str]) -> None:
        self.told = [
            {tag: {"vr": "LO", "Value": [value]} for tag, value in (_TAGS | one).items() if value} for one in found
        ]

    def _found(self, keys: Mapping[str, str]) -> list[dict[str, Any]]:
        return self.told


_TAGS = {"0020000D": "1.2", "00100020": "4711", "00100030": "19500131", "00100021": "", "00080050": "A1"}


def test_only_exactly_this_patient_counts_whatever_an_archive_matches() -> None:
    archive = Loose(
        {"0020000D": "1.1"},
        {"0020000D": "1.2", "00100021": "HOUSE"},
        {"0020000D": "1.3", "00100021": "ELSEWHERE"},
        {"0020000D": "1.4", "00100030": "19600131"},
        {"0020000D": "1.5", "00100020": "47110"},
        {"0020000D": "1.6", "00100030": ""},
        {"0020000D": ""},
    )
    patient = PatientIdentity("4711", "HOUSE", "19500131")
    assert sorted(one.uid for one in archive.studies_of(patient)) == ["1.1", "1.2"]
    assert [one.uid for one in archive.studies(["1.5", "1.9"])] == ["1.5"]
    assert archive.studies_by_accession("A10") == [] and len(archive.studies_by_accession("A1")) == 6


def test_a_site_names_an_archive_of_its_own(tmp_path: Path) -> None:
    north = {"key": "north", "ae_titles": ["NORTHPACS"]}
    found = parse({"archive": {"ae_title": "PACS1"}, "sites": [north]}, tmp_path)
    assert [found.archive_of(key).ae_title for key in ("", "north", "gone")] == ["PACS1", "", ""]
    own = parse({"sites": [{**north, "archive": {"ae_title": "NORTHPACS", "retrieve": "get"}}]}, tmp_path)
    assert (own.archive_of("north").ae_title, own.archive_of("").ae_title) == ("NORTHPACS", "")
    assert Config().archive_of("").ae_title == ""
    for wrong, sentence in (
        ({"sites": [{**north, "archive": {"ae_title": "PACS1"}}]}, "must be one of ae_titles"),
        ({"archive": {"ae_title": "NORTHPACS"}, "sites": [north]}, "belongs to the site north"),
    ):
        with pytest.raises(ConfigError, match=sentence):
            parse(wrong, tmp_path)
