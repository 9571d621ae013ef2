"""The URI Service (PS3.18 chapter 9)."""

from io import BytesIO

import pydicom
import pytest
from httpx2 import Response
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import BasicTextSRStorage, generate_uid
from starlette.testclient import TestClient

from storage.ingest import Stored
from storage.scope import ListedStudies
from tests.dicomweb.conftest import Callers, Keep
from tests.dicomweb.instances import movie, rle
from tests.dicomweb.replies import EXPLICIT, instance_path, problem_of
from tests.support.presentation_states import presentation_state
from tests.support.synthetic import ct, part10

FILE = {"contentType": "application/dicom"}


def ask(client: TestClient, stored: Stored, headers: dict[str, str] | None = None, /, **parameters: str) -> Response:
    named = {
        "requestType": "WADO",
        "studyUID": stored.study_instance_uid,
        "seriesUID": stored.series_instance_uid,
        "objectUID": stored.sop_instance_uid,
    }
    return client.get("/wado", params={**named, **parameters}, headers={"Accept": "*/*"} | (headers or {}))


def picture(response: Response, media_type: str = "image/jpeg") -> Image.Image:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == media_type
    return Image.open(BytesIO(response.content))


@pytest.fixture
def stored(keep: Keep) -> Stored:
    return keep(ct(rows=40, columns=60))


def test_without_a_media_type_it_is_a_jpeg(client: TestClient, stored: Stored) -> None:
    """9.3."""
    response = ask(client, stored)
    assert picture(response).size == (60, 40)
    rendered = client.get(f"{instance_path(stored)}/rendered", headers={"Accept": "image/jpeg"})
    assert response.content == rendered.content


