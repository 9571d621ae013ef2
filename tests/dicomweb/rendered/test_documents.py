"""Rendered resources that are no pictures: PDF, CDA, STL, video, structured reports (PS3.18 table 8.7.4-1)."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID, generate_uid
from starlette.testclient import TestClient

from storage.data_set import json_reader, native_model_reader
from tests.dicomweb.conftest import BASE, Keep
from tests.dicomweb.instances import encapsulated
from tests.dicomweb.replies import instance_path, parts_of, problem_of, series_path, study_path
from tests.support.corpus import SHARED, needs_shared
from tests.support.synthetic import ct, part10

PDF, CDA, STL = (f"1.2.840.10008.5.1.4.1.1.104.{number}" for number in (1, 2, 3))
REPORT = "1.2.840.10008.5.1.4.1.1.88.33"
MPEG2, MPEG4, HEVC = (f"1.2.840.10008.1.2.4.{number}" for number in (100, 102, 107))
HOSTILE = "<script>alert(1)</script>"
HARMLESS = "html head meta title body main h1 h2 h3 dl dt dd section ul li strong br a code"


def without_pixels(sop_class: str, **attributes: Any) -> Dataset:
    image = ct(SOPClassUID=UID(sop_class), **attributes)
    del image.PixelData, image.Rows, image.Columns
    return image


def document(sop_class: str, content: bytes, mime: str = "application/pdf") -> Dataset:
    held = without_pixels(sop_class, MIMETypeOfEncapsulatedDocument=mime, EncapsulatedDocumentLength=len(content))
    held.add_new(0x00420011, "OB", content + b"\0" * (len(content) % 2))
    return held


@pytest.mark.parametrize(
    ("sop_class", "content", "media_type"),
    [
        (PDF, b"%PDF-1.4\nodd", "application/pdf"),
        (CDA, b"\xef\xbb\xbf<?xml version='1.0'?><ClinicalDocument/>", "text/xml; charset=utf-8"),
        (STL, b"solid part", "model/stl"),
    ],
)
def test_documents_are_passed_on_byte_for_byte(
    client: TestClient, keep: Keep, sop_class: str, content: bytes, media_type: str
) -> None:
    """What lies in Encapsulated Document (0042,0011), without its padding, and nothing of it can run in a browser."""
    stored = keep(document(sop_class, content))
    for path in (instance_path(stored), series_path(stored)):
        response = client.get(f"{path}/rendered")
        assert (response.content, response.headers["content-type"]) == (content, media_type)
    assert response.headers["content-security-policy"].startswith("sandbox;")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize(
    ("sop_class", "content"), [(PDF, HOSTILE.encode()), (CDA, b"%PDF-1.4"), (CDA, b"GIF89a"), (PDF, b"")]
)
def test_what_a_document_claims_to_be_is_not_believed(
    client: TestClient, keep: Keep, sop_class: str, content: bytes
) -> None:
    problem_of(client.get(f"{instance_path(keep(document(sop_class, content, 'text/html')))}/rendered"), 406)


def test_documents_are_no_pictures(client: TestClient, keep: Keep) -> None:
    path = instance_path(keep(document(PDF, b"%PDF-1.4 odd")))
    problem = problem_of(client.get(f"{path}/rendered", headers={"Accept": "image/jpeg"}), 406)
    assert problem["acceptable"] == ["application/pdf", 'multipart/related; type="application/pdf"']
    problem_of(client.get(f"{path}/thumbnail"), 406)
    problem_of(client.get(f"{path}/frames/1/rendered"), 404)


@pytest.mark.parametrize(
    ("syntax", "stream", "media_type"),
    [
        (MPEG4, b"\0\0\0\x20ftypisom", "video/mp4"),
        (HEVC, b"\0\0\0\x20ftypisom", "video/mp4"),
        (MPEG2, b"\0\0\1\xb3\x14\0\xf0\x23", "video/mpeg"),
        (MPEG2, b"\0\0\1\xba\x44\0\4\0", "video/mpeg"),
    ],
)
def test_video_is_passed_on_where_its_container_is_what_the_type_says(
    client: TestClient, keep: Keep, syntax: str, stream: bytes, media_type: str
) -> None:
    content = stream + bytes(range(200))
    path = f"{instance_path(keep(encapsulated([content[:100], content[100:]], syntax)))}/rendered"
    for accept in ("*/*", media_type):
        response = client.get(path, headers={"Accept": accept})
        assert (response.content, response.headers["content-type"]) == (content, media_type)
    problem = problem_of(client.get(path, headers={"Accept": "image/jpeg"}), 406)
    assert media_type in problem["acceptable"]


@pytest.mark.parametrize("stream", [b"\0\0\0\1\x67\x64\0\x29", b"\x47\x40\0\x10" * 60, b"\0\0"])
def test_video_that_no_browser_plays_as_it_is(client: TestClient, keep: Keep, stream: bytes) -> None:
    """Elementary and transport streams would have to be packed anew, which is not done here."""
    path = instance_path(keep(encapsulated([stream], MPEG4)))
    assert "application/dicom" in problem_of(client.get(f"{path}/rendered"), 406)["detail"]


@pytest.mark.parametrize("kind", ["video", "document"])
def test_what_is_passed_on_is_had_from_any_place_on(client: TestClient, keep: Keep, kind: str) -> None:
    """RFC 9110 14: players of video ask for ranges, and some play nothing without; so do readers of long PDF."""
    beginning, more = (b"\0\0\0\x20ftypisom", bytes(range(100))) if kind == "video" else (b"%PDF-1.4", b"x" * 100)
    whole = beginning + more
    stored = keep(encapsulated([whole[:50], whole[50:]], MPEG4) if kind == "video" else document(PDF, whole))
    path = f"{instance_path(stored)}/rendered"
    first = client.get(path)
    assert (first.content, first.headers["accept-ranges"]) == (whole, "bytes")
    part = client.get(path, headers={"Range": "bytes=10-29", "If-Range": first.headers["etag"]})
    assert (part.status_code, part.content) == (206, whole[10:30])
    assert part.headers["content-range"] == f"bytes 10-29/{len(whole)}"
    assert part.headers["content-security-policy"].startswith("sandbox;")
    rest = client.get(path, headers={"Range": "bytes=0-"})
    assert (rest.status_code, rest.content) == (206, whole)
    problem_of(client.get(path, headers={"Range": "bytes=5000-"}), 416)
    unchanged = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (unchanged.status_code, unchanged.headers["etag"]) == (304, first.headers["etag"])
    head = client.head(path)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(whole)), b"")


def test_frames_of_a_video_are_not_drawn(client: TestClient, keep: Keep) -> None:
    path = instance_path(keep(encapsulated([b"\0\0\0\x20ftypisom"], MPEG4)))
    assert "a video" in problem_of(client.get(f"{path}/frames/1/rendered"), 406)["detail"]
    problem_of(client.get(f"{path}/thumbnail"), 406)


def code(meaning: str, value: str = "1", scheme: str = "99TEST") -> list[Dataset]:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return [item]


def content(kind: str, name: str, children: list[Dataset] | None = None, **attributes: Any) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", kind
    item.ConceptNameCodeSequence = code(name)
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    if children:
        item.ContentSequence = children
    return item


def measured(number: str, unit: str, meaning: str) -> list[Dataset]:
    item = Dataset()
    item.NumericValue, item.MeasurementUnitsCodeSequence = number, code(meaning, unit, "UCUM")
    return [item]


def referring(uid: str, frames: list[int]) -> list[Dataset]:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", uid
    item.ReferencedFrameNumber = frames
    return [item]


def report(**attributes: Any) -> Dataset:
    """A small report with every kind of item."""
    held = without_pixels(REPORT, ValueType="CONTAINER", CompletionFlag="COMPLETE", Modality="SR")
    held.ConceptNameCodeSequence = code("Thorax <findings>")
    held.PatientName = "Müster^Erika^^Dr."
    study, series, instance = Dataset(), Dataset(), referring("1.2.3", [])
    study.StudyInstanceUID, study.ReferencedSeriesSequence = "1.2", [series]
    series.SeriesInstanceUID, series.ReferencedSOPSequence = "1.2.1", instance
    held.CurrentRequestedProcedureEvidenceSequence = [study]
    size = content("NUM", "Diameter", MeasuredValueSequence=measured("12.5", "mm", "millimeter"))
    ratio = content("NUM", "Ratio", MeasuredValueSequence=measured("0.5", "1", "no units"))
    image = content("IMAGE", "Seen on", ReferencedSOPSequence=referring("1.2.3", [2]))
    lost = content("IMAGE", "Seen before", ReferencedSOPSequence=referring("1.2.9", []))
    held.ContentSequence = [
        content("TEXT", "History", TextValue=f"none\r\n{HOSTILE}"),
        content("CONTAINER", "Lesion", [size, ratio, image, lost]),
        content("DATETIME", "When", DateTime="20260102101500"),
        content("CODE", "Side", ConceptCodeSequence=code("left")),
        content("PNAME", "By", PersonName="Beispiel^Max"),
        content("SCOORD", "Outline", GraphicType="POLYLINE", GraphicData=[1.0, 2.0, 3.5, 4.0]),
    ]
    for keyword, value in attributes.items():
        setattr(held, keyword, value)
    return held


# By element, the only attributes that a page may have: nothing of them runs, loads or refreshes anything.
ALLOWED = {"html": {"lang"}, "meta": {"charset", "name", "content"}, "a": {"href"}}


class Outline(HTMLParser):
    """The elements of a page, its text, and whether every element was closed in its order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert {name for name, _ in attributes} <= ALLOWED.get(tag, set())
        self.links += [value or "" for name, value in attributes if name == "href"]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_structured_report_as_html(client: TestClient, keep: Keep) -> None:
    """Names, values with units, references; everything escaped, and nothing that a browser would run or fetch."""
    response = client.get(f"{instance_path(keep(report()))}/rendered")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-security-policy"].startswith("default-src 'none'; sandbox")
    page = Outline(response.text)
    assert page.tags <= set(HARMLESS.split())
    for said in (
        *("Thorax <findings>", "Dr. Erika Müster", "1950-01-31", "COMPLETE", HOSTILE, "Diameter 12.5 mm", "Ratio 0.5"),
        *("2026-01-02 10:15:00", "Side left", "Max Beispiel", "polyline 1, 2, 3.5, 4", "1.2.9"),
    ):
        assert said in page.text, said
    assert page.links == [f"{BASE}/studies/1.2/series/1.2.1/instances/1.2.3/frames/2/rendered"]


