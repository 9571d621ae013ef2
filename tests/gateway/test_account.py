"""The patient's account: who opened it, what is asked for, what is handed on and ended, terms, and the end."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from auth.records import Wait
from auth.shares import Issued
from gateway.app import application
from gateway.house import House
from gateway.sections import RetentionConfig
from storage.scope import PatientIdentity
from tests.gateway.portal_house import BIRTH_DATE, ORIGIN, SIGN_IN, Portal, opened, sign_in

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148"
BORN = "31.01.1950"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with opened(tmp_path_factory.mktemp("account")) as made:
        yield made


@pytest.fixture
def issued(portal: Portal) -> Issued:
    """A share of this test's own."""
    return portal.house.shares.create(PatientIdentity("TEST-1", "", BIRTH_DATE), BIRTH_DATE, 30)


def send(client: TestClient, path: str, **fields: str) -> Any:
    return client.post(path, data=fields, headers=SIGN_IN)


def hand_on(client: TestClient, **fields: str) -> tuple[str, str]:
    """Hand on; the code and the whole page."""
    answer = send(client, "/account/onward", birth_date=BORN, **fields)
    assert answer.status_code == 200, answer.text
    groups = re.findall(r"<span>([0-9A-Z]{4})</span>", answer.text)
    return "-".join(groups), answer.text


def test_it_says_who_opened_it_and_when_in_plain_words(portal: Portal, issued: Issued) -> None:
    with portal.visitor() as phone:
        phone.headers["user-agent"] = PHONE
        sign_in(phone, code=issued.code)
        assert sign_in(phone, code=issued.code, birth_date="01.01.1950").status_code == 403
        with portal.patient(issued=issued):
            page = phone.get("/account").text
    lines = [" ".join(re.sub("<[^>]*>", " ", one).split()) for one in re.findall(r"<li[ >].*?</li>", page, re.S)]
    assert [line for line in lines if line.startswith("Dieses Handy heute, ")], lines
    assert [line for line in lines if line.startswith("Ein anderes Gerät heute, ")], lines
    assert '<li class="odd"><span>Jemand hatte Ihren Code' in page


@pytest.mark.parametrize(("kind", "asked"), [("extend", "extend"), ("code-lost", "code lost")])
def test_a_request_reaches_the_desk_once(portal: Portal, issued: Issued, kind: str, asked: str) -> None:
    with portal.patient(issued=issued) as client:
        assert "Ihre Bitte ist bei uns" not in client.get("/account").text
        for _ in range(2):
            assert send(client, "/account/ask", kind=kind).headers["location"] == "/account?asked"
        assert "Ihre Bitte ist bei uns" in client.get("/account").text
    assert portal.house.requests.of(issued.share.id) == {asked}


def test_a_doctor_sees_one_study_by_a_code_of_his_own(portal: Portal, issued: Issued) -> None:
    study = portal.report.study_instance_uid
    with portal.patient(issued=issued) as patient:
        code, page = hand_on(patient, name="Praxis <Probe>", days="14", study=study)
        assert "Praxis &lt;Probe&gt;" in page and 'class="qr"' in page
        assert "Noch nicht geöffnet" in patient.get("/account").text
        with portal.visitor() as doctor:
            assert sign_in(doctor, code=code).status_code == 303
            assert doctor.get(f"/studies/{study}").status_code == 200
            assert doctor.get(f"/studies/{portal.chest[0].study_instance_uid}").status_code == 404
            listed = doctor.get("/dicom-web/studies").json()
            assert [one["0020000D"]["Value"] for one in listed] == [[study]]
            own = doctor.get("/account").text
            assert "/account/onward" not in own and "/account/delete" not in own and "happenings" not in own
            account = patient.get("/account").text
            assert "Praxis &lt;Probe&gt;" in account and "Einmal geöffnet, zuletzt: heute" in account
            (child,) = portal.house.shares.handed_on(issued.share.id)
            assert child.expires < issued.share.expires
            answer = send(patient, "/account/onward/end", share=child.id)
            assert answer.headers["location"] == "/account?ended_onward"
            assert doctor.get(f"/studies/{study}").status_code == 303
            assert doctor.get("/dicom-web/studies").status_code == 401
            assert sign_in(doctor, code=code).status_code == 403
        assert "Praxis" not in patient.get("/account").text


