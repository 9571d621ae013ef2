"""The doctor's tools: what is measured equals numpy and the geometry of the image, by mouse, touch and keyboard."""

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import doctor
from tests.browser.conftest import PHONE, Site, Visits
from tests.browser.stage import Fingers, grey, state, wait_for
from tests.browser.unit import run

NO_BREAK = "\u00a0"


def _open(page: Page, site: Site, study: str, image: int = 1) -> None:
    page.goto(f"{site.series(study)}?i={image}")
    wait_for(page, shown=str(image), quality="full")
    page.locator("#doctors-tools").click()
    page.get_by_role("heading", name="Werkzeuge für Ärztinnen und Ärzte").wait_for()


@pytest.fixture
def page(visits: Visits, chromium: Browser) -> Page:
    return visits.patient(chromium)


def _at(page: Page, column: float, row: float) -> tuple[float, float]:
    """Where a point of the image lies in the window: the layer's units are the pixels of the image."""
    script = "([x, y]) => { const at = new DOMPoint(x, y).matrixTransform(document.querySelector('#stage .layer')"
    x, y = page.evaluate(f"{script}.getScreenCTM()); return [at.x, at.y]; }}", [column, row])
    return x, y


def _drag(page: Page, *points: tuple[float, float]) -> None:
    page.mouse.move(*_at(page, *points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*_at(page, *point))
    page.mouse.up()


def _measured(page: Page) -> list[str]:
    """The list of measurements, a line of figures each."""
    page.locator(".measure-name").first.wait_for()
    texts: list[str] = page.locator(".measure-name").evaluate_all(
        "all => all.map(one => [...one.querySelectorAll('span, small')].map(part => part.textContent).join(' | '))"
    )
    return texts


def _number(value: float, digits: int = 1) -> str:
    return f"{value:,.{digits}f}".translate(str.maketrans(".,", ",."))


def test_nothing_is_loaded_before_the_button_is_pressed(site: Site, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site.series('volume')}?i=10")
    wait_for(page, shown="10", quality="full")
    page.wait_for_load_state("networkidle")
    assert [url for url in asked if "/tools" in url] == []
    page.locator("#doctors-tools").click()
    page.get_by_role("heading", name="Werkzeuge für Ärztinnen und Ärzte").wait_for()
    assert len([url for url in asked if "/js/tools/" in url]) > 5
    expect(page.locator("#doctors-tools")).to_have_attribute("aria-expanded", "true")
    page.locator("#doctors-tools").click()
    expect(page.locator("#doctor")).to_be_hidden()


def test_a_length_and_its_changes(site: Site, page: Page) -> None:
    _open(page, site, "volume", 10)
    page.get_by_role("button", name="Länge", exact=True).click()
    _drag(page, (4, 6), (10, 10), (24, 15))
    wanted = np.hypot((24 - 4) * doctor.SPACING[0], (15 - 6) * doctor.SPACING[1])
    assert _measured(page) == [f"{_number(wanted)}{NO_BREAK}mm"]
    _drag(page, (24, 15), (20, 10), (16, 6))
    assert _measured(page) == [f"{_number((16 - 4) * doctor.SPACING[0])}{NO_BREAK}mm"]
    assert state(page)["shown"] == "10", "drawing does not scroll"


def test_a_length_by_two_clicks_in_a_turned_image(site: Site, page: Page) -> None:
    _open(page, site, "volume", 10)
    page.get_by_text("Ansicht", exact=True).click()
    page.get_by_role("button", name="Nach rechts drehen").click()
    page.get_by_role("button", name="Senkrecht spiegeln").click()
    page.get_by_role("button", name="Länge", exact=True).click()
    page.mouse.click(*_at(page, 4, 6))
    page.mouse.click(*_at(page, 24, 6))
    assert _measured(page) == [f"{_number(20 * doctor.SPACING[0])}{NO_BREAK}mm"]


def test_angles(site: Site, page: Page) -> None:
    _open(page, site, "volume", 10)
    page.get_by_role("button", name="Winkel", exact=True).click()
    _drag(page, (16, 6), (10, 18))
    page.mouse.click(*_at(page, 22, 18))
    to_first = np.array([(16 - 10) * doctor.SPACING[0], (6 - 18) * doctor.SPACING[1]])
    wanted = np.degrees(np.arccos(to_first[0] / np.hypot(*to_first)))
    assert _measured(page) == [f"{_number(wanted)}°"]
    page.get_by_role("button", name="Alle auf diesem Bild löschen").click()
    page.get_by_role("button", name="Cobb-Winkel").click()
    _drag(page, (4, 4), (14, 4))
    _drag(page, (14, 20), (4, 16))
    wanted = np.degrees(np.arctan2(4 * doctor.SPACING[1], 10 * doctor.SPACING[0]))
    assert _measured(page) == [f"{_number(wanted)}°"]


@pytest.mark.parametrize("shape", ["Rechteck", "Ellipse"])
def test_regions_equal_numpy(site: Site, page: Page, shape: str) -> None:
    _open(page, site, "volume", 10)
    page.get_by_role("button", name=shape).click()
    (left, top), (right, bottom) = (15.3, 7.2), (26.3, 17.3)
    _drag(page, (left, top), (right, bottom))
    rows, columns = np.mgrid[: doctor.ROWS, : doctor.COLUMNS] + 0.5
    if shape == "Rechteck":
        inside = (columns > left) & (columns < right) & (rows > top) & (rows < bottom)
        share = 1.0
    else:
        across = (columns - (left + right) / 2) / ((right - left) / 2)
        inside = across**2 + ((rows - (top + bottom) / 2) / ((bottom - top) / 2)) ** 2 <= 1
        share = np.pi / 4
    found = doctor.values()[9][inside]
    area = share * (right - left) * doctor.SPACING[0] * (bottom - top) * doctor.SPACING[1]
    [text] = _measured(page)
    assert f"Mittel {_number(found.mean())} HU · SD {_number(found.std())}" in text
    assert f"Min {_number(found.min())} · Max {_number(found.max())}" in text
    assert f"{found.size} Pixel" in text
    told = float(text.split("Fläche ")[1].split(NO_BREAK)[0].replace(".", "").replace(",", "."))
    assert told == pytest.approx(area, abs=1), "the hand sets points to a fraction of a pixel of the screen"


def test_the_probe_says_value_and_place(site: Site, page: Page) -> None:
    _open(page, site, "volume", 10)
    page.get_by_role("button", name="Messpunkt").click()
    page.mouse.click(*_at(page, 5.5, 7.5))
    value = doctor.values()[9, 7, 5]
    place = [origin + step * at for origin, step, at in zip(doctor.ORIGIN, doctor.SPACING, (5, 7, 9), strict=True)]
    axes = [("R" if place[0] < 0 else "L"), ("A" if place[1] < 0 else "P"), "H"]
    worded = " · ".join(f"{axis} {_number(abs(value))}" for axis, value in zip(axes, place, strict=True))
    assert _measured(page) == [f"{_number(value)}{NO_BREAK}HU | {worded} mm"]
    page.mouse.move(*_at(page, 6.5, 7.5))
    expect(page.locator(".readout")).to_contain_text(_number(doctor.values()[9, 7, 6]))


def test_uptake_is_computed_from_dose_weight_and_time(site: Site, page: Page) -> None:
    _open(page, site, "pet")
    page.get_by_role("button", name="Messpunkt").click()
    page.mouse.click(*_at(page, 5.5, 7.5))
    wanted = 1000 * 70 * 1000 / (350e6 * 2 ** (-3600 / 6588))
    [text] = _measured(page)
    assert text.startswith(f"{_number(wanted, 2)}{NO_BREAK}SUV (bw) | ")
    assert "berechnet aus Dosis, Gewicht, Zeiten und Halbwertszeit" in text


_DOSE = {
    "00181072": {"Value": ["100000"]},
    "00181074": {"Value": [350e6]},
    "00181075": {"Value": [6588]},
}
_PET: dict[str, Any] = {
    "00541001": {"Value": ["BQML"]},
    "00280051": {"Value": ["DECY", "ATTN"]},
    "00541102": {"Value": ["START"]},
    "00101030": {"Value": [70]},
    "00080021": {"Value": ["20190101"]},
    "00080031": {"Value": ["110000"]},
    "00080022": {"Value": ["20190101"]},
    "00080032": {"Value": ["110500"]},
    "00540016": {"Value": [_DOSE]},
}
_AFTER_AN_HOUR = 70000 / (350e6 * 2 ** (-3600 / 6588))
_LATER = {"00080031": {"Value": ["180000"]}}
_UPTAKES: dict[str, tuple[dict[str, Any], float | str]] = {
    "computed": ({}, _AFTER_AN_HOUR),
    "at administration": ({"00541102": {"Value": ["ADMIN"]}}, 70000 / 350e6),
    "stored": ({"00541001": {"Value": ["GML"]}}, 1.0),
    "stored for lean mass": (
        {"00541001": {"Value": ["GML"]}, "00541006": {"Value": ["LBM"]}},
        "tools.suv_other_type",
    ),
    "counts with a factor": (
        {
            "00541001": {"Value": ["CNTS"]},
            "70530010": {"Value": ["Philips PET Private Group"]},
            "70531000": {"Value": ["0.5"]},
        },
        0.5,
    ),
    "counts without one": ({"00541001": {"Value": ["CNTS"]}}, "tools.suv_units"),
    "computed series": (_LATER, "tools.suv_times"),
    "computed series of GE": (
        _LATER | {"00090010": {"Value": ["GEMS_PETD_01"]}, "0009100D": {"Value": ["20190101110000.00"]}},
        _AFTER_AN_HOUR,
    ),
    "midnight": (
        {
            "00080021": {"Value": ["20190102"]},
            "00080031": {"Value": ["003000"]},
            "00080022": {"Value": ["20190102"]},
            "00080032": {"Value": ["003000"]},
            "00540016": {"Value": [_DOSE | {"00181072": {"Value": ["233000"]}}]},
        },
        _AFTER_AN_HOUR,
    ),
    "injected after the scan": (
        {"00540016": {"Value": [_DOSE | {"00181072": {"Value": ["111500"]}}]}},
        "tools.suv_times",
    ),
    "not corrected": ({"00280051": {"Value": ["DECY"]}}, "tools.suv_uncorrected"),
    "no weight": ({"00101030": {}}, "tools.suv_missing"),
}


@pytest.fixture(scope="module")
def signed_in(site: Site, session: Any, chromium: Browser) -> Any:
    visits = Visits(site, session)
    page = visits.patient(chromium)
    page.goto(site.series("pet"))
    wait_for(page, quality="full")
    yield page
    visits.close()
    assert visits.complaints == []


@pytest.mark.parametrize("case", _UPTAKES)
def test_uptake_of_every_vendor(signed_in: Page, case: str) -> None:
    changes, wanted = _UPTAKES[case]
    found = run(signed_in, "tools/suv.js", "return it.suvOf(argument);", _PET | changes)
    if isinstance(wanted, str):
        assert found == {"reason": wanted}
    else:
        assert found["factor"] == pytest.approx(wanted, rel=1e-9)


def test_a_radiograph_says_that_it_is_a_projection(site: Site, page: Page) -> None:
    _open(page, site, "radiograph")
    page.get_by_role("button", name="Länge", exact=True).click()
    _drag(page, (4, 6), (24, 6))
    [text] = _measured(page)
    assert text.startswith(f"10,0{NO_BREAK}mm | Projektionsaufnahme")


def test_ultrasound_is_measured_by_its_regions(site: Site, page: Page) -> None:
    _open(page, site, "ultrasound")
    page.get_by_role("button", name="Länge", exact=True).click()
    _drag(page, (4, 6), (14, 6))
    _drag(page, (4, 12), (24, 12))
    inside, across = _measured(page)
    assert inside == f"4,0{NO_BREAK}mm"
    assert across.startswith(f"20,0{NO_BREAK}px | Hier nennt das Ultraschallbild keinen")


def test_by_keyboard_alone(site: Site, page: Page) -> None:
    page.goto(f"{site.series('volume')}?i=10")
    wait_for(page, shown="10", quality="full")
    page.locator("#doctors-tools").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Werkzeuge für Ärztinnen und Ärzte").wait_for()
    page.get_by_role("button", name="Länge", exact=True).focus()
    page.keyboard.press("Space")
    expect(page.locator("#stage")).to_be_focused()
    page.keyboard.press("Enter")
    [before] = _measured(page)
    for _ in range(4):
        page.keyboard.press("Shift+ArrowRight")
    [after] = _measured(page)
    assert before != after
    assert state(page)["shown"] == "10", "arrows move the point, not the stack"
    page.keyboard.press("Delete")
    expect(page.get_by_text("Noch keine.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Länge", exact=True)).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("ArrowDown")
    wait_for(page, shown="11")


def test_by_touch_and_two_fingers_still_zoom(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.patient(chromium, **PHONE)
    _open(page, site, "volume", 10)
    fingers = Fingers(page.context.new_cdp_session(page))
    page.get_by_role("button", name="Länge", exact=True).tap()
    fingers.drag(_at(page, 4, 6), _at(page, 10, 6), _at(page, 24, 6))
    [text] = _measured(page)
    assert float(text.split(NO_BREAK)[0].replace(",", ".")) == pytest.approx(20 * doctor.SPACING[0], abs=0.3)
    x, y = _at(page, 16, 18)
    fingers.put("touchStart", (x - 30, y))
    fingers.put("touchStart", (x - 30, y), (x + 30, y))
    for spread in (40, 60, 80):
        fingers.put("touchMove", (x - spread, y), (x + spread, y))
    fingers.put("touchEnd")
    assert float(state(page)["zoom"]) > 1.5
    expect(page.locator(".drawing .measure")).to_have_count(1)
    assert len(_measured(page)) == 1, "what the first finger began is taken back"


def test_measurements_stay_with_their_image_and_are_not_sent(site: Site, page: Page) -> None:
    _open(page, site, "volume", 10)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method) if request.method != "GET" else None)
    page.get_by_role("button", name="Länge", exact=True).click()
    _drag(page, (4, 6), (24, 6))
    before = _measured(page)
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowDown")
    wait_for(page, shown="11")
    expect(page.get_by_text("Noch keine.")).to_be_visible()
    expect(page.locator(".drawing .measure")).to_have_count(0)
    page.keyboard.press("ArrowUp")
    wait_for(page, shown="10")
    assert _measured(page) == before
    assert sent == []
    page.get_by_role("button", name="Länge 1 löschen").click()
    expect(page.get_by_text("Noch keine.")).to_be_visible()


