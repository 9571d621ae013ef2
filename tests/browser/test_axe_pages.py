"""No page without axe: the test that `axe.JUDGED` names for a template visits it, or something turns red."""

import re
from pathlib import Path

import gateway
from tests.browser.axe import JUDGED

_EXTENDS = re.compile(r'{% extends "(.+)" %}')


def test_every_page_is_judged() -> None:
    templates = sorted(Path(gateway.__file__).parent.glob("*/templates/*.html"))
    extended = {path: found[1] for path in templates if (found := _EXTENDS.match(path.read_text("utf-8")))}
    pages = {path for path in extended if path.name not in extended.values()}
    assert set(JUDGED) == {f"{path.parent.parent.name}/{path.stem}" for path in pages}
