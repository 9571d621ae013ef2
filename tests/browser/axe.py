"""axe-core, which judges a page by WCAG 2.2 and by good practice.

It is injected from outside by the browser's debugger, so the page keeps its own Content Security Policy.
"""

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]  # it says no types
from playwright.sync_api import Page

from tests.browser.fox import Window

_RULES: Final[dict[str, Any]] = {
    # Targets of at least 24 pixels (WCAG 2.2, 2.5.8) are asked for only by those who name the rule.
    "light": {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}},
    # In the dark the page is the same but for its colours.
    "dark": {"resultTypes": ["violations"], "runOnly": ["color-contrast", "link-in-text-block"]},
}
_SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
_RUN: Final = "async (rules) => (await axe.run(document, rules)).violations"

# Which test lets axe judge a page, by its template. One that is not here, or not visited by its test, is a fault.
JUDGED: Final[dict[str, str]] = {
    "portal/login": "test_before_the_sign_in",
    "portal/verify": "test_before_the_sign_in",
    "pages/message": "test_what_patients_see",
    "portal/account": "test_what_patients_see",
    "portal/delete": "test_what_patients_see",
    "portal/downloads": "test_what_patients_see",
    "portal/glossary": "test_what_patients_see",
    "portal/onward": "test_what_patients_see",
    "portal/onward_sheet": "test_what_patients_see",
    "portal/overview": "test_what_patients_see",
    "portal/study": "test_what_patients_see",
    "portal/choose": "test_every_kind_of_series",
    "portal/compare": "test_every_kind_of_series",
    "portal/viewer": "test_every_kind_of_series",
    "intake/upload_files": "test_sending_images_in",
    "intake/upload_form": "test_sending_images_in",
    "intake/upload_landing": "test_sending_images_in",
    "intake/upload_state": "test_sending_images_in",
    "desk/account": "test_the_desk",
    "desk/desk_message": "test_the_desk",
    "desk/enrolment": "test_the_desk",
    "desk/find": "test_the_desk",
    "desk/forwarding": "test_the_desk",
    "desk/password": "test_the_desk",
    "desk/patient": "test_the_desk",
    "desk/share": "test_the_desk",
    "desk/shares": "test_the_desk",
    "desk/sheet": "test_the_desk",
    "desk/sign_in": "test_the_desk",
    "desk/staff": "test_the_desk",
    "desk/staff_member": "test_the_desk",
    "desk/upload": "test_the_desk",
    "desk/upload_links": "test_the_desk",
    "desk/uploads": "test_the_desk",
    "desk/waiting": "test_the_desk",
    "desk/archive": "test_pages_that_are_seldom_seen",
    "desk/archive_away": "test_pages_that_are_seldom_seen",
    "desk/deletion": "test_pages_that_are_seldom_seen",
    "desk/forwarding_older": "test_pages_that_are_seldom_seen",
    "desk/onward": "test_pages_that_are_seldom_seen",
    "desk/retrievals": "test_pages_that_are_seldom_seen",
    "desk/rule": "test_pages_that_are_seldom_seen",
    "desk/rule_form": "test_pages_that_are_seldom_seen",
    "desk/rules": "test_pages_that_are_seldom_seen",
    "desk/staff_set_up": "test_pages_that_are_seldom_seen",
    "desk/upload_link_sheet": "test_pages_that_are_seldom_seen",
    "portal/open": "test_pages_that_are_seldom_seen",
    "portal/terms": "test_pages_that_are_seldom_seen",
}


def violations(page: Page) -> str:
    """What axe finds wrong with the page as it stands, in light and in dark; a line for each finding."""
    faults = []
    page.evaluate(AXE_SCRIPT)
    for scheme in _SCHEMES:
        page.emulate_media(color_scheme=scheme)
        faults += [f"{scheme}: {fault}" for fault in _listed(page.evaluate(_RUN, _RULES[scheme]))]
    return "\n".join(faults)


def violations_in_firefox(window: Window) -> str:
    """The same in Firefox, as it is set: in light."""
    window.run(AXE_SCRIPT)
    return "\n".join(_listed(window.evaluate(_RUN, _RULES["light"])))


def _listed(found: list[dict[str, Any]]) -> list[str]:
    return [f"{one['id']} at {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]


@dataclass
class Walk:
    """A window that goes from page to page, and what axe says on the way. The names of the pages come into `judged`."""

    page: Page
    url: str
    judged: set[str]
    faults: list[str] = field(default_factory=list)

    def judge(self, name: str) -> None:
        """The page as it stands, under this name."""
        if found := violations(self.page):
            self.faults.append(f"{name}: {found}")
        self.judged.add(self.page.evaluate("() => document.body.dataset.page ?? ''"))

    def visit(self, path: str) -> None:
        """Go to a path of ours, and judge what is there."""
        self.page.goto(path if ":" in path else f"{self.url}{path}")
        self.judge(path)
