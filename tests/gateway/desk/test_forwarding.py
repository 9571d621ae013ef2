"""What is sent on to PACS, at the desk: what failed and why, and what becomes of it."""

import html
import re
from collections.abc import Sequence
from typing import get_args

import pytest

from dimse.scu.trouble import Trouble, TroubleKind
from gateway.desk import forwarding
from gateway.forwarding.deliveries import NoSuchDelivery
from gateway.forwarding.delivery import Delivery, State, Wanted
from gateway.forwarding.rules import Selection
from gateway.pages.static import STATIC_FOLDER
from gateway.pages.texts import Languages
from storage.ingest import Stored
from tests.gateway.desk.conftest import Desk

TEXTS = Languages(STATIC_FOLDER / "texts", "de").for_staff().all()
OF_RETRIEVAL = {TroubleKind.DESTINATION, TroubleKind.STALLED, TroubleKind.INCOMPLETE}
AWAY = Trouble(TroubleKind.UNREACHABLE, "3 of 3 instances could not be sent: 0110H Nobody listens at 10.0.0.1.")


def asked(desk: Desk, stored: Stored, target: str = "pacs", trouble: Trouble | None = None) -> Delivery:
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
    (held,) = own_desk.house.deliveries.take_up("pacs", 1)
    with own_desk.browser("anna") as anna:
        for path in ("attempt", "ending"):
            answer = anna.post(f"/desk/forwarding/{made.id}/{path}")
            assert answer.status_code == 409 and "gerade unterwegs" in answer.text
        assert own_desk.house.deliveries.get(made.id).holder == held.holder
        assert "wird gesendet" in anna.get("/desk/forwarding").text
        own_desk.house.deliveries.deliver(held, committed=False)
        answer = anna.post(f"/desk/forwarding/{made.id}/attempt")
        assert answer.status_code == 409 and "inzwischen geändert" in answer.text


def test_what_came_from_there_does_not_read_like_a_failure(own_desk: Desk) -> None:
    """A delivery of three images, delivered although some, or all, did not have to be sent."""
    deliveries = own_desk.house.deliveries
    for sent in (0, 2, 3):
        made = asked(own_desk, own_desk.chest, target=f"with {sent}")
        (held,) = deliveries.take_up(f"with {sent}", 1)
        deliveries.take(held, [(place, False) for place in range(sent)])
        assert deliveries.get(made.id).sent == sent
        deliveries.deliver(held, committed=False)
    with own_desk.browser("anna") as anna:
        page = anna.get("/desk/forwarding").text
    said = dict(re.findall(r"<bdi>with (\d)</bdi> · (.*?) · (?!\d Bild)", page))
    assert said["0"] == "3 Bilder mussten nicht gesendet werden: Sie kamen von dort oder sind hier nicht mehr da"
    assert said["2"].startswith("2 von 3 gesendet · 1 Bild musste nicht gesendet werden")
    assert said["3"] == "3 von 3 gesendet"


def test_what_failed_is_leafed_through_target_by_target(own_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "FAILED", 1)
    older, newer = asked(own_desk, own_desk.chest, trouble=AWAY), asked(own_desk, own_desk.knee, trouble=AWAY)
    asked(own_desk, own_desk.jan, "zweites & Archiv", trouble=AWAY)
    with own_desk.browser("anna") as anna:
        page = anna.get("/desk/forwarding").text
        assert "2 Sendungen sind nicht zugestellt" in page and f"/{newer.id}/attempt" in page
        assert f"/{older.id}/attempt" not in page and "/desk/forwarding?target=zweites" not in page
        link = re.search(r'href="(/desk/forwarding\?target=[^"]+)"', page)
        assert link
        next_page = anna.get(html.unescape(link[1])).text
        assert f"/{older.id}/attempt" in next_page and f"/{newer.id}/" not in next_page
        assert "Ältere anzeigen" not in next_page
        assert "Ältere gibt es nicht" in anna.get("/desk/forwarding?target=nobody&before=5").text
        for before in ("", "x", "-1", "²", "9" * 30):
            assert anna.get("/desk/forwarding", params={"target": "pacs", "before": before}).status_code == 404
    with own_desk.browser("nora") as nora:
        assert "<form" not in nora.get(html.unescape(link[1])).text.split("<main")[1]


def test_all_of_a_target_at_once(own_desk: Desk) -> None:
    own = [asked(own_desk, one, trouble=AWAY).id for one in (own_desk.chest, own_desk.knee)]
    other = asked(own_desk, own_desk.chest, "second", trouble=AWAY)
    with own_desk.browser("anna") as anna:
        anna.post("/desk/forwarding/attempts", data={"target": "pacs"})
        assert states(own_desk, [*own, other.id]) == ["waiting", "waiting", "failed"]
        anna.post("/desk/forwarding/endings", data={"target": "second"})
    assert own_desk.house.deliveries.listed(["failed"]) == []
    audited = own_desk.house.storage.database.read(
        "SELECT actor, event FROM audit WHERE event IN ('forwarding given up', 'forwarding retried') ORDER BY id"
    )
    assert [tuple(row) for row in audited] == [
        *[("staff anna", "forwarding retried")] * 2,
        ("staff anna", "forwarding given up"),
    ]


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


def test_every_kind_of_failure_has_words_and_no_other_has() -> None:
    for texts in TEXTS:
        for part in ("trouble", "advice"):
            start = f"desk.forwarding.{part}_"
            assert {key.removeprefix(start) for key in texts.beginning_with(start)} == set(TroubleKind) - OF_RETRIEVAL


def test_every_state_has_a_word() -> None:
    for texts in TEXTS:
        assert all(f"desk.forwarding.state_{state}" in texts for state in (*get_args(State), "sending"))
