"""Browsing: the image in sight is the image asked for, whatever asks; zoom, pan, brightness."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PHONE, Site, Visits
from tests.browser.stage import Fingers, grey, middle, state, wait_for


def _shows(page: Page, number: int) -> None:
    wait_for(page, shown=str(number), quality="full")
    assert abs(int(grey(page)[5, 5]) - 2 * number) <= 1, "image n is of the grey 2n"
    assert page.locator("#count").inner_text() == f"Bild {number} von 120"
    assert page.locator("#slider").input_value() == str(number)


@pytest.fixture
def page(site: Site, visits: Visits, chromium: Browser) -> Page:
    page = visits.patient(chromium)
    page.goto(f"{site.series('stack')}?i=60")
    _shows(page, 60)
    return page


def test_keys(page: Page) -> None:
    for key, number in (
        ("ArrowDown", 61),
        ("ArrowRight", 62),
        ("ArrowUp", 61),
        ("ArrowLeft", 60),
        ("PageDown", 70),
        ("PageUp", 60),
        ("Home", 1),
        ("ArrowUp", 1),
        ("End", 120),
        ("PageDown", 120),
    ):
        page.keyboard.press(key)
        _shows(page, number)


def test_wheel(page: Page) -> None:
    page.mouse.move(*middle(page))
    for _ in range(5):
        page.mouse.wheel(0, 100)
    _shows(page, 65)
    page.mouse.wheel(0, -100)
    _shows(page, 64)
    for _ in range(8):
        page.mouse.wheel(0, 10)
    _shows(page, 66)


def test_buttons_and_slider(page: Page) -> None:
    page.get_by_role("link", name="Nächstes Bild").click()
    _shows(page, 61)
    page.get_by_role("link", name="Vorheriges Bild").click()
    _shows(page, 60)
    slider = page.get_by_role("slider")
    slider.fill("7")
    _shows(page, 7)
    slider.press("ArrowRight")
    _shows(page, 8)
    assert slider.get_attribute("aria-valuetext") == "Bild 8 von 120"


def test_drag_with_the_mouse(page: Page) -> None:
    x, y = middle(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 10)
    page.mouse.move(x, y - 130)
    page.mouse.up()
    shown = int(state(page)["shown"])
    assert 70 <= int(wait_for(page, quality="full")["shown"]) <= 90
    _shows(page, int(page.locator("#slider").input_value()))
    assert shown >= 60


def test_fast_scrolling_ends_at_the_image_asked_for(page: Page) -> None:
    page.mouse.move(*middle(page))
    for distance in (100, 100, -100) * 12:
        page.mouse.wheel(0, distance)
    _shows(page, 72)


def test_the_address_and_the_announcement_follow(page: Page) -> None:
    page.keyboard.press("ArrowDown")
    page.get_by_role("status").filter(has_text="Bild 61 von 120").wait_for()
    assert page.url.endswith("?i=61")
    english = page.get_by_role("link", name="English", include_hidden=True)
    assert str(english.get_attribute("href")).endswith("lang=en&i=61")
    page.reload()
    _shows(page, 61)


def test_zoom_and_pan_by_mouse(page: Page) -> None:
    x, y = middle(page)
    page.mouse.dblclick(x, y)
    wait_for(page, zoom="2.50")
    before = page.locator("#stage canvas:visible").bounding_box()
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 20, y + 20)
    page.mouse.move(x + 60, y + 40)
    page.mouse.up()
    after = page.locator("#stage canvas:visible").bounding_box()
    assert before and after and after["x"] > before["x"] + 20
    assert state(page)["shown"] == "60", "an enlarged image is moved, not changed"
    page.mouse.dblclick(x, y)
    wait_for(page, zoom="1.00")
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    assert float(state(page)["zoom"]) > 1.3


def test_zoom_by_buttons_and_keys(page: Page) -> None:
    page.get_by_role("button", name="Größer").click()
    wait_for(page, zoom="1.50")
    page.get_by_role("button", name="Kleiner").click()
    wait_for(page, zoom="1.00")
    page.locator("#stage").focus()
    page.keyboard.press("+")
    wait_for(page, zoom="1.25")
    page.keyboard.press("0")
    wait_for(page, zoom="1.00")


def _window(page: Page) -> tuple[float, float]:
    center, width = state(page)["window"].split()
    return float(center), float(width)


def test_brightness_by_the_right_button(page: Page) -> None:
    x, y = middle(page)
    before = int(grey(page)[5, 5])
    page.mouse.move(x, y)
    page.mouse.down(button="right")
    page.mouse.move(x, y - 80)
    page.mouse.up(button="right")
    assert _window(page)[0] < 128
    assert grey(page)[5, 5] > before, "up is brighter"
    page.mouse.down(button="right")
    page.mouse.move(x + 80, y - 80)
    page.mouse.up(button="right")
    assert _window(page)[1] < 256, "right is more contrast"
    assert state(page)["shown"] == "60"
    page.keyboard.press("ArrowDown")
    wait_for(page, shown="61", quality="full")
    assert _window(page)[1] < 256, "a chosen window stays"
    page.get_by_role("button", name="setzen").click()
    assert _window(page) == (128, 256)


def test_brightness_by_its_mode_and_by_buttons(page: Page) -> None:
    toggle = page.get_by_role("button", name="Helligkeit")
    toggle.click()
    assert toggle.get_attribute("aria-pressed") == "true"
    x, y = middle(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 60)
    page.mouse.up()
    assert _window(page)[0] > 128 and state(page)["shown"] == "60"
    page.get_by_role("button", name="Wie aufgenommen").click()
    before = int(grey(page)[5, 5])
    page.get_by_role("button", name="Heller").click()
    assert grey(page)[5, 5] > before
    page.get_by_role("button", name="Mehr Kontrast").click()
    assert _window(page)[1] < 256
    toggle.click()
    assert page.locator("#window-panel").is_hidden()


@pytest.fixture
def phone(site: Site, visits: Visits, chromium: Browser) -> Iterator[tuple[Page, Fingers]]:
    page = visits.patient(chromium, **PHONE)
    page.goto(f"{site.series('stack')}?i=60")
    _shows(page, 60)
    yield page, Fingers(page.context.new_cdp_session(page))


def test_swipe(phone: tuple[Page, Fingers]) -> None:
    page, fingers = phone
    x, y = middle(page)
    fingers.drag((x, y), (x, y - 10), (x, y - 40), (x, y - 70))
    wanted = int(page.locator("#slider").input_value())
    assert wanted > 60, "up is forward"
    _shows(page, wanted)
    fingers.drag((x, y), (x, y + 10), (x, y + 40), (x, y + 70))
    _shows(page, 60)
    fingers.drag((x, y), (x - 10, y), (x - 40, y), (x - 70, y))
    assert int(page.locator("#slider").input_value()) > 60, "left is forward"


def _press_long(page: Page, fingers: Fingers) -> None:
    """Until the device lets the finger feel that it has taken it for a long press."""
    page.evaluate("() => { navigator.vibrate = () => { document.body.dataset.felt = 'yes'; return true; }; }")
    fingers.put("touchStart", middle(page))
    expect(page.locator("body")).to_have_attribute("data-felt", "yes")


def test_a_swipe_on_a_busy_device_is_no_long_press(phone: tuple[Page, Fingers]) -> None:
    page, fingers = phone
    x, y = middle(page)
    _press_long(page, fingers)
    for up in (10, 40, 70):
        fingers.put("touchMove", (x, y - up))
    fingers.put("touchEnd")
    assert int(page.locator("#slider").input_value()) > 60


def test_pinch_and_double_tap(phone: tuple[Page, Fingers]) -> None:
    page, fingers = phone
    x, y = middle(page)
    fingers.put("touchStart", (x - 30, y))
    fingers.put("touchStart", (x - 30, y), (x + 30, y))
    for spread in (40, 60, 80, 90):
        fingers.put("touchMove", (x - spread, y), (x + spread, y))
    fingers.put("touchEnd")
    assert 2.5 < float(state(page)["zoom"]) < 3.5
    assert state(page)["shown"] == "60"
    for _ in range(2):
        fingers.tap((x, y))
    wait_for(page, zoom="1.00")


def test_long_press_changes_brightness(phone: tuple[Page, Fingers]) -> None:
    page, fingers = phone
    x, y = middle(page)
    _press_long(page, fingers)
    fingers.rest(0.65)
    for up in (20, 40, 60):
        fingers.put("touchMove", (x, y - up))
    fingers.put("touchEnd")
    assert _window(page)[0] < 128
    assert state(page)["shown"] == "60"


def test_moving_brings_jpegs_and_resting_brings_frames(site: Site, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.keyboard.press("End")
    _shows(page, 120)
    last = site.studies["stack"][-1].SOPInstanceUID
    of_last = [url for url in asked if last in url]
    assert any("/rendered" in url for url in of_last)
    assert any(url.endswith("/frames/1") for url in of_last)


def test_what_is_not_there_is_said(visits: Visits, page: Page) -> None:
    visits.expected = {"rendered?quality=80", "rendered?quality=95", "/frames/1"}

    def refuse(route: Any) -> None:
        route.fulfill(status=406, body="")

    page.route("**/rendered*", refuse)
    page.route("**/frames/1", refuse)
    page.keyboard.press("Home")
    page.get_by_text("Dieses Bild lässt sich hier nicht anzeigen").wait_for()
    page.unroute("**/rendered*")
    page.unroute("**/frames/1")
    page.keyboard.press("End")
    _shows(page, 120)
    assert page.locator("#stage-message").is_hidden()
