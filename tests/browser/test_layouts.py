"""The doctor's layouts and the DICOM header."""

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.browser.conftest import PHONE, Site, Visits
from tests.browser.stage import wait_for
from tests.browser.unit import run


@pytest.fixture
def page(site: Site, visits: Visits, chromium: Browser) -> Page:
    page = visits.patient(chromium)
    _open(page, site)
    return page


def _open(page: Page, site: Site) -> None:
    page.goto(f"{site.series('volume')}?i=10")
    wait_for(page, shown="10", quality="full")
    page.locator("#doctors-tools").click()
    page.locator("#doctor summary").filter(has_text=re.compile("^(Aufteilung|Layout)$")).click()


def _cell(page: Page, number: int) -> Locator:
    return page.locator(".cell").nth(number)


def _choose(page: Page, number: int, title: str) -> None:
    _cell(page, number).locator(".choose").click()
    page.locator("#chooser-offers .card").filter(has_text=title).locator(".tile").first.click()
    expect(_cell(page, number).locator(".stage")).to_have_attribute("data-quality", "full")


def test_up_to_four_series_and_back(site: Site, page: Page) -> None:
    page.locator("button[data-layout='2x2']").click()
    expect(page.locator(".cell")).to_have_count(4)
    expect(_cell(page, 0).locator(".count")).to_have_text("Bild 10 von 20")
    expect(page.locator("#stage")).to_be_hidden()
    _choose(page, 1, "3. März 2026")
    expect(_cell(page, 1).locator(".viewer")).to_have_class(re.compile("active"))
    _cell(page, 1).locator(".stage").focus()
    page.keyboard.press("Home")
    expect(_cell(page, 1).locator(".count")).to_have_text("Bild 1 von 120")
    expect(_cell(page, 0).locator(".count")).to_have_text("Bild 10 von 20")
    page.locator("#zoom-in").click()
    expect(_cell(page, 1).locator(".stage")).to_have_attribute("data-zoom", "1.50")
    expect(_cell(page, 0).locator(".stage")).to_have_attribute("data-zoom", "1.00")
    _cell(page, 0).locator(".stage").focus()
    page.keyboard.press("ArrowDown")
    page.locator("button[data-layout='2x1']").click()
    expect(page.locator(".cell")).to_have_count(2)
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(({ id }) => id)")
    assert len(ids) == len(set(ids))
    page.locator("button[data-layout='1x1']").click()
    expect(page.locator(".cell")).to_have_count(0)
    expect(page.locator("#count")).to_have_text("Bild 11 von 20")
    page.locator("#stage").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#count")).to_have_text("Bild 12 von 20")


def test_a_layout_is_kept_in_the_address(site: Site, page: Page) -> None:
    page.locator("button[data-layout='1x2']").click()
    _choose(page, 1, "3. März 2026")
    _cell(page, 1).locator(".stage").focus()
    page.keyboard.press("Home")
    page.wait_for_url(re.compile(r"layout=1x2&c1=[\d.]+/[\d.]+/10&c2=[\d.]+/[\d.]+/1$"))
    assert "layout=1x2" in (page.locator("a[lang=en]").first.get_attribute("href") or "")
    kept, held = page.url, list[Route]()
    second = f"{site.series('stack')}?i=1"
    page.route(second, lambda route: held.append(route))
    with page.expect_request(second):
        page.reload()
    expect(_cell(page, 0).locator(".count")).to_have_text("Bild 10 von 20")
    page.evaluate("() => new Promise((done) => setTimeout(done, 500))")  # later than what is kept once hands rest
    assert page.url == kept, "what is still on its way is kept too"
    held[0].continue_()
    page.unroute_all()
    expect(_cell(page, 1).locator(".count")).to_have_text("Bild 1 von 120")
    expect(_cell(page, 0).locator(".count")).to_have_text("Bild 10 von 20")
    expect(_cell(page, 0).locator(".viewer")).to_have_class(re.compile("active"))
    page.locator("#doctor summary").filter(has_text="Aufteilung").click()
    page.locator("button[data-layout='1x1']").click()
    page.wait_for_url(re.compile(r"\?i=10$"))