@pytest.mark.parametrize(
    ("accept", "content_type", "expected"),
    [
        ("*/*", "image/png", "image/png"),
        ("image/png", "", "image/png"),
        ("application/dicom", "", "application/dicom"),
        ("image/jpeg", "application/dicom", "application/dicom"),
        ("image/avif,image/webp,image/*,*/*;q=0.8", "", "image/jpeg"),
        ("application/dicom;q=0.5, image/png", "", "image/png"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/png,*/*;q=0.8", "", "image/png"),
    ],
)
def test_the_media_type_decides_the_transaction(
    client: TestClient, stored: Stored, accept: str, content_type: str, expected: str
) -> None:
    """9.1.2.2.1: the parameter before the header field."""
    parameters = {"contentType": content_type} if content_type else {}
    response = ask(client, stored, {"Accept": accept}, **parameters)
    assert response.headers["content-type"].partition(";")[0] == expected


def test_a_file_comes_as_it_is_kept(client: TestClient, keep: Keep) -> None:
    """9.4; in Explicit VR Little Endian if nothing else is asked for."""
    content = part10(ct())
    assert ask(client, keep(content), **FILE).content == content
    compressed = keep(rle(ct()))
    for syntax, parameters in ((EXPLICIT, {}), ("1.2.840.10008.1.2.5", {"transferSyntax": "1.2.840.10008.1.2.5"})):
        response = ask(client, compressed, **FILE, **parameters)
        assert pydicom.dcmread(BytesIO(response.content)).file_meta.TransferSyntaxUID == syntax
    problem_of(ask(client, compressed, **FILE, transferSyntax="1.2.840.10008.1.2.4.100"), 406)


def test_the_parameters_of_pictures_are_those_of_the_studies_service(client: TestClient, stored: Stored) -> None:
    """9.5.1.2 against 8.3.5.1."""
    png = {"Accept": "image/png"}
    path = f"{instance_path(stored)}/rendered"
    for old, new in (
        ({"rows": "20", "columns": "30"}, {"viewport": "30,20"}),
        ({"windowCenter": "40", "windowWidth": "80"}, {"window": "40,80,linear"}),
        ({"region": "0.5,0,1,0.5"}, {"viewport": "30,20,30,0,30,20"}),
        ({"region": "0,0,0.5,0.5", "rows": "10", "columns": "15"}, {"viewport": "15,10,0,0,30,20"}),
    ):
        mine, theirs = ask(client, stored, png, **old), client.get(path, params=new, headers=png)
        assert picture(mine, "image/png").size == picture(theirs, "image/png").size
        assert mine.content == theirs.content, old
    assert len(ask(client, stored, imageQuality="5").content) < len(ask(client, stored, imageQuality="95").content)


def test_a_frame_of_a_movie(client: TestClient, keep: Keep) -> None:
    stored = keep(movie(3))
    second = ask(client, stored, frameNumber="2", contentType="image/png")
    theirs = client.get(f"{instance_path(stored)}/frames/2/rendered", headers={"Accept": "image/png"})
    assert second.content == theirs.content
    problem_of(ask(client, stored, frameNumber="4"), 404)
    for wrong in ("0", "-1", "x", "1,2", ""):
        problem_of(ask(client, stored, frameNumber=wrong), 400)


def test_what_has_no_pixels_is_a_file_by_default(client: TestClient, keep: Keep) -> None:
    report = ct(SOPClassUID=BasicTextSRStorage, Modality="SR")
    del report.PixelData, report.Rows, report.Columns
    stored = keep(report)
    assert ask(client, stored).headers["content-type"].startswith("application/dicom")
    problem_of(ask(client, stored, contentType="image/jpeg"), 406)


@pytest.mark.parametrize("content_type", ["application/dicom", "image/jpeg"])
def test_anonymisation_is_refused_and_never_left_out(client: TestClient, stored: Stored, content_type: str) -> None:
    """9.4.1.2.1."""
    problem = problem_of(ask(client, stored, contentType=content_type, anonymize="yes"), 400)
    assert "anonymi" in problem["detail"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"requestType": "XWADO"},
        {"requestType": ""},
        {"studyUID": ""},
        {"seriesUID": "x"},
        {"objectUID": "1.2/../3"},
        {"rows": "10"},
        {"windowCenter": "40"},
        {"windowCenter": "40", "windowWidth": "x"},
        {"windowCenter": "1,2", "windowWidth": "3"},
        {"rows": "0", "columns": "1"},
        {"rows": "99999999", "columns": "9"},
        {"region": "0,0,1"},
        {"region": "0.5,0,0.5,1"},
        {"region": "0,0,2,1"},
        {"region": "nan,0,1,1"},
        {"imageQuality": "0"},
        {"presentationUID": "1.2"},
        {"presentationSeriesUID": "1.2"},
        {"presentationUID": "1.2", "presentationSeriesUID": "x"},
        {"presentationUID": "1.2", "presentationSeriesUID": "1.3", "windowCenter": "1", "windowWidth": "2"},
        {"presentationUID": "1.2", "presentationSeriesUID": "1.3", "region": "0,0,1,1"},
        {"transferSyntax": EXPLICIT},
        {**FILE, "rows": "1", "columns": "1"},
    ],
)
def test_a_wrong_parameter_is_400(client: TestClient, stored: Stored, wrong: dict[str, str]) -> None:
    problem_of(ask(client, stored, **wrong), 400)


def test_a_missing_or_doubled_parameter_is_400(client: TestClient, stored: Stored) -> None:
    problem_of(client.get("/wado"), 400)
    problem_of(client.get(f"/wado?requestType=WADO&studyUID={stored.study_instance_uid}"), 400)
    problem_of(client.get("/wado?requestType=WADO&requestType=WADO"), 400)


def test_a_media_type_that_is_not_there_is_406(client: TestClient, stored: Stored) -> None:
    assert problem_of(ask(client, stored, contentType="video/mpeg"), 406)["acceptable"]
    problem_of(ask(client, stored, {"Accept": "*/*;q=0"}), 406)


def test_a_presentation_state_is_applied(client: TestClient, keep: Keep) -> None:
    image = ct(20, 40, RescaleIntercept="0", WindowCenter="100", WindowWidth="200")
    other = ct(StudyInstanceUID=image.StudyInstanceUID)
    state = presentation_state(image)
    window = Dataset()
    window.WindowCenter, window.WindowWidth = "90000", "100"
    state.SoftcopyVOILUTSequence = [window]
    stored, kept = keep(image), keep(state)
    named = {"presentationSeriesUID": kept.series_instance_uid, "presentationUID": kept.sop_instance_uid}
    plain = picture(ask(client, stored, contentType="image/png"), "image/png")
    black = picture(ask(client, stored, contentType="image/png", **named), "image/png")
    assert max(plain.tobytes()) > 100 and max(black.tobytes()) == 0
    small = picture(ask(client, stored, rows="10", columns="10", frameNumber="1", **named))
    assert small.size == (10, 5)
    problem_of(ask(client, stored, frameNumber="2", **named), 404)
    no_state = {"presentationSeriesUID": stored.series_instance_uid, "presentationUID": stored.sop_instance_uid}
    problem_of(ask(client, stored, **no_state), 406)
    problem_of(ask(client, keep(other), **named | {"presentationUID": generate_uid()}), 404)
    problem_of(ask(client, keep(ct()), **named), 404)


def test_an_instance_elsewhere_than_said_is_404(client: TestClient, stored: Stored, keep: Keep) -> None:
    """The same object in other words: parents must be right (PS3.18 9.1.2.1)."""
    other = keep(ct())
    problem_of(ask(client, stored, seriesUID=other.series_instance_uid), 404)
    problem_of(ask(client, stored, studyUID=other.study_instance_uid), 404)
    problem_of(ask(client, stored, objectUID=generate_uid()), 404)


def test_nobody_sees_more_than_through_the_other_door(client: TestClient, stored: Stored, callers: Callers) -> None:
    own = callers.add("own", ListedStudies(frozenset({stored.study_instance_uid})), "read")
    other = callers.add("other", ListedStudies(frozenset({generate_uid()})), "read")
    writer = callers.add("writer", ListedStudies(frozenset({stored.study_instance_uid})), "write")
    assert ask(client, stored, own).status_code == 200
    for parameters in ({}, FILE):
        problem_of(ask(client, stored, other, **parameters), 404)
        problem_of(ask(client, stored, writer, **parameters), 403)
        problem_of(ask(client, stored, {"Authorization": ""}, **parameters), 401)


def test_head_and_conditional_requests_work_as_elsewhere(client: TestClient, stored: Stored) -> None:
    tag = ask(client, stored).headers["etag"]
    assert ask(client, stored, {"If-None-Match": tag}).status_code == 304
