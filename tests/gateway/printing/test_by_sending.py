"""Images sent to SHARE90 over the network open the patient's share and print its sheet, once for each visit."""

import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import generate_uid

from auth.clock import system_clock
from auth.records import Issued
from dimse.services.dispatch import Services
from gateway.config import Config, ConfigError, parse
from gateway.house import House, build, dimse_settings
from gateway.printing.by_sending import PrintBySending, PrintTitle
from gateway.printing.orders import Orders
from gateway.printing.printer import NotPrinted, PrintCommand, SpoolFolder
from gateway.printing.service import printing_of
from gateway.roles.dimse import _received
from gateway.scu import PushFailed, push
from storage.audit_trail import AuditTrail
from storage.scope import PatientIdentity
from tests.dimse.node import Node, running
from tests.gateway.portal_house import keep
from tests.support.patience import PATIENCE
from tests.support.synthetic import ct, part10

PATIENT = PatientIdentity("TEST-1", "", "19500131", patient_name="Muster^Erika")


@dataclass
class Paper:
    """A printer that keeps what it prints."""

    sheets: list[str] = field(default_factory=list)
    is_broken: bool = False

    def print(self, name: str, sheet: bytes) -> None:
        if self.is_broken:
            raise NotPrinted("out of paper")
        assert sheet.startswith(b"%PDF")
        self.sheets.append(name)


@dataclass
class Ward:
    house: House
    node: Node
    printer: Paper
    now: datetime
    issued: list[Issued] = field(default_factory=list)

    def __post_init__(self) -> None:
        storage = self.house.storage
        self.job = PrintBySending(
            storage.database,
            storage.audit,
            self.house.shares,
            Orders(storage.database, lambda: self.now),
            [PrintTitle("SHARE90", 90, 60, self.printer)],
            self._sheet,
            lambda: self.now,
        )

    def _sheet(self, issued: Issued) -> bytes:
        self.issued.append(issued)
        return b"%PDF"

    def send(self, *images: Any, called: str = "SHARE90") -> None:
        read = [dcmread(BytesIO(part10(image))) for image in images]
        sent = list(push(read, "127.0.0.1", self.node.port, called, "MODALITY"))
        assert [one.status for one in sent] == [0] * len(images)

    def wait(self, seconds: float = 61) -> int:
        self.now = max(self.now, system_clock()) + timedelta(seconds=seconds)
        return self.job.work_off()

    def events(self) -> list[str]:
        return [one.event for one in AuditTrail(self.house.storage.database).events()]


@pytest.fixture
def ward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ward]:
    monkeypatch.setattr("gateway.printing.orders._NOTED_FOR", 0.0)
    printed = {"ae_title": "SHARE90", "spool": "."}
    house = build(parse({"dimse": {"accept_unknown_peers": True, "print": [printed]}}, tmp_path))
    settings = dimse_settings(house.config)
    services = Services(house.storage, settings, house.entities.find, _received(house))
    with running(None, services=services, also_called=settings.also_called) as node:
        yield Ward(house, node, Paper(), system_clock())
    house.close()


def study(accession: str = "A1", **attributes: Any) -> list[Any]:
    uids: dict[str, Any] = {"StudyInstanceUID": generate_uid(), "SeriesInstanceUID": generate_uid()}
    return [ct(number=number, AccessionNumber=accession, **uids, **attributes) for number in (1, 2)]


def test_images_that_are_sent_print_one_sheet_when_all_have_come(ward: Ward) -> None:
    ward.send(*study())
    assert ward.job.work_off() == 0
    assert ward.wait() == 1
    assert ward.wait() == 0
    (issued,) = ward.issued
    assert issued.share.rule == PATIENT and issued.share.label == "SHARE90"
    assert (issued.share.expires - ward.now).days in (89, 90)
    assert ward.printer.sheets == [f"{issued.share.id}-1"]
    assert len(ward.house.storage.index.studies(issued.share.scope)) == 1


def test_to_our_own_title_nothing_is_printed(ward: Ward) -> None:
    images = study()
    ward.send(*images, called="DURCHBLICK")
    assert ward.wait() == 0
    ward.send(*images)
    assert ward.wait() == 1


def test_another_title_is_not_ours(ward: Ward) -> None:
    with pytest.raises(PushFailed):
        ward.send(*study(), called="SHARE91")


def test_the_same_visit_prints_once_however_often_and_in_however_many_studies_it_is_sent(ward: Ward) -> None:
    images = study("A7")
    ward.send(*images)
    assert ward.wait() == 1
    ward.send(*images)
    ward.send(*study("A7"))
    assert ward.wait() == 0
    assert len(ward.printer.sheets) == 1


def test_the_next_visit_prolongs_the_share_and_prints_its_new_code(ward: Ward) -> None:
    ward.send(*study("A1"))
    ward.wait()
    ward.send(*study("A2"))
    assert ward.wait() == 1
    first, second = ward.issued
    assert (first.share.id, second.share.issue) == (second.share.id, 2)
    assert first.code != second.code
    assert len(ward.house.shares.list()) == 1