def test_lines_where_the_active_image_cuts_the_others(page: Page) -> None:
    """The same volume twice; the planes of the second are turned upright, through the middle of the first."""
    script = """
      const { Pane } = await import("/static/js/viewer/pane.js");
      const { Layouts } = it;
      const own = new Pane(document.querySelector("#viewer").cloneNode(true));
      await own.source.load();
      const flat = own.source.plane(9);
      const upright = { ...flat, down: [0, 0, -1], normal: [0, 1, 0], position: [-20, 0, 150] };
      const other = { active: true, stack: { index: 0 }, source: { plane: () => upright } };
      const layouts = (checked) => ({ bench: { panes: { active: other } }, lines: { field: { checked } } });
      const reference = (checked, pane) => Layouts.prototype.reference.call(layouts(checked), pane);
      const here = { stack: { index: 9 }, source: own.source };
      const elsewhere = { stack: { index: 9 }, source: { plane: () => ({ ...flat, frameOfReference: "1.2.3" }) } };
      const lines = reference(true, here);
      const none = [reference(false, here), reference(true, elsewhere), reference(true, other)];
      return [lines.map(({ points }) => points), ...none];
    """
    lines, off, elsewhere, itself = run(page, "tools/layouts.js", script)
    (points,) = lines
    # y of the patient 0 is row 15.5 of an image that begins at -30 with 2 mm rows.
    assert [round(point["y"], 3) for point in points] == [15.5, 15.5]
    assert off == elsewhere == itself == []


def test_the_header_is_found_by_name_tag_and_value(site: Site, page: Page) -> None:
    page.locator("#doctor summary").filter(has_text="DICOM-Kopf").click()
    page.locator("#open-header").click()
    dialog = page.get_by_role("dialog", name="DICOM-Kopf, Bild 10 von 20")
    field = dialog.get_by_role("searchbox")
    expect(field).to_be_focused()
    rows = dialog.locator("tbody tr")
    for words, keyword, value in [
        ("patientid", "PatientID", "TEST-1"),
        ("0028,0030", "PixelSpacing", "2 \\ 1.5"),
        ("00280030 ds", "PixelSpacing", "2 \\ 1.5"),
    ]:
        field.fill(words)
        expect(rows).to_have_count(1)
        expect(rows.first.locator("th")).to_have_text(keyword)
        expect(rows.first.locator("td").last).to_have_text(value)
    field.fill("no such thing")
    expect(rows).to_have_count(0)
    expect(dialog.get_by_role("status")).to_contain_text("0 von")
    page.keyboard.press("Escape")  # empties the field, as browsers do
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.locator("#open-header")).to_be_focused()


def test_rows_of_nested_private_and_hostile_attributes(page: Page) -> None:
    script = """
      const t = (key, values = {}) => [key, ...Object.values(values)].join(" ");
      const dataSet = {
        "00100010": { vr: "PN", Value: [{ Alphabetic: "<img src=x onerror=alert(1)>", Ideographic: "\\u202eX" }] },
        "00081115": { vr: "SQ", Value: [{ "0020000E": { vr: "UI", Value: ["1.2"] } }, null] },
        "00091001": { vr: "LO", Value: [null, "b"] },
        "00090010": { vr: "LO", Value: ["MAKER"] },
        "60023000": { vr: "OB", BulkDataURI: "https://example.invalid/" },
        "00204000": { vr: "LT", Value: ["x".repeat(70000)] },
      };
      const names = { "00100010": "PatientName", "0020000E": "SeriesInstanceUID", "60xx3000": "OverlayData" };
      const rows = it.rowsOf(dataSet, names, t);
      const told = ({ keyword, value, depth }) => [keyword, value.slice(0, 60), depth];
      const longest = Math.max(...rows.map(({ value }) => value.length));
      return [rows.map(told), it.sought(rows, "seriesinst").map(told), longest];
    """
    rows, found, longest = run(page, "tools/attributes.js", script)
    assert rows == [
        ["", "panes.items 2", 0],
        ["panes.item 1", "", 1],
        ["SeriesInstanceUID", "1.2", 2],
        ["panes.item 2", "", 1],
        ["panes.private ", "MAKER", 0],
        ["panes.private_of MAKER", " \\ b", 0],
        ["PatientName", "<img src=x onerror=alert(1)> = \u202eX", 0],
        ["", "x" * 60, 0],
        ["OverlayData", "panes.binary", 0],
    ]
    assert [name for name, _, _ in found] == ["", "panes.item 1", "SeriesInstanceUID"]
    assert longest < 500


def test_on_a_small_phone_nothing_overflows(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.patient(chromium, locale="en-GB", **{**PHONE, "viewport": {"width": 320, "height": 640}})
    _open(page, site)
    page.locator("button[data-layout='1x2']").click()
    expect(_cell(page, 0).locator(".stage")).to_have_attribute("data-quality", "full")
    over = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(over) <= 0
    page.locator("#doctor summary").filter(has_text="DICOM header").click()
    page.locator("#open-header").click()
    page.get_by_role("dialog").get_by_role("searchbox").wait_for()
    assert page.evaluate(over) <= 0