def test_what_is_handed_on_ends_with_its_parent_and_never_outlives_it(portal: Portal) -> None:
    shares = portal.house.shares
    short = shares.create(PatientIdentity("TEST-1", "", BIRTH_DATE), BIRTH_DATE, 3)
    with portal.patient(issued=short) as patient, portal.visitor() as doctor:
        code, _ = hand_on(patient, days="30")
        (child,) = shares.handed_on(short.share.id)
        assert child.expires == short.share.expires
        sign_in(doctor, code=code)
        assert doctor.get("/dicom-web/studies").status_code == 200
        shares.revoke(short.share.id)
        assert doctor.get("/dicom-web/studies").status_code == 401
        assert sign_in(doctor, code=code).status_code == 403
    assert shares.get(child.id).state == "revoked"


def test_a_new_sheet_ends_what_was_handed_on(portal: Portal, issued: Issued) -> None:
    with portal.patient(issued=issued) as patient:
        code, _ = hand_on(patient)
    portal.house.shares.reissue(issued.share.id)
    with portal.visitor() as doctor:
        assert sign_in(doctor, code=code).status_code == 403


def test_what_is_handed_on_shows_no_more_than_its_parent_does_now(portal: Portal) -> None:
    wide = portal.share_of(portal.chest[0], portal.report)
    with portal.patient(issued=wide) as patient, portal.visitor() as doctor:
        code, _ = hand_on(patient)
        sign_in(doctor, code=code)
        assert len(doctor.get("/dicom-web/studies").json()) == 2
        rule = json.dumps({"kind": "studies", "studies": [portal.report.study_instance_uid]})
        sql = "UPDATE share SET rule = ? WHERE id = ?"
        portal.house.storage.database.write(lambda connection: connection.execute(sql, (rule, wide.share.id)))
        assert len(doctor.get("/dicom-web/studies").json()) == 1


def test_what_cannot_be_handed_on(portal: Portal, issued: Issued) -> None:
    shares = portal.house.shares
    with portal.patient(issued=issued) as patient, portal.visitor() as doctor:
        foreign = portal.foreign.study_instance_uid
        assert send(patient, "/account/onward", birth_date=BORN, study=foreign).status_code == 404
        assert send(patient, "/account/onward", birth_date="nonsense").status_code == 400
        assert send(patient, "/account/onward", birth_date="01.01.1950").status_code == 403
        assert patient.post("/account/onward", data={"birth_date": BORN}).status_code == 200
        elsewhere = {"sec-fetch-site": "cross-site"}
        assert patient.post("/account/onward", data={"birth_date": BORN}, headers=elsewhere).status_code == 303
        assert len(shares.handed_on(issued.share.id)) == 1
        code, _ = hand_on(patient)
        sign_in(doctor, code=code)
        assert doctor.get("/account/onward").status_code == 404
        assert send(doctor, "/account/onward", birth_date=BORN).status_code == 409
        send(doctor, "/account/ask", kind="extend")
        assert send(doctor, "/account/delete", birth_date=BORN).headers["location"] == "/account"
        send(doctor, "/account/onward/end", share=issued.share.id)
        assert shares.get(issued.share.id).state == "live"
        for _ in range(8):
            hand_on(patient)
        assert "Bitte beenden Sie zuerst einen" in send(patient, "/account/onward", birth_date=BORN).text


