"""What of a series is no image: shown, or said plainly; and never more than the share shows."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from starlette.testclient import TestClient

from storage.ingest import Stored
from tests.gateway.portal_house import Portal, keep, opened, series_path, without_pixels
from tests.support.presentation_states import presentation_state
from tests.support.synthetic import ct
from tests.support.waveforms import ecg, heartbeats

SCRIPT = "<script>alert(1)</script>"
PDF = b"%PDF-1.4\n%%EOF\n"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with opened(tmp_path_factory.mktemp("portal")) as portal:
        yield portal


def page_of(portal: Portal, stored: Stored, *others: Stored) -> str:
    with portal.patient(issued=portal.share_of(stored, *others)) as client:
        answer = client.get(series_path(stored))
        assert answer.status_code == 200
        return answer.text


def pdf(content: bytes = PDF, **attributes: Any) -> Dataset:
    document = without_pixels(SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1", Modality="DOC", **attributes)
    document.EncapsulatedDocument = content
    document.EncapsulatedDocumentLength = len(content)
    document.MIMETypeOfEncapsulatedDocument = "application/pdf"
    return document


def item(kind: str, meaning: str, **attributes: Any) -> Dataset:
    name, made = Dataset(), Dataset()
    name.CodeValue, name.CodingSchemeDesignator, name.CodeMeaning = "1", "99TEST", meaning
    made.ValueType, made.ConceptNameCodeSequence, made.RelationshipType = kind, [name], "CONTAINS"
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def pointing(data_set: Dataset, *images: Dataset) -> Dataset:
    """`data_set` with items for `images`, and the evidence that says where they lie."""
    data_set.CurrentRequestedProcedureEvidenceSequence = []
    for image in images:
        reference, series, study = Dataset(), Dataset(), Dataset()
        reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
        series.SeriesInstanceUID, series.ReferencedSOPSequence = image.SeriesInstanceUID, [reference]
        study.StudyInstanceUID, study.ReferencedSeriesSequence = image.StudyInstanceUID, [series]
        data_set.CurrentRequestedProcedureEvidenceSequence.append(study)
        data_set.ContentSequence.append(item("IMAGE", "Image", ReferencedSOPSequence=[reference]))
    return data_set


def report(*items: Dataset, **attributes: Any) -> Dataset:
    root = without_pixels(**attributes)
    root.update(item("CONTAINER", "Befundbericht", ContentSequence=list(items)))
    return root


def test_a_report_is_read_in_the_page(portal: Portal) -> None:
    image = ct()
    kept = keep(portal.house, image)
    finding = item("TEXT", "Befund", TextValue=f"Erste Zeile\r\nzweite {SCRIPT} \u202etxet\u202c")
    section = item("CONTAINER", "Abschnitt", ContentSequence=[finding])
    said = pointing(report(section, StudyInstanceUID=image.StudyInstanceUID, CompletionFlag="COMPLETE"), image)
    page = page_of(portal, keep(portal.house, said), kept)
    assert "Befundbericht" in page and "vollständig" in page
    assert "Erste Zeile\nzweite &lt;script&gt;alert(1)&lt;/script&gt; txet" in page
    assert SCRIPT not in page and "\u202e" not in page
    link = f"{series_path(kept)}?instance={kept.sop_instance_uid}&amp;frame=1"
    assert page.index("Abschnitt") < page.index("Befund</bdi>") < page.index(link)


def test_a_report_links_to_nothing_that_is_not_shared(portal: Portal) -> None:
    foreign = ct(PatientID="TEST-2")
    hidden = keep(portal.house, foreign)
    page = page_of(portal, keep(portal.house, pointing(report(), foreign)))
    assert hidden.sop_instance_uid not in page and hidden.series_instance_uid not in page


def test_a_pdf_is_opened_from_our_own_address(portal: Portal) -> None:
    stored = keep(portal.house, pdf(DocumentTitle=SCRIPT))
    address = f"{series_path(stored)}/documents/{stored.sop_instance_uid}"
    page = page_of(portal, stored)
    assert f'href="{address}"' in page and SCRIPT not in page
    with portal.patient(issued=portal.share_of(stored)) as client:
        answer = client.get(address)
        assert (answer.status_code, answer.content[: len(PDF)]) == (200, PDF)
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.headers["content-disposition"] == "inline"
        assert answer.headers["x-frame-options"] == "SAMEORIGIN"
        assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
        part = client.get(address, headers={"range": "bytes=1-3"})
        assert (part.status_code, part.content) == (206, PDF[1:4])
        assert client.get(series_path(portal.chest[0]) + "/documents/1.2.3").status_code == 404
    with portal.patient() as client:
        assert client.get(f"{series_path(portal.report)}/documents/{portal.report.sop_instance_uid}").status_code == 404
    with portal.visitor() as client:
        assert client.get(address).headers["location"] == "/?ended"


def test_what_only_calls_itself_a_pdf_is_not_opened(portal: Portal) -> None:
    stored = keep(portal.house, pdf(b"<html><script>alert(1)</script></html>"))
    page = page_of(portal, stored)
    assert "lässt sich hier nicht anzeigen" in page and "/documents/" not in page
    with portal.patient(issued=portal.share_of(stored)) as client:
        answer = client.get(f"{series_path(stored)}/documents/{stored.sop_instance_uid}")
        assert answer.status_code == 406 and b"alert" not in answer.content


def test_curves(portal: Portal) -> None:
    page = page_of(portal, keep(portal.house, ecg(heartbeats())))
    assert "12 Kurven, 10 Sekunden." in page
    assert page.count('class="curve"') == 12
    assert "Kurve aVF, 10 Sekunden, von \u22120," in page


def test_curves_without_any_value_say_so(portal: Portal) -> None:
    empty = ecg(np.zeros((4, 2), "<i2"))
    empty.WaveformSequence[0].WaveformData = b""
    assert "lässt sich hier nicht anzeigen" in page_of(portal, keep(portal.house, empty))


def test_key_images_come_first_and_lead_to_the_images(portal: Portal) -> None:
    study, series = generate_uid(), generate_uid()
    images = [ct(number=number, StudyInstanceUID=study, SeriesInstanceUID=series) for number in (1, 2)]
    kept = [keep(portal.house, image) for image in images]
    selection = report(
        StudyInstanceUID=study, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.59", Modality="KO", SeriesNumber=9
    )
    selection.SeriesDescription = ""
    stored = keep(portal.house, pointing(selection, images[1]))
    with portal.patient(issued=portal.share_of(stored)) as client:
        strip = client.get(f"/studies/{study}").text
        assert strip.index("Wichtige Bilder") < strip.index("axial")
        page = client.get(series_path(stored)).text
        link = f"{series_path(kept[1])}?instance={kept[1].sop_instance_uid}&amp;frame=1"
        assert link in page and kept[0].sop_instance_uid not in page
        assert "Bild 2 von 2" in client.get(link.replace("&amp;", "&")).text


def test_presentation_states_are_offered_with_their_series(portal: Portal) -> None:
    image = ct()
    kept = keep(portal.house, image)
    state = presentation_state(image)
    state.ContentDescription = SCRIPT
    stored = keep(portal.house, state)
    page = page_of(portal, kept)
    assert stored.sop_instance_uid in page and SCRIPT not in page
    marked = page_of(portal, stored)
    assert "Bilder mit Markierungen des Arztes" in marked
    address = marked.split('<ul class="picked">')[1].split('src="')[1].split('"')[0].replace("&amp;", "&")
    with portal.patient(issued=portal.share_of(kept)) as client:
        assert client.get(address).headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize(
    ("instance", "frame", "shown"), [("1.2.3", "1", 2), ("", "²", 2), ("third", "1", 3), ("third", "x", 3)]
)
def test_an_address_names_an_instance(portal: Portal, instance: str, frame: str, shown: int) -> None:
    uid = portal.chest[2].sop_instance_uid if instance == "third" else instance
    with portal.patient() as client:
        page = client.get(series_path(portal.chest[0]), params={"instance": uid, "frame": frame}).text
        assert f"Bild {shown} von 3" in page


def test_a_frame_of_an_instance_is_named(portal: Portal) -> None:
    movie = ct(rows=4, columns=4, NumberOfFrames=5)
    movie.PixelData = movie.PixelData * 5
    stored = keep(portal.house, movie)
    with portal.patient(issued=portal.share_of(stored)) as client:
        for asked, shown in (("4", 4), ("0", 1), ("99", 5)):
            page = client.get(series_path(stored), params={"instance": stored.sop_instance_uid, "frame": asked}).text
            assert f"Bild {shown} von 5" in page


def test_client_of_another_share_gets_no_document(portal: Portal, patient: TestClient) -> None:
    stored = keep(portal.house, pdf(PatientID="TEST-2"))
    assert patient.get(f"{series_path(stored)}/documents/{stored.sop_instance_uid}").status_code == 404


@pytest.fixture
def patient(portal: Portal) -> Iterator[TestClient]:
    with portal.patient() as client:
        yield client
