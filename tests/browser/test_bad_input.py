"""Bad input, bad lines, sessions that end: a clear message, the rest keeps working, no blank page."""

import json
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect

from tests.browser.conftest import Site, Visits, issued
from tests.browser.stage import grey, state, wait_for

# What metadata may hold where numbers, codes and sequences belong; none of it may end a script.
_NONSENSE: list[dict[str, Any]] = [
    {},
    {"Value": []},
    {"Value": [None]},
    {"Value": ["x"]},
    {"Value": [{}]},
    {"Value": [-1]},
    {"Value": ["NaN"]},
    {"Value": [1e308, 1e308, 1e308, 1e308, 1e308, 1e308]},
    {"Value": [[1]]},
    {"BulkDataURI": "https://elsewhere.invalid/"},
    {"InlineBinary": ""},
]
_TAGS = (
    *("00280010", "00280011", "00280100", "00280101", "00280102", "00280103", "00281050", "00281051", "00281052"),
    *("00281053", "00280004", "00280002", "00280120", "00280121", "00280030", "00280034", "00181164", "00200032"),
    *("00200037", "00200020", "00186011", "52009229", "52009230", "00082144", "00180040", "00181063", "00181065"),
)
_READ = """async ([folder, dataSets]) => {
  const [dicom, geometry, orientation, cine, grey] = await Promise.all(
    ["dicom", "geometry", "orientation", "cine", "grey"].map((name) => import(`${folder}/${name}.js`)));
  return dataSets.map((dataSet) => {
    const image = dicom.describe(dataSet, 1);
    const window = image.window ?? grey.automaticWindow({ ...image, bitsAllocated: 16 }, new Uint16Array([1, 2, 3]));
    return [
      grey.greyTable({ ...image, bitsAllocated: 8 }, window).length,
      geometry.planeOf(dataSet, 1),
      orientation.directions(dataSet, 1),
      orientation.columnSpacing(dataSet, 1)?.mm ?? 1,
      cine.frameTime(dataSet, 1) ?? 1,
    ];
  });
}"""


