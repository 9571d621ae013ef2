"""Pictures and thumbnails."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import generate_uid
from starlette.testclient import TestClient

from tests.dicomweb.conftest import BASE, Keep
from tests.dicomweb.instances import movie
from tests.dicomweb.replies import instance_path, parts_of, problem_of, series_path, study_path
from tests.support.synthetic import ct

PNG = {"Accept": "image/png"}


def picture(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content))


def grey(content: bytes) -> int:
    """The grey in the middle of a picture."""
    pixels = np.asarray(picture(content))
    return int(pixels[pixels.shape[0] // 2, pixels.shape[1] // 2])


@pytest.mark.parametrize("accept", ["image/jpeg", "image/png"])
def test_an_instance(client: TestClient, keep: Keep, accept: str) -> None:
    path = f"{instance_path(keep(ct(40, 30)))}/rendered"
    response = client.get(path, headers={"Accept": accept})
    assert response.headers["content-type"] == accept
    assert (picture(response.content).format or "").lower() == accept.removeprefix("image/")
    assert picture(response.content).size == (30, 40)
    unchanged = client.get(path, headers={"Accept": accept, "If-None-Match": response.headers["etag"]})
    assert unchanged.status_code == 304
    other = {"Accept": accept, "If-None-Match": response.headers["etag"]}
    assert client.get(f"{path}?window=1,2", headers=other).status_code == 200


def test_window(client: TestClient, keep: Keep) -> None:
    image = ct(RescaleIntercept="0")
    image.PixelData = np.full(256, 100, "<i2").tobytes()
    path = f"{instance_path(keep(image))}/rendered"
    greys = [grey(client.get(f"{path}?window={window}", headers=PNG).content) for window in ("300,100", "0,100")]
    assert greys == [0, 255]
    assert grey(client.get(f"{path}?window=100,200,linear-exact", headers=PNG).content) == pytest.approx(128, abs=1)
    problem_of(client.get(f"{path}?window=wide"), 400)


def test_viewport_and_region(client: TestClient, keep: Keep) -> None:
    path = f"{instance_path(keep(ct(40, 80)))}/rendered"
    assert picture(client.get(f"{path}?viewport=20,20").content).size == (20, 10)
    assert picture(client.get(f"{path}?viewport=160,160").content).size == (160, 80)
    assert picture(client.get(f"{path}?viewport=20,20,0,0,40,40").content).size == (20, 20)
    problem_of(client.get(f"{path}?viewport=0,20"), 400)


def test_quality(client: TestClient, keep: Keep) -> None:
    image = ct(100, 100)
    image.PixelData = np.random.default_rng(1).integers(0, 2000, 10_000).astype("<i2").tobytes()
    path = f"{instance_path(keep(image))}/rendered"
    rough, fine = (client.get(f"{path}?quality={quality}").content for quality in (5, 95))
    assert len(rough) < len(fine) / 2


def test_what_is_not_supported_is_said(client: TestClient, keep: Keep) -> None:
    response = client.get(f"{instance_path(keep(ct()))}/rendered?annotation=patient")
    assert response.status_code == 200
    assert response.headers["warning"] == f'299 {BASE} "The annotation parameter is not supported."'


def test_the_accept_parameter_is_for_links_in_browsers(client: TestClient, keep: Keep) -> None:
    path = f"{instance_path(keep(ct()))}/rendered?accept=image/png"
    response = client.get(path, headers={"Accept": "text/html, */*;q=0.8"})
    assert response.headers["content-type"] == "image/png"


def test_frames(client: TestClient, keep: Keep) -> None:
    image = movie(WindowCenter="2", WindowWidth="5", RescaleIntercept="0")
    path = f"{instance_path(keep(image))}/frames"
    greys = [grey(client.get(f"{path}/{number}/rendered", headers=PNG).content) for number in (1, 2, 3)]
    assert greys == sorted(set(greys))
    parts = parts_of(client.get(f"{path}/3,1/rendered", headers={"Accept": 'multipart/related; type="image/png"'}))
    assert [grey(content) for _, content in parts] == [greys[2], greys[0]]
    assert [head["Content-Location"] for head, _ in parts] == [f"{BASE}{path}/{n}/rendered" for n in (3, 1)]
    assert parts[0][0]["Content-Type"] == "image/png"
    problem_of(client.get(f"{path}/3,1/rendered", headers=PNG), 406)
    problem_of(client.get(f"{path}/4/rendered"), 404)
    problem_of(client.get(f"{path}/0/rendered"), 400)
    assert client.get(f"{path}/2/thumbnail", headers=PNG).status_code == 200
    problem_of(client.get(f"{path}/4/thumbnail"), 404)


def test_studies_and_series_are_not_rendered_as_a_whole(client: TestClient, keep: Keep) -> None:
    stored = keep(ct())
    for path in (study_path(stored), series_path(stored)):
        detail = problem_of(client.get(f"{path}/rendered"), 406)["detail"]
        assert f"{BASE}{instance_path(stored)}/rendered" in detail


def test_thumbnails_show_the_middle_of_the_first_series_with_images(client: TestClient, keep: Keep) -> None:
    study, first, second = generate_uid(), generate_uid(), generate_uid()
    report = ct(StudyInstanceUID=study, SeriesInstanceUID=first, SeriesNumber=1)
    del report.PixelData
    keep(report)
    for number in (1, 2, 3):
        image = ct(
            200, 400, StudyInstanceUID=study, SeriesInstanceUID=second, SeriesNumber=2, InstanceNumber=number,
            WindowCenter="2", WindowWidth="4", RescaleIntercept="0",
        )  # fmt: skip
        image.PixelData = np.full(200 * 400, number, "<i2").tobytes()
        stored = keep(image)
    expected = grey(client.get(f"{instance_path(stored)}/thumbnail?window=3,4", headers=PNG).content)
    for path in (study_path(stored), series_path(stored)):
        response = client.get(f"{path}/thumbnail", headers=PNG)
        assert picture(response.content).size == (128, 64)
        assert grey(response.content) == expected
        assert picture(client.get(f"{path}/thumbnail?viewport=50,50").content).size == (50, 25)


def test_thumbnails_of_many_frames_show_the_middle_one(client: TestClient, keep: Keep) -> None:
    path = instance_path(keep(movie(WindowCenter="2", WindowWidth="2", RescaleIntercept="0")))
    middle = client.get(f"{path}/frames/2/rendered", headers=PNG)
    assert client.get(f"{path}/thumbnail", headers=PNG).content == middle.content


def test_what_has_no_pixels_has_no_picture(client: TestClient, keep: Keep) -> None:
    report = ct()
    del report.PixelData
    stored = keep(report)
    for path in (study_path(stored), series_path(stored), instance_path(stored)):
        problem_of(client.get(f"{path}/thumbnail"), 406)
    problem_of(client.get(f"{instance_path(stored)}/rendered"), 406)
