"""axe-core, which judges a page by WCAG 2.2 and by good practice.

It is injected from outside by the browser's debugger, so the page keeps its own Content Security Policy.
"""

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it says no types
from playwright.sync_api import Page

_RULES: Final[dict[str, Any]] = {
    # Targets of at least 24 pixels (WCAG 2.2, 2.5.8) are asked for only by those who name the rule.
    "light": {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}},
    # In the dark the page is the same but for its colours.
    "dark": {"resultTypes": ["violations"], "runOnly": ["color-contrast", "link-in-text-block"]},
}
_SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")


def violations(page: Page) -> str:
    """What axe finds wrong with the page as it stands, in light and in dark; a line for each finding."""
    axe = Axe()
    faults = []
    for scheme in _SCHEMES:
        page.emulate_media(color_scheme=scheme)
        found = axe.run(page, options=_RULES[scheme]).response["violations"]
        faults += [
            f"{scheme}: {one['id']} at {node['target']} {node['failureSummary']}"
            for one in found
            for node in one["nodes"]
        ]
    return "\n".join(faults)


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
