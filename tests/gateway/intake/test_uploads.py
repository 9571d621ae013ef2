"""From the link to the decision: what is found, what becomes of it, what is left."""

import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from starlette.testclient import TestClient

from gateway.intake.accepting import SOURCE
from gateway.intake.intake import Intake
from gateway.intake.links import NoSuchLink
from gateway.intake.uploads import MOST_ATTEMPTS, NoLongerHeld, NoSuchUpload, NotNow, Upload
from storage.errors import NotAuthorised, OutOfResources
from storage.scope import WholeArchive
from tests.gateway.intake.conftest import ANSWERS, PICTURE, Hands, Sender, begin
from tests.support import corpus
from tests.support.keeping import Keeping
from tests.support.synthetic import ct, dicomdir, part10


def one(**attributes: Any) -> bytes:
    own = {"StudyInstanceUID": "1.2.9", "SeriesInstanceUID": "1.2.9.1"}
    return part10(ct(**own | attributes))


def archive(**members: bytes) -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name.replace("__", "/"), content)
    return target.getvalue()


def accepted(sender: Sender, keeping: Keeping, **corrections: str) -> Upload:
    sender.intake.uploads.accept(sender.upload, corrections, "staff-1")
    assert sender.intake.acceptance(keeping.ingest, lambda: False).work() == 1
    return sender.upload


def test_links_are_known_by_their_token_until_they_end(intake: Intake, hands: Hands) -> None:
    standing, short = intake.links.create("referrer", "practice"), intake.links.create("patient", "MRI", days=1)
    assert standing.url("https://a.example/") == f"https://a.example/u#{standing.token}"
    assert intake.links.by_token(short.token.lower()) == short.link
    hands.turn(days=2)
    assert intake.links.by_token(standing.token).label == "practice"
    assert not intake.links.get(short.link.id).live
    intake.links.revoke(standing.link.id)
    intake.links.revoke(standing.link.id)
    for token in (short.token, standing.token, "", "A" * 26, "ä" * 1000):
        with pytest.raises(NotAuthorised, match="not valid"):
            intake.links.by_token(token)
    with pytest.raises(NoSuchLink):
        intake.links.get("x")


def test_a_link_and_what_comes_by_it_belong_to_a_site(intake: Intake) -> None:
    links, uploads = intake.links, intake.uploads
    ended, north, here = (links.create("patient", "x", site=site) for site in ("north", "north", ""))
    links.revoke(ended.link.id)
    assert [one.id for one in links.of_site("north")] == [north.link.id, ended.link.id]
    assert [one.site for one in links.of_site(None)].count("") == 1
    sent = {one.link.site: uploads.begin(one.link, ANSWERS).upload for one in (north, here)}
    assert [one.site for one in uploads.listed(["open"], "north")] == ["north"]
    assert uploads.listed(["open"], "") == [sent[""]]
    assert len(uploads.listed(["open"], None)) == 2
    assert uploads.waiting("north") == uploads.waiting(None) == 0


def test_no_secret_is_kept(intake: Intake, sender: Sender, keeping: Keeping) -> None:
    token = intake.links.create("patient", "x").token
    kept = b"".join(path.read_bytes() for path in keeping.folder.glob("durchblick.sqlite*"))
    assert token.encode() not in kept and sender.begun.secret.encode() not in kept
    assert sender.begun.upload.reference.encode() in kept


def test_the_way_of_an_upload(sender: Sender, keeping: Keeping) -> None:
    sender.send(one(number=1), "IM1")
    sender.send(archive(cd__IM2=one(number=2), cd__autorun__inf=b"[autorun]", cd__IM3=one(number=2)[:900]), "cd.zip")
    sender.send(b"\xff\xd8\xff jpeg", "photo.jpg")
    found = sender.examined()
    assert (found["stored"], found["skipped"], found["refused"], found["incomplete"]) == (2, 2, 1, 0)
    (study,) = found["studies"]
    assert study["patient_name"] == "Muster^Erika" and study["birth_date"] == "19500131"
    assert (study["instances"], study["modalities"], study["study"]) == (2, ["CT"], "1.2.9")
    assert [one["file"] for one in found["troubles"]] == ["cd.zip: 'cd/autorun/inf'", "cd.zip: 'cd/IM3'", "photo.jpg"]
    assert sender.upload.state == "waiting" and sender.intake.uploads.files(sender.upload) == []
    assert keeping.index.counts(WholeArchive()).instances == 0
    done = accepted(sender, keeping)
    assert (done.state, done.findings["taken"], done.findings["not_taken"]) == ("accepted", 2, 0)
    arrived = keeping.index.arrived(WholeArchive(), "1.2.9", 0, 100)
    assert [one.source for one in arrived] == [SOURCE, SOURCE]
    assert not (keeping.folder / "quarantine" / done.id).exists()
    events = [event for event, subject in keeping.audited() if subject == done.reference]
    assert events == ["upload begun", "upload sent", "upload examined", "upload accepted", "upload stored"]


