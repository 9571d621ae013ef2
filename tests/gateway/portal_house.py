"""A house with two patients, asked in process."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from starlette.testclient import TestClient

from auth.shares import Issued
from gateway.app import application
from gateway.config import Config
from gateway.house import House, build
from gateway.sections import SiteConfig
from storage.ingest import Stored
from storage.scope import ListedStudies, PatientIdentity
from tests.support.synthetic import ct, part10

ORIGIN = "http://127.0.0.1:8080"
BIRTH_DATE = "19500131"
SIGN_IN = {"sec-fetch-site": "same-origin"}


@dataclass(frozen=True)
class Portal:
    """The house, what it keeps of the patient, and what it keeps of somebody else."""

    house: House
    chest: list[Stored]
    report: Stored
    foreign: Stored
    issued: Issued

    @contextmanager
    def visitor(self, *, language: str = "de", house: House | None = None) -> Iterator[TestClient]:
        """A browser without a session."""
        headers = {"accept-language": language}
        app = application(house or self.house)
        with TestClient(app, ORIGIN, headers=headers, follow_redirects=False) as client:
            yield client

    @contextmanager
    def patient(self, *, language: str = "de", issued: Issued | None = None) -> Iterator[TestClient]:
        """A browser that has signed in."""
        with self.visitor(language=language) as client:
            answer = sign_in(client, code=(issued or self.issued).code)
            assert answer.status_code == 303, answer.text
            yield client

    def share_of(self, *stored: Stored) -> Issued:
        """A share of these studies."""
        return self.house.shares.create(
            ListedStudies(frozenset(one.study_instance_uid for one in stored)), BIRTH_DATE, 30
        )


def sign_in(client: TestClient, *, birth_date: str = "31.01.1950", **fields: str) -> Any:
    """Send the login form."""
    return client.post("/login", data={"birth_date": birth_date, **fields}, headers=SIGN_IN)


def order(client: TestClient, study: str = "all", form: str = "archive") -> int:
    """The status of the answer to a download that is ordered."""
    return client.post("/downloads/prepare", data={"study": study, "form": form}, headers=SIGN_IN).status_code


def keep(house: House, data_set: Dataset) -> Stored:
    """Store one instance."""
    incoming = house.storage.ingest.receive()
    incoming.write(part10(data_set))
    return house.storage.ingest.store(incoming, source="test")


@contextmanager
def opened(folder: Path) -> Iterator[Portal]:
    """A portal on `folder`: a CT of three images (12 January 2026), a report (2025), and a stranger's study."""
    house = build(Config(site=SiteConfig(name="Musterklinikum", contact="Telefon 0123"), base=folder))
    study, series = "1.2.826.1", "1.2.826.1.1"
    placed: dict[str, Any] = {"StudyInstanceUID": study, "SeriesInstanceUID": series, "StudyDate": "20260112"}
    chest = [
        keep(house, ct(number=number, SOPInstanceUID=f"{series}.{number}", BodyPartExamined="CHEST", **placed))
        for number in (1, 2, 3)
    ]
    report = keep(house, without_pixels(Modality="SR", StudyDate="20250601", SeriesDescription=""))
    foreign = keep(house, ct(PatientID="TEST-2", PatientName="Beispiel^Jan", StudyDescription="Geheim"))
    issued = house.shares.create(PatientIdentity("TEST-1", "", BIRTH_DATE), BIRTH_DATE, 30)
    yield Portal(house, chest, report, foreign, issued)
    house.close()


def without_pixels(**attributes: Any) -> Dataset:
    """A structured report."""
    data_set = ct(**{"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.33", "PixelData": None, **attributes})
    for keyword in ("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "SamplesPerPixel"):
        delattr(data_set, keyword)
    return data_set


def series_path(stored: Stored) -> str:
    """The viewer's path for the series of an instance."""
    return f"/studies/{stored.study_instance_uid}/series/{stored.series_instance_uid}"


def attribute(html: str, element_id: str, name: str) -> str | None:
    """The value of an attribute of the element with this id."""
    element = re.search(rf'<[^>]*\bid="{element_id}"[^>]*>', html)
    found = re.search(rf'\b{name}="([^"]*)"', element[0]) if element else None
    return found[1] if found else None
