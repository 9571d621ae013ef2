"""Static files: versions in their URLs, for ever in caches, compressed once."""

import gzip
import posixpath
import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from gateway.pages.static import STATIC_FOLDER, CircularImport, StaticFiles


@pytest.fixture(scope="module")
def files() -> StaticFiles:
    return StaticFiles(STATIC_FOLDER)


@pytest.fixture(scope="module")
def client(files: StaticFiles) -> TestClient:
    return TestClient(Starlette(routes=files.routes()))


def test_the_versioned_url_may_be_kept_for_ever(files: StaticFiles, client: TestClient) -> None:
    answer = client.get(files.url("css/portal.css"))
    assert re.fullmatch(r"/static/css/portal\.css\?v=[0-9a-f]{12}", files.url("css/portal.css"))
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert answer.content == (STATIC_FOLDER / "css" / "portal.css").read_bytes()


@pytest.mark.parametrize("query", ["", "?v=000000000000"])
def test_any_other_version_is_asked_for_again(client: TestClient, query: str) -> None:
    answer = client.get(f"/static/css/portal.css{query}")
    assert answer.headers["cache-control"] == "no-cache"
    again = client.get(f"/static/css/portal.css{query}", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_compressed_for_those_who_take_it(files: StaticFiles, client: TestClient) -> None:
    with client.stream("GET", files.url("js/viewer/viewer.js"), headers={"accept-encoding": "gzip"}) as answer:
        packed = b"".join(answer.iter_raw())
        assert answer.headers["content-encoding"] == "gzip"
    # A quality of 0 is a refusal (RFC 9110 12.4.2).
    plain = client.get(files.url("js/viewer/viewer.js"), headers={"accept-encoding": "gzip;q=0"})
    assert "content-encoding" not in plain.headers
    assert gzip.decompress(packed) == plain.content


def test_modules_import_each_other_in_their_present_version(files: StaticFiles, client: TestClient) -> None:
    module = client.get(files.url("js/viewer/viewer.js")).text
    imported = re.findall(r'^import .* from "(.+?)"', module, re.MULTILINE)
    assert {name[:2] for name in imported} == {"./", ".."}
    for name in imported:
        address = posixpath.normpath(f"/static/js/viewer/{name}")
        assert address == files.url(address.removeprefix("/static/").partition("?")[0])


def test_modules_go_without_comments_and_indentation_and_keep_their_lines(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text(
        "// one\n/** @type {A} */ (x)\n  /**\n   * two\n   */\n"
        "const y = `/** three */`; // four\n/** five */\n  const z = 6;\n"
    )
    files = StaticFiles(tmp_path)
    with TestClient(Starlette(routes=files.routes())) as client:
        lines = client.get(files.url("a.js")).text.split("\n")
    kept = "const y = `/** three */`; // four"
    assert lines == ["", "/** @type {A} */ (x)", "", "", "", kept, "", "const z = 6;", ""]


def test_a_changed_module_changes_the_url_of_its_importers(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text('import { x } from "./b.js";\nexport const y = x;\n')
    (tmp_path / "b.js").write_text("export const x = 1;\n")
    first = StaticFiles(tmp_path).url("a.js")
    (tmp_path / "b.js").write_text("export const x = 2;\n")
    assert StaticFiles(tmp_path).url("a.js") != first


def test_a_circle_of_modules_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text('import { x } from "./b.js";\n')
    (tmp_path / "b.js").write_text('import { y } from "./a.js";\n')
    with pytest.raises(CircularImport, match=r"a\.js -> b\.js -> a\.js"):
        StaticFiles(tmp_path)


def test_types_may_be_circular(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text('import { x } from "./b.js";\n')
    (tmp_path / "b.js").write_text('/** @typedef {import("./a.js").Y} Y */\nexport const x = 1;\n')
    assert StaticFiles(tmp_path).url("b.js")


@pytest.mark.parametrize(
    "path",
    ["/static/__init__.py", "/static/jsconfig.json", "/static/..%2fpyproject.toml", "/static/js/none.js", "/static/"],
)
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_patients_scripts_fit_their_budget() -> None:
    sizes = {path.name: len(gzip.compress(path.read_bytes(), 9)) for path in (STATIC_FOLDER / "js").glob("*.js")}
    assert sum(sizes.values()) <= 25_000, sizes
    on_every_page = ("main.js", "idle.js", "login.js", "code.js", "page.js")
    assert sum(sizes[name] for name in on_every_page) <= 5_000


def test_modules_names_what_a_module_cannot_start_without(tmp_path: Path) -> None:
    """Each once, itself first, the nearest before the others; not what it may ask for later."""
    (tmp_path / "a.js").write_text(
        'import { b } from "./b.js";\nimport { c } from "./c.js";\nawait import("./e.js");\n'
    )
    (tmp_path / "b.js").write_text('import { d } from "./d.js";\nexport const b = d;\n')
    for name in "cde":
        (tmp_path / f"{name}.js").write_text(f"export const {name} = 1;\n")
    (tmp_path / "c.js").write_text('export { d as c } from "./d.js";\n')
    files = StaticFiles(tmp_path)
    assert files.started_by("a.js") == ["a.js", "b.js", "c.js", "d.js"]
    assert files.modules("a.js") == [files.url(f"{name}.js") for name in "abcd"]