def test_nobody_ends_what_somebody_else_handed_on(portal: Portal, issued: Issued) -> None:
    other = portal.share_of(portal.report)
    with portal.patient(issued=other) as somebody, portal.patient(issued=issued) as patient:
        hand_on(somebody)
        (child,) = portal.house.shares.handed_on(other.share.id)
        for wanted in (child.id, other.share.id, issued.share.id, ""):
            send(patient, "/account/onward/end", share=wanted)
        assert portal.house.shares.get(child.id).state == "live"
        assert portal.house.shares.get(issued.share.id).state == "live"


def test_wrong_birth_dates_freeze_here_too(portal: Portal, issued: Issued) -> None:
    with portal.patient(issued=issued) as thief:
        for _ in range(5):
            assert send(thief, "/account/delete", birth_date="01.01.1950").status_code == 403
        # Now it waits, also with the right one.
        assert send(thief, "/account/delete", birth_date=BORN).status_code == 403
    assert portal.house.shares.get(issued.share.id).failures == 5


def changed(portal: Portal, **sections: Any) -> House:
    return replace(portal.house, config=portal.house.config.model_copy(update=sections))


@pytest.mark.parametrize(("days", "where", "erase"), [(0, "/?closed", False), (30, "/?deleted", True)])
def test_the_patient_ends_it_for_good(portal: Portal, issued: Issued, days: int, where: str, erase: bool) -> None:
    house = changed(portal, retention=RetentionConfig(days=days))
    with portal.visitor(house=house) as client:
        sign_in(client, code=issued.code)
        assert ("löschen" in client.get("/account/delete").text) == erase
        assert send(client, "/account/delete", birth_date="").status_code == 400
        answer = send(client, "/account/delete", birth_date=BORN)
        assert answer.headers["location"] == where
        assert "Clear-Site-Data".lower() in answer.headers
        assert "Ihr Zugang ist beendet" in client.get(where).text
        assert sign_in(client, code=issued.code).status_code == 403
    ended = house.shares.get(issued.share.id)
    assert (ended.state, ended.erase) == ("revoked", erase)


def test_terms_are_accepted_once_before_anything_is_shown(portal: Portal, issued: Issued, tmp_path: Path) -> None:
    (tmp_path / "de.txt").write_text("# Datenschutz\n\nErster Absatz\nin zwei Zeilen.\n\n<b>Zweiter</b>\n", "utf-8")
    site = portal.house.config.site.model_copy(update={"terms": str(tmp_path)})
    house = changed(portal, site=site)
    study = f"/studies/{portal.report.study_instance_uid}"
    with portal.visitor(house=house) as client:
        sign_in(client, code=issued.code)
        for path in ("/", study, "/account"):
            assert client.get(path).headers["location"] == "/terms"
        text = client.get("/terms").text
        assert "<h2>Datenschutz</h2>" in text and "<p>Erster Absatz in zwei Zeilen.</p>" in text
        assert "&lt;b&gt;Zweiter" in text and "Einverstanden" in text
        assert send(client, "/terms").headers["location"] == "/"
        assert client.get(study).status_code == 200
        assert "Sie haben zugestimmt" in client.get("/terms").text and "/terms" in client.get("/account").text
    with TestClient(application(house), ORIGIN, follow_redirects=False) as english:
        sign_in(english, code=issued.code)
        assert english.get("/").status_code == 200
        assert "Erster Absatz" in english.get("/terms").text
    with portal.patient(issued=issued) as client:
        assert client.get("/terms").headers["location"] == "/"


def test_a_share_that_waits_says_so(portal: Portal) -> None:
    identity = PatientIdentity("TEST-1", "", BIRTH_DATE)
    waiting = portal.house.shares.create(identity, BIRTH_DATE, 30, wait=Wait(10))
    with portal.patient(issued=waiting) as client:
        page = client.get("/").text
        assert "kommen gerade noch an" in page and "/studies/" not in page
        assert client.get("/dicom-web/studies").json() == []
        portal.house.shares.open_when_complete(waiting.share.id)
        assert len(client.get("/dicom-web/studies").json()) == 2
