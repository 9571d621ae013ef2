"""What comes over the line before the first image, and when the viewer's scripts do (issue 5, budgets)."""

from playwright.sync_api import Browser, Response

from benchmarks.script_sizes import script_sizes
from tests.browser.conftest import PHONE, Site, Visits
from tests.browser.stage import until, wait_for


def test_login_to_first_image_is_light(site: Site, visits: Visits, chromium: Browser) -> None:
    """At most 60 kB of pages, styles and scripts, of which 5 kB are scripts."""
    page = visits.page(chromium, **PHONE)
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    visits.sign_in(page)
    page.locator(".hero-picture img").evaluate("(image) => image.decode()")
    page.wait_for_load_state("load")
    came = {one.url: int(one.headers.get("content-length", 0)) for one in answers}
    first = next(url for url in came if "/rendered" in url)
    before = {url: size for url, size in came.items() if list(came).index(url) < list(came).index(first)}
    assert 0 < sum(size for url, size in before.items() if ".js?" in url) <= 5000
    assert 0 < sum(size for url, size in before.items() if "/dicom-web/" not in url) <= 60_000


_HAVE_COME = """(wanted) => {
  const come = performance.getEntriesByType("resource").filter(({ responseEnd }) => responseEnd > 0);
  return wanted.every((url) => come.some(({ name }) => name.endsWith(url)));
}"""


def test_the_viewers_scripts_are_there_when_it_opens(site: Site, visits: Visits, chromium: Browser) -> None:
    """They come behind the overview's pictures, and then out of the browser's cache."""
    page = visits.page(chromium, **PHONE)
    with page.expect_response(lambda answer: "viewer/render.js" in answer.url):
        visits.sign_in(page)
    ahead = (page.locator("[data-later]").get_attribute("data-later") or "").split()
    until(page, _HAVE_COME, ahead)
    page.locator(".hero-picture").click()
    page.wait_for_url("**/series/*")
    wait_for(page, quality="full")
    sent = page.evaluate(
        """(ahead) => performance.getEntriesByType("resource")
          .filter(({ name }) => ahead.some((url) => name.endsWith(url)))
          .map(({ transferSize }) => transferSize)""",
        ahead,
    )
    assert len(sent) > 10 and set(sent) == {0}


def test_an_ordinary_series_loads_no_more_script_than_is_counted(site: Site, visits: Visits, chromium: Browser) -> None:
    """`benchmarks.script_sizes` counts files; this is what a browser fetches from login to the series' last script."""
    page = visits.page(chromium, **PHONE)
    scripts: dict[str, int] = {}

    def note(answer: Response) -> None:
        if ".js?" in answer.url:
            scripts[answer.url] = int(answer.headers["content-length"])

    page.on("response", note)
    visits.sign_in(page)
    page.goto(site.series("stack"))
    wait_for(page, quality="full")
    page.wait_for_load_state("networkidle")
    assert len(scripts) > 10
    assert sum(scripts.values()) / 1000 <= script_sizes()["path"][0]
