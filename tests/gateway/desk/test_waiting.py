"""What waits at the desk: requests, studies that are alike but not the patient's, and held images."""

from starlette.testclient import TestClient

from storage.scope import ListedStudies, WholeArchive
from tests.gateway.desk.conftest import ERIKA, OTHER_ERIKA, Desk, keep, until


def test_requests_are_one_click(own_desk: Desk) -> None:
    share = own_desk.issued(days=2).share
    own_desk.house.requests.ask(share.id, "extend")
    with own_desk.browser("anna") as anna:
        assert '<span class="number">1</span>' in anna.get("/desk").text
        page = anna.get("/desk/waiting").text
        assert "bittet um Verlängerung" in page and f"/desk/shares/{share.id}/extension" in page
        answer = anna.post(f"/desk/shares/{share.id}/extension", data={"from": "waiting"})
        assert answer.headers["location"] == "/desk/waiting"
        assert "Alles erledigt" not in anna.get("/desk/waiting").text
        assert "bittet" not in anna.get("/desk/waiting").text
    assert f"{own_desk.house.shares.get(share.id).expires:%Y-%m-%d}" == until(90)


def test_requests_can_be_closed_by_those_of_the_site_only(own_desk: Desk) -> None:
    share = own_desk.issued().share
    own_desk.house.requests.ask(share.id, "code lost")
    (request,) = own_desk.house.requests.open("")
    with own_desk.browser("nora") as nora, own_desk.browser("anna") as anna, own_desk.browser("rolf") as rolf:
        assert "hat den Code verloren" not in nora.get("/desk/waiting").text
        nora.post(f"/desk/requests/{request.id}")
        assert rolf.post(f"/desk/requests/{request.id}").status_code == 403
        assert own_desk.house.requests.of(share.id)
        anna.post(f"/desk/requests/{request.id}")
        assert not own_desk.house.requests.of(share.id)


def _seen(desk: Desk, share_id: str) -> set[str]:
    scope = desk.house.shares.get(share_id).scope
    return {study.study_instance_uid for study in desk.house.storage.index.studies(scope)}


def test_a_lookalike_is_not_shown_before_somebody_decides(own_desk: Desk) -> None:
    share, uid = own_desk.issued().share, own_desk.lookalike.study_instance_uid
    assert uid not in _seen(own_desk, share.id)
    with own_desk.browser("anna") as anna:
        page = anna.get("/desk/waiting").text
        assert "1 Untersuchung mit gleicher ID" in page and "31.01.1960" in page and "31.01.1950" in page
        anna.post(f"/desk/lookalikes/{uid}", data={"share": share.id, "decision": "accept"})
        assert uid in _seen(own_desk, share.id)
        assert "mit gleicher ID" not in anna.get("/desk/waiting").text
        own_desk.house.shares.decide(share.id, uid, accepted=False)
        assert uid not in _seen(own_desk, share.id)
        assert "mit gleicher ID" not in anna.get("/desk/waiting").text
    assert own_desk.chest.study_instance_uid in _seen(own_desk, share.id)


def test_what_is_rejected_stays_out_for_good(own_desk: Desk) -> None:
    share, uid = own_desk.issued().share, own_desk.lookalike.study_instance_uid
    with own_desk.browser("anna") as anna:
        anna.post(f"/desk/lookalikes/{uid}", data={"share": share.id, "decision": "reject"})
        assert "mit gleicher ID" not in anna.get("/desk/waiting").text
    assert uid not in _seen(own_desk, share.id)


def test_only_what_has_the_patients_id_can_be_taken_in(own_desk: Desk) -> None:
    share = own_desk.issued().share
    with own_desk.browser("anna") as anna, own_desk.browser("nora") as nora, own_desk.browser("carla") as carla:
        for client, uid in (
            (anna, own_desk.jan.study_instance_uid),
            (anna, own_desk.north.study_instance_uid),
            (carla, own_desk.north.study_instance_uid),
            (nora, own_desk.lookalike.study_instance_uid),
            (anna, "1.2.3"),
        ):
            data = {"share": share.id, "decision": "accept"}
            assert client.post(f"/desk/lookalikes/{uid}", data=data).status_code == 404
    assert own_desk.house.shares.get(share.id) == share


