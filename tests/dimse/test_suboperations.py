"""Counting sub-operations, and what is told of them."""

import threading
from typing import Any, cast

import pytest

from dimse.exchange import AssociationLost, Exchange
from dimse.services.operation import Response
from dimse.services.suboperations import Progress, SubOperations
from dimse.status import Status
from storage.data_set.identifier import decode
from tests.support.patience import PATIENCE

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"


def counted(total: int, *statuses: int, syntax: str = IMPLICIT) -> SubOperations:
    counts = SubOperations(total, syntax)
    for number, status in enumerate(statuses):
        counts.performed(f"1.{number}", Status(status))
    return counts


def numbers(response: Response) -> dict[int, int]:
    return {element: int.from_bytes(value, "little") for element, value in response.elements}


def failed_uids(response: Response, syntax: str = IMPLICIT) -> list[str]:
    json = decode(response.identifier, syntax)
    assert set(json) == {"00080058"}
    uids: list[str] = json["00080058"]["Value"]
    return uids


def test_pending_tells_all_four_numbers_and_no_uids() -> None:
    response = counted(9, 0, 0, 0xB000, 0xA700).pending()
    assert response.status.code == 0xFF00 and response.identifier == b""
    assert numbers(response) == {0x1020: 5, 0x1021: 2, 0x1022: 1, 0x1023: 1}


@pytest.mark.parametrize(
    ("statuses", "status", "failures"),
    [
        ((0, 0, 0), 0x0000, []),
        ((), 0x0000, []),
        ((0, 0xB007, 0), 0xB000, []),
        ((0xB000, 0x0107, 0x0116), 0xB000, []),
        ((0, 0xA700, 0, 0x0122), 0xB000, ["1.1", "1.3"]),
        ((0xB000, 0xC000), 0xB000, ["1.1"]),
        ((0xA700, 0x0110), 0xA702, ["1.0", "1.1"]),
        # Of no status type that the standard knows: certainly not kept.
        ((0xE000, 0xFF00), 0xA702, ["1.0", "1.1"]),
    ],
)
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
def test_the_end(statuses: tuple[int, ...], status: int, failures: list[str], syntax: str) -> None:
    response = counted(len(statuses), *statuses, syntax=syntax).ended()
    assert response.status.code == status
    assert 0x1020 not in numbers(response)
    assert numbers(response)[0x1022] == len(failures)
    assert sum(numbers(response).values()) == len(statuses)
    if failures:
        assert failed_uids(response, syntax) == failures
        assert response.status.comment.startswith(f"{[s for s in statuses if s not in (0, 0xB000)][0]:04X}H")
    else:
        assert response.identifier == b""


def test_cancel_tells_what_was_not_begun() -> None:
    response = counted(5, 0, 0xA700).cancelled()
    assert response.status.code == 0xFE00
    assert numbers(response) == {0x1020: 3, 0x1021: 1, 0x1022: 1, 0x1023: 0}
    assert failed_uids(response) == ["1.1"]


def test_what_was_counted_and_never_came_has_failed() -> None:
    response = counted(3, 0).ended()
    assert response.status.code == 0xB000 and numbers(response)[0x1022] == 2
    assert counted(3).ended().status.code == 0xA702


def test_more_than_the_numbers_can_say() -> None:
    counts = SubOperations(100_000, EXPLICIT)
    assert numbers(counts.pending())[0x1020] == 0xFFFF
    for number in range(70_000):
        counts.performed(f"1.2.826.0.1.3680043.8.498.{number}", Status(0x0110))
    assert numbers(counts.pending()) == {0x1020: 30_000, 0x1021: 0, 0x1022: 0xFFFF, 0x1023: 0}
    response = counts.ended()
    # More than a value of VR UI holds: it becomes UN, which says its length in 32 bits (PS3.5 6.2.2).
    assert response.identifier[4:6] == b"UN"
    assert 1 << 19 < len(response.identifier) < (1 << 20) + 100


class Listener:
    """The end of an exchange that hears responses."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.changed = threading.Condition()
        self.is_lost = False

    def respond(self, response: Response) -> None:
        if self.is_lost:
            raise AssociationLost("gone")
        with self.changed:
            self.heard.append(response.status.code)
            self.changed.notify_all()

    def wait_for(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.heard) >= count, 10)


def progress(listener: Any, seconds: float) -> Progress:
    return Progress(cast(Exchange, listener), counted(3), seconds)


def test_progress_is_told_at_once_and_on_demand() -> None:
    listener = Listener()
    with progress(listener, 60) as told:
        assert listener.heard == [0xFF00]
        told.tell()
        assert listener.heard == [0xFF00] * 2
    assert len(listener.heard) == 2


def test_progress_goes_on_while_nothing_ends_and_then_no_more() -> None:
    listener = Listener()
    with progress(listener, 0.01):
        listener.wait_for(5)
    after = len(listener.heard)
    assert threading.active_count() == len(threading.enumerate())
    assert not [thread for thread in threading.enumerate() if thread.name == "progress"]
    assert len(listener.heard) == after


def test_a_lost_association_ends_reminders_and_is_raised_where_it_counts() -> None:
    listener = Listener()
    with progress(listener, 0.01) as told:
        listener.is_lost = True
        told._thread.join(PATIENCE)
        assert not told._thread.is_alive()
        with pytest.raises(AssociationLost):
            told.tell()
    with pytest.raises(AssociationLost), progress(listener, 60):
        raise AssertionError("never begun")
