"""Pages as they are rendered from a room's templates."""

from pathlib import Path

import pytest
from jinja2 import TemplateNotFound
from starlette.requests import Request

from gateway.config import Config
from gateway.pages.pages import Pages
from gateway.pages.static import STATIC_FOLDER, StaticFiles
from gateway.pages.texts import Languages


@pytest.fixture(scope="module")
def languages() -> Languages:
    return Languages(STATIC_FOLDER / "texts", "de")


def _pages(folder: Path, languages: Languages) -> Pages:
    nothing = folder / "static"
    nothing.mkdir()
    return Pages(Config(), languages, StaticFiles(nothing), folder / "templates")


def _room(folder: Path, template: str) -> Path:
    (folder / "templates").mkdir(exist_ok=True)
    page = folder / "templates" / "page.html"
    page.write_text(template, encoding="utf-8")
    return page


REQUEST = Request({"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []})


def test_templates_of_another_release_change_nothing_before_the_restart(tmp_path: Path, languages: Languages) -> None:
    """Those that were not asked for before, and those that were: an upgrade comes at any time."""
    page = _room(tmp_path, "{% extends 'frame.html' %}{% block body %}{{ page_name }} of this release{% endblock %}")
    frame = page.with_name("frame.html")
    frame.write_text("<p>{% block body %}{% endblock %}</p>", encoding="utf-8")
    pages = _pages(tmp_path, languages)
    page.write_text("{{ what_the_next_release_tells_its_pages }}", encoding="utf-8")
    frame.unlink()
    for _ in range(2):
        answer = pages.render(REQUEST, "page.html", {})
        assert bytes(answer.body).decode() == f"<p>{tmp_path.name}/page of this release</p>"
        page.unlink(missing_ok=True)


def test_a_template_that_was_not_there_at_the_start_is_none(tmp_path: Path, languages: Languages) -> None:
    _room(tmp_path, "")
    pages = _pages(tmp_path, languages)
    (tmp_path / "templates" / "later.html").write_text("later", encoding="utf-8")
    with pytest.raises(TemplateNotFound):
        pages.render(REQUEST, "later.html", {})
