"""What lies on and around the image: directions, scale, place in the body, overlays, shutters, a doctor's marks."""

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Response, expect

from tests.browser.conftest import Site, Visits
from tests.browser.stage import grey, state, wait_for


@pytest.fixture
def page(site: Site, visits: Visits, chromium: Browser) -> Page:
    page = visits.patient(chromium)
    page.goto(f"{site.series('body')}?i=1")
    wait_for(page, shown="1", quality="full")
    page.locator("[data-part=marks]").wait_for()
    return page


def _letters(page: Page) -> list[str]:
    return [page.locator(f".edge-{edge}").inner_text() for edge in ("top", "right", "bottom", "left")]


def test_letters_of_an_axial_image_and_what_they_mean(page: Page) -> None:
    expect(page.locator(".edge-top")).to_have_text("A")
    assert _letters(page) == ["A", "L", "P", "R"]
    expect(page.locator(".edge-left")).to_have_attribute("title", "rechts im Körper")
    assert "oben: vorne; rechts: links im Körper" in page.locator("[data-part=marks] p").inner_text()


def test_all_script_of_the_page_is_small(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.patient(chromium)
    sizes: dict[str, int] = {}

    def note(answer: Response) -> None:
        path = answer.url.partition("/static/")[2].partition("?")[0]
        if path.endswith(".js"):
            sizes[path] = int(answer.headers["content-length"])

    page.on("response", note)
    page.goto(f"{site.series('body')}?i=1")
    page.locator("[data-part=place]").wait_for()
    wait_for(page, shown="1", quality="full")
    page.wait_for_load_state("networkidle")
    assert "js/viewer/place.js" in sizes
    assert sum(sizes.values()) <= 30_000, sizes


def test_letters_follow_the_view(site: Site, page: Page) -> None:
    """As the geometry of the page says it: the letter at an edge is the direction in which that edge lies."""
    found = page.evaluate(
        """async ([orientation]) => {
          const { edges } = await import(orientation);
          const image = { right: "L", bottom: "P" };
          return [0, 90, 180, 270].flatMap((rotation) =>
            [false, true].map((flipped) => Object.values(edges(image, { rotation, flipped })).join("")));
        }""",
        [f"{site.gateway.url}/static/js/viewer/orientation.js"],
    )
    assert found == ["ALPR", "ARPL", "RALP", "LARP", "PRAL", "PLAR", "LPRA", "RPLA"]


def _value(*values: object) -> dict[str, object]:
    return {"Value": list(values)}


def _region(kind: int, unit: int, delta: float) -> dict[str, object]:
    return _value({"00186012": _value(kind), "00186024": _value(unit), "0018602C": _value(delta)})


ORIENTATION, PATIENT_ORIENTATION, ANATOMY = "00200037", "00200020", "00102210"
DIRECTIONS = [
    ({ORIENTATION: _value(1, 0, 0, 0, 0, -1)}, {"right": "L", "bottom": "F"}),
    ({ORIENTATION: _value(0, 1, 0, 0, 0, -1)}, {"right": "P", "bottom": "F"}),
    ({ORIENTATION: _value(0.8, 0.6, 0, 0, 0, -1)}, {"right": "LP", "bottom": "F"}),
    ({ORIENTATION: _value(0.99, 0.1, 0, 0, 0, -1)}, {"right": "L", "bottom": "F"}),
    ({PATIENT_ORIENTATION: _value("L", "FP")}, {"right": "L", "bottom": "FP"}),
    ({PATIENT_ORIENTATION: _value("LE", "<b>")}, None),
    ({PATIENT_ORIENTATION: _value("L")}, None),
    ({ORIENTATION: _value(1, 0, 0)}, None),
    ({ORIENTATION: _value(0, 0, 0, 0, 0, 0)}, None),
    ({ORIENTATION: _value(1, None, 0, 0, 1, 0)}, None),
    ({ANATOMY: _value("QUADRUPED"), PATIENT_ORIENTATION: _value("L", "F")}, None),
    ({}, None),
]
IMAGER, MAGNIFICATION, REGIONS = "00181164", "00181114", "00186011"
SPACINGS = [
    ({"00280030": _value(0.5, 0.7)}, {"mm": 0.7, "exact": True}),
    ({IMAGER: _value(0.2, 0.2)}, {"mm": 0.2, "exact": False}),
    ({IMAGER: _value(0.2, 0.2), MAGNIFICATION: _value(2)}, {"mm": 0.1, "exact": True}),
    ({REGIONS: _region(1, 3, 0.01)}, {"mm": 0.1, "exact": True}),
    ({REGIONS: _region(3, 4, 9)}, None),
    ({"00280030": _value(0, -1)}, None),
    ({}, None),
]


def test_what_data_sets_say_of_directions_and_sizes(site: Site, page: Page) -> None:
    found = page.evaluate(
        """async ([url, one, other]) => {
          const { columnSpacing, directions } = await import(url);
          return [one.map((dataSet) => directions(dataSet, 1)), other.map((dataSet) => columnSpacing(dataSet, 1))];
        }""",
        [
            f"{site.gateway.url}/static/js/viewer/orientation.js",
            [data_set for data_set, _ in DIRECTIONS],
            [data_set for data_set, _ in SPACINGS],
        ],
    )
    assert found == [[expected for _, expected in DIRECTIONS], [expected for _, expected in SPACINGS]]


def test_the_scale_is_as_long_as_it_says(page: Page) -> None:
    scale = page.locator("[data-part=scale]")
    for _ in range(3):
        canvas = page.locator("#stage canvas:visible").bounding_box()
        bar = scale.bounding_box()
        assert canvas and bar
        said, unit = scale.inner_text().split()
        mm = float(said.replace(",", ".")) * {"cm": 10, "mm": 1}[unit]
        assert abs(bar["width"] - mm * canvas["width"] / 80) < 3, "40 columns of 2 mm"
        page.get_by_role("button", name="Größer").click()


def test_the_line_lies_where_the_image_does(page: Page) -> None:
    line = page.locator("[data-part=place] polygon")
    for number, row in ((1, 5.5), (2, 15.5), (3, 25.5)):
        expect(page.locator("#count")).to_have_text(f"Bild {number} von 3")
        points = [tuple(map(float, point.split(","))) for point in str(line.get_attribute("points")).split()]
        assert {y for _, y in points} == {row}, "50 mm from the top, then 100 mm further each, at 10 mm a row"
        assert (min(x for x, _ in points), max(x for x, _ in points)) == (16.4, 24.4), "80 mm at 10 mm a column"
        page.keyboard.press("ArrowDown")
    image = page.locator("[data-part=place] img")
    assert image.evaluate("async (one) => (await one.decode(), one.naturalWidth > 0)")


def test_marks_go_and_come(page: Page) -> None:
    button = page.get_by_role("button", name="Angaben im Bild")
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(page.locator("[data-part=marks]")).to_be_hidden()
    expect(page.locator("[data-part=place]")).to_be_hidden()
    page.keyboard.press("ArrowDown")
    wait_for(page, shown="2")
    expect(page.locator("[data-part=marks]")).to_be_hidden()
    button.click()
    expect(page.locator("[data-part=marks]")).to_be_visible()


def test_without_geometry_there_is_nothing_to_say(site: Site, page: Page) -> None:
    page.goto(site.series("encodings"))
    page.locator("[data-part=marks-button]").wait_for()
    assert _letters(page) == ["", "", "", ""]
    expect(page.locator("[data-part=scale]")).to_be_hidden()
    assert page.locator("[data-part=place]").count() == 0


@pytest.mark.parametrize("number", [1, 2], ids=["own group", "bit of the pixels"])
def test_overlays_and_shutters_are_drawn_over_stored_values(site: Site, page: Page, number: int) -> None:
    page.goto(f"{site.series('planes')}?i={number}")
    wait_for(page, shown=str(number), quality="full")
    overlay = page.locator(".layer .overlay path")
    overlay.wait_for(state="attached")
    assert overlay.get_attribute("d") == "M4 2h2v1h-2z"
    shutter = page.locator(".layer .shutter path")
    assert shutter.get_attribute("d") == "M0 0H40V24H0ZM2 1H20V20H2Z"
    assert shutter.get_attribute("fill") == "rgb(128 128 128)"
    assert np.ptp(grey(page)) == 0, "the canvas holds the stored values alone"
    expect(page.locator(".layer .overlay")).to_be_visible()
    page.get_by_role("button", name="Angaben im Bild").click()
    expect(page.locator(".layer .overlay")).to_be_hidden()
    expect(page.locator(".layer .shutter")).to_be_visible()


def test_marks_of_a_doctor(site: Site, page: Page) -> None:
    page.goto(site.series("marked"))
    wait_for(page, shown="1", quality="full")
    plain = grey(page)
    assert np.ptp(plain) > 100
    button = page.get_by_role("button", name="Markierungen des Arztes")
    expect(button).to_have_attribute("title", "Alles schwarz")
    button.click()
    wait_for(page, renderer="picture", quality="full", marked="true")
    assert (grey(page) == 0).all()
    button.click()
    wait_for(page, renderer="webgl2", quality="full", marked="false")
    assert (grey(page) == plain).all()
    assert state(page)["shown"] == "1"
