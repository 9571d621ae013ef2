"""Pages on which something advances elsewhere: bars that move, and the page anew when a state has changed."""

import json

from playwright.sync_api import Browser, Route

from gateway.pages.static import STATIC_FOLDER, StaticFiles
from tests.browser.conftest import Site, Visits

_OFFER = """(script) => {
  const offer = document.createElement("section");
  Object.assign(offer.dataset, { download: "d1", state: "waiting" });
  const told = document.createElement("strong");
  told.dataset.progress = "";
  offer.append(told, document.createElement("progress"));
  offer.querySelector("progress").max = 100;
  document.querySelector("main").append(offer);
  return import(script).then(() => true);
}"""


def test_a_bar_moves_until_the_page_comes_anew(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.patient(chromium)
    page.goto(f"{site.gateway.url}/downloads")
    state = "waiting"

    def answer(route: Route) -> None:
        route.fulfill(body=json.dumps({"downloads": [{"id": "d1", "state": state, "percent": 41}]}))

    page.route("**/downloads/progress", answer)
    page.evaluate(_OFFER, StaticFiles(STATIC_FOLDER).url("js/downloads.js"))
    page.get_by_text("41").wait_for()
    assert page.locator("[data-download=d1] progress").evaluate("(bar) => bar.value") == 41
    with page.expect_navigation(url="**/downloads"):
        state = "ready"