def test_without_corrections_the_bytes_stay(sender: Sender, keeping: Keeping) -> None:
    content = one()
    sender.send(content)
    sender.examined()
    accepted(sender, keeping)
    (blob,) = keeping.blobs()
    assert blob.read_bytes() == content


def test_corrections_keep_what_was_there(sender: Sender, keeping: Keeping) -> None:
    """PS3.3 C.12.1.1.9; in another character set where the old one cannot say it."""
    data_set = ct(StudyInstanceUID="1.2.9", SeriesInstanceUID="1.2.9.1", PatientName="Müller^Anna")
    data_set.SpecificCharacterSet = "ISO_IR 100"
    sender.send(part10(data_set))
    sender.examined()
    accepted(sender, keeping, PatientID="H-1", IssuerOfPatientID="HOUSE", PatientName="Łucka^Anna")
    (blob,) = keeping.blobs()
    kept = pydicom.dcmread(blob)
    assert (kept.PatientID, kept.IssuerOfPatientID, str(kept.PatientName)) == ("H-1", "HOUSE", "Łucka^Anna")
    assert kept.SpecificCharacterSet == "ISO_IR 192" and kept.PixelData == data_set.PixelData
    (item,) = kept.OriginalAttributesSequence
    (former,) = item.ModifiedAttributesSequence
    assert (former.PatientID, former.IssuerOfPatientID, str(former.PatientName)) == ("TEST-1", "", "Müller^Anna")
    assert item.SourceOfPreviousValues == f"upload {sender.upload.reference}"
    assert item.ReasonForTheAttributeModification == "COERCE"


def test_taking_in_again_after_a_crash_changes_nothing(sender: Sender, keeping: Keeping, hands: Hands) -> None:
    for number in (1, 2):
        sender.send(one(number=number))
    sender.examined()
    uploads = sender.intake.uploads
    uploads.accept(sender.upload, {"PatientID": "H-1"}, "staff-1")
    first = uploads.take_up("accepting")
    assert first is not None
    sender.intake.acceptance(keeping.ingest, lambda: False)._taken_in(first)
    assert keeping.index.counts(WholeArchive()).instances == 2
    with pytest.raises(NoLongerHeld):
        hands.turn(minutes=5)
        assert sender.intake.acceptance(keeping.ingest, lambda: False).work() == 1
        uploads.accepted(first, {})
    assert sender.upload.findings["taken"] == 2
    assert keeping.index.counts(WholeArchive()).instances == 2


def test_conflicts_are_told(sender: Sender, keeping: Keeping) -> None:
    image = ct(StudyInstanceUID="1.2.9", SeriesInstanceUID="1.2.9.1")
    keeping.put(part10(image))
    image.PixelData = bytes(len(image.PixelData))
    sender.send(part10(image))
    sender.examined()
    done = accepted(sender, keeping)
    assert (done.findings["taken"], done.findings["not_taken"]) == (0, 1)
    assert done.findings["conflicts"][0]["instance"] == image.SOPInstanceUID


def test_what_is_kept_already_counts_as_taken(sender: Sender, keeping: Keeping) -> None:
    content = one()
    keeping.put(content)
    sender.send(content)
    sender.examined()
    assert accepted(sender, keeping).findings["taken"] == 1


def test_a_full_disk_postpones(sender: Sender, keeping: Keeping, monkeypatch: pytest.MonkeyPatch, hands: Hands) -> None:
    sender.send(one())
    sender.finish()

    def full(*_: Any) -> Any:
        raise OutOfResources("full")

    monkeypatch.setattr("gateway.intake.quarantine.Storage.open", full)
    for _ in range(2 * MOST_ATTEMPTS):
        assert sender.intake.examination(lambda *_: PICTURE, lambda: False).work() == 0
        hands.turn(minutes=2)
    monkeypatch.undo()
    assert sender.intake.examination(lambda *_: PICTURE, lambda: False).work() == 1


def test_rejecting_removes_and_tells(sender: Sender, keeping: Keeping) -> None:
    sender.send(one())
    sender.examined()
    sender.intake.uploads.reject(sender.upload, "Wrong patient", "staff-1")
    sender.intake.tidying().work()
    assert not (keeping.folder / "quarantine" / sender.upload.id).exists()
    told = sender.intake.uploads.by_secret(sender.begun.secret)
    assert (told.state, told.remark) == ("rejected", "Wrong patient")
    with pytest.raises(NotNow):
        sender.intake.uploads.accept(sender.upload, {}, "staff-1")


