"""Requests for storage commitment over the web: verified by whoever asks or by the worker, within a scope."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.uid import generate_uid

from storage.commitment.modules import NOWHERE, Place, read_request, response
from storage.commitment.references import Reference, Verdict
from storage.commitment.transactions import FORGOTTEN, HELD_SECONDS, Transactions
from storage.commitment.verifying import Verifier
from storage.commitment.web_requests import WebRequests
from storage.deletion import Target
from storage.errors import CannotUnderstand, DuplicateTransaction, NoSuchTransaction, NotAuthorised
from storage.ingest import Stored
from storage.scope import ListedStudies, PatientIdentity, WholeArchive
from storage.storage import Storage, StorageSettings
from tests.support.synthetic import ct, part10

ALL = WholeArchive()
LONG = 60.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    opened = Storage.open(tmp_path / "store", StorageSettings(free_space_floor=0))
    yield opened
    opened.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def requests(storage: Storage, clock: Clock) -> WebRequests:
    return WebRequests(storage.database, Verifier(storage), clock)


@pytest.fixture
def stored(storage: Storage) -> Stored:
    return put(storage)


def put(storage: Storage) -> Stored:
    incoming = storage.ingest.receive()
    incoming.write(part10(ct()))
    return storage.ingest.store(incoming, source="test")


def asked(*instances: Stored, place: Place | None = None) -> dict[Reference, Place]:
    return {Reference(one.sop_class_uid, one.sop_instance_uid): place or NOWHERE for one in instances}


def reasons(module: dict[str, object] | None) -> list[int | None]:
    """The Failure Reason of each instance that is told flat, None for committed ones first."""
    assert module is not None
    found: list[int | None] = []
    for tag in ("00081199", "00081198"):
        for item in module.get(tag, {"Value": []})["Value"]:  # type: ignore[index]
            found.append(item["00081197"]["Value"][0] if "00081197" in item else None)
    return found


def test_what_is_kept_is_committed_and_the_result_stays(requests: WebRequests, stored: Stored) -> None:
    requests.begin("1.2", asked(stored), ALL)
    first = requests.result("1.2", ALL, LONG)
    assert reasons(first) == [None]
    assert requests.result("1.2", ALL, LONG) == first


def test_without_time_it_is_pending_until_the_worker_was_there(requests: WebRequests, stored: Stored) -> None:
    requests.begin("1.2", asked(stored), ALL)
    assert requests.result("1.2", ALL, 0.0) is None
    assert requests.work_off(lambda: True) == 0
    assert requests.work_off(lambda: False) == 1
    assert requests.work_off(lambda: False) == 0
    assert reasons(requests.result("1.2", ALL, 0.0)) == [None]


def test_what_a_crash_left_is_taken_up_by_the_next(
    requests: WebRequests, stored: Stored, storage: Storage, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Crash(BaseException):
        pass

    def crash(*_: object) -> None:
        raise Crash

    requests.begin("1.2", asked(stored), ALL)
    with monkeypatch.context() as patch:
        patch.setattr(Verifier, "verdicts", crash)
        with pytest.raises(Crash):
            requests.result("1.2", ALL, LONG)
    others = WebRequests(storage.database, Verifier(storage), clock)
    assert others.result("1.2", ALL, LONG) is None
    clock.now += HELD_SECONDS + 1
    assert reasons(others.result("1.2", ALL, LONG)) == [None]


def test_the_answer_after_a_deletion_is_that_it_is_not_here(
    requests: WebRequests, stored: Stored, storage: Storage
) -> None:
    requests.begin("1.2", asked(stored), ALL)
    storage.deletion.delete(ALL, Target(stored.study_instance_uid), source="test")
    assert reasons(requests.result("1.2", ALL, LONG)) == [0x0112]


def test_a_transaction_uid_is_used_once(requests: WebRequests, stored: Stored, storage: Storage) -> None:
    """PS3.18 table 13.4.3-1; also when a peer of the DICOM network has used it."""
    requests.begin("1.2", asked(stored), ALL)
    Transactions(storage.database).open("PACS1", "1.3", list(asked(stored)))
    for uid in ("1.2", "1.3"):
        with pytest.raises(DuplicateTransaction):
            requests.begin(uid, asked(stored), ALL)
    with pytest.raises(NoSuchTransaction):
        requests.result("1.3", ALL, LONG)


def test_a_scope_bounds_what_is_looked_at_and_who_is_told(
    requests: WebRequests, stored: Stored, storage: Storage
) -> None:
    foreign = put(storage)
    own = ListedStudies(frozenset({stored.study_instance_uid}))
    requests.begin("1.2", asked(stored, foreign), own)
    assert reasons(requests.result("1.2", own, LONG)) == [None, 0x0112]
    assert reasons(requests.result("1.2", ALL, LONG)) == [None, 0x0112]
    wider = ListedStudies(own.study_instance_uids | {"1.9"})
    assert requests.result("1.2", wider, LONG)
    requests.begin("1.4", asked(stored), ALL)
    for uid, scope in (("1.2", ListedStudies(frozenset({"1.9"}))), ("1.4", own), ("1.5", ALL)):
        with pytest.raises(NoSuchTransaction):
            requests.result(uid, scope, LONG)
    with pytest.raises(NotAuthorised):
        requests.begin("1.6", asked(stored), PatientIdentity("TEST-1", "", "19500131"))


def test_nobody_of_the_network_is_told(requests: WebRequests, stored: Stored, storage: Storage) -> None:
    requests.begin("1.2", asked(stored), ALL)
    assert Transactions(storage.database).peers_due() == []


def test_results_are_forgotten_in_the_end(
    requests: WebRequests, stored: Stored, storage: Storage, clock: Clock
) -> None:
    requests.begin("1.2", asked(stored), ALL)
    requests.result("1.2", ALL, LONG)
    clock.now += FORGOTTEN + 1
    Transactions(storage.database, clock).forget()
    with pytest.raises(NoSuchTransaction):
        requests.result("1.2", ALL, LONG)


def test_an_instance_in_another_place_than_said_is_none(
    requests: WebRequests, stored: Stored, storage: Storage
) -> None:
    """PS3.18 J.2: what was asked by study and series is answered so."""
    right, wrong = Place(stored.study_instance_uid, stored.series_instance_uid), Place(stored.study_instance_uid, "1.9")
    for uid, place, key in (("1.2", right, "00081110"), ("1.3", wrong, "0008119B")):
        requests.begin(uid, asked(stored, place=place), ALL)
        module = requests.result(uid, ALL, LONG)
        assert module is not None and list(module) == [key]
        (study,) = module[key]["Value"]
        (series,) = study["00081115"]["Value"]
        (of_class,) = series["00081112"]["Value"]
        (instance,) = of_class["0008114A"]["Value"]
        assert study["0020000D"]["Value"] == [place.study]
        assert series["0020000E"]["Value"] == [place.series]
        assert of_class["00081150"]["Value"] == [stored.sop_class_uid]
        assert instance["00081155"]["Value"] == [stored.sop_instance_uid]
        assert ("00081197" in instance) == (key == "0008119B")


def test_a_response_reads_as_the_request_that_asked() -> None:
    places = [Place("1.1", "1.2"), Place("1.1", "1.2"), Place("1.1", "1.3"), NOWHERE, Place("1.9", "1.2")]
    references = [Reference(f"1.5.{at // 2}", generate_uid()) for at in range(5)]
    module = response([Verdict(reference) for reference in references], places)
    assert read_request(module) == dict(zip(references, places, strict=True))
    assert len(module["00081110"]["Value"]) == 2


@pytest.mark.parametrize(
    "module",
    [
        {},
        {"00081199": {"vr": "SQ"}},
        {"00081199": {"vr": "LO", "Value": ["x"]}},
        {"00081199": {"vr": "SQ", "Value": "x"}},
        {"00081199": {"vr": "SQ", "Value": [None]}},
        {"00081199": []},
        {"00081199": {"vr": "SQ", "Value": [{"00081150": {"vr": "UI", "Value": ["1.2"]}}]}},
        {"00081199": {"vr": "SQ", "Value": [{"00081150": 5, "00081155": {"vr": "UI", "Value": 7}}]}},
        {"00081110": {"vr": "SQ", "Value": [{"0020000D": {"vr": "UI", "Value": ["1.2"]}}]}},
        {"00081110": {"vr": "SQ", "Value": [{"00081115": {"vr": "SQ", "Value": [{}]}}]}},
    ],
)
def test_a_request_that_names_no_instance_is_refused(module: dict[str, object]) -> None:
    with pytest.raises(CannotUnderstand):
        read_request(module)
