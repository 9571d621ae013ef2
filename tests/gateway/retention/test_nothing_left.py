"""After deletion the data folder holds nothing of the patient: no pixel, name or picture, also not in free pages."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from auth.clock import system_clock
from gateway.config import Config
from gateway.house import House, build
from gateway.retention.purge import Purge
from storage.ingest import Stored
from storage.pixels import Rendering
from storage.scope import PatientIdentity, WholeArchive
from tests.gateway.portal_house import keep
from tests.support.synthetic import ct

MARKER = b"\x11\x22\x33\x0d" * 16
NAME = "Verschwindibus^Zacharias"
PATIENT_ID = "WEG-4711"
WORDS = (
    b"Verschwindibus",
    b"verschwindibus",
    b"VERSCHWINDIBUS",
    b"Zacharias",
    PATIENT_ID.encode(),
    b"19230405",
    MARKER,
)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = build(Config(base=tmp_path))
    yield made
    made.close()


def put(house: House, number: int, **attributes: Any) -> Stored:
    return keep(house, ct(4, 8, number, StudyDescription=f"Study {number}", **attributes))


def found(folder: Path) -> set[tuple[str, bytes]]:
    """Which of the words stand in which files."""
    return {
        (path.name, word) for path in folder.rglob("*") if path.is_file() for word in WORDS if word in path.read_bytes()
    }


def look_at(house: House, stored: Stored) -> None:
    """Everything that is made of an instance when somebody looks at it."""
    storage = house.storage
    record = storage.index.instance(
        WholeArchive(), stored.study_instance_uid, stored.series_instance_uid, stored.sop_instance_uid
    )
    storage.pixels.rendered(record, storage.index.layout(record), 1, Rendering())
    storage.index.metadata(
        WholeArchive(), stored.study_instance_uid, stored.series_instance_uid, bulk_data_root="http://x"
    )


def test_a_purged_patient_is_in_no_file(house: House, tmp_path: Path) -> None:
    dice = random.Random(7)
    going: list[Stored] = []
    # Between many others, so that rows move from page to page while the tables grow.
    for number in range(150):
        if number % 3:
            put(house, number, PatientID=f"ID-{dice.random()}", PatientName=f"Muster{dice.random()}^Erika")
        else:
            going.append(
                put(
                    house,
                    number,
                    **{"PatientID": PATIENT_ID, "PatientName": NAME, "PatientBirthDate": "19230405"},
                    StudyInstanceUID=f"1.2.826.9.{number % 5}",
                    SeriesInstanceUID=f"1.2.826.9.{number % 5}.{number % 2}",
                    PixelData=MARKER,
                )
            )
    for stored in going[::12]:
        look_at(house, stored)
    identity = PatientIdentity(PATIENT_ID, "", "19230405")
    issued = house.shares.create(identity, "19230405", 0)
    house.shares.revoke(issued.share.id)
    before = found(house.storage.folder)
    assert {word for _, word in before} >= {b"Verschwindibus", b"Zacharias", PATIENT_ID.encode(), MARKER}
    assert list((house.storage.folder / "cache").rglob("*.*"))

    later = datetime.now(UTC) + timedelta(days=2)
    now = [system_clock()]
    purge = Purge(house.storage, house.shares, lambda: now[0], _only_the_patients, timedelta(hours=24), timedelta())
    while now[0] < later:
        now[0] += timedelta(hours=1)
        purge.run()
    assert len(house.storage.index.studies(WholeArchive())) == 100
    assert found(house.storage.folder) == set()
    keys = {path.name for path in (house.storage.folder / "blobs").rglob("*") if path.is_file()}
    pictures = [path for path in (house.storage.folder / "cache").rglob("*") if path.is_file()]
    assert [path for path in pictures if path.name.partition(".")[0] not in keys] == []
    house.close()
    assert found(tmp_path) == set()


def _only_the_patients(study: Any) -> timedelta | None:
    return timedelta() if study.patient.patient_id == PATIENT_ID else None
