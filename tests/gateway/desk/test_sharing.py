"""Opening shares at the desk, the sheet, and what becomes of shares afterwards."""

import base64
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from starlette.testclient import TestClient

from auth.codes import normalise
from auth.errors import Denied
from auth.sheet_texts import LANGUAGES, TEXTS, Language
from storage.scope import ListedStudies, PatientIdentity
from tests.auth.test_sheet import rendered
from tests.gateway.desk.conftest import Desk, code_on, until

HOME = "192.0.2.9"


def _pdfs(html: str) -> dict[str, bytes]:
    found = re.findall(r'download="Zugang-(\w+)\.pdf" href="data:application/pdf;base64,([^"]+)"', html)
    return {paper: base64.b64decode(content) for paper, content in found}


def test_everything_of_a_patient_is_shared_by_one_click(desk: Desk, anna: TestClient) -> None:
    answer = desk.share(anna)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    share = desk.house.identification.by_code(normalise(code_on(answer.text)), "19500131", HOME)
    assert share.scope == PatientIdentity("4711", "", "19500131", "", patient_name="Müller^Erika")
    assert (share.site, share.state) == ("", "live")
    assert f"{share.expires:%Y-%m-%d}" == until(90)
    studies = {study.study_instance_uid for study in desk.house.storage.index.studies(share.scope)}
    assert studies == {desk.chest.study_instance_uid, desk.knee.study_instance_uid}


def test_chosen_studies_are_shared_and_no_others(desk: Desk, anna: TestClient) -> None:
    answer = desk.share(anna, what="chosen", studies=[desk.knee.study_instance_uid], until=until(7))
    share = desk.house.identification.by_code(code_on(answer.text), "19500131", HOME)
    assert share.scope == ListedStudies(frozenset({desk.knee.study_instance_uid}))
    assert f"{share.expires:%Y-%m-%d}" == until(7)


def test_the_sheet_names_nobody_and_no_birth_date(desk: Desk, anna: TestClient) -> None:
    html = desk.share(anna).text
    sheet = html[html.index('<article class="paper"') : html.index("</article>")]
    assert "Zugang für E. M." in sheet and "Musterklinikum" in sheet and "Telefon 0000 123456" in sheet
    assert 'src="data:image/png;base64,' in sheet
    for secret in ("Müller", "Erika", "1950", "31.01", "4711"):
        assert secret not in sheet, secret
    pdfs = _pdfs(html)
    assert list(pdfs) == ["A4", "Letter"]
    for pdf in pdfs.values():
        (page,) = PdfReader(BytesIO(pdf)).pages
        text = " ".join(page.extract_text().split())
        assert " ".join(code_on(html).split("-")) in text and "Müller" not in text and "1950" not in text


def test_a_phone_reads_the_code_from_the_pdf(desk: Desk, anna: TestClient, tmp_path: Path) -> None:
    pyzbar = pytest.importorskip("pyzbar.pyzbar", exc_type=ImportError)
    pdfs = _pdfs(desk.share(anna).text)
    links = set()
    for pdf in pdfs.values():
        with rendered(pdf, tmp_path) as page:
            (symbol,) = pyzbar.decode(page)
        links.add(symbol.data.decode())
    (link,) = links
    token = link.partition("#")[2]
    assert desk.house.identification.by_token(token, "19500131", HOME).state == "live"


def test_a_sheet_in_another_language(desk: Desk, anna: TestClient) -> None:
    html = desk.share(anna, language="en").text
    assert 'lang="en" aria-label="Your images online"' in html and "Bitte das Blatt ausdrucken" in html


def test_a_code_is_nowhere_but_in_its_answer(own_desk: Desk) -> None:
    with own_desk.browser("anna") as anna:
        html = own_desk.share(anna).text
        code = code_on(html)
        (path,) = set(re.findall(r'href="(/desk/shares/\w+)"', html))
        for page in (path, "/desk/shares", "/desk", f"/desk/studies/{own_desk.chest.study_instance_uid}"):
            assert code not in anna.get(page).text
    kept = b"".join(file.read_bytes() for file in own_desk.house.config.folder.glob("durchblick.sqlite*"))
    assert code.encode() not in kept and code.replace("-", "").encode() not in kept


