"""Typing into whatever has the focus, as people and scanners do; every test that types blindly does it by these.

A page gives the focus to its field some time after it has loaded (HTML 6.6.7: at its next rendering), and people type
when they see it there. So do tests: that the page gives it by itself is what they wait for.
"""

from playwright.sync_api import Page, expect

_NAME = "() => document.activeElement.textContent.trim() || document.activeElement.labels?.[0]?.textContent || ''"


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def has_focus(page: Page, element: str) -> None:
    """Until the element with this id has the focus, without anybody's doing."""
    expect(page.locator(f"#{element}")).to_be_focused()


def type_into(page: Page, element: str, text: str) -> None:
    """Type into whatever has the focus, once that is the element with this id."""
    has_focus(page, element)
    page.keyboard.type(text)


def scan(page: Page, element: str, text: str) -> None:
    """What a scanner does: type quickly into what has the focus, then Enter."""
    type_into(page, element, text)
    page.keyboard.press("Enter")


def focus(page: Page, name: str) -> None:
    """Go on with Tab until the element of this name or label has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(_NAME).strip() == name:
            return
    raise AssertionError(f"no way by keyboard to {name}")


def do(page: Page, name: str) -> None:
    """Go to a button or link and press Enter."""
    focus(page, name)
    press(page, "Enter")
