"""Uploads at the desk: what staff see of them, and the three decisions."""

import json
from typing import Any

import pydicom
import pytest

from gateway.desk import finding
from gateway.desk.upload_wording import is_same_name
from gateway.desk.uploads import CORRECTED
from gateway.intake.correcting import CORRECTABLE
from storage.scope import WholeArchive
from tests.gateway.desk.conftest import ERIKA, JAN, OTHER_ERIKA, PICTURE, Desk, sent_in
from tests.support.synthetic import ct, dicomdir, part10


def _image(**attributes: Any) -> bytes:
    return part10(ct(**{"StudyInstanceUID": "1.2.9", "SeriesInstanceUID": "1.2.9.1", **ERIKA, **attributes}))


def test_the_list_has_the_newest_first_and_says_what_differs(own_desk: Desk) -> None:
    like = sent_in(own_desk.house, _image(number=1), _image(number=2))
    unlike = sent_in(own_desk.house, _image(**OTHER_ERIKA), _image(StudyInstanceUID="1.2.8", **JAN), sender="Dr. Probe")
    own_desk.house.storage.database.write(
        lambda connection: connection.execute("UPDATE upload SET created = created - 600 WHERE id = ?", (like.id,))
    )
    with own_desk.browser("anna") as anna:
        page = anna.get("/desk/uploads").text
        first, second = page[page.index(unlike.reference) :].split(f'href="/desk/uploads/{like.reference}"')
        assert "Praxisformular · Radiologie" in first and "Dr. Probe" in page and "wartet auf Sie" in first
        assert "Der Name in den Bildern" in first and "Das Geburtsdatum in den Bildern" in first
        assert "mehreren Personen" in first
        assert (
            "Patientenformular · Radiologie · vor 10 Minuten · 2 Objekte" in second and "in den Bildern" not in second
        )
        assert 'Eingesandt <span class="number">2</span>' in anna.get("/desk").text
    with own_desk.browser("nora") as nora:
        page = nora.get("/desk/uploads").text
        assert "Es wartet nichts" in page and like.reference not in page and 'class="number"' not in page


def test_a_dicomdir_is_named_for_what_it_is(own_desk: Desk) -> None:
    """Every disc has one; it is neither of no use nor something that anybody has to look at."""
    disc = sent_in(own_desk.house, _image(), dicomdir())
    discs = sent_in(own_desk.house, _image(), dicomdir(), dicomdir(), b"\xff\xd8\xff jpeg")
    with own_desk.browser("anna") as anna:
        page = anna.get(f"/desk/uploads/{disc.reference}").text
        assert "<dd>1 Objekt, dazu das Inhaltsverzeichnis der CD (DICOMDIR)</dd>" in page
        assert "kein medizinisches Bild" not in page and "Nicht brauchbar" not in page
        page = anna.get(f"/desk/uploads/{discs.reference}").text
        assert "<dd>1 Objekt, dazu 2 Inhaltsverzeichnisse von CDs (DICOMDIR)</dd>" in page
        assert "1 Datei ist kein medizinisches Bild" in page and page.count("IM3") == 1 and "IM2" not in page


def test_each_site_takes_in_its_own(own_desk: Desk) -> None:
    house = own_desk.house
    north, here = (
        sent_in(house, _image(StudyInstanceUID=uid, SeriesInstanceUID=f"{uid}.1"), site=site)
        for site, uid in (("north", "1.2.7"), ("", "1.2.6"))
    )
    with own_desk.browser("nora") as nora, own_desk.browser("anna") as anna, own_desk.browser("carla") as carla:
        for client, seen, other in ((nora, north, here), (anna, here, north)):
            page = client.get("/desk/uploads").text
            assert seen.reference in page and other.reference not in page and 'class="number">1<' in page
            assert client.get(f"/desk/uploads/{other.reference}").status_code == 404
            assert client.post(f"/desk/uploads/{seen.reference}/acceptance").status_code == 303
        page = carla.get("/desk/uploads").text
        assert north.reference in page and here.reference in page
        assert house.intake.acceptance(house.storage.ingest, lambda: False).work() == 2
        for client, own, foreign in ((nora, "1.2.7", "1.2.6"), (anna, "1.2.6", "1.2.7")):
            assert client.get(f"/desk/studies/{own}").status_code == 200
            assert client.get(f"/desk/studies/{foreign}").status_code == 404