def test_a_question_lets_the_sender_send_more(sender: Sender) -> None:
    sender.send(one(number=1))
    assert sender.examined()["stored"] == 1
    sender.intake.uploads.ask(sender.upload, "Is there more?", "staff-1")
    sender.send(one(number=2))
    found = sender.examined()
    assert (found["stored"], sender.upload.state) == (2, "waiting")


def test_what_the_directory_of_a_disc_names_and_what_did_not_come_is_told(sender: Sender) -> None:
    disc = [ct(number=number, StudyInstanceUID="1.2.9", SeriesInstanceUID="1.2.9.1") for number in range(4)]
    sender.send(archive(DICOMDIR=dicomdir(*disc), IMAGES__IM1=part10(disc[0])), "cd.zip")
    sender.send(part10(disc[1]))
    found = sender.examined()
    assert found["missed"] == sorted(str(image.SOPInstanceUID) for image in disc[2:])
    assert (found["stored"], found["refused"]) == (2, 0)
    sender.intake.uploads.ask(sender.upload, "The rest?", "staff-1")
    sender.send(part10(disc[3]))
    assert sender.examined()["missed"] == [str(disc[2].SOPInstanceUID)]


def test_nothing_is_finished_without_a_file(sender: Sender) -> None:
    with pytest.raises(NotNow):
        sender.finish()
    path = sender.create(b"x" * 100)
    sender.patch(path, b"x" * 99)
    with pytest.raises(NotNow):
        sender.finish()
    sender.send(one())
    assert sender.finish().state == sender.finish().state == "sent"
    assert sender.examined()["incomplete"] == 1


def test_what_nobody_waits_for_goes(intake: Intake, client: TestClient, keeping: Keeping, hands: Hands) -> None:
    abandoned, done, busy = (begin(intake, client) for _ in range(3))
    for sender in (abandoned, done, busy):
        sender.send(one())
    done.examined()
    busy.finish()
    intake.examination(lambda *_: PICTURE, lambda: False).work()
    intake.uploads.accept(busy.upload, {}, "staff-1")
    hands.turn(days=3)
    assert intake.tidying().work() == 1
    with pytest.raises(NoSuchUpload):
        assert abandoned.upload
    hands.turn(days=28)
    assert intake.tidying().work() == 1
    assert busy.upload.state == "accepting"
    stray = keeping.folder / "quarantine" / "stray"
    stray.mkdir()
    intake.tidying().work()
    assert [path.name for path in (keeping.folder / "quarantine").iterdir()] == [busy.upload.id]


def test_answers_are_kept(sender: Sender) -> None:
    assert sender.upload.answers == ANSWERS
    assert sender.intake.uploads.by_reference(sender.upload.reference.lower()) == sender.upload


EXPECTED = {
    "bomb_flat_100mb.zip": "nothing",
    "bomb_nested_4gb.zip": "nothing",
    "duplicate_names.zip": "something",
    "encrypted_flag.zip": "something",
    "many_entries_4000.zip": "nothing",
    "mixed_two_patients.zip": "two",
    "nested_zip.zip": "nothing",
    "no_dicom_inside.zip": "nothing",
    "ok_cd_layout_with_viewer.zip": "something",
    "ok_patient_studies.zip": "something",
    "ok_stored_not_deflated.zip": "something",
    "ok_umlaut_names.zip": "something",
    "size_lies.zip": "either",
    "slip_paths.zip": "something",
    "symlink_entry.zip": "either",
    "truncated.zip": "nothing",
}


@corpus.needs_shared
@pytest.mark.parametrize("name", EXPECTED)
def test_hostile_archives(sender: Sender, keeping: Keeping, name: str) -> None:
    """Each is read to its end, says what could not be used, and leaves nothing outside its folder."""
    sender.send((corpus.SHARED / "uploads" / name).read_bytes(), name)
    before = {path for path in keeping.folder.parent.rglob("*") if "quarantine" not in path.parts}
    found = sender.examined()
    patients = {study["patient_name"] for study in found["studies"]}
    match EXPECTED[name]:
        case "nothing":
            assert found["stored"] == 0 and (found["skipped"] or found["refused"])
        case "something":
            assert found["stored"] > 0
        case "two":
            assert len(patients) == 2
    assert {path for path in keeping.folder.parent.rglob("*") if "quarantine" not in path.parts} <= before | {
        Path(keeping.folder / "durchblick.sqlite-wal"),
        Path(keeping.folder / "durchblick.sqlite-shm"),
    }