@pytest.mark.parametrize(
    "fields",
    [
        {"what": "chosen"},
        {"what": "chosen", "studies": ["1.2.3.4.5"]},
        {"what": "nothing"},
        {"until": "tomorrow"},
        {"until": "2020-01-01"},
        {"until": until(3651)},
    ],
    ids=["no study", "unknown study", "unknown kind", "no date", "past", "too far"],
)
def test_unusable_forms_share_nothing(desk: Desk, anna: TestClient, fields: dict[str, Any]) -> None:
    before = len(desk.house.shares.list())
    assert desk.share(anna, **fields).status_code == 400
    assert len(desk.house.shares.list()) == before


def test_nobody_shares_two_patients_in_one_or_those_of_another_site(desk: Desk, anna: TestClient) -> None:
    both = [desk.chest.study_instance_uid, desk.jan.study_instance_uid]
    assert desk.share(anna, what="chosen", studies=both).status_code == 400
    smuggled = [desk.chest.study_instance_uid, desk.north.study_instance_uid]
    assert desk.share(anna, what="chosen", studies=smuggled).status_code == 400
    assert desk.share(anna, study=desk.north.study_instance_uid).status_code == 404


def test_where_the_images_have_no_birth_date_one_is_asked_for(desk: Desk, anna: TestClient) -> None:
    uid = desk.nameless.study_instance_uid
    page = anna.get(f"/desk/studies/{uid}").text
    assert 'name="birth_date"' in page and 'value="patient"' not in page
    fields = {"study": uid, "what": "chosen", "studies": [uid]}
    assert desk.share(anna, **fields).status_code == 400
    answer = desk.share(anna, **fields, birth_date="24.12.1999")
    assert desk.house.identification.by_code(code_on(answer.text), "19991224", HOME).state == "live"
    assert desk.share(anna, study=uid, what="patient", birth_date="24.12.1999").status_code == 400


def test_shares_of_the_north_are_those_of_its_rules(desk: Desk) -> None:
    with desk.browser("carla") as carla:
        answer = desk.share(carla, study=desk.north.study_instance_uid)
    assert list(_pdfs(answer.text)) == ["Letter", "A4"]
    share = desk.house.identification.by_code(code_on(answer.text), "19800808", HOME)
    assert (share.site, f"{share.expires:%Y-%m-%d}") == ("north", until(14))
    assert share.scope == PatientIdentity("N1", "", "19800808", "north", patient_name="Nord^Nina")
    with desk.browser("anna") as anna, desk.browser("nora") as nora:
        assert anna.get(f"/desk/shares/{share.id}").status_code == 404
        assert nora.get(f"/desk/shares/{share.id}").status_code == 200
        assert share.id not in anna.get("/desk/shares").text
        assert share.id in nora.get("/desk/shares").text
        for doing in ("extension", "code", "revocation", "unlocking"):
            assert anna.post(f"/desk/shares/{share.id}/{doing}").status_code == 404
    assert desk.house.shares.get(share.id) == share


def test_those_who_only_look_change_nothing(desk: Desk) -> None:
    share = desk.issued().share
    with desk.browser("rolf") as rolf:
        assert "Alles freigeben" not in rolf.get(f"/desk/studies/{desk.chest.study_instance_uid}").text
        assert rolf.get(f"/desk/shares/{share.id}").text.count("<form") == 1
        assert desk.share(rolf).status_code == 403
        for doing in ("extension", "code", "revocation", "unlocking"):
            assert rolf.post(f"/desk/shares/{share.id}/{doing}").status_code == 403
    assert desk.house.shares.get(share.id) == share


def test_extending_keeps_the_code_and_settles_the_request(desk: Desk, anna: TestClient) -> None:
    issued = desk.issued(days=3)
    desk.house.requests.ask(issued.share.id, "extend")
    answer = anna.post(f"/desk/shares/{issued.share.id}/extension", data={"until": until(40)})
    assert answer.headers["location"] == f"/desk/shares/{issued.share.id}?extended"
    assert "verlängert" in anna.get(answer.headers["location"]).text
    assert f"{desk.house.shares.get(issued.share.id).expires:%Y-%m-%d}" == until(40)
    assert desk.house.requests.of(issued.share.id) == frozenset()
    assert desk.house.identification.by_code(issued.code, "19500131", HOME).id == issued.share.id


