"""How often uploads may be begun, by one link and from one network."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from gateway.app import application
from gateway.intake.beginnings import Beginnings, MostBegun, TooOften
from gateway.intake.intake import Intake
from gateway.intake.links import UploadLink
from gateway.pages.static import STATIC_FOLDER
from gateway.pages.texts import Languages
from tests.gateway.desk.conftest import Desk, opened
from tests.gateway.intake.conftest import Hands
from tests.support.keeping import Keeping

Begin = Callable[[UploadLink, str], int]
HERE, THERE = "192.0.2.1", "198.51.100.1"


@pytest.fixture
def begin(intake: Intake, keeping: Keeping, hands: Hands) -> Begin:
    """0, or how many seconds to wait: of one link 3 within an hour, from one network 2."""
    beginnings = Beginnings(keeping.database, b"p" * 32, hands, MostBegun(by_link=3, from_network=2))

    def begin(link: UploadLink, address: str) -> int:
        try:
            beginnings.admit(link, address)
        except TooOften as refusal:
            return refusal.retry_after
        return 0

    return begin


def test_a_network_begins_so_many_by_whichever_link(intake: Intake, hands: Hands, begin: Begin) -> None:
    one, other = (intake.links.create("patient", "").link for _ in range(2))
    assert begin(one, HERE) == 0
    hands.turn(minutes=10)
    assert begin(other, HERE) == 0
    assert begin(other, HERE) == begin(one, HERE) == 50 * 60
    assert begin(other, THERE) == 0
    hands.turn(seconds=50 * 60 - 1)
    assert begin(one, HERE) == 1
    hands.turn(seconds=1)
    assert begin(one, HERE) == 0, "whoever waits as long as he was told gets through, however often he had tried"
    assert begin(one, HERE) == 10 * 60


def test_a_link_begins_so_many_from_wherever(intake: Intake, begin: Begin) -> None:
    link, other = (intake.links.create("patient", "").link for _ in range(2))
    assert [begin(link, f"192.0.2.{host}") for host in range(5)] == [0, 0, 0, 3600, 3600]
    assert begin(other, "192.0.2.4") == 0, "what was refused does not count"


def test_a_network_of_ipv6_is_that_of_a_household(intake: Intake, begin: Begin) -> None:
    link = intake.links.create("patient", "").link
    assert [begin(link, f"2001:db8:0:1::{host}") for host in (1, 2, 3)] == [0, 0, 3600]
    assert begin(link, "2001:db8:0:2::1") == 0


def test_nothing_of_it_is_kept_longer_and_no_address_at_all(
    intake: Intake, keeping: Keeping, hands: Hands, begin: Begin
) -> None:
    link = intake.links.create("patient", "").link
    begin(link, HERE)
    rows = [tuple(row) for row in keeping.database.read("SELECT subject FROM upload_beginning")]
    assert len(rows) == 2 and HERE not in str(rows)
    hands.turn(hours=1)
    begin(link, THERE)
    assert len(keeping.database.read("SELECT * FROM upload_beginning")) == 2


def test_a_clock_that_goes_back_locks_nobody_out(intake: Intake, hands: Hands, begin: Begin) -> None:
    link = intake.links.create("patient", "").link
    assert [begin(link, HERE) for _ in range(2)] == [0, 0]
    hands.turn(minutes=-30)
    assert begin(link, HERE) == 3600
    hands.turn(days=-30)
    assert begin(link, HERE) == 0


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A house where one upload an hour may be begun from a network."""
    for desk in opened(tmp_path_factory.mktemp("busy")):
        beginnings = Beginnings(desk.house.storage.database, b"p" * 32, Hands(), MostBegun(by_link=9, from_network=1))
        house = replace(desk.house, intake=replace(desk.house.intake, beginnings=beginnings))
        yield replace(desk, house=house, app=application(house))


def test_who_comes_too_often_reads_when_to_come_again_and_keeps_what_was_entered(busy: Desk) -> None:
    link = busy.house.intake.links.create("patient", "")
    with busy.browser() as sender:
        fields = {"token": link.token, "name": "Erika <Müller>", "birth_date": "31.1.1950", "contact": "030"}
        assert sender.post("/u/begin", data=fields).status_code == 200
        uploads = len(busy.house.intake.uploads.listed(["open"], None))
        for words in Languages(STATIC_FOLDER / "texts", "de").all():
            answer = sender.post(f"/u/begin?lang={words.language}", data=fields)
            assert (answer.status_code, answer.headers["retry-after"]) == (429, "3600")
            assert words("upload.often_title") in answer.text and words.count("upload.often", 60) in answer.text
            assert 'value="Erika &lt;Müller&gt;"' in answer.text and 'value="31.1.1950"' in answer.text
            assert 'aria-invalid="true"' not in answer.text
        assert sender.post("/u/begin", data={**fields, "birth_date": "gestern"}).status_code == 400
        assert len(busy.house.intake.uploads.listed(["open"], None)) == uploads
