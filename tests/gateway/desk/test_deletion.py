"""A study is deleted at the desk: by whom, with which reason, and what stays."""

import pytest

from storage.errors import Gone
from storage.holds import Holds
from storage.scope import WholeArchive
from tests.gateway.desk.conftest import ERIKA, Desk, keep


def _path(desk: Desk) -> str:
    return f"/desk/studies/{desk.chest.study_instance_uid}/deletion"


def test_what_goes_and_who_sees_it_now(own_desk: Desk) -> None:
    share, other = own_desk.issued().share, own_desk.issued().share
    own_desk.house.shares.decide(other.id, own_desk.chest.study_instance_uid, accepted=False)
    with own_desk.browser("anna") as anna:
        assert _path(own_desk) in anna.get(f"/desk/studies/{own_desk.chest.study_instance_uid}").text
        page = anna.get(_path(own_desk)).text
    assert "Müller, Erika" in page and "1 Serie" in page and "Jetzt löschen" in page
    assert f"/desk/shares/{share.id}" in page
    assert f"/desk/shares/{other.id}" not in page, "that one does not show the study"


def test_it_is_gone_at_once_and_may_come_again(own_desk: Desk) -> None:
    share, uid = own_desk.issued().share, own_desk.chest.study_instance_uid
    index = own_desk.house.storage.index
    with own_desk.browser("anna") as anna:
        answer = anna.post(_path(own_desk), data={"reason": "corrected"})
        assert answer.headers["location"] == "/desk?deleted"
        assert "Die Untersuchung ist gelöscht" in anna.get("/desk?deleted").text
        assert anna.get(_path(own_desk)).status_code == 404
    assert uid not in {one.study_instance_uid for one in index.studies(share.scope)}
    with pytest.raises(Gone):
        index.instances(WholeArchive(), uid)
    (noted,) = own_desk.house.storage.database.read("SELECT actor, detail FROM audit WHERE event = 'deleted'")
    assert noted["actor"] == "staff anna" and "reason=corrected" in noted["detail"]
    keep(own_desk.house, "PACS", **ERIKA, StudyInstanceUID=uid)
    assert uid in {one.study_instance_uid for one in index.studies(share.scope)}


@pytest.mark.parametrize("reason", ["", "because"])
def test_without_a_reason_nothing_happens(own_desk: Desk, reason: str) -> None:
    with own_desk.browser("anna") as anna:
        answer = anna.post(_path(own_desk), data={"reason": reason})
    assert answer.status_code == 400 and "Es ist nichts geschehen" in answer.text
    assert own_desk.house.storage.index.instances(WholeArchive(), own_desk.chest.study_instance_uid)


def test_a_legal_hold_is_stronger(own_desk: Desk) -> None:
    Holds(own_desk.house.storage.database).add(patient_id="4711", reason="Az. 1")
    with own_desk.browser("anna") as anna:
        assert "Jetzt löschen" not in anna.get(_path(own_desk)).text
        answer = anna.post(_path(own_desk), data={"reason": "other"})
    assert answer.status_code == 409 and "Aufbewahrungssperre" in answer.text
    assert own_desk.house.storage.index.instances(WholeArchive(), own_desk.chest.study_instance_uid)


def test_those_who_look_only_are_not_asked(own_desk: Desk) -> None:
    with own_desk.browser("rolf") as rolf:
        assert "deletion" not in rolf.get(f"/desk/studies/{own_desk.chest.study_instance_uid}").text
        assert "<form" not in rolf.get(_path(own_desk)).text.split("<main")[1]
