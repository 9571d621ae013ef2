"""OHIF from an origin of its own, a web role of the gateway that allows that origin, a bearer token, Chromium."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

from tests.browser.conftest import CHROMIUM
from tests.ohif import studies
from tests.ohif.viewer import DIST, FORWARDED, Viewer, configuration, documented, serving_viewer
from tests.ohif.visit import Visit
from tests.support.corpus import SHARED
from tests.support.gateway import Gateway, running
from tests.support.gateway import configuration as gateway_configuration

# Cornerstone draws by WebGL 2; without a graphics card that is SwiftShader. No name resolves, so nothing from elsewhere
# is fetched even where a browser would not ask us (its workers, its own services).
ARGUMENTS = (
    "--no-sandbox",
    "--no-first-run",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
REAL = (
    *(f"objects/ct_liver_0{number}.dcm" for number in (1, 2, 3)),
    "objects/seg_liver.dcm",
    "objects/ct_phantom_for_rtstruct.dcm",
    "objects/rtstruct_mim_phantom.dcm",
    "objects/mr_squares_referenced_by_sr.dcm",
    "objects/sr-rectangle_tid1500.dcm",
    "objects/sr-roi_tid1500.dcm",
    "objects/sr-ruler_tid1500.dcm",
    "transfer_syntax/gen_video_h264_hp41.dcm",
)


@dataclass(frozen=True)
class Site:
    """A gateway and five origins of the viewer: with a token of the whole archive in its configuration, with none, with
    the gateway behind the same origin, one that the gateway does not know, and the one that shares lead to."""

    gateway: Gateway
    staff: str
    linked: str
    proxied: str
    stranger: str
    shared: Viewer


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    assert DIST.is_dir(), "the viewer is missing: make test-ohif fetches it"
    folder = tmp_path_factory.mktemp("ohif")
    with ExitStack() as stack:
        staff, linked, proxied, stranger, shared = (stack.enter_context(serving_viewer()) for _ in range(5))
        origins = f'cors_origins = ["{staff.origin}", "{linked.origin}"]'
        viewers = f'[viewers]\nohif_url = "{shared.origin}"\nweasis = true'
        config = gateway_configuration(folder, http=origins, more=viewers)
        gateway = stack.enter_context(running(folder, config, "--role", "web"))
        imported = gateway.run("import", str(_inbox(folder)))
        assert imported.returncode == 0, imported.stderr
        token = gateway.answer("token", "create", "ohif", "--allow", "read")["token"]
        staff.configuration = stranger.configuration = configuration(gateway.dicomweb, token)
        linked.configuration = configuration(gateway.dicomweb)
        proxied.configuration = configuration(FORWARDED)
        proxied.gateway_port, proxied.token = gateway.http_port, token
        shared.configuration = documented(gateway.url)
        yield Site(gateway, staff.origin, linked.origin, proxied.origin, stranger.origin, shared)


def _inbox(folder: Path) -> Path:
    inbox = folder / "inbox"
    inbox.mkdir()
    real = [(SHARED / name).read_bytes() for name in REAL if SHARED.is_dir()]
    for number, content in enumerate((*studies.files(), *real)):
        (inbox / f"{number}.dcm").write_bytes(content)
    return inbox


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    assert CHROMIUM.exists(), f"{CHROMIUM} is missing: install Debian's chromium"
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="package")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture(scope="package")
def window(chromium: Browser) -> Iterator[BrowserContext]:
    """One for all tests, so that the viewer's 17 MB of JavaScript are fetched and compiled once."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="de-DE")
    yield context
    context.close()


@pytest.fixture
def visits(site: Site, window: BrowserContext) -> Iterator[Callable[[str], Visit]]:
    """Opens tabs of the viewer by its origin, and holds them to the house rules when the test ends."""
    opened: list[Visit] = []

    def begin(viewer: str) -> Visit:
        dicomweb = viewer + FORWARDED if viewer == site.proxied else site.gateway.dicomweb
        opened.append(Visit(viewer, dicomweb, window.new_page()))
        return opened[-1]

    yield begin
    for visit in opened:
        visit.page.close()
    assert [complaint for visit in opened for complaint in visit.complaints()] == []


@pytest.fixture
def visit(site: Site, visits: Callable[[str], Visit]) -> Visit:
    """A tab of the viewer that sees the whole archive."""
    return visits(site.staff)