def test_an_upload_shows_the_form_beside_the_images(own_desk: Desk) -> None:
    upload = sent_in(
        own_desk.house,
        _image(PatientBirthDate="19600131", StudyDescription="Kopf", AccessionNumber="A1"),
        _image(SeriesInstanceUID="1.2.9.2", PatientBirthDate="19600131"),
        b"no image",
    )
    with own_desk.browser("anna") as anna:
        page = anna.get(f"/desk/uploads/{upload.reference}").text
    assert "Müller, Erika" in page and "0000 4711" in page and "2 Serien, 2 Objekte" in page and "Kopf" in page
    assert "<bdi>31.01.1950</bdi></td><td><bdi>31.01.1960</bdi> (anders als im Formular)" in page
    assert page.count("anders als im Formular") == 1
    assert "1 Datei ist kein medizinisches Bild" in page and "IM2" in page
    with own_desk.browser("rolf") as rolf:
        assert "<form" not in rolf.get(f"/desk/uploads/{upload.reference}").text.split("<main")[1]


def test_an_upload_tells_that_images_of_the_disc_are_missing(own_desk: Desk) -> None:
    here, *missing = (ct(number=number, StudyInstanceUID="1.2.9", SeriesInstanceUID="1.2.9.1") for number in range(3))
    upload = sent_in(own_desk.house, part10(here), dicomdir(here, *missing))
    with own_desk.browser("anna") as anna:
        page = anna.get(f"/desk/uploads/{upload.reference}").text
        assert "fehlen Bilder" in anna.get("/desk/uploads").text
    assert "Nach dem Inhaltsverzeichnis der CD (DICOMDIR) fehlen Bilder" in page and "Mindestens 2 Objekte" in page


def test_an_upload_shows_a_picture_of_each_series(own_desk: Desk) -> None:
    upload = sent_in(own_desk.house, _image(SeriesDescription="Kopf quer"))
    findings = upload.findings
    (series,) = findings["studies"][0]["shown"]
    address = f"/desk/uploads/{upload.reference}/series/1.2.9.1"
    with own_desk.browser("anna") as anna, own_desk.browser("nora") as nora, own_desk.browser() as stranger:
        page = anna.get(f"/desk/uploads/{upload.reference}").text
        assert f'<img src="{address}"' in page and "Kopf quer" in page
        picture = anna.get(address)
        assert (picture.content, picture.headers["content-type"]) == (PICTURE, "image/jpeg")
        assert picture.headers["cache-control"] == "no-store"
        assert "no-image" in anna.get(f"{address}.2").headers["location"]
        assert nora.get(address).status_code == 404
        assert stranger.get(address).headers["location"] == "/desk/sign-in"
        series["picture"] = "failed"
        sql = "UPDATE upload SET findings = ? WHERE id = ?"
        values = (json.dumps(findings), upload.id)
        own_desk.house.storage.database.write(lambda connection: connection.execute(sql, values))
        page = anna.get(f"/desk/uploads/{upload.reference}").text
        assert "Keine Vorschau: beschädigt" in page and address not in page
        anna.post(f"/desk/uploads/{upload.reference}/rejection")
        assert "Keine Vorschau mehr" in anna.get(f"/desk/uploads/{upload.reference}").text


def test_what_is_accepted_comes_into_the_archive_with_its_corrections(own_desk: Desk) -> None:
    upload, house = sent_in(own_desk.house, _image()), own_desk.house
    path = f"/desk/uploads/{upload.reference}"
    with own_desk.browser("anna") as anna:
        for wrong in (
            {"AccessionNumber": "A" * 17},
            {"PatientID": "1\\2"},
            {"PatientID": "1\x002"},
            {"PatientBirthDate": "gestern"},
        ):
            answer = anna.post(f"{path}/acceptance", data=wrong)
            assert answer.status_code == 400 and "Es ist nichts geschehen" in answer.text
        given = {"PatientID": " 0042 ", "AccessionNumber": "", "PatientBirthDate": "1.2.1950", "Modality": "MR"}
        answer = anna.post(f"{path}/acceptance", data=given)
        assert (answer.status_code, answer.headers["location"]) == (303, "/desk/uploads")
        corrected = {"PatientID": "0042", "PatientBirthDate": "19500201"}
        taken = house.intake.uploads.by_reference(upload.reference)
        assert (taken.state, taken.corrections, taken.decided_by) == ("accepting", corrected, "desk anna")
        assert anna.post(f"{path}/rejection").status_code == 409
        assert house.intake.acceptance(house.storage.ingest, lambda: False).work() == 1
        assert upload.reference not in anna.get("/desk/uploads").text
        assert "desk anna" in anna.get(path).text
    study = finding.one_study(house.storage.index, WholeArchive(), "1.2.9")
    assert study is not None and (study.patient_id, study.patient_birth_date) == ("0042", "19500201")
    (record,) = house.storage.index.instances(WholeArchive(), "1.2.9")
    with house.storage.files.open(record.blob_key) as file:
        kept = pydicom.dcmread(file)
    (former,) = kept.OriginalAttributesSequence[0].ModifiedAttributesSequence
    assert (former.PatientID, former.PatientBirthDate, kept.Modality) == ("4711", "19500131", "CT")