def test_a_namesake_of_another_site_with_the_same_id_is_nobodys_business(own_desk: Desk) -> None:
    share = own_desk.issued().share
    there = keep(own_desk.house, "NORTHPACS", **ERIKA)
    other = keep(own_desk.house, "NORTHPACS", **OTHER_ERIKA)
    assert there.study_instance_uid not in _seen(own_desk, share.id)
    with own_desk.browser("anna") as anna:
        assert other.study_instance_uid not in anna.get("/desk/waiting").text


def _hold(desk: Desk) -> str:
    """An image of Lisa in Jan's study; the UID of the study."""
    uid = desk.jan.study_instance_uid
    keep(desk.house, "PACS", PatientName="Probe^Lisa", PatientID="0816", PatientBirthDate="", StudyInstanceUID=uid)
    return uid


def _shown(client: TestClient) -> bool:
    return "Probe, Lisa" in client.get("/desk/waiting").text


def test_held_images_are_shown_to_patients_once_they_are_accepted(own_desk: Desk) -> None:
    uid = _hold(own_desk)
    index = own_desk.house.storage.index
    patient = ListedStudies(frozenset({uid}))
    with own_desk.browser("anna") as anna, own_desk.browser("nora") as nora, own_desk.browser("rolf") as rolf:
        assert _shown(anna) and not _shown(nora)
        assert "1 Objekt wird zurückgehalten" in anna.get(f"/desk/studies/{uid}").text
        assert len(index.instances(patient, uid)) == 1
        nora.post(f"/desk/held/{uid}/acceptance")
        assert rolf.post(f"/desk/held/{uid}/acceptance").status_code == 403
        assert len(index.instances(patient, uid)) == 1
        anna.post(f"/desk/held/{uid}/acceptance")
        assert len(index.instances(patient, uid)) == 2
        assert index.studies(patient)[0].series[0].instances + index.studies(patient)[0].series[1].instances == 2
        assert not _shown(anna)


def test_held_images_are_deleted_once_they_are_rejected(own_desk: Desk) -> None:
    uid = _hold(own_desk)
    index = own_desk.house.storage.index
    with own_desk.browser("nora") as nora, own_desk.browser("anna") as anna:
        nora.post(f"/desk/held/{uid}/rejection")
        assert len(index.instances(WholeArchive(), uid)) == 2
        anna.post(f"/desk/held/{uid}/rejection")
        assert not _shown(anna)
    (left,) = index.instances(WholeArchive(), uid)
    assert left.sop_instance_uid == own_desk.jan.sop_instance_uid


def test_equal_id_and_birth_date_with_another_name_waits_too(own_desk: Desk) -> None:
    """Ids are mixed up, and twins have one birth date."""
    with own_desk.browser("anna") as anna:
        own_desk.share(anna)
        (share,) = own_desk.house.shares.list()
        twin = keep(own_desk.house, "PACS", **{**ERIKA, "PatientName": "Müller^Hanna"}).study_instance_uid
        same = keep(own_desk.house, "PACS", **{**ERIKA, "PatientName": "MUELLER^ERIKA ROSA^^DR"}).study_instance_uid
        assert same in _seen(own_desk, share.id) and twin not in _seen(own_desk, share.id)
        page = anna.get("/desk/waiting").text
        assert "2 Untersuchungen mit gleicher ID" in page and "Müller, Hanna" in page
        anna.post(f"/desk/lookalikes/{twin}", data={"share": share.id, "decision": "accept"})
        assert twin in _seen(own_desk, share.id)
        assert "1 Untersuchung mit gleicher ID" in anna.get("/desk/waiting").text
