"""By keyboard alone: from the printed code out again, and the help that says what keys do."""

from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import BIRTH_DATE, Site, Visits
from tests.browser.stage import state, wait_for

_FOCUSED = """() => {
  const { activeElement: one } = document;
  const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(one);
  const seen = (outlineStyle !== "none" && parseFloat(outlineWidth) >= 2) || boxShadow !== "none";
  const name = one.getAttribute("aria-label") || one.labels?.[0]?.textContent || one.textContent;
  return [one.id, name.trim().replaceAll("\\u00ad", ""), seen, one === document.body];
}"""


def tab_to(page: Page, wanted: str) -> None:
    """Go on with Tab to the element of this id or name; each stop on the way is seen, and none is a trap."""
    last = None
    for _ in range(80):
        page.keyboard.press("Tab")
        found, name, seen, nowhere = page.evaluate(_FOCUSED)
        assert seen or nowhere, f"the focus on {found or name} is not seen"
        assert nowhere or (found, name) != last or not found, f"{found} holds the focus"
        last = (found, name)
        if wanted in (found, name):
            return
    raise AssertionError(f"no way by keyboard to {wanted}")


def _leave_by(page: Page, wanted: str) -> None:
    tab_to(page, wanted)
    page.keyboard.press("Enter")


def test_the_whole_way_by_keyboard(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.page(chromium)
    page.goto(site.gateway.url)
    tab_to(page, "code")
    page.keyboard.type(site.code)
    tab_to(page, "birth-date")
    page.keyboard.type(BIRTH_DATE)
    _leave_by(page, "Bilder öffnen")
    page.get_by_role("heading", name="Erika Muster").wait_for()
    _leave_by(page, "Bilder ansehen")
    page.locator("#stage canvas").first.wait_for(state="attached")
    wait_for(page, shown="61", quality="full")
    tab_to(page, "stage")
    page.keyboard.press("ArrowDown")
    wait_for(page, shown="62", quality="full")
    _leave_by(page, "mode-window")
    _leave_by(page, "Lunge")
    wait_for(page, window="-600 1500")
    with page.expect_download():
        _leave_by(page, "save")
    page.goto(site.series("body"))
    wait_for(page, quality="full")
    page.locator(".strip a:not([aria-current])").first.evaluate("(tile) => { tile.id = 'other-series'; }")
    before = page.url.partition("?")[0]
    _leave_by(page, "other-series")
    page.wait_for_url(lambda url: "/series/" in url and not url.startswith(before))
    page.goto(site.gateway.url)
    _leave_by(page, "Bilder mitnehmen")
    page.get_by_role("heading", name="Alle meine Bilder").wait_for()
    _leave_by(page, "Abmelden")
    expect(page.get_by_role("alert")).to_contain_text("Sie sind abgemeldet")


def test_a_question_mark_shows_the_keys(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.patient(chromium)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(site.series("frames"))
    wait_for(page, quality="full", playing="no")
    assert not [url for url in asked if "help.js" in url], "help comes on first use"
    dialog = page.get_by_role("dialog", name="Bedienen mit der Tastatur")
    page.keyboard.press("?")
    expect(dialog).to_have_count(0)
    page.locator("#stage").focus()
    page.keyboard.press("?")
    expect(dialog).to_be_visible()
    expect(dialog.locator("dl > div", has_text="Film abspielen oder anhalten")).to_contain_text("Leertaste")
    assert violations(page) == ""
    shown = state(page)["shown"]
    page.keyboard.press("End")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.locator("#stage")).to_be_focused()
    assert state(page)["shown"] == shown, "keys are for the dialog while it is open"
    tab_to(page, "keyboard")
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect(page.locator("#keyboard")).to_be_focused()


def test_the_help_has_words_for_all_keys(site: Site, visits: Visits, chromium: Browser) -> None:
    page = visits.patient(chromium, locale="en-GB", viewport={"width": 320, "height": 640})
    page.goto(site.series("frames"))
    wait_for(page, quality="full", playing="no")
    page.locator("#stage").focus()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Using the keyboard")
    expect(dialog.locator("dt")).to_have_count(11)
    assert "keyboard." not in dialog.inner_text()
    assert dialog.evaluate("(dialog) => dialog.scrollWidth <= dialog.clientWidth")