def test_nonsense_in_metadata_ends_no_script(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.patient(chromium)
    page.goto(f"{site.series('stack')}?i=1")
    wait_for(page, shown="1", quality="full")
    sound = json.loads(
        page.request.get(
            f"{site.gateway.dicomweb}{site.series('stack').removeprefix(site.gateway.url)}/metadata"
        ).text()
    )[0]
    data_sets = [{**sound, tag: nonsense} for tag in _TAGS for nonsense in _NONSENSE] + [{}]
    for _, _, _, spacing, time in page.evaluate(_READ, [f"{site.gateway.url}/static/js/viewer", data_sets]):
        assert spacing > 0 and 10 <= time + 9 <= 3009


def test_ten_thousand_frames(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.page(chromium, reduced_motion="reduce")
    Visits(replace(site, code=issued(site.gateway, "TEST-3")[0]), {}).sign_in(page)
    page.goto(f"{site.series('long')}?i=1")
    wait_for(page, shown="1", quality="full")
    slider = page.locator("#slider")
    for number in (7777, 10_000):
        slider.fill(str(number))
        wait_for(page, shown=str(number), quality="full")
        assert abs(int(grey(page)[0, 0]) - _windowed(number % 251)) <= 1
    page.keyboard.press("Home")
    wait_for(page, shown="1", quality="full")
    spans = page.evaluate(
        """async (url) => {
          const source = new (await import(url)).Source("", "1:3 2 3:10000", { rows: 1, columns: 1 });
          const images = [0, 2, 3, 4, 10003].map((at) => Object.values(source.image(at)).join(" "));
          return [source.ends.length, source.total, images, source.image(-1) ?? null, source.image(10004) ?? null];
        }""",
        f"{site.gateway.url}/static/js/viewer/source.js",
    )
    assert spans == [3, 10_004, ["1 1", "1 3", "2 1", "3 1", "3 10000"], None, None]


def _windowed(value: int) -> int:
    return round(min(max((value - 127.5) / 255 + 0.5, 0), 1) * 255)


def test_hostile_text_is_text(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.patient(chromium)
    dialogs: list[str] = []

    def refuse(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", refuse)
    page.goto(site.series("hostile"))
    wait_for(page, shown="1", quality="full")
    page.locator("[data-part=marks-button]").wait_for()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_contain_text("<img src=x onerror=alert(1)><script>alert(2)</script>")
    assert "\u202e" not in page.content()
    assert page.locator(".edge-top").inner_text() == ""
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("main img[src=x], main script").count() == 0 and dialogs == []


@pytest.fixture
def page(site: Site, visits: Visits, chromium: Browser) -> Page:
    page = visits.patient(chromium)
    page.goto(f"{site.series('stack')}?i=60")
    wait_for(page, shown="60", quality="full")
    page.wait_for_load_state("networkidle")
    return page


@pytest.mark.parametrize("body", ["", "[", "{}", "[{}]", "null", '[{"00080018":{"Value":["1.2"]}}]'])
def test_without_metadata_the_server_shows_the_images(site: Site, visits: Visits, page: Page, body: str) -> None:
    page.route("**/metadata", lambda route: route.fulfill(status=200, body=body, content_type="application/dicom+json"))
    page.goto(f"{site.series('stack')}?i=60")
    wait_for(page, shown="60", quality="preview")
    page.keyboard.press("ArrowDown")
    wait_for(page, shown="61", quality="preview")


def test_a_frame_that_is_cut_off_stays_a_picture(visits: Visits, page: Page) -> None:
    page.route("**/frames/1", lambda route: route.fulfill(status=200, body=b"\0" * 100))
    page.keyboard.press("Home")
    wait_for(page, shown="1", quality="full", renderer="picture")
    page.unroute("**/frames/1")
    page.keyboard.press("End")
    wait_for(page, shown="120", quality="full")


def test_the_line_breaks_while_somebody_leafs(visits: Visits, page: Page) -> None:
    visits.offline = True
    page.context.set_offline(True)
    page.keyboard.press("Home")
    page.get_by_text("Keine Verbindung. Bitte prüfen Sie Ihr Internet").wait_for()
    assert page.locator("#stage canvas:visible").count() == 1, "the image before stays in sight"
    page.context.set_offline(False)
    wait_for(page, shown="1", quality="full")
    expect(page.locator("#stage-message")).to_be_hidden()


def test_the_session_ends_while_somebody_leafs(site: Site, visits: Visits, page: Page) -> None:
    page.context.clear_cookies()
    left: list[str] = []
    page.on("request", lambda request: left.append(request.url) if request.is_navigation_request() else None)
    page.keyboard.press("Home")
    page.wait_for_url("**/?ended")
    assert len(left) == 1, "each image that is refused leads there, and a second way breaks off the first"
    expect(page.get_by_label("Zugangscode")).to_be_visible()
    assert all(complaint.startswith("401 for ") for complaint in visits.complaints)
    visits.complaints.clear()


def test_how_much_has_come_is_said_on_a_slow_line(site: Site, visits: Visits, page: Page) -> None:
    """The frame of an image arrives in two halves, the second when somebody has read of the first."""
    page.evaluate(
        """(slow) => {
          const fetched = globalThis.fetch;
          globalThis.fetch = async (url, options) => {
            const answer = await fetched(url, options);
            if (!String(url).endsWith(slow)) {
              return answer;
            }
            const bytes = new Uint8Array(await answer.arrayBuffer());
            return new Response(new ReadableStream({
              async start(controller) {
                controller.enqueue(bytes.slice(0, bytes.length / 4));
                await new Promise((done) => setTimeout(done, 1000));
                controller.enqueue(bytes.slice(bytes.length / 4, bytes.length / 2));
                await new Promise((done) => { globalThis.goOn = done; });
                controller.enqueue(bytes.slice(bytes.length / 2));
                controller.close();
              },
            }));
          };
        }""",
        f"{site.studies['stack'][0].SOPInstanceUID}/frames/1",
    )
    page.keyboard.press("Home")
    expect(page.locator("[data-part=progress]")).to_have_text("Wird scharf: 50 %")
    expect(page.locator("[data-part=progress]")).to_be_visible()
    assert state(page)["quality"] == "preview"
    page.evaluate("() => globalThis.goOn()")
    wait_for(page, shown="1", quality="full")
    expect(page.locator("[data-part=progress]")).to_be_hidden()


def _is_frame(url: str) -> bool:
    return "/frames/" in url and "/thumbnail" not in url


def test_who_saves_data_gets_only_what_is_looked_at(site: Site, visits: Visits, page: Page) -> None:
    page.add_init_script("Object.defineProperty(navigator, 'connection', { value: { saveData: true } })")
    asked: set[str] = set()
    # The page before this one may still fetch ahead.
    page.goto("about:blank")
    page.on("request", lambda request: asked.add(request.url) if _is_frame(request.url) else None)
    page.goto(f"{site.series('stack')}?i=30")
    wait_for(page, shown="30", quality="full")
    expect(page.get_by_text("Ihr Gerät spart Daten")).to_be_visible()
    page.keyboard.press("ArrowDown")
    wait_for(page, shown="31", quality="full")
    wanted = {site.studies["stack"][at].SOPInstanceUID for at in (29, 30)}
    assert {url.split("/instances/")[1].split("/")[0] for url in asked} == wanted
