"""What comes over the line before the first image, and when the viewer's scripts do (issue 5, budgets)."""

from playwright.sync_api import Browser, Response

from tests.browser.conftest import PHONE, Site, Visits
from tests.browser.stage import wait_for


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


def test_the_viewers_scripts_are_there_when_it_opens(site: Site, visits: Visits, chromium: Browser) -> None:
    """They come behind the overview's pictures, and then out of the browser's cache."""
    page = visits.page(chromium, **PHONE)
    with page.expect_response(lambda answer: "viewer/render.js" in answer.url):
        visits.sign_in(page)
    page.wait_for_load_state("networkidle")
    page.locator(".hero-picture").click()
    wait_for(page, quality="full")
    script = "performance.getEntriesByType('resource').filter(({ name }) => name.includes('/js/viewer/'))"
    sent = page.evaluate(f"() => {script}.map(({{ transferSize }}) => transferSize)")
    assert len(sent) > 10 and set(sent) == {0}
