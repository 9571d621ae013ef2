"""What is sent on to PACS, at the desk: what failed and why, and what becomes of it."""

from collections.abc import Sequence
from typing import get_args

import pytest

from gateway.desk.forwarding_wording import kind_of
from gateway.forwarding.deliveries import Delivery, NoSuchDelivery, State, Wanted
from gateway.forwarding.rules import Selection
from gateway.pages.static import STATIC_FOLDER
from gateway.pages.texts import Languages
from storage.ingest import Stored
from tests.gateway.desk.conftest import Desk

TEXTS = Languages(STATIC_FOLDER / "texts", "de").for_staff().all()
AWAY = "3 of 3 instances could not be sent: 0110H Nobody listens at 10.0.0.1 port 104; is the port right?"


def asked(desk: Desk, stored: Stored, target: str = "pacs", trouble: str = "") -> Delivery:
    """A delivery of a study, failed if there was trouble."""
    deliveries = desk.house.deliveries
    made = deliveries.want(Wanted("rule", target, stored.study_instance_uid, 0, 3, Selection(), 3))
    if trouble:
        (held,) = [one for one in deliveries.take_up(target, 100) if one.id == made.id]
        deliveries.fail(held, trouble)
    return deliveries.get(made.id)


def states(desk: Desk, numbers: Sequence[int]) -> list[State]:
    return [desk.house.deliveries.get(number).state for number in numbers]


def test_nothing_is_sent_on_so_nothing_is_said(own_desk: Desk) -> None:
    with own_desk.browser("anna") as anna:
        assert "Versand" not in anna.get("/desk").text
        assert "Es ist nichts unterwegs" in anna.get("/desk/forwarding").text


def test_what_failed_stands_first_with_the_reason_and_what_to_do(own_desk: Desk) -> None:
    failed, waits = asked(own_desk, own_desk.chest, trouble=AWAY), asked(own_desk, own_desk.knee)
    with own_desk.browser("anna") as anna:
        page = anna.get("/desk/forwarding").text
        assert "1 Sendung ist nicht zugestellt" in page and "Müller, Erika" in page
        assert "Das Ziel ist nicht zu erreichen." in page and "Nobody listens" in page
        assert page.index(f"/desk/forwarding/{failed.id}/attempt") < page.index(f"/desk/forwarding/{waits.id}/attempt")
        assert '<span class="number">1<' in anna.get("/desk").text
    with own_desk.browser("rolf") as rolf:
        assert "<form" not in rolf.get("/desk/forwarding").text.split("<main")[1]


def test_one_is_tried_again_or_given_up(own_desk: Desk) -> None:
    again, ended = asked(own_desk, own_desk.chest, trouble=AWAY), asked(own_desk, own_desk.knee, trouble=AWAY)
    with own_desk.browser("anna") as anna:
        assert anna.post(f"/desk/forwarding/{again.id}/attempt").status_code == 303
        assert anna.post(f"/desk/forwarding/{ended.id}/ending").status_code == 303
        assert anna.post(f"/desk/forwarding/{ended.id}/ending").status_code == 404
    assert states(own_desk, [again.id]) == ["waiting"]
    with pytest.raises(NoSuchDelivery):
        own_desk.house.deliveries.get(ended.id)


def test_what_is_under_way_is_left_alone(own_desk: Desk) -> None:
    made = asked(own_desk, own_desk.chest)
    own_desk.house.deliveries.take_up("pacs", 1)
    with own_desk.browser("anna") as anna:
        answer = anna.post(f"/desk/forwarding/{made.id}/attempt")
        assert answer.status_code == 409 and "inzwischen geändert" in answer.text
        assert "wird gesendet" in anna.get("/desk/forwarding").text


def test_all_of_a_target_at_once(own_desk: Desk) -> None:
    own = [asked(own_desk, one, trouble=AWAY).id for one in (own_desk.chest, own_desk.knee)]
    other = asked(own_desk, own_desk.chest, "second", trouble=AWAY)
    with own_desk.browser("anna") as anna:
        anna.post("/desk/forwarding/attempts", data={"target": "pacs"})
        assert states(own_desk, [*own, other.id]) == ["waiting", "waiting", "failed"]
        anna.post("/desk/forwarding/endings", data={"target": "second"})
    assert own_desk.house.deliveries.listed(["failed"]) == []
    audited = own_desk.house.storage.database.read("SELECT actor FROM audit WHERE event = 'forwarding given up'")
    assert [row["actor"] for row in audited] == ["staff anna"]


def test_each_site_sees_and_changes_its_own(own_desk: Desk) -> None:
    south, north = asked(own_desk, own_desk.chest, trouble=AWAY), asked(own_desk, own_desk.north, trouble=AWAY)
    with own_desk.browser("nora") as nora, own_desk.browser("carla") as carla:
        page = nora.get("/desk/forwarding").text
        assert "Nord, Nina" in page and "Müller" not in page
        for path in ("attempt", "ending"):
            assert nora.post(f"/desk/forwarding/{south.id}/{path}").status_code == 404
        nora.post("/desk/forwarding/attempts", data={"target": "pacs"})
        assert states(own_desk, [south.id, north.id]) == ["failed", "waiting"]
        nora.post("/desk/forwarding/endings", data={"target": "pacs"})
        assert states(own_desk, [south.id]) == ["failed"]
        assert "Müller, Erika" in carla.get("/desk/forwarding").text


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        ("", ""),
        (AWAY, "unreachable"),
        ("pacs is no target any more", "unknown"),
        ("HTTP status 401", "rights"),
        ("2 of 3 instances could not be sent: A700H Out of resources", "full"),
        ("HTTP status 507", "full"),
        ("1 of 3 instances are refused", "refused"),
        ("something nobody has thought of", "other"),
    ],
)
def test_reasons_have_words(trouble: str, kind: str) -> None:
    assert kind_of(trouble) == kind
    for texts in TEXTS:
        assert not kind or (texts(f"desk.forwarding.trouble_{kind}") and texts(f"desk.forwarding.advice_{kind}"))


def test_every_state_has_a_word() -> None:
    for texts in TEXTS:
        assert all(f"desk.forwarding.state_{state}" in texts for state in (*get_args(State), "sending"))
