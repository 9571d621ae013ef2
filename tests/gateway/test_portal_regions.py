"""Segments and contours over a series: what is drawn equals a plain computation; what is broken says so."""

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from starlette.testclient import TestClient

from tests.browser import doctor
from tests.gateway.portal_house import Portal, keep, opened, series_path
from tests.support.regions import contour, item, segmentation, structure_set

ROWS, COLUMNS = doctor.ROWS, doctor.COLUMNS
STUDY: dict[str, Any] = {"StudyInstanceUID": generate_uid(), "SeriesInstanceUID": generate_uid()}
IMAGES = doctor.volume(**STUDY)


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with opened(tmp_path_factory.mktemp("portal")) as portal:
        for image in IMAGES:
            keep(portal.house, image)
        yield portal


@pytest.fixture(scope="module")
def client(portal: Portal) -> Iterator[TestClient]:
    with portal.patient() as client:
        yield client


@pytest.fixture
def page(portal: Portal) -> str:
    return f"/studies/{STUDY['StudyInstanceUID']}/series/{STUDY['SeriesInstanceUID']}"


def address(portal: Portal, page: str, data_set: Dataset) -> str:
    """Keep a set; where the series answers about it."""
    stored = keep(portal.house, data_set)
    return f"{page}/regions/{stored.series_instance_uid}/{stored.sop_instance_uid}"


def drawn(client: TestClient, address: str, image: int) -> dict[int, NDArray[np.uint8]]:
    """The masks on an image (from 1), each as large as the image."""
    answer = client.get(address, params={"image": image})
    assert answer.status_code == 200, answer.text
    found: dict[int, NDArray[np.uint8]] = {}
    for mask in answer.json()["masks"]:
        whole = found.setdefault(mask["number"], np.zeros((ROWS, COLUMNS), np.uint8))
        values = np.frombuffer(base64.b64decode(mask["values"]), np.uint8).reshape(mask["height"], mask["width"])
        bottom, right = mask["top"] + mask["height"], mask["left"] + mask["width"]
        assert bottom <= ROWS and right <= COLUMNS
        whole[mask["top"] : bottom, mask["left"] : right] = values
    return found


def places(client: TestClient, address: str) -> dict[int, list[list[int]]]:
    return {one["number"]: one["images"] for one in client.get(address).json()["regions"]}