def test_windows_by_numbers_and_by_name(site: Site, page: Page) -> None:
    _open(page, site, "volume", 10)
    page.locator("#doctor").get_by_text("Fenster", exact=True).click()
    page.get_by_label("Mitte").fill("100")
    page.get_by_label("Breite").fill("200")
    page.keyboard.press("Enter")
    wait_for(page, window="100 200")
    wanted = np.clip((doctor.values()[9] - 99.5) / 199 + 0.5, 0, 1) * 255
    assert np.abs(grey(page).astype(float) - wanted).max() <= 1
    page.get_by_role("button", name="Leber").click()
    wait_for(page, window="80 150")
    expect(page.get_by_label("Breite")).to_have_value("150")
    page.get_by_label("Breite").fill("-5")
    page.keyboard.press("Enter")
    assert state(page)["window"] == "80 150", "what is no width changes nothing"


def test_inverting_is_undone_by_reset(site: Site, page: Page) -> None:
    _open(page, site, "volume", 10)
    page.get_by_text("Ansicht", exact=True).click()
    page.get_by_role("button", name="Invertieren").click()
    seen = page.locator("#stage canvas:visible")
    expect(seen).to_have_css("filter", "invert(1)")
    page.locator("#doctor").get_by_role("button", name="setzen").click()
    expect(seen).to_have_css("filter", "none")
