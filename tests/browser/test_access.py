"""Access for everybody (WCAG 2.2 AA): reflow, large text, targets, names, contrast, focus."""

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any, Final, Literal

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, StorageState

from tests.browser.conftest import PHONE, Site, Visits
from tests.browser.stage import wait_for

PAGES = (
    *("login", "landing", "overview", "viewer", "report", "account", "onward", "delete", "missing"),
    *("choose", "compare", "glossary"),
)
SIGNED_OUT = ("login", "landing")


@pytest.fixture(scope="module", params=PAGES)
def page(
    request: pytest.FixtureRequest, site: Site, session: StorageState, chromium: Browser
) -> Iterator[tuple[str, Page]]:
    """Each page once, for all that is asked of it: opened on a phone, every panel unfolded."""
    name = request.param
    visits = Visits(site, session)
    page = (visits.page if name in SIGNED_OUT else visits.patient)(chromium, viewport=PHONE["viewport"])
    visits.expected = {"/missing"}
    addresses = {"viewer": site.series("stack"), "report": site.series("report")}
    paths = {"login": "/", "landing": "/z", "overview": "/", "account": "/account", "missing": "/missing"}
    paths |= {"onward": "/account/onward", "delete": "/account/delete", "glossary": "/glossary"}
    other = site.studies["volume"][0]
    addresses["choose"] = f"{addresses['viewer']}/compare"
    addresses["compare"] = f"{addresses['choose']}/{other.StudyInstanceUID}/{other.SeriesInstanceUID}"
    page.goto(addresses.get(name) or f"{site.gateway.url}{paths[name]}")
    if name in ("viewer", "compare"):
        wait_for(page, quality="full")
        page.get_by_role("button", name="Helligkeit").click()
    page.evaluate("() => document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    yield name, page
    visits.close()
    assert visits.complaints == []


@pytest.fixture
def viewer(site: Site, visits: Visits, chromium: Browser) -> Callable[..., Page]:
    """Opens the viewer with options of the browser window."""

    def opened(**options: Any) -> Page:
        page = visits.patient(chromium, **options)
        page.goto(site.series("stack"))
        wait_for(page, quality="full")
        return page

    return opened


def _overflow(page: Page) -> int:
    width: int = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width


def test_320_pixels_are_enough(page: tuple[str, Page]) -> None:
    page[1].set_viewport_size({"width": 320, "height": 640})
    assert _overflow(page[1]) <= 0
    page[1].set_viewport_size(PHONE["viewport"])


@pytest.mark.parametrize("typeface", ["", "DejaVu Sans"], ids=["usual", "wide"])
def test_text_may_be_twice_as_large(page: tuple[str, Page], typeface: str) -> None:
    """Also on systems without any of our typefaces, whose own one may be wide."""
    page[1].evaluate(
        "(typeface) => Object.assign(document.documentElement.style, {fontSize: '225%', fontFamily: typeface})",
        typeface,
    )
    assert _overflow(page[1]) <= 0
    cut = page[1].evaluate(
        """() => [...document.querySelectorAll("button, .button, label, h1, h2")]
          .filter((element) => element.checkVisibility() && element.scrollWidth > element.clientWidth + 1
            && getComputedStyle(element).display !== "inline")
          .map((element) => element.textContent.trim())"""
    )
    assert cut == []
    page[1].evaluate("() => Object.assign(document.documentElement.style, {fontSize: '', fontFamily: ''})")


_SMALL_TARGETS = """() => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), summary")]
  .filter((element) => element.checkVisibility() && !element.matches(".skip, .field a, h2 > a, h3 > a"))
  .map((element) => [(element.closest("label") ?? element).getBoundingClientRect(), element])
  .filter(([box]) => box.height < 43.5 || box.width < 43.5)
  .map(([box, element]) => `${element.outerHTML.slice(0, 80)} ${box.width}x${box.height}`)"""


def test_targets_are_large_enough_for_a_thumb(page: tuple[str, Page]) -> None:
    assert page[1].evaluate(_SMALL_TARGETS) == []


_NAMELESS = """() => {
  const named = (element) => (element.getAttribute("aria-label") ?? element.textContent.trim())
    || element.labels?.length || element.querySelector("img[alt]:not([alt=''])");
  const faults = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, [tabindex='0']")]
    .filter((element) => element.checkVisibility() && !named(element)).map((element) => element.outerHTML.slice(0, 90));
  for (const image of document.querySelectorAll("img:not([alt])")) faults.push(image.outerHTML);
  const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push(`id ${id} twice`);
  for (const element of document.querySelectorAll("[aria-describedby], [aria-labelledby], [aria-controls]"))
    for (const name of ["aria-describedby", "aria-labelledby", "aria-controls"])
      for (const id of (element.getAttribute(name) ?? "").split(" ").filter(Boolean))
        if (!document.getElementById(id)) faults.push(`${name} ${id} leads nowhere`);
  if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");
  if (document.querySelectorAll("main").length !== 1) faults.push("not one main");
  if (!document.title.includes(" · ")) faults.push(`title ${document.title}`);
  return faults;
}"""


def test_everything_has_a_name(page: tuple[str, Page]) -> None:
    assert page[1].evaluate(_NAMELESS) == []


# Contrast of each visible text with what lies behind it (WCAG 1.4.3); pictures are left to the eye.
_PALE_TEXTS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const faults = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    const disabled = element.closest("[disabled], [aria-disabled=true], svg, .visually-hidden, .skip");
    if (!own || disabled || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const [one, other] = [light(rgba(style.color).slice(0, 3)), light(behind(element))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < 4.5) faults.push(`${element.textContent.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return faults;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(page: tuple[str, Page], scheme: Literal["light", "dark"]) -> None:
    page[1].emulate_media(color_scheme=scheme)
    assert page[1].evaluate(_PALE_TEXTS) == []
    ground = page[1].evaluate("() => getComputedStyle(document.documentElement).backgroundColor")
    assert (int(ground.partition("(")[2].partition(",")[0]) < 128) == (scheme == "dark")


def test_the_keyboard_reaches_everything_and_is_seen(viewer: Callable[..., Page]) -> None:
    page = viewer()
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.textContent") == "Zum Inhalt springen"
    reached = []
    for _ in range(25):
        page.keyboard.press("Tab")
        focus = page.evaluate(
            """() => [document.activeElement.id || document.activeElement.textContent.trim(),
                      getComputedStyle(document.activeElement).outlineStyle]"""
        )
        assert focus[1] != "none", f"the focus on {focus[0]} is not seen"
        reached.append(focus[0])
        if focus[0] == "reset":
            break
    wanted = ["Abmelden", "stage", "previous", "slider", "next", "mode-window", "zoom-in", "zoom-out", "reset"]
    assert [name for name in reached if name in wanted] == wanted


def test_nothing_moves_for_those_who_ask(viewer: Callable[..., Page]) -> None:
    page = viewer(reduced_motion="reduce")
    page.evaluate("() => { document.querySelector('#busy').hidden = false; }")
    assert page.evaluate("() => getComputedStyle(document.querySelector('#busy')).animationName") == "none"


# What an element looks like by the system's colours, which a canvas-free page can only name.
_FORCED = """([selector, names]) => {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.forcedColorAdjust = "none";
  const colour = (name) => { probe.style.color = name; return getComputedStyle(probe).color; };
  const system = ["Highlight", "HighlightText", "Canvas", "CanvasText", "ButtonText"];
  const known = Object.fromEntries(system.toReversed().map((name) => [colour(name), name]));
  const [chosen, pseudo] = selector.split("::");
  const style = getComputedStyle(document.querySelector(chosen), pseudo && `::${pseudo}`);
  const found = names.map((name) => known[style[name]] ?? style[name]);
  probe.remove();
  return found;
}"""


# Where to look at the slider of image 62 of 120: percent of its width, part of its height.
_PARTS: Final = ((25, 4), (25, 2), (51, 2))


def test_forced_colours_show_what_can_be_pressed_what_is_on_and_where_the_focus_is(
    site: Site, viewer: Callable[..., Page]
) -> None:
    page = viewer(forced_colors="active")

    def look(selector: str, *names: str) -> list[str]:
        found: list[str] = page.evaluate(_FORCED, [selector, list(names)])
        return found

    assert look("#zoom-in", "borderTopStyle", "borderTopWidth") == ["solid", "2px"]
    page.locator("#mode-window").click()
    page.locator("#presets button[aria-pressed=true]").wait_for()
    for pressed in ("#mode-window", "#presets button[aria-pressed=true]"):
        assert look(pressed, "backgroundColor", "color") == ["Highlight", "HighlightText"], pressed
    assert look("#zoom-in", "backgroundColor") != ["Highlight"]
    page.locator("#slider").press("ArrowRight")
    assert look("#slider", "outlineStyle", "outlineWidth") == ["solid", "3px"]
    # Its parts have no computed style: the line and the knob, from what lies above the line.
    slider = Image.open(BytesIO(page.locator("#slider").screenshot())).convert("RGB")
    ground, line, knob = (slider.getpixel((slider.width * x // 100, slider.height // y)) for x, y in _PARTS)
    assert ground not in (line, knob) and line != knob
    assert look("#stage", "forcedColorAdjust") == ["none"], "images stay on black"
    other = site.studies["volume"][0]
    page.goto(f"{site.series('stack')}/compare/{other.StudyInstanceUID}/{other.SeriesInstanceUID}")
    page.locator(".active > .stage").wait_for()
    assert look(".active > .stage::after", "borderTopColor", "borderTopWidth") == ["rgb(134, 211, 219)", "3px"]


@pytest.mark.parametrize(("locale", "language"), [("de-DE", "de"), ("en-GB", "en")])
def test_the_page_says_its_language(site: Site, visits: Visits, chromium: Browser, locale: str, language: str) -> None:
    page = visits.page(chromium, locale=locale)
    page.goto(site.gateway.url)
    assert page.locator("html").get_attribute("lang") == language


def test_english_fits_320_pixels_too(site: Site, viewer: Callable[..., Page]) -> None:
    page = viewer(locale="en-GB", viewport={"width": 320, "height": 640})
    page.get_by_role("button", name="Brightness").click()
    assert _overflow(page) <= 0
    page.goto(site.gateway.url)
    assert _overflow(page) <= 0
