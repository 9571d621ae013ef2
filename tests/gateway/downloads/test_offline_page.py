"""INDEX.HTM: a policy that names its own script and nothing else, and names from images that stay text."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from gateway.downloads.offline_page import OfflinePage
from gateway.pages.static import STATIC_FOLDER
from gateway.pages.texts import Languages

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>&amp;\u2028\"'$policy"


class Elements(HTMLParser):
    """The elements of a page with their attributes, and the text of each script and style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] in ("script", "style") and data.strip():
            self.texts.append((self.found[-1][0], data))


@pytest.fixture(scope="module")
def page() -> OfflinePage:
    return OfflinePage(STATIC_FOLDER, Languages(STATIC_FOLDER / "texts", "de"))


def made(page: OfflinePage, **values: Any) -> str:
    catalogue = {"site": "Musterklinikum", "contact": "", "made": "2026-03-01", "person": "", "studies": []}
    return page.html(catalogue | values, "de").decode()


def test_the_policy_allows_the_script_and_style_that_stand_in_the_page(page: OfflinePage) -> None:
    elements = Elements(made(page))
    policy = next(attributes["content"] for tag, attributes in elements.found if "http-equiv" in attributes)
    assert policy is not None and policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy and "http" not in policy and "connect-src" not in policy
    (style, _, script) = [text for _, text in elements.texts]
    for text in (style, script):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_the_page_loads_nothing_and_styles_nothing_in_attributes(page: OfflinePage) -> None:
    for tag, attributes in Elements(made(page)).found:
        assert tag not in ("link", "iframe", "base", "object")
        assert not {"src", "style"} & attributes.keys()
        assert not [name for name in attributes if name.startswith("on")]


def test_hostile_names_stay_data(page: OfflinePage) -> None:
    harmless, hostile = made(page), made(page, site=HOSTILE, person=HOSTILE)
    assert [tag for tag, _ in Elements(hostile).found] == [tag for tag, _ in Elements(harmless).found]
    block = re.search(r'id="data">(.*?)</script>', hostile, re.DOTALL)
    assert block is not None
    told = json.loads(block[1])
    assert (told["site"], told["person"]) == (HOSTILE, HOSTILE)


def test_the_notice_is_there_without_script_in_every_language(page: OfflinePage) -> None:
    assert "Nicht zur Befundung geeignet! · Not for diagnostic use!" in made(page)