def test_a_structured_report_as_plain_text(client: TestClient, keep: Keep) -> None:
    response = client.get(f"{instance_path(keep(report()))}/rendered", headers={"Accept": "text/plain"})
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    lines = response.text.splitlines()
    assert lines[0] == "Thorax <findings>"
    assert "Lesion" in lines and "  Diameter: 12.5 mm" in lines and "  Seen on: 1.2.3" in lines


def test_links_are_made_of_nothing_but_uids(client: TestClient, keep: Keep) -> None:
    held = report()
    evidence = held.CurrentRequestedProcedureEvidenceSequence[0]
    evidence.StudyInstanceUID = "1.2.7777777777"
    hostile = part10(held).replace(b"1.2.7777777777", b'1.2"><script>.')
    page = Outline(client.get(f"{instance_path(keep(hostile))}/rendered").text)
    assert page.links == []


def test_a_structured_report_as_xml(client: TestClient, keep: Keep) -> None:
    """Table 8.7.4-1 demands text/xml; the structure is the Native DICOM Model (PS3.19 A.1)."""
    held = report()
    path = f"{instance_path(keep(held))}/rendered"
    response = client.get(path, headers={"Accept": "text/xml"})
    assert response.headers["content-type"].startswith("text/xml")
    assert "sandbox" in response.headers["content-security-policy"]
    (read,) = [json_reader.normal(native_model_reader.decode(response.content))]
    assert read["00080018"]["Value"] == [held.SOPInstanceUID]
    assert len(read["0040A730"]["Value"]) == len(held.ContentSequence)
    assert HOSTILE not in response.text
    assert "text/xml" in str(problem_of(client.get(path, headers={"Accept": "image/png"}), 406)["acceptable"])


