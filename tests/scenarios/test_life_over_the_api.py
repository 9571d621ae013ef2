"""The life of a share as a RIS leads it: opened, grown, prolonged, ended, deleted, issued again and fetched again.

The patient's side is the portal's login and the viewer's DICOMweb. Nobody waits for months: what the database knows
of moments is put back.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from gateway.app import application
from gateway.archive.service import asking_of
from gateway.retention.service import purge_of
from gateway.sections import RetentionConfig
from tests.auth.test_sheet import text
from tests.gateway.archive.conftest import Hospital, hospital
from tests.gateway.portal_house import ORIGIN, keep, sign_in
from tests.support.synthetic import ct

ERIKA = {"patient_id": "TEST-1", "birth_date": "19500131"}
NAMESAKE = {"patient_id": "TEST-1", "birth_date": "19600101"}
STUDY_INSTANCE_UID = "0020000D"


@dataclass
class Town:
    """The hospital with its RIS, and patients with a phone each."""

    hospital: Hospital
    app: ASGIApp
    ris: TestClient
    stack: ExitStack = field(repr=False)

    def phone(self, code: str, birth_date: str) -> TestClient:
        """A browser in which somebody has entered what stands on the sheet, and the birth date."""
        client = self.stack.enter_context(TestClient(self.app, ORIGIN, follow_redirects=False))
        answer = sign_in(client, code=code, birth_date=birth_date)
        assert answer.status_code == 303, answer.text
        return client

    def refused(self, code: str, birth_date: str) -> bool:
        client = self.stack.enter_context(TestClient(self.app, ORIGIN, follow_redirects=False))
        return bool(sign_in(client, code=code, birth_date=birth_date).status_code == 403)

    def put_back(self, days: int) -> None:
        """As if everything had been this many days earlier."""
        back, arrived = days * 24 * 3600, (datetime.now(UTC) - timedelta(days=days)).isoformat()

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE share SET created = created - ?, expires = expires - ?", (back, back))
            connection.execute("UPDATE departure SET marked = marked - ?", (back,))
            connection.execute("UPDATE instance SET received_at = ?", (arrived,))

        self.hospital.house.storage.database.write(work)

    def files_with(self, marker: bytes) -> list[str]:
        folder = self.hospital.house.storage.folder
        return [path.name for path in folder.rglob("*") if path.is_file() and marker in path.read_bytes()]


@contextmanager
def _town(folder: Path) -> Iterator[Town]:
    with hospital(folder, "move", retention=RetentionConfig(days=1, grace_hours=24)) as made, ExitStack() as stack:
        app = application(made.house)
        ris = stack.enter_context(TestClient(app, ORIGIN))
        ris.headers["authorization"] = f"Bearer {made.house.tokens.create('ris', {'share'})}"
        yield Town(made, app, ris, stack)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with _town(tmp_path) as made:
        yield made


def _seen(phone: TestClient) -> set[str]:
    """The studies that QIDO-RS shows, which are those of the portal's page, each with pixels that come."""
    found = phone.get("/dicom-web/studies").json()
    studies = {str(one[STUDY_INSTANCE_UID]["Value"][0]) for one in found}
    page = phone.get("/").text
    assert set(re.findall(r"/studies/([0-9.]+)", page)) == studies
    assert all(phone.get(f"/dicom-web/studies/{study}/rendered").status_code == 200 for study in studies)
    return studies


def _code_on(sheet: bytes) -> str:
    (code,) = re.findall(r"\b(?:[0-9A-Z]{4}[ -]){3}[0-9A-Z]{4}\b", text(sheet))
    return str(code)


def _open(town: Town, patient: dict[str, str]) -> tuple[str, str]:
    """Open a share for a sheet; its path, and the code on the sheet."""
    answer = town.ris.post("/desk/api/shares", json={**patient, "days": 30}, headers={"accept": "application/pdf"})
    assert (answer.status_code, answer.headers["content-type"]) == (201, "application/pdf")
    return answer.headers["location"].removeprefix(ORIGIN), _code_on(answer.content)


