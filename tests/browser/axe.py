"""axe-core, which judges a page by WCAG 2.2 and by good practice.

It is injected from outside by the browser's debugger, so the page keeps its own Content Security Policy.
"""

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
