"""What was sent in is looked at by the site's scanner before anything else reads it; what has no answer waits."""

import os
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from select import select

import pytest

from gateway.intake.scanning import Scanner, Unscanned
from gateway.intake.uploads import NotNow
from tests.gateway.intake.conftest import PICTURE, Hands, Sender
from tests.support.keeping import Keeping
from tests.support.patience import PATIENCE
from tests.support.scanners import DIES, FAILS, FINDS, HANGS, MARKER, scanner
from tests.support.synthetic import ct, part10

IMAGE = part10(ct(StudyInstanceUID="1.2.9", SeriesInstanceUID="1.2.9.1"))


def files(folder: Path, *contents: bytes) -> list[Path]:
    made = [folder / f"file {number}" for number in range(len(contents))]
    for path, content in zip(made, contents, strict=True):
        path.write_bytes(content)
    return made


def go_on() -> None:
    """Nobody wants to stop."""


def scans(sender: Sender, script: Path, *arguments: str) -> None:
    """From now on what `sender` sends is looked at by `script`."""
    sender.intake = replace(sender.intake, scanner=Scanner([str(script), *(arguments or ("{files}",))], 30))


def worked(sender: Sender) -> int:
    return sender.intake.examination(lambda *_: PICTURE, lambda: False).work()


@pytest.mark.parametrize(("argument", "clean", "runs"), [("{file}", 1, [1, 1, 1]), ("{files}", 101, [100, 3, 1, 1, 1])])
def test_it_is_said_which_file_is_meant(tmp_path: Path, argument: str, clean: int, runs: Sequence[int]) -> None:
    script = scanner(tmp_path, FINDS)
    made = files(tmp_path, *[b"harmless"] * clean, b"x" + MARKER, b"harmless")
    assert Scanner([str(script), argument], PATIENCE).scan(made, go_on) == {made[clean]: "Test-Malware FOUND"}
    assert [int(run) for run in (tmp_path / "scanner.runs").read_text().split()] == list(runs)


@pytest.mark.parametrize(("does", "reason"), [(FAILS, "failed"), (DIES, "failed"), (HANGS, "slow"), ("", "missing")])
def test_no_answer_is_no_good_one(tmp_path: Path, does: str, reason: str) -> None:
    script = scanner(tmp_path, does) if does else tmp_path / "nowhere"
    with pytest.raises(Unscanned) as raised:
        Scanner([str(script), "{file}"], 0.5 if does == HANGS else PATIENCE).scan(files(tmp_path, b"harmless"), go_on)
    assert raised.value.reason == reason and str(tmp_path / "file") not in str(raised.value)


def test_a_scanner_ends_with_whom_it_works_for(tmp_path: Path) -> None:
    script = scanner(tmp_path, HANGS)
    os.mkfifo(tmp_path / "scanner.held")
    with os.fdopen(os.open(tmp_path / "scanner.held", os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as held:

        def stop() -> None:
            if select([held], [], [], 0)[0] and held.read(100):
                raise InterruptedError

        with pytest.raises(InterruptedError):
            Scanner([str(script), "{file}"], PATIENCE).scan(files(tmp_path, b"harmless"), stop)
        assert select([held], [], [], PATIENCE)[0] and held.read(100) == b"", "Nobody is left who holds it."


def test_what_is_found_is_refused_and_removed_and_the_rest_goes_on(
    sender: Sender, keeping: Keeping, tmp_path: Path
) -> None:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("IM1", part10(ct(StudyInstanceUID="1.2.8", SeriesInstanceUID="1.2.8.1", number=2)))
        archive.writestr("setup.exe", MARKER)
    scans(sender, scanner(tmp_path, FINDS))
    sender.send(IMAGE, "IM0")
    sender.send(packed.getvalue(), "cd.zip")
    found = sender.examined()
    assert [study["study"] for study in found["studies"]] == ["1.2.9"]
    infected = [{"file": "cd.zip", "what": "Test-Malware FOUND"}]
    assert found["scan"] == {"files": 2, "found": 1, "infected": infected, "all": True}
    assert ("malware found", sender.upload.reference) in keeping.audited()
    lying = [path for path in (keeping.folder / "quarantine").rglob("*") if path.is_file()]
    assert lying and not any(MARKER in path.read_bytes() for path in lying)


@pytest.mark.parametrize(("does", "trouble"), [(FAILS, "failed"), ("", "missing")])
def test_without_an_answer_the_upload_waits_and_nothing_is_lost(
    sender: Sender, keeping: Keeping, hands: Hands, tmp_path: Path, does: str, trouble: str
) -> None:
    scans(sender, scanner(tmp_path, does) if does else tmp_path / "scanner")
    sender.send(IMAGE)
    sender.finish()
    for _ in range(7):
        assert worked(sender) == 0
        hands.turn(minutes=2)
    assert (sender.upload.state, sender.upload.findings) == ("sent", {"scan": {"trouble": trouble}})
    with pytest.raises(NotNow):
        sender.intake.uploads.accept(sender.upload, {}, "staff-1")
    scanner(tmp_path, FINDS)
    assert worked(sender) == 1
    assert sender.upload.state == "waiting" and sender.upload.findings["stored"] == 1
    assert sender.upload.findings["scan"] == {"files": 1, "found": 0, "infected": [], "all": True}
    assert "malware found" not in [event for event, _ in keeping.audited()]


def test_what_was_read_before_there_was_a_scanner_is_not_taken_for_scanned(sender: Sender, tmp_path: Path) -> None:
    sender.send(IMAGE)
    assert sender.examined()["scan"] == {"all": False}
    sender.intake.uploads.ask(sender.upload, "More?", "staff-1")
    scans(sender, scanner(tmp_path, FINDS))
    sender.send(MARKER)
    assert sender.examined()["scan"]["all"] is False
    assert (sender.upload.findings["scan"]["found"], sender.upload.findings["stored"]) == (1, 1)


def test_a_worker_that_stops_leaves_the_upload_to_the_next(sender: Sender, tmp_path: Path) -> None:
    scans(sender, scanner(tmp_path, HANGS), "{file}")
    sender.send(IMAGE)
    sender.finish()
    asked = iter([False, False])
    assert sender.intake.examination(lambda *_: PICTURE, lambda: next(asked, True)).work() == 0
    scanner(tmp_path, FINDS)
    assert worked(sender) == 1