def _places(study: str) -> list[str]:
    """Everywhere where a patient's images are."""
    below = f"/dicom-web/studies/{study}"
    return ["/dicom-web/studies", below, f"{below}/metadata", f"{below}/rendered", "/", f"/studies/{study}", "/account"]


def _is_shut_out(phone: TestClient, study: str) -> bool:
    answers = {place: phone.get(place) for place in _places(study)}
    assert all(study not in answer.text for answer in answers.values())
    return {answer.status_code for place, answer in answers.items() if place.startswith("/dicom-web")} == {401}


def test_the_life_of_a_share_over_the_api(town: Town) -> None:
    house, chest = town.hospital.house, town.hospital.study
    town.hospital.have_here(0, 1, 2)
    (image, *_) = [path for path in (house.storage.folder / "blobs").rglob("*") if path.is_file()]
    marker = dcmread(image).PixelData[:256]
    namesakes = keep(house, ct(PatientBirthDate="19600101")).study_instance_uid

    path, code = _open(town, ERIKA)
    other_path, other_code = _open(town, NAMESAKE)
    assert [one["id"] for one in town.ris.get("/desk/api/shares").json()].count(path.rpartition("/")[2]) == 1
    phone, other_phone = town.phone(code, "31.01.1950"), town.phone(other_code, "01.01.1960")
    assert town.refused(code, "01.01.1960") and town.refused(other_code, "31.01.1950")
    assert (_seen(phone), _seen(other_phone)) == ({chest}, {namesakes})
    assert {phone.get(place).status_code for place in _places(namesakes)[1:4]} == {404}
    assert {other_phone.get(place).status_code for place in _places(chest)[1:4]} == {404}

    newer = keep(house, ct(StudyDate="20261101")).study_instance_uid
    assert (_seen(phone), _seen(other_phone)) == ({chest, newer}, {namesakes})

    town.put_back(20)
    before = town.ris.get(path).json()
    assert (before["state"], before["images"]["here"], before["images"]["note"]) == ("live", 2, "")
    assert town.ris.patch(path, json={"days": 90}).json()["expires"] > before["expires"]
    town.put_back(60)
    assert _seen(phone) == {chest, newer}
    assert _is_shut_out(other_phone, namesakes)

    town.put_back(60)
    assert town.ris.get(path).json()["state"] == "expired"
    assert _is_shut_out(phone, chest) and town.refused(code, "31.01.1950")

    assert set(purge_of(house).run().marked) == {chest, newer, namesakes}
    assert town.files_with(marker)
    town.put_back(2)
    assert set(purge_of(house).run().deleted) == {chest, newer, namesakes}
    assert town.files_with(marker) == []

    assert town.ris.post(f"{path}/code").status_code == 409
    told: dict[str, Any] = town.ris.patch(path, json={"days": 30}).json()
    assert (told["state"], told["images"]["here"], told["images"]["asked"]) == ("live", 0, True)
    issued = town.ris.post(f"{path}/code").json()
    assert "PACS1 is asked" in issued["images"]["note"]
    assert town.refused(code, "31.01.1950")
    phone = town.phone(issued["code"], "31.01.1950")
    assert _seen(phone) == set()
    assert asking_of(house).work_off() == 1
    assert _seen(phone) == {chest}
    images = town.ris.get(path).json()["images"]
    assert (images["here"], images["asked"], images["note"]) == (1, False, "")

    again = town.ris.post(f"{path}/code").json()
    assert _is_shut_out(phone, chest) and town.refused(issued["code"], "31.01.1950")
    phone = town.phone(again["code"], "31.01.1950")
    assert _seen(phone) == {chest}
    assert town.ris.delete(path).json()["state"] == "revoked"
    assert _is_shut_out(phone, chest) and town.refused(again["code"], "31.01.1950")
    assert town.ris.patch(path, json={"days": 5}).status_code == 409
    assert town.ris.patch(other_path, json={"days": 5}).json()["images"]["asked"]
