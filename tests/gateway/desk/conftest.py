"""A house with two sites, staff of each and of both, and patients whose identities are alike."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pyotp
import pytest
from PIL import Image
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from auth.records import Issued
from auth.staff import Role
from gateway.app import application
from gateway.config import Config
from gateway.house import House, build
from gateway.intake.uploads import Upload
from gateway.sections import OtherSiteConfig, SiteConfig
from storage.ingest import Stored
from storage.scope import PatientIdentity
from tests.gateway.portal_house import ORIGIN, SIGN_IN
from tests.support.synthetic import ct, part10

PASSWORD = "sieben graue Katzen"
PICTURE = b"a small picture"
ERIKA: dict[str, Any] = {"PatientName": "Müller^Erika", "PatientID": "4711", "PatientBirthDate": "19500131"}
OTHER_ERIKA: dict[str, Any] = {**ERIKA, "PatientBirthDate": "19600131"}
JAN: dict[str, Any] = {"PatientName": "Müller^Jan", "PatientID": "0815", "PatientBirthDate": "19770505"}
NORTH: dict[str, Any] = {"PatientName": "Nord^Nina", "PatientID": "N1", "PatientBirthDate": "19800808"}


@dataclass(frozen=True)
class Desk:
    """The house, and what lies in it."""

    house: House
    app: ASGIApp
    chest: Stored
    knee: Stored
    lookalike: Stored
    jan: Stored
    nameless: Stored
    north: Stored

    @contextmanager
    def browser(self, name: str = "", language: str = "de") -> Iterator[TestClient]:
        """A browser, in which this member of staff has signed in."""
        headers = {"accept-language": language, **SIGN_IN}
        with TestClient(self.app, ORIGIN, headers=headers, follow_redirects=False) as client:
            if name:
                client.cookies.set("d", self.house.staff_sessions.begin(name, "full"))
            yield client

    def share(self, client: TestClient, **fields: Any) -> Any:
        """Open a share of everything of Erika, unless the fields say otherwise."""
        return client.post("/desk/shares", data={"study": self.chest.study_instance_uid, "what": "patient", **fields})

    def issued(self, days: int = 90, site: str = "") -> Issued:
        """A share of Erika's chest."""
        scope = PatientIdentity("4711", "", "19500131", site)
        return self.house.shares.create(scope, "19500131", days, site=site)


def keep(house: House, source: str, **attributes: Any) -> Stored:
    incoming = house.storage.ingest.receive()
    incoming.write(part10(ct(**attributes)))
    return house.storage.ingest.store(incoming, source=source)


def sent_in(house: House, *data_sets: bytes, label: str = "Radiologie", site: str = "", **answers: str) -> Upload:
    """An upload of Erika's form to this site, which waits for staff."""
    intake = house.intake
    link = intake.links.create("referrer" if "sender" in answers else "patient", label, site=site).link
    given = {"name": "Erika Müller", "birth_date": "19500131", "contact": "0000 4711", **answers}
    upload = intake.uploads.begin(link, given).upload
    for number, content in enumerate(data_sets):
        file = intake.uploads.announce(upload, f"IM{number}", len(content), "")
        intake.quarantine.create(file)
        with intake.quarantine.transfer(file) as transfer:
            transfer.write(content)
        intake.uploads.complete(file)
    intake.uploads.finish(upload)
    assert intake.examination(lambda *_: PICTURE, lambda: False).work() == 1
    return intake.uploads.by_reference(upload.reference)


def add(house: House, name: str, role: Role, site: str | None) -> None:
    """An account with one-time codes."""
    house.staff.add(name, role, site, PASSWORD)
    assert house.staff_sign_in.confirm(name, pyotp.TOTP(house.staff.seed(name)).now())


def until(days: int) -> str:
    """A date as date fields send it."""
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()


def code_on(html: str) -> str:
    """The access code that a sheet shows."""
    (block,) = re.findall(r'id="code"[^>]*>(.*?)</p>', html)
    return re.sub(r"<[^>]*>", "", block)


def logo() -> bytes:
    target = BytesIO()
    Image.new("RGB", (60, 20), "red").save(target, "PNG")
    return target.getvalue()


def opened(folder: Path, **sections: Any) -> Iterator[Desk]:
    """The house on `folder`, with staff: anna and rolf at the first site, nora in the north, and carla everywhere.

    `sections` are further ones of its configuration.
    """
    (folder / "logo.png").write_bytes(logo())
    config = Config(
        base=folder,
        site=SiteConfig(name="Musterklinikum", contact="Telefon 0000 123456", logo="logo.png"),
        sites=(OtherSiteConfig(key="north", name="Nordklinik", ae_titles=("NORTHPACS",), days=14, paper="Letter"),),
        **sections,
    )
    house = build(config)
    placed: dict[str, Any] = {"StudyDate": "20261127", "AccessionNumber": "ACC100", "StudyDescription": "CT Thorax"}
    desk = Desk(
        house,
        application(house),
        chest=keep(house, "PACS", **ERIKA, **placed),
        knee=keep(house, "PACS", **ERIKA, StudyDate="20240311", AccessionNumber="ACC007", Modality="DX"),
        lookalike=keep(house, "PACS", **OTHER_ERIKA, StudyDate="20260301"),
        jan=keep(house, "PACS", **JAN, StudyDate="20261001"),
        nameless=keep(house, "PACS", PatientID="", PatientName="", PatientBirthDate="", AccessionNumber="ACC500"),
        north=keep(house, "NORTHPACS", **NORTH, AccessionNumber="NACC1"),
    )
    add(house, "anna", "desk", "")
    add(house, "rolf", "referral", "")
    add(house, "nora", "desk", "north")
    add(house, "carla", "admin", None)
    yield desk
    house.close()


@pytest.fixture(scope="package")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    yield from opened(tmp_path_factory.mktemp("desk"))


@pytest.fixture
def own_desk(tmp_path: Path) -> Iterator[Desk]:
    """A house of one's own, for tests that change what others look at."""
    yield from opened(tmp_path)


@pytest.fixture
def anna(desk: Desk) -> Iterator[TestClient]:
    with desk.browser("anna") as client:
        yield client