def test_a_new_code_ends_the_old_one_and_open_sessions(desk: Desk, anna: TestClient) -> None:
    issued = desk.issued()
    cookie = desk.house.sessions.begin(issued.share)
    desk.house.requests.ask(issued.share.id, "code lost")
    answer = anna.post(f"/desk/shares/{issued.share.id}/code", data={"language": "en"})
    assert "Access for E. M." in answer.text
    with pytest.raises(Denied):
        desk.house.identification.by_code(issued.code, "19500131", HOME)
    assert desk.house.identification.by_code(code_on(answer.text), "19500131", HOME).id == issued.share.id
    assert desk.house.sessions.session_of(cookie) is None
    assert desk.house.requests.of(issued.share.id) == frozenset()


def test_a_revoked_share_opens_nothing_and_offers_nothing(desk: Desk, anna: TestClient) -> None:
    issued = desk.issued()
    anna.post(f"/desk/shares/{issued.share.id}/revocation", data={"sure": "yes"})
    with pytest.raises(Denied):
        desk.house.identification.by_code(issued.code, "19500131", HOME)
    page = anna.get(f"/desk/shares/{issued.share.id}").text
    assert "beendet" in page and "/revocation" not in page
    assert anna.post(f"/desk/shares/{issued.share.id}/code").status_code == 409


def test_wrong_birth_dates_are_seen_and_forgiven(desk: Desk, anna: TestClient) -> None:
    issued = desk.issued()
    for number in range(5):
        with pytest.raises(Denied):
            desk.house.identification.by_code(issued.code, "19500201", f"198.51.100.{number}")
    assert "5-mal ein falsches Geburtsdatum" in anna.get(f"/desk/shares/{issued.share.id}").text
    with pytest.raises(Denied):
        desk.house.identification.by_code(issued.code, "19500131", HOME)
    anna.post(f"/desk/shares/{issued.share.id}/unlocking")
    assert desk.house.identification.by_code(issued.code, "19500131", HOME).failures == 0


def test_a_frozen_share_is_shown_as_such_and_unlocked(desk: Desk, anna: TestClient) -> None:
    share = desk.issued().share
    desk.house.storage.database.write(
        lambda connection: (
            connection.execute("UPDATE share SET frozen = 1, failures = 15 WHERE id = ?", (share.id,)).rowcount
        )
    )
    assert share.id in anna.get("/desk/shares?state=frozen").text
    assert "gefunden" in anna.get(f"/desk/shares/{share.id}").text
    anna.post(f"/desk/shares/{share.id}/unlocking")
    assert desk.house.shares.get(share.id).state == "live"


def test_shares_are_listed_by_state(own_desk: Desk) -> None:
    ending, later, gone = own_desk.issued(3).share, own_desk.issued(60).share, own_desk.issued(60).share
    own_desk.house.shares.revoke(gone.id)
    with own_desk.browser("anna") as anna:
        for state, expected in (("ending", ending), ("live", later), ("revoked", gone)):
            page = anna.get(f"/desk/shares?state={state}").text
            assert {share.id for share in (ending, later, gone) if f"/{share.id}" in page} == {expected.id}
        everything = anna.get("/desk/shares").text
        assert all(f"/{share.id}" in everything for share in (ending, later, gone))
        assert everything.count("Müller, Erika") == 3
        assert "Hier ist nichts" in anna.get("/desk/shares?state=frozen").text


def test_a_share_may_wait_for_all_images_and_says_so(own_desk: Desk) -> None:
    with own_desk.browser("anna") as anna:
        assert own_desk.share(anna, wait="yes").status_code == 200
        (share,) = own_desk.house.shares.list()
        assert share.wait and share.wait.minutes == 10
        assert "zeigt noch nichts" in anna.get(f"/desk/shares/{share.id}").text
        own_desk.house.shares.open_when_complete(share.id)
        assert "zeigt noch nichts" not in anna.get(f"/desk/shares/{share.id}").text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sheet_is_printed_in_the_language_of_the_patient(own_desk: Desk, language: Language) -> None:
    with own_desk.browser("anna") as anna:
        page = own_desk.share(anna, language=language).text
    assert TEXTS[language].title in page and f'lang="{language}"' in page
    assert ('dir="rtl"' in page) == (language == "ar")


def test_shares_of_a_patient_are_seen_before_another_is_made(desk: Desk, anna: TestClient) -> None:
    share = desk.issued().share
    page = anna.get(f"/desk/studies/{desk.knee.study_instance_uid}").text
    assert "Schon freigegeben" in page and f"/desk/shares/{share.id}" in page
    assert share.id not in anna.get(f"/desk/studies/{desk.lookalike.study_instance_uid}").text