def noise(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(7).integers(0, 2, shape, dtype=np.uint8)


def position(image: int) -> list[float]:
    return [float(value) for value in IMAGES[image].ImagePositionPatient]


def test_a_binary_segmentation_covers_exactly_its_pixels(portal: Portal, client: TestClient, page: str) -> None:
    masks = noise(4, ROWS, COLUMNS)
    images, segments = (3, 4, 4, 9), (1, 1, 2, 2)
    made = segmentation(IMAGES[0], masks, [position(one) for one in images], segments, sources=[IMAGES[3]])
    made.SegmentSequence[1].RecommendedDisplayCIELabValue = [20000, 40000, 50000]
    where = address(portal, page, made)
    answer = client.get(where).json()
    assert answer["concerns"] and (answer["parts"], answer["left_out"]) == (4, 0)
    assert places(client, where) == {1: [[3, 4]], 2: [[4, 4], [9, 9]]}
    assert [one["name"] for one in answer["regions"]] == ["Segment 1", "Segment 2"]
    assert np.array_equal(drawn(client, where, 4)[1], 255 * masks[0])
    both = drawn(client, where, 5)
    assert np.array_equal(both[1], 255 * masks[1]) and np.array_equal(both[2], 255 * masks[2])
    assert drawn(client, where, 1) == {}


def test_a_fractional_segmentation_says_how_much(portal: Portal, client: TestClient, page: str) -> None:
    shares = np.arange(ROWS * COLUMNS, dtype=np.uint8).reshape(1, ROWS, COLUMNS) % 201
    where = address(portal, page, segmentation(IMAGES[0], shares, [position(5)], [1], kind="FRACTIONAL"))
    assert np.array_equal(drawn(client, where, 6)[1], np.rint(shares[0] / 200 * 255))


def test_a_label_map_holds_all_segments_at_once(portal: Portal, client: TestClient, page: str) -> None:
    labels = noise(1, ROWS, COLUMNS) + 2 * noise(2, ROWS, COLUMNS)[1:]
    where = address(portal, page, segmentation(IMAGES[0], labels, [position(5)], [1], kind="LABELMAP"))
    assert np.array_equal(drawn(client, where, 6)[1], 255 * (labels[0] == 1))


def test_another_grid_in_the_same_plane(portal: Portal, client: TestClient, page: str) -> None:
    """Finer, shifted, turned by 30 degrees about the normal, mirrored: each pixel gets what lies at its middle."""
    mask, spacing = noise(1, 40, 50), (0.9, 1.1)
    right = np.array([np.cos(np.pi / 6), np.sin(np.pi / 6), 0])
    down = np.array([np.sin(np.pi / 6), -np.cos(np.pi / 6), 0])
    origin = np.array(position(7)) + (3.3, 22.2, 0.05)
    made = segmentation(IMAGES[0], mask, [origin.tolist()], [1], spacing=spacing, orientation=[*right, *down])
    wanted = np.zeros((ROWS, COLUMNS), np.uint8)
    for row in range(ROWS):
        for column in range(COLUMNS):
            point = np.array(position(7)) + (column * doctor.SPACING[0], row * doctor.SPACING[1], 0) - origin
            x, y = int(np.floor(point @ right / spacing[1] + 0.5)), int(np.floor(point @ down / spacing[0] + 0.5))
            if 0 <= x < 50 and 0 <= y < 40:
                wanted[row, column] = 255 * mask[0, y, x]
    assert 0 < np.count_nonzero(wanted) < wanted.size / 2
    assert np.array_equal(drawn(client, address(portal, page, made), 8)[1], wanted)


@pytest.mark.parametrize("how", ["between", "tilted", "elsewhere", "nowhere"])
def test_what_lies_in_no_image_is_left_out(portal: Portal, client: TestClient, page: str, how: str) -> None:
    mask, where = noise(1, ROWS, COLUMNS), position(7)
    made = segmentation(IMAGES[0], mask, [where], [1], sources=[IMAGES[7]])
    frame, shared = made.PerFrameFunctionalGroupsSequence[0], made.SharedFunctionalGroupsSequence[0]
    match how:
        case "between":
            frame.PlanePositionSequence[0].ImagePositionPatient = [*where[:2], where[2] + 1.25]
        case "tilted":
            shared.PlaneOrientationSequence[0].ImageOrientationPatient = [1, 0, 0, 0, 0.999, 0.0447]
        case "elsewhere":
            made.FrameOfReferenceUID = generate_uid()
        case "nowhere":
            frame.PlanePositionSequence[0].ImagePositionPatient = ["", "", ""]
            made.Rows, made.Columns = COLUMNS, ROWS
    answer = client.get(address(portal, page, made)).json()
    assert answer["concerns"] and answer["regions"][0]["images"] == [] and answer["left_out"] == answer["parts"] == 1


def test_a_segmentation_without_places_lies_on_the_images_that_it_names(
    portal: Portal, client: TestClient, page: str
) -> None:
    mask = noise(1, ROWS, COLUMNS)
    made = segmentation(IMAGES[0], mask, [position(7)], [1], sources=[IMAGES[2]])
    del made.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence
    assert np.array_equal(drawn(client, address(portal, page, made), 3)[1], 255 * mask[0])


def test_contours_lie_where_their_points_say(portal: Portal, client: TestClient, page: str) -> None:
    square = np.array([(2, 3), (9, 3), (9, 8), (2, 8)], float)

    def points(image: int, deep: float = 0.0) -> NDArray[np.float64]:
        flat = square * doctor.SPACING[:2]
        return np.column_stack([flat, np.full(len(flat), deep)]) + position(image)

    contours = [
        contour(points(4), IMAGES[4]),
        contour(points(5)),
        contour(points(6)[:1], kind="POINT"),
        contour(points(7)[:2], kind="OPEN_PLANAR"),
        contour(points(8, 1.25)),
        contour(points(9) + (0, 0, 5), IMAGES[9]),
    ]
    made = structure_set(IMAGES[0], [("\u202eorgan", contours), ("nothing", [])])
    where = address(portal, page, made)
    answer = client.get(where).json()
    assert [one["name"] for one in answer["regions"]] == ["organ", "nothing"]
    assert answer["regions"][0]["images"] == [[4, 7]] and (answer["parts"], answer["left_out"]) == (6, 2)
    assert answer["regions"][0]["colour"] != "#00005a", "too dark to be seen"
    outer = (square + 0.5).ravel().tolist()
    forms = [client.get(where, params={"image": image}).json()["shapes"] for image in (5, 6, 7, 8)]
    assert forms == [
        [{"number": 1, "form": "closed", "points": pytest.approx(outer, abs=0.01)}],
        [{"number": 1, "form": "closed", "points": pytest.approx(outer, abs=0.01)}],
        [{"number": 1, "form": "point", "points": pytest.approx(outer[:2], abs=0.01)}],
        [{"number": 1, "form": "open", "points": pytest.approx(outer[:4], abs=0.01)}],
    ]


def _broken_structure_set(**attributes: Any) -> Dataset:
    ring = np.tile(position(3), (4, 1)) + np.array([(0, 0, 0), (9, 0, 0), (9, 9, 0), (0, 9, 0)])
    made = structure_set(IMAGES[0], [("A", [contour(ring) for _ in range(5)])])
    contours = made.ROIContourSequence[0].ContourSequence
    contours[0].ContourData = ["1", "2"]
    contours[1]["ContourData"].VR = "LO"
    contours[1].ContourData = "NaN\\inf\\x"
    contours[2].ContourGeometricType = "OPEN_NONPLANAR"
    contours[3].ContourData = ["1e300"] * 9
    return made


def test_contours_that_say_nothing_are_counted_and_the_rest_is_drawn(
    portal: Portal, client: TestClient, page: str
) -> None:
    where = address(portal, page, _broken_structure_set())
    answer = client.get(where).json()
    assert (answer["parts"], answer["left_out"], answer["regions"][0]["images"]) == (5, 4, [[3, 3]])
    assert len(client.get(where, params={"image": 4}).json()["shapes"]) == 1


@pytest.mark.parametrize("how", ["frames", "short", "size", "no groups", "segments"])
def test_a_hostile_segmentation_gets_an_answer(portal: Portal, client: TestClient, page: str, how: str) -> None:
    made = segmentation(IMAGES[0], noise(1, ROWS, COLUMNS), [position(3)], [1])
    match how:
        case "frames":
            made.NumberOfFrames = 2_000_000_000
        case "short":
            made.PixelData = b"\0\0"
        case "size":
            made.Rows = made.Columns = 65535
        case "no groups":
            del made.PerFrameFunctionalGroupsSequence, made.SharedFunctionalGroupsSequence
        case "segments":
            made.SegmentSequence = [item(SegmentNumber=one) for one in range(2_001)]
    where = address(portal, page, made)
    answers = [client.get(where).status_code, client.get(where, params={"image": 4}).status_code]
    assert answers in ([406, 406], [200, 406], [200, 404], [200, 200])
    assert client.get(page).status_code == 200


def test_the_list_names_what_the_study_has_and_only_what_is_shared(
    portal: Portal, client: TestClient, page: str
) -> None:
    made = segmentation(IMAGES[0], noise(1, ROWS, COLUMNS), [position(3)], [1], SeriesDescription="<b>Leber")
    where = address(portal, page, made)
    assert {"address": where, "name": "<b>Leber"} in client.get(f"{page}/regions").json()
    assert client.get(where, params={"image": 21}).status_code == 404
    assert client.get(where, params={"image": "x"}).status_code == 404
    assert client.get(series_path(portal.foreign) + "/regions").status_code == 404
    with portal.patient(issued=portal.share_of(portal.chest[0])) as other:
        assert other.get(where).status_code == 404


def test_a_set_of_another_place_is_not_for_the_series(portal: Portal, client: TestClient) -> None:
    study = {"StudyInstanceUID": STUDY["StudyInstanceUID"], "SeriesInstanceUID": generate_uid()}
    away = keep(portal.house, doctor.ultrasound(**study))
    made = segmentation(IMAGES[0], noise(1, ROWS, COLUMNS), [position(3)], [1])
    assert client.get(address(portal, series_path(away), made)).json()["concerns"] is False
