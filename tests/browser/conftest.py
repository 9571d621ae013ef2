"""Debian's Chromium before a real gateway: one of each for all browser tests.

Most see its headless shell: the same engine without the browser around it, for two thirds of the processor time. The
patient's way is walked in the whole browser too.

The fixtures end with the package, not with the session: playwright's loop must not run while other tests start theirs.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from zipfile import ZipFile

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Playwright,
    Request,
    StorageState,
    expect,
    sync_playwright,
)
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from storage.identifiers import stand_in_uid
from tests.browser import doctor, kinds, pictures
from tests.browser.axe import JUDGED
from tests.browser.fox_lacks import LACKS
from tests.support.bidi import Session
from tests.support.firefox import FIREFOX, for_playwright
from tests.support.firefox import running as firefox_running
from tests.support.gateway import Gateway, running
from tests.support.patience import PATIENCE
from tests.support.synthetic import ct, part10

CHROMIUM: Final = Path("/usr/bin/chromium")
HEADLESS_SHELL: Final = Path("/usr/bin/chromium-headless-shell")
ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--no-first-run",
)
IN_FIREFOX: Final = os.environ.get("BROWSER") == "firefox"
"""All tests of a page of playwright's, in Debian's Firefox instead: `make firefox`."""
BIRTH_DATE: Final = "31.01.1950"
_ABORTED: Final = ("net::ERR_ABORTED", "NS_BINDING_ABORTED")
PHONE: Final[dict[str, Any]] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
DESKTOP: Final[dict[str, Any]] = {"viewport": {"width": 1280, "height": 900}}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if IN_FIREFOX and isinstance(item, pytest.Function) and item.originalname in LACKS:
            item.add_marker(pytest.mark.skip(reason=LACKS[item.originalname]))


@dataclass(frozen=True)
class Site:
    """A gateway, the patient's secrets, and what it keeps: the patient's studies by a name, and a stranger's."""

    gateway: Gateway
    code: str
    link: str
    studies: dict[str, list[Dataset]]

    def series(self, name: str) -> str:
        """The address of the viewer for a study's series."""
        first = self.studies[name][0]
        return f"{self.gateway.url}/studies/{first.StudyInstanceUID}/series/{first.SeriesInstanceUID}"


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    studies = _studies()
    inbox = folder / "inbox"
    inbox.mkdir()
    for number, data_set in enumerate(data_set for images in studies.values() for data_set in images):
        (inbox / f"{number}.dcm").write_bytes(part10(data_set))
    with running(folder) as gateway:
        imported = gateway.run("import", str(inbox))
        assert imported.returncode == 0, imported.stderr
        yield Site(gateway, *issued(gateway), studies)


def issued(gateway: Gateway, patient: str = "TEST-1") -> tuple[str, str]:
    """Code and link of a new share of a patient."""
    share = gateway.answer("share", "create", "--patient-id", patient, "--birth-date", "19500131")
    return share["code"], share["url"]


def _studies() -> dict[str, list[Dataset]]:
    def placed(name: str, date: str, **attributes: Any) -> dict[str, Any]:
        study, series = stand_in_uid("browser", name), stand_in_uid("browser", name, "1")
        return {"StudyInstanceUID": study, "SeriesInstanceUID": series, "StudyDate": date, **attributes}

    encodings = placed("encodings", "20240101")
    report = ct(PixelData=None, **placed("report", "20200101", Modality="SR"))
    for keyword in ("Rows", "Columns", "BitsAllocated"):
        delattr(report, keyword)
    unlabelled = placed(
        "no window", "20230101", WindowCenter=None, WindowWidth=None, Modality="MR", PixelSpacing=[0.5, 0.5]
    )
    return {
        "stack": pictures.stack(120, **placed("stack", "20260303", BodyPartExamined="CHEST")),
        "encodings": [pictures.image(one, number, **encodings) for number, one in enumerate(pictures.VARIANTS, 1)],
        "no window": [pictures.image(one, number, **unlabelled) for number, one in enumerate(pictures.UNLABELLED, 1)],
        "VOI LUT": [pictures.with_voi_lut(**placed("VOI LUT", "20220101"))],
        "colour": [pictures.colour(**placed("colour", "20210601"))],
        "frames": [pictures.multi_frame(5, **placed("frames", "20210501"))],
        "report": [report],
        **kinds.studies(placed),
        **doctor.studies(),
        "foreign": [ct(PatientID="TEST-2", PatientName="Beispiel^Jan", StudyInstanceUID=generate_uid())],
    }


def _need(*programs: Path) -> None:
    missing = [str(path) for path in programs if not path.exists()]
    if missing:
        message = f"{' and '.join(missing)} missing: install Debian's packages of that name to run the browser tests"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)


def fresh(browser: Browser, **options: Any) -> BrowserContext:
    """Windows without a past, German unless `locale` says otherwise. They wait as patiently as all tests do."""
    context = browser.new_context(**{"locale": "de-DE", **options})
    context.set_default_timeout(1000 * PATIENCE)
    return context


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    _need(*((FIREFOX,) if IN_FIREFOX else (CHROMIUM, HEADLESS_SHELL)))
    expect.set_options(timeout=1000 * PATIENCE)
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="package")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    _need(FIREFOX)
    with firefox_running(tmp_path_factory.mktemp("firefox")) as session:
        yield session


@pytest.fixture(scope="package")
def launch(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Browser]]:
    """Starts one of Chromium's programs with more arguments; in Firefox, one for all."""
    browsers: dict[tuple[object, ...], Browser] = {}

    def launched(program: Path, *arguments: str) -> Browser:
        key = (FIREFOX,) if IN_FIREFOX else (program, *arguments)
        if key not in browsers:
            browsers[key] = (
                playwright.firefox.launch(**for_playwright(tmp_path_factory.mktemp("bridge")))
                if IN_FIREFOX
                else playwright.chromium.launch(executable_path=program, args=[*ARGUMENTS, *arguments])
            )
        return browsers[key]

    yield launched
    for browser in browsers.values():
        browser.close()