def test_a_report_of_hostile_depth_and_width(client: TestClient, keep: Keep) -> None:
    deep = content("TEXT", "bottom", TextValue="x")
    for _ in range(40):
        deep = content("CONTAINER", "deeper", [deep])
    wide = [content("TEXT", "one", TextValue="y") for _ in range(300)]
    for items in ([deep], wide):
        assert Outline(client.get(f"{instance_path(keep(report(ContentSequence=items)))}/rendered").text).text


def test_a_report_without_any_content(client: TestClient, keep: Keep) -> None:
    empty = without_pixels(REPORT)
    assert "Structured report" in Outline(client.get(f"{instance_path(keep(empty))}/rendered").text).text


def test_each_instance_of_a_study_is_what_it_is(client: TestClient, keep: Keep) -> None:
    """10.4.1.1.3: of a study with image, report and document, the parts are what the Accept field takes."""
    study = generate_uid()
    for one in (ct(), report(), document(PDF, b"%PDF-1.4 odd")):
        one.StudyInstanceUID = study
        stored = keep(one)
    kinds = [
        (accept, sorted(head["Content-Type"] for head, _ in parts_of(response)), response.status_code)
        for accept in ("image/png", "text/html", "*/*")
        for response in [
            client.get(f"{study_path(stored)}/rendered", headers={"Accept": f'multipart/related; type="{accept}"'})
        ]
    ]
    assert kinds == [
        ("image/png", ["image/png"], 206),
        ("text/html", ["text/html"], 206),
        ("*/*", ["application/pdf", "image/jpeg", "text/html"], 200),
    ]


@needs_shared
@pytest.mark.parametrize("path", sorted((SHARED / "objects").glob("sr*.dcm")), ids=lambda path: path.stem)
def test_real_reports(client: TestClient, keep: Keep, path: Path) -> None:
    page = Outline(client.get(f"{instance_path(keep(path.read_bytes()))}/rendered").text)
    assert "h1" in page.tags
