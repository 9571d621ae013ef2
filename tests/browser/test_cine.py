"""Films: they show every image that is there in its time, wait for those that are not, and stop when they are told."""

import itertools
import threading
import time
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Site, Visits
from tests.browser.stage import grey, state, stop_the_clock, wait_for
from tests.support.patience import PATIENCE

# Every image that the stage has shown, from 1, in its order.
_WATCH = """() => {
  const stage = document.querySelector("#stage");
  globalThis.seen = [];
  new MutationObserver(() => {
    const { shown } = stage.dataset;
    if (shown !== globalThis.seen.at(-1)) {
      globalThis.seen.push(shown);
    }
  }).observe(stage, { attributes: true, attributeFilter: ["data-shown"] });
}"""


def _seen_until(page: Page, count: int) -> list[int]:
    """Let time pass until so many have been seen."""
    end = time.monotonic() + PATIENCE
    while len(seen := page.evaluate("() => globalThis.seen")) < count:
        assert time.monotonic() < end, f"{count} images were to be seen, and these were: {seen}"
        page.clock.run_for(20)
    return [int(number) for number in seen]


@pytest.fixture
def page(site: Site, visits: Visits, chromium: Browser) -> Page:
    page = visits.patient(chromium)
    page.goto(f"{site.series('film')}?i=1")
    wait_for(page, shown="1", quality="full", playing="no")
    return page


def test_a_film_plays_every_image_and_begins_again(page: Page) -> None:
    page.evaluate(_WATCH)
    stop_the_clock(page)
    page.get_by_label("Tempo").select_option("Viertel")
    page.get_by_role("button", name="Abspielen").click()
    seen = _seen_until(page, 15)
    assert all(0 < (after - before) % 12 < 6 for before, after in itertools.pairwise(seen)), seen
    assert len(set(seen)) > 8 and min(seen) < max(seen)
    page.get_by_role("button", name="Anhalten").click()
    page.clock.resume()
    wait_for(page, playing="no", quality="full")
    number = int(state(page)["shown"])
    assert abs(int(grey(page)[5, 5]) - 20 * number) <= 1


def test_a_film_without_repeating_stops_at_its_end(page: Page) -> None:
    page.get_by_role("button", name="Wiederholen").click()
    page.get_by_role("button", name="Abspielen").click()
    wait_for(page, playing="no", shown="12", quality="full")
    page.evaluate(_WATCH)
    stop_the_clock(page)
    page.get_by_role("button", name="Abspielen").click()
    assert _seen_until(page, 1)[0] == 1, "it begins at its beginning again"


def test_speed(page: Page) -> None:
    said = page.locator("[data-part=cine-state]")
    expect(said).to_have_text("25 Bilder in der Sekunde")
    page.get_by_label("Tempo").select_option("Halb")
    expect(said).to_have_text("12,5 Bilder in der Sekunde")


def test_space_on_the_stage_and_leafing_by_hand(page: Page) -> None:
    page.locator("#stage").focus()
    page.keyboard.press("Space")
    wait_for(page, playing="yes")
    page.keyboard.press("Space")
    wait_for(page, playing="no")
    page.keyboard.press("Space")
    wait_for(page, playing="yes")
    page.keyboard.press("Home")
    wait_for(page, playing="no", shown="1", quality="full")


def test_a_series_of_single_images_is_a_film_too(site: Site, page: Page) -> None:
    page.goto(f"{site.series('stack')}?i=119")
    wait_for(page, shown="119", quality="full", playing="no")
    page.evaluate(_WATCH)
    stop_the_clock(page)
    page.get_by_role("button", name="Abspielen").click()
    first, second = [number for number in _seen_until(page, 4) if number < 119][:2]
    assert 0 < first < second < 10
    expect(page.locator("[data-part=cine-state]")).to_have_text("10 Bilder in der Sekunde")


def test_a_film_waits_for_images_that_are_not_there_and_says_so(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.patient(chromium, reduced_motion="reduce")
    held: list[Any] = []
    letting = threading.Event()

    def late(route: Any) -> None:
        route.continue_() if letting.is_set() else held.append(route)

    page.route("**/frames/5**", late)
    page.goto(f"{site.series('film')}?i=1")
    wait_for(page, shown="1", quality="full")
    page.get_by_role("button", name="Abspielen").click()
    wait_for(page, playing="waiting", shown="4")
    expect(page.get_by_text("Die nächsten Bilder werden geladen")).to_be_visible()
    letting.set()
    for route in held:
        route.continue_()
    wait_for(page, playing="yes")


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_film_starts_by_itself_unless_less_movement_is_asked_for(
    site: Site, visits: Visits, chromium: Browser, motion: Any
) -> None:
    page = visits.patient(chromium, reduced_motion=motion)
    page.goto(site.series("film"))
    page.get_by_role("button", name="Anhalten" if motion == "no-preference" else "Abspielen").wait_for()
    assert state(page)["playing"] in (["no"] if motion == "reduce" else ["yes", "waiting"])


def test_a_film_starts_once_its_metadata_are_there(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.patient(chromium)
    page.route("**/metadata", lambda route: route.abort(), times=1)
    page.goto(site.series("film"))
    page.get_by_role("button", name="Anhalten").wait_for()
    visits.complaints.clear()