def test_what_is_rejected_and_what_is_asked_is_told_to_the_sender(own_desk: Desk) -> None:
    refused, asked = sent_in(own_desk.house, _image()), sent_in(own_desk.house, _image())
    uploads = own_desk.house.intake.uploads
    with own_desk.browser("anna") as anna:
        assert anna.post(f"/desk/uploads/{refused.reference}/rejection", data={"remark": "Danke"}).status_code == 303
        assert anna.post(f"/desk/uploads/{asked.reference}/question", data={"remark": " "}).status_code == 400
        assert uploads.by_reference(asked.reference).state == "waiting"
        assert anna.post(f"/desk/uploads/{asked.reference}/question", data={"remark": "Wer?"}).status_code == 303
        page = anna.get("/desk/uploads").text
        assert refused.reference not in page and "Rückfrage gestellt" in page and "Wer?" not in page
        assert "Wer?" in anna.get(f"/desk/uploads/{asked.reference}").text
    told = [uploads.by_reference(one.reference) for one in (refused, asked)]
    assert [(one.state, one.remark) for one in told] == [("rejected", "Danke"), ("asked", "Wer?")]


def test_others_learn_and_change_nothing(own_desk: Desk) -> None:
    upload = sent_in(own_desk.house, _image())
    path = f"/desk/uploads/{upload.reference}"
    doings = [f"{path}/{doing}" for doing in ("acceptance", "rejection", "question")]
    with own_desk.browser("nora") as nora, own_desk.browser("rolf") as rolf, own_desk.browser() as stranger:
        assert nora.get(path).status_code == 404
        for one in ("/desk/uploads", path):
            answer = stranger.get(one)
            assert (answer.status_code, answer.headers["location"]) == (303, "/desk/sign-in")
        for doing in doings:
            assert nora.post(doing, data={"remark": "x"}).status_code == 404
            assert rolf.post(doing, data={"remark": "x"}).status_code == 403
            assert stranger.post(doing, data={"remark": "x"}).headers["location"] == "/desk/sign-in"
    with own_desk.browser("anna") as anna:
        headers = {"sec-fetch-site": "cross-site", "origin": "https://elsewhere.example"}
        assert [anna.post(doing, data={"remark": "x"}, headers=headers).status_code for doing in doings] == [403] * 3
    assert own_desk.house.intake.uploads.by_reference(upload.reference) == upload


def test_what_is_still_being_sent_is_not_there_yet(own_desk: Desk) -> None:
    link = own_desk.house.intake.links.create("patient", "x").link
    upload = own_desk.house.intake.uploads.begin(link, {"name": "Erika Müller"}).upload
    with own_desk.browser("anna") as anna:
        assert anna.get(f"/desk/uploads/{upload.reference}").status_code == 404
        assert upload.reference not in anna.get("/desk/uploads").text


def test_the_desk_corrects_what_the_command_line_does() -> None:
    assert set(CORRECTED) == set(CORRECTABLE)


@pytest.mark.parametrize(
    ("told", "found", "same"),
    [
        ("Erika Müller", "Mueller^Erika^Maria", True),
        ("Erika Muller", "MÜLLER^ERIKA", True),
        ("Strasse", "Straße^Eva", True),
        ("Probe Hanako", "=試験^花子=Probe^Hanako", True),
        ("Erika Müller", "Müller^Jan", False),
        ("Erika Müller", "", False),
    ],
    ids=["middle name", "umlaut", "sharp s", "any group", "another", "none"],
)
def test_names_are_compared_word_by_word(told: str, found: str, same: bool) -> None:
    assert is_same_name(told, found) is same