def test_a_sheet_reads_the_shares_of_its_patient_and_no_others(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    """A site has tens of thousands, and a sheet for each visit."""
    shares = ward.house.shares
    other = PatientIdentity("TEST-2", "", PATIENT.patient_birth_date)
    shares.create(other, other.patient_birth_date, 30)
    own = shares.create(PATIENT, PATIENT.patient_birth_date, 30).share
    monkeypatch.delattr("auth.shares.Shares.list")
    ward.send(*study())
    assert ward.wait() == 1
    assert ward.issued[0].share.id == own.id
    assert [one.id for one in shares.of_patient("TEST-1")] == [own.id]
    plan = "EXPLAIN QUERY PLAN SELECT * FROM share_seen WHERE patient_id = ? ORDER BY created DESC, id"
    told = " ".join(row["detail"] for row in ward.house.storage.database.read(plan, ("TEST-1",)))
    assert "INDEX share_by_patient" in told and "SCAN" not in told


def test_after_the_share_has_ended_the_same_visit_prints_again(ward: Ward) -> None:
    images = study()
    ward.send(*images)
    ward.wait()
    ward.house.shares.revoke(ward.issued[0].share.id)
    ward.send(*images)
    assert ward.wait() == 1
    assert ward.issued[1].share.id != ward.issued[0].share.id


def test_without_paper_it_is_said_and_sending_again_prints(ward: Ward) -> None:
    images = study()
    ward.printer.is_broken = True
    ward.send(*images)
    assert ward.wait() == 0
    assert ward.wait() == 0
    assert ward.events().count("sheet not printed") == 1
    ward.printer.is_broken = False
    ward.send(*images)
    assert ward.wait() == 1
    assert len(ward.house.shares.list()) == 1


@pytest.mark.parametrize("missing", [{"PatientBirthDate": ""}, {"PatientID": ""}, {"PatientBirthDate": "19500231"}])
def test_nobody_gets_a_share_that_he_could_not_open(ward: Ward, missing: dict[str, str]) -> None:
    ward.send(*study(**missing))
    assert ward.wait() == 0
    assert ward.house.shares.list() == []
    assert "print refused" in ward.events()


def test_three_hundred_images_of_a_study_are_one_write(tmp_path: Path) -> None:
    house = build(Config(base=tmp_path))
    orders = Orders(house.storage.database, system_clock)
    stored = keep(house, ct())
    written = []
    database = house.storage.database
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(database), "write", lambda self, work: written.append(work))
        for _ in range(300):
            orders.arrived("SHARE90", stored)
    assert len(written) == 1
    house.close()


def test_a_spool_folder_gets_whole_sheets_for_the_group_to_read(tmp_path: Path) -> None:
    SpoolFolder(tmp_path).print("0123-1", b"%PDF-sheet")
    (file,) = tmp_path.iterdir()
    assert (file.name, file.read_bytes()) == ("0123-1.pdf", b"%PDF-sheet")
    assert not stat.S_IMODE(file.stat().st_mode) & 0o007
    with pytest.raises(NotPrinted, match="takes no files"):
        SpoolFolder(tmp_path / "missing").print("0123-1", b"%PDF")


def test_a_command_gets_the_sheet_and_nothing_is_left(tmp_path: Path) -> None:
    folder, kept = tmp_path / "printing", tmp_path / "kept; echo $HOME.pdf"
    folder.mkdir()
    copy = "import shutil, sys; shutil.copyfile(sys.argv[1], sys.argv[2])"
    PrintCommand([sys.executable, "-c", copy, "{file}", str(kept)], PATIENCE, folder).print("0123-1", b"%PDF-sheet")
    assert kept.read_bytes() == b"%PDF-sheet"
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([sys.executable, "-c", "raise SystemExit(3)", "{file}"], "ended with status 3"),
        ([sys.executable, "-c", "import time; time.sleep(60)", "{file}"], "did not end within"),
        (["/no/such/program", "{file}"], "FileNotFoundError"),
    ],
    ids=["status", "timeout", "missing"],
)
def test_a_command_that_fails_leaves_no_sheet(tmp_path: Path, arguments: list[str], why: str) -> None:
    with pytest.raises(NotPrinted, match=why):
        PrintCommand(arguments, 0.5 if "within" in why else PATIENCE, tmp_path).print("0123-1", b"%PDF")
    assert list(tmp_path.iterdir()) == []


def test_the_configuration_makes_the_job(tmp_path: Path) -> None:
    def built(*sections: dict[str, Any]) -> Config:
        return parse({"dimse": {"print": list(sections)}}, tmp_path)

    house = build(built({"ae_title": "SHARE90", "command": ["lp", "{file}"]}))
    left = house.storage.folder / "printing" / "0123-1-x.pdf"
    left.parent.mkdir()
    left.write_bytes(b"%PDF")
    assert printing_of(house) is not None
    assert not left.exists()
    house.close()
    wrong: tuple[dict[str, Any], ...] = (
        {"ae_title": "SHARE90"},
        {"ae_title": "SHARE90", "spool": "x", "command": ["lp", "{file}"]},
        {"ae_title": "SHARE90", "command": ["lp"]},
        {"ae_title": "DURCHBLICK", "spool": "x"},
    )
    for section in wrong:
        with pytest.raises(ConfigError):
            built(section)
    with pytest.raises(ConfigError, match="ours twice"):
        built({"ae_title": "A", "spool": "x"}, {"ae_title": "A", "spool": "x"})
