"""Pictures and thumbnails."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from starlette.testclient import TestClient

from storage.ingest import Stored
from storage.scope import ListedStudies
from tests.dicomweb.conftest import BASE, Callers, Keep
from tests.dicomweb.instances import damaged, movie
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
    assert picture(client.get(f"{path}?viewport=20,20,40,,,").content).size == (20, 20)
    problem_of(client.get(f"{path}?viewport=0,20"), 400)
    assert "80 x 40" in problem_of(client.get(f"{path}?viewport=20,20,80,0,4,4"), 400)["detail"]


def test_quality(client: TestClient, keep: Keep) -> None:
    image = ct(100, 100)
    image.PixelData = np.random.default_rng(1).integers(0, 2000, 10_000).astype("<i2").tobytes()
    path = f"{instance_path(keep(image))}/rendered"
    rough, fine = (client.get(f"{path}?quality={quality}").content for quality in (5, 95))
    assert len(rough) < len(fine) / 2


def test_what_is_not_supported_is_said(client: TestClient, keep: Keep) -> None:
    response = client.get(f"{instance_path(keep(ct()))}/rendered?annotation=patient,weather")
    assert response.status_code == 200
    warning = "The annotation parameter supports patient and technique; other values were not applied."
    assert response.headers["warning"] == f'299 {BASE} "{warning}"'


@pytest.mark.parametrize(
    "query",
    [
        *("window=", "window=1", "window=1,2,3", "window=1,0", "viewport=1", "viewport=9,9,-1,0,1,1", "quality=0"),
        *("quality=x", "annotation=", "iccprofile=maybe"),
    ],
)
def test_malformed_parameters_are_refused_with_what_would_have_worked(
    client: TestClient, keep: Keep, query: str
) -> None:
    detail = problem_of(client.get(f"{instance_path(keep(ct()))}/rendered?{query}"), 400)["detail"]
    assert query.partition("=")[0] in detail


def test_annotation_is_written_on_the_picture(client: TestClient, keep: Keep) -> None:
    """PS3.18 8.3.5.1.1: what is asked for is legible, and nothing is where nothing is asked for."""
    path = f"{instance_path(keep(ct(100, 300, WindowCenter='-9999')))}/rendered"
    plain, patient, both = (
        np.asarray(picture(client.get(f"{path}{query}", headers=PNG).content)).astype(int)
        for query in ("", "?annotation=patient", "?annotation=patient,technique")
    )
    assert plain.min() == plain.max()
    lines = [int((np.abs(one - plain).max(axis=1) > 100).sum()) for one in (patient, both)]
    assert 0 < lines[0] < lines[1]
    assert "annotation" in client.get(f"{path.removesuffix('rendered')}thumbnail?annotation=patient").headers["warning"]


def test_colour_profile_of_the_answer(client: TestClient, keep: Keep) -> None:
    path = f"{instance_path(keep(ct()))}/rendered"
    with_profile, without = (client.get(f"{path}?iccprofile={asked}").content for asked in ("srgb", "no"))
    assert picture(with_profile).info["icc_profile"][36:40] == b"acsp"
    assert "icc_profile" not in picture(without).info


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


def _study_of(keep: Keep, *images: Dataset) -> list[Stored]:
    """`images` as one series."""
    study, series = generate_uid(), generate_uid()
    for number, image in enumerate(images, 1):
        image.StudyInstanceUID, image.SeriesInstanceUID, image.InstanceNumber = study, series, number
    return [keep(image) for image in images]


def _without_pixels() -> Dataset:
    report = ct()
    del report.PixelData
    return report


@pytest.mark.parametrize("level", [study_path, series_path])
def test_studies_and_series_are_all_of_their_instances(
    client: TestClient, keep: Keep, level: Callable[[Stored], str]
) -> None:
    """PS3.18 10.4.1.1.3: every picture is a part, those of a multi-frame image frame by frame."""
    stored = _study_of(keep, ct(), movie(3), ct())
    response = client.get(f"{level(stored[0])}/rendered")
    parts = parts_of(response)
    places = ["/rendered", *(f"/frames/{number}/rendered" for number in (1, 2, 3)), "/rendered"]
    images = [stored[0], stored[1], stored[1], stored[1], stored[2]]
    assert [head["Content-Location"] for head, _ in parts] == [
        f"{BASE}{instance_path(image)}{place}" for image, place in zip(images, places, strict=True)
    ]
    assert {head["Content-Type"] for head, _ in parts} == {"image/jpeg"}
    for head, content in parts:
        alone = client.get(head["Content-Location"], headers={"Accept": "image/jpeg"})
        assert alone.content == content
    as_png = {"Accept": 'multipart/related; type="image/png"'}
    small = client.get(f"{level(stored[0])}/rendered?viewport=8,8", headers=as_png)
    assert [picture(content).size for _, content in parts_of(small)] == [(8, 8)] * 5


def test_several_pictures_are_no_single_part(client: TestClient, keep: Keep) -> None:
    stored = _study_of(keep, ct(), ct())
    problem = problem_of(client.get(f"{study_path(stored[0])}/rendered", headers={"Accept": "image/jpeg"}), 406)
    assert 'multipart/related; type="image/jpeg"' in problem["acceptable"]
    alone = keep(ct())
    assert client.get(f"{study_path(alone)}/rendered", headers=PNG).headers["content-type"] == "image/png"


def test_what_cannot_be_shown_makes_the_answer_partial(client: TestClient, keep: Keep) -> None:
    """Table 10.4.4-1: 206 when some of the resource has no acceptable representation."""
    stored = _study_of(keep, ct(), _without_pixels())
    response = client.get(f"{study_path(stored[0])}/rendered")
    assert (response.status_code, len(parts_of(response))) == (206, 1)


def test_a_damaged_picture_among_others_is_a_part_that_says_so(client: TestClient, keep: Keep) -> None:
    study, series = generate_uid(), generate_uid()
    for number in (1, 2, 3):
        named: dict[str, Any] = {"StudyInstanceUID": study, "SeriesInstanceUID": series, "InstanceNumber": number}
        stored = keep(damaged(**named) if number == 2 else ct(**named))
    parts = parts_of(client.get(f"{study_path(stored)}/rendered"))
    assert [head["Content-Type"] for head, _ in parts] == ["image/jpeg", "application/problem+json", "image/jpeg"]


def test_a_cine_moves_as_gif(client: TestClient, keep: Keep) -> None:
    """Table 8.7.4-1: a multi-frame image as image/gif, at its Frame Time (PS3.3 C.7.6.5)."""
    stored = keep(movie(4, FrameTime="40", WindowCenter="4", WindowWidth="9", RescaleIntercept="0"))
    path = f"{instance_path(stored)}/rendered"
    moving = picture(client.get(path, headers={"Accept": "image/gif"}).content)
    assert (moving.format, getattr(moving, "n_frames", 1), moving.info["duration"]) == ("GIF", 4, 40)
    still = picture(client.get(f"{instance_path(stored)}/frames/2/rendered", headers={"Accept": "image/gif"}).content)
    assert (still.format, getattr(still, "n_frames", 1)) == ("GIF", 1)


def test_what_others_may_not_see_is_not_rendered(client: TestClient, keep: Keep, callers: Callers) -> None:
    mine, other = keep(ct()), keep(ct())
    scoped = callers.add("mine", ListedStudies(frozenset({mine.study_instance_uid})), "read")
    for path in (study_path, series_path, instance_path):
        assert client.get(f"{path(mine)}/rendered", headers=scoped).status_code == 200
        problem_of(client.get(f"{path(other)}/rendered", headers=scoped), 404)
        problem_of(client.get(f"{path(other)}/thumbnail", headers=scoped), 404)


def test_pictures_are_drawn_once(client: TestClient, keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"{instance_path(keep(ct()))}/rendered"
    first = client.get(path).content

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("drawn again")

    monkeypatch.setattr("storage.imaging.decoder_pool.DecoderPool.ask", fail)
    assert client.get(path).content == first


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
