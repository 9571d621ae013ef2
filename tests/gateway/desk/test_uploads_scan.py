"""What the malware scanner said, in the words of staff and of whoever sent something in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from gateway import checks
from gateway.app import application
from gateway.checks import Finding
from gateway.config import Config, ConfigError, parse
from gateway.house import House, build
from gateway.jobs import look_at_scanner
from gateway.sections import IntakeConfig
from tests.gateway.desk.conftest import ERIKA, PICTURE, add
from tests.gateway.portal_house import ORIGIN, SIGN_IN
from tests.support.scanners import FAILS, FINDS, MARKER, scanner
from tests.support.synthetic import ct, part10

IMAGE = part10(ct(**{"StudyInstanceUID": "1.2.9", "SeriesInstanceUID": "1.2.9.1", **ERIKA}))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """One that has its scanner in the folder of the test, and anna at the desk."""
    scan = (str(scanner(tmp_path, FINDS)), "{files}")
    house = build(Config(base=tmp_path, intake=IntakeConfig(scan=scan)))
    add(house, "anna", "desk", "")
    yield house
    house.close()


@pytest.fixture
def anna(house: House) -> Iterator[TestClient]:
    headers = {"accept-language": "de", **SIGN_IN}
    with TestClient(application(house), ORIGIN, headers=headers, follow_redirects=False) as client:
        client.cookies.set("d", house.staff_sessions.begin("anna", "full"))
        yield client


def _sent(house: House, *contents: bytes) -> tuple[str, str]:
    """Reference and secret of an upload that the worker has looked at."""
    intake = house.intake
    answers = {"name": "Erika Müller", "birth_date": "19500131", "contact": "0000 4711"}
    begun = intake.uploads.begin(intake.links.create("patient", "x").link, answers)
    for number, content in enumerate(contents):
        file = intake.uploads.announce(begun.upload, f"IM{number}", len(content), "")
        intake.quarantine.create(file)
        with intake.quarantine.transfer(file) as transfer:
            transfer.write(content)
        intake.uploads.complete(file)
    intake.uploads.finish(begun.upload)
    intake.examination(lambda *_: PICTURE, lambda: False).work()
    return begun.upload.reference, begun.secret


def test_staff_and_senders_read_what_was_found(house: House, anna: TestClient) -> None:
    reference, secret = _sent(house, IMAGE)
    page = anna.get(f"/desk/uploads/{reference}").text
    assert "nichts gefunden (1 Datei)" in page and "genau hinsehen" not in page
    assert "Nicht alles wurde angenommen" not in anna.post("/u/sending", data={"secret": secret}).text

    reference, secret = _sent(house, IMAGE, MARKER)
    page = anna.get(f"/desk/uploads/{reference}").text
    assert "1 Datei abgelehnt" in page and "hat Schadsoftware gefunden" in page
    assert "IM1: Test-Malware FOUND" in page
    assert "hat Schadsoftware gefunden" in anna.get("/desk/uploads").text
    page = anna.post("/u/sending", data={"secret": secret}).text
    assert "Nicht alles wurde angenommen" in page and "Ihre Bilder sind lesbar" in page
    assert "IM1" not in page, "Nothing that was sent is read back."
    house.intake.uploads.ask(house.intake.uploads.by_reference(reference), "Noch einmal?", "anna")
    assert "Nicht alles wurde angenommen" in anna.post("/u/sending", data={"secret": secret}).text

    reference, secret = _sent(house, MARKER)
    page = anna.get(f"/desk/uploads/{reference}").text
    assert "Es sind keine Bilder darin." in page and 'action="/desk/uploads/' + reference + "/acceptance" not in page
    page = anna.post("/u/sending", data={"secret": secret}).text
    assert "Wir sehen uns an, was Sie gesendet haben." in page and "lesbar" not in page


def test_staff_read_why_something_waits(house: House, anna: TestClient, tmp_path: Path) -> None:
    scanner(tmp_path, FAILS)
    reference, secret = _sent(house, IMAGE)
    for path in ("/desk/uploads", f"/desk/uploads/{reference}"):
        assert "Das Prüfprogramm meldet einen Fehler" in anna.get(path).text
    assert "nicht geprüft" in anna.get(f"/desk/uploads/{reference}").text
    assert anna.post(f"/desk/uploads/{reference}/acceptance").status_code == 409
    assert "Wir prüfen jetzt Ihre Bilder." in anna.post("/u/sending", data={"secret": secret}).text


def test_the_self_test_asks_the_scanner(house: House, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def found(config: Config = house.config) -> Finding:
        (finding,) = checks.scanner(config)
        return finding

    assert found() == Finding("intake.scan", True, f"{tmp_path / 'scanner'} answers")
    assert found(Config(base=tmp_path)).good
    for does, said in (("exit 1", "in a harmless file"), (FAILS, "ended with status 2")):
        scanner(tmp_path, does)
        assert said in found().sentence and not found().good
    look_at_scanner(house)
    assert not caplog.records
    (tmp_path / "scanner").unlink()
    assert "does not start (No such file or directory)" in found().sentence
    look_at_scanner(house)
    assert "scanner_missing" in caplog.text


def test_a_scanner_has_to_be_told_the_file(tmp_path: Path) -> None:
    for scan in (["clamscan"], ["{file}"], ["clamscan", "{files} --all"]):
        with pytest.raises(ConfigError, match="intake.*which stand for what is scanned"):
            parse({"intake": {"scan": scan}}, tmp_path)
