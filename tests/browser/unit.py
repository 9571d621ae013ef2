"""Runs a piece of script against the site's own modules, in a page of the site and so under its own CSP."""

from typing import Any

from playwright.sync_api import Page


def run(page: Page, module: str, script: str, argument: Any = None) -> Any:
    """What `script`, the body of an async function of `it` (the exports of js/`module`) and `argument`, returns."""
    wrapped = f"async (argument) => {{ const it = await import('/static/js/{module}'); {script} }}"
    return page.evaluate(wrapped, argument)