@pytest.fixture(scope="package")
def chromium(launch: Callable[..., Browser]) -> Browser:
    return launch(HEADLESS_SHELL)


@pytest.fixture(scope="package")
def whole_chromium(launch: Callable[..., Browser]) -> Browser:
    return launch(CHROMIUM)


@pytest.fixture(scope="package")
def chromium_without_webgl(launch: Callable[..., Browser]) -> Browser:
    return launch(HEADLESS_SHELL, "--disable-3d-apis")


class Visits:
    """Opens browser windows and holds them to the house rules until the test ends."""

    def __init__(self, site: Site, session: StorageState) -> None:
        self.site = site
        self.session = session
        self.contexts: list[BrowserContext] = []
        self.complaints: list[str] = []
        self.expected: set[str] = set()
        self.offline = False
        """The test takes the connection away, so requests fail."""

    def page(self, browser: Browser, **options: Any) -> Page:
        """A fresh window, German unless `locale` says otherwise."""
        context = fresh(browser, **DESKTOP | options)
        self.contexts.append(context)
        context.on("request", lambda request: self._same_origin(request.url))
        # Where scripts are off, Chromium says of each that a page names that its policy forbids it.
        unscripted = options.get("java_script_enabled") is False
        context.on("requestfailed", lambda one: None if unscripted and one.failure == "csp" else self._failed(one))
        page = context.new_page()
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self._raised(str(error)))
        page.on("response", lambda response: self._answered(response.status, response.url))
        return page

    def patient(self, browser: Browser, **options: Any) -> Page:
        """A fresh window in which the patient has signed in already."""
        return self.page(browser, storage_state=self.session, **options)

    def sign_in(self, page: Page) -> None:
        """By the printed code."""
        page.goto(self.site.gateway.url)
        page.get_by_label("Zugangscode").fill(self.site.code)
        page.get_by_label("Geburtsdatum").fill(BIRTH_DATE)
        page.get_by_role("button", name="Bilder öffnen").click()
        page.get_by_role("heading", name="Erika Muster").wait_for()

    def close(self) -> None:
        for context in self.contexts:
            context.close()

    def _same_origin(self, url: str) -> None:
        # Chromium's own viewer of PDF documents is made of pages.
        if not url.startswith((f"{self.site.gateway.url}/", "blob:", "data:", "chrome-extension:", "chrome:")):
            self.complaints.append(f"request to another origin: {url}")

    def _failed(self, request: Request) -> None:
        # Leaving a page, or an image that is no longer asked for, ends requests under way.
        if request.failure not in _ABORTED and not self.offline:
            self.complaints.append(f"{request.failure} for {request.url}")

    def _answered(self, status: int, url: str) -> None:
        if status >= 400 and not any(url.endswith(end) for end in self.expected):
            self.complaints.append(f"{status} for {url}")

    def _raised(self, error: str) -> None:
        # Firefox's own viewer of PDF documents does not hear what axe asks of each frame.
        if "resource://pdf.js" not in error:
            self.complaints.append(f"exception: {error}")

    def _note(self, kind: str, text: str) -> None:
        # What the network refuses is judged by its status and address.
        if kind == "error" and not text.startswith("Failed to load resource"):
            self.complaints.append(f"console: {text}")


@pytest.fixture(scope="package")
def session(site: Site, chromium: Browser) -> StorageState:
    """The cookies of one sign-in, which most tests share; by a share of its own, since each has five sessions only."""
    visits = Visits(replace(site, code=issued(site.gateway)[0]), {})
    page = visits.page(chromium)
    visits.sign_in(page)
    state = page.context.storage_state()
    visits.close()
    return state


@pytest.fixture
def visits(site: Site, session: StorageState) -> Iterator[Visits]:
    visits = Visits(site, session)
    yield visits
    visits.close()
    assert visits.complaints == []


@pytest.fixture
def judged(request: pytest.FixtureRequest) -> Iterator[set[str]]:
    """For the names of the pages that a test lets axe judge; those that the table gives it must be among them."""
    judged: set[str] = set()
    yield judged
    assert {page for page, test in JUDGED.items() if test == request.node.originalname} <= judged


@pytest.fixture(scope="package")
def archive(site: Site, chromium: Browser, session: StorageState, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All images of the patient, ordered and fetched by the buttons of the page."""
    visits = Visits(site, session)
    page = visits.patient(chromium)
    page.goto(site.gateway.url)
    page.get_by_role("link", name="Bilder mitnehmen").click()
    offer = page.locator("#offer-1")
    expect(offer.get_by_role("heading")).to_have_text("Alle meine Bilder")
    offer.get_by_role("button", name="Download vorbereiten").click()
    expect(offer.get_by_text("Ihr Download ist fertiggestellt")).to_be_visible()
    page.goto(site.gateway.url)
    page.get_by_role("link", name="Ihr Download ist fertiggestellt").click()
    with page.expect_download() as downloading:
        offer.get_by_role("link", name="Herunterladen").click()
    assert downloading.value.suggested_filename == "Meine-Bilder.zip"
    path = tmp_path_factory.mktemp("taken") / "archive.zip"
    downloading.value.save_as(path)
    visits.close()
    assert visits.complaints == []
    return path


@pytest.fixture(scope="package")
def unpacked(archive: Path) -> Path:
    """The folder that people get when they unpack it."""
    folder = archive.parent / "Meine-Bilder"
    with ZipFile(archive) as opened:
        opened.extractall(folder)
    return folder
