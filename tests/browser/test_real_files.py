"""The whole way with real files, by phone and by desktop: sent in over a line that is cut, looked at in quarantine,
accepted, delivered to Orthanc and to DCMTK, given to the patient, taken along, and opened from the disk.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from zipfile import ZipFile

import httpx2
import imagecodecs
import numpy as np
import pydicom
import pytest
from playwright.sync_api import Browser, Page, expect
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels.utils import pixel_array
from pydicom.uid import JPEGBaseline8Bit, JPEGLSLossless

from tests.browser import fox
from tests.browser.conftest import DESKTOP, PHONE, Site, Visits
from tests.browser.real import PARCELS, WRITTEN_AT_ONCE, Hospital, Parcel, hospital_in
from tests.browser.stage import wait_for
from tests.browser.test_desk import PASSWORD, come_in
from tests.browser.test_take_along import Desk, in_full_quality
from tests.browser.test_upload import drop, examined, reference
from tests.support.bidi import Session
from tests.support.corpus import SHARED, needs_shared
from tests.support.line import Line, line_to
from tests.wire.test_forwarding import until

CORRECTED: Final = {"PatientID": "REAL", "PatientName": "Probe^Erika", "PatientBirthDate": "19500131"}

_OPENED: Final = """(text) => {
  [...document.querySelectorAll(".tile")].find((one) => one.textContent.includes(text)).click();
}"""
_AS_A_FOLDER: Final = """(paths) => {
  const get = function () { return paths[`${this.name} ${this.size}`]; };
  Object.defineProperty(File.prototype, "webkitRelativePath", { get });
}"""


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    with hospital_in(tmp_path_factory.mktemp("hospital")) as hospital:
        yield hospital


@pytest.fixture(params=PARCELS)
def parcel(request: pytest.FixtureRequest) -> Parcel:
    return PARCELS[request.param]


def _account(hospital: Hospital, folder: Path, name: str) -> str:
    (folder / "password").write_text(PASSWORD, encoding="utf-8")
    account = (name, "--role", "desk", "--site", "main", "--password-file", str(folder / "password"))
    hospital.gateway.answer("user", "add", *account)
    return name


def _send(visits: Visits, line: Line, page: Page, parcel: Parcel) -> str:
    """All of the parcel, of which the first file is interrupted; returns the reference."""
    gateway = visits.site.gateway
    link = gateway.answer("upload", "link", "create", "--for", "patient")["url"]
    page.goto(f"{gateway.url}/u#{link.partition('#')[2]}")
    page.get_by_label("Ihr Vor- und Nachname").fill(parcel.sender)
    page.get_by_label("Ihr Geburtsdatum").fill(parcel.birth_date)
    page.get_by_label("Telefon oder E-Mail").fill("0000 4711")
    page.get_by_role("button", name="Weiter zu den Bildern").click()
    page.locator("#chooser").wait_for()
    paths = [SHARED / name for name in (*parcel.good, parcel.bad, "not_dicom/report.pdf")]
    if parcel.window is DESKTOP:
        drop(page, *paths)
    else:
        page.locator("#files").set_input_files(paths)
    expect(page.locator("#found")).to_contain_text("werden nicht gesendet: 1")
    assert page.evaluate("document.documentElement.scrollWidth") <= parcel.window["viewport"]["width"]
    page.get_by_role("button", name="Jetzt senden").click()
    until(line.stopped)
    (interrupted,) = until(
        lambda: [one for one in gateway.data.rglob("arriving/*") if one.stat().st_size >= WRITTEN_AT_ONCE]
    )
    visits.offline = True
    line.cut()
    expect(page.locator("#progress-text")).to_contain_text("Keine Verbindung.")
    line.mend()
    page.get_by_role("heading", name="Danke, alles ist angekommen").wait_for()
    assert max(line.offsets) >= WRITTEN_AT_ONCE, "it went on where it was interrupted"
    visits.offline = False
    return reference(page)


def _judge(desk: Page, hospital: Hospital, parcel: Parcel, sent: str) -> None:
    """Nothing is changed, nothing can be reached; the form stands against the headers, with pictures."""
    examined(desk, Site(hospital.gateway, "", "", {}), sent)
    kept = {hashlib.sha256(path.read_bytes()).digest() for path in _quarantined(hospital)}
    assert {hashlib.sha256(path.read_bytes()).digest() for path in parcel.originals.values()} <= kept
    token = hospital.gateway.answer("token", "create", sent, "--allow", "read")["token"]
    for uid in parcel.originals:
        asked = httpx2.get(
            f"{hospital.gateway.dicomweb}/instances",
            params={"SOPInstanceUID": uid},
            headers={"Authorization": f"Bearer {token}"},
        )
        assert (asked.status_code, asked.content) in ((204, b""), (200, b"[]"))
    desk.goto(f"{hospital.gateway.url}/desk/uploads")
    desk.get_by_role("link", name=sent).click()
    desk.wait_for_url(f"**/desk/uploads/{sent}")
    own = desk.locator(".decision", has_text=parcel.patient)
    assert own.locator("tr.differs").count() == 0
    assert desk.locator("tr.differs").count() > 0
    for picture in desk.locator(".found-series img").all():
        picture.evaluate("async (image) => { image.loading = 'eager'; await image.decode(); }")
    assert desk.evaluate("document.documentElement.scrollWidth") <= parcel.window["viewport"]["width"]


def _quarantined(hospital: Hospital) -> list[Path]:
    return [path for path in hospital.gateway.data.rglob("archive/blobs/**/*") if path.is_file()]


def _accept(desk: Page) -> None:
    desk.get_by_label("Patienten-ID").fill(CORRECTED["PatientID"])
    desk.locator("form[action$='/acceptance'] summary").click()
    desk.locator("#PatientName").fill(CORRECTED["PatientName"])
    desk.locator("#PatientBirthDate").fill("31.1.1950")
    desk.get_by_role("button", name="Übernehmen").click()
    desk.wait_for_url("**/desk/uploads")


def _delivered(hospital: Hospital, parcel: Parcel) -> set[str]:
    """The studies of the parcel, once each has arrived at two targets with all of its images."""
    files = [pydicom.dcmread(path, stop_before_pixels=True) for path in parcel.originals.values()]
    studies = {str(one.StudyInstanceUID) for one in files}

    def both() -> bool:
        done = hospital.gateway.answer("forward", "list", "--state", "delivered")
        own = [one for one in done if one["study"] in studies]
        assert not any(one["refused"] for one in own)
        return bool(sum(one["sent"] for one in own) == 2 * len(files))

    until(both)
    return studies


def _arrived(hospital: Hospital, parcel: Parcel, folder: Path) -> None:
    """What DCMTK and Orthanc keep is what was sent, but for what staff corrected."""
    at_scp = {str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID): path for path in hospital.scp.files()}
    tags = httpx2.get(f"{hospital.archive}/instances", params={"expand": ""}).json()
    at_archive = {one["MainDicomTags"]["SOPInstanceUID"]: one["ID"] for one in tags}
    for uid, path in parcel.originals.items():
        fetched = folder / f"{uid}.dcm"
        fetched.write_bytes(httpx2.get(f"{hospital.archive}/instances/{at_archive[uid]}/file").content)
        for arrived in (at_scp[uid], fetched):
            _same(pydicom.dcmread(path), pydicom.dcmread(arrived))


def _same(original: Dataset, arrived: Dataset) -> None:
    assert arrived.file_meta.TransferSyntaxUID == original.file_meta.TransferSyntaxUID
    assert {keyword: str(arrived[keyword].value) for keyword in CORRECTED} == CORRECTED
    (item,) = arrived.OriginalAttributesSequence
    (former,) = item.ModifiedAttributesSequence
    assert {keyword: former.get(keyword) or "" for keyword in CORRECTED} == {
        keyword: original.get(keyword) or "" for keyword in CORRECTED
    }
    del arrived.OriginalAttributesSequence
    for keyword in CORRECTED:
        for one in (original, arrived):
            one.pop(keyword, None)
    # Some leave trailing padding (PS3.10 7.2) and group lengths (PS3.5 7.2) away, which say nothing.
    for one in (original, arrived):
        one.pop("DataSetTrailingPadding", None)
        for tag in [each.tag for each in one if each.tag.element == 0]:
            del one[tag]
    assert [one.tag for one in arrived] == [one.tag for one in original]
    assert [one.tag for one in arrived if one.value != original[one.tag].value] == []


def _take_along(visits: Visits, browser: Browser, parcel: Parcel, folder: Path) -> tuple[Path, set[str]]:
    """Everything but the largest as one archive, and its SOP Instance UIDs; gone on with after an interruption it is
    the same."""
    url = visits.site.gateway.url
    files = [pydicom.dcmread(SHARED / name, stop_before_pixels=True) for name in parcel.good[1:]]
    studies = [f"--study={uid}" for uid in sorted({str(one.StudyInstanceUID) for one in files})]
    share = visits.site.gateway.answer("share", "create", *studies, "--birth-date", CORRECTED["PatientBirthDate"])
    page = visits.page(browser, **parcel.window)
    page.goto(url)
    page.get_by_label("Zugangscode").fill(share["code"])
    page.get_by_label("Geburtsdatum").fill("31.01.1950")
    page.get_by_role("button", name="Bilder öffnen").click()
    page.get_by_role("heading", name="Erika Probe").wait_for()
    page.get_by_role("link", name="Bilder mitnehmen").click()
    offer = page.locator("#offer-1")
    offer.get_by_role("button", name="Download vorbereiten").click()
    ready = offer.get_by_role("link", name="Herunterladen")
    ready.wait_for(timeout=60_000)
    with page.expect_download() as downloading:
        ready.click()
    archive = folder / "Meine-Bilder.zip"
    downloading.value.save_as(archive)
    content = archive.read_bytes()
    cookies = {one["name"]: one["value"] for one in page.context.cookies()}
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    address = f"{url}{ready.get_attribute('href')}"
    with httpx2.stream("GET", address, headers=headers) as answer:
        first = next(answer.iter_raw(100_000))
        headers |= {"Range": f"bytes={len(first)}-", "If-Range": answer.headers["ETag"]}
    rest = httpx2.get(address, headers=headers)
    assert (rest.status_code, first + rest.content == content) == (206, True)
    return archive, {str(one.SOPInstanceUID) for one in files}


def _unpacked(hospital: Hospital, parcel: Parcel, archive: Path, uids: set[str]) -> Path:
    """Its folder, in which each file says what the original said, and the DICOMDIR names each of them."""
    folder = archive.with_suffix("")
    with ZipFile(archive) as opened:
        opened.extractall(folder)
    assert hospital.gateway.answer("verify", str(archive))["genuine"]
    directory = pydicom.dcmread(folder / "DICOMDIR")
    named = [one for one in directory.DirectoryRecordSequence if "ReferencedFileID" in one]
    assert {str(one.ReferencedSOPInstanceUIDInFile) for one in named} == uids
    for one in named:
        taken = pydicom.dcmread(folder.joinpath(*one.ReferencedFileID))
        original = pydicom.dcmread(parcel.originals[one.ReferencedSOPInstanceUIDInFile])
        assert taken.SOPInstanceUID == one.ReferencedSOPInstanceUIDInFile
        assert taken.file_meta.TransferSyntaxUID == one.ReferencedTransferSyntaxUIDInFile
        if "PixelData" in original:
            _same_pixels(original, taken)
    return folder


def _same_pixels(original: Dataset, taken: Dataset) -> None:
    """Archives are uncompressed (STD-GEN-CD); of JPEG baseline no two decoders make the same."""
    assert (taken.Rows, taken.Columns, taken.get("NumberOfFrames")) == (
        original.Rows,
        original.Columns,
        original.get("NumberOfFrames"),
    )
    syntax = original.file_meta.TransferSyntaxUID
    if syntax == JPEGLSLossless:
        frames = generate_frames(original.PixelData, number_of_frames=int(original.NumberOfFrames))
        assert np.array_equal(pixel_array(taken, raw=True), [imagecodecs.jpegls_decode(frame) for frame in frames])
    elif syntax != JPEGBaseline8Bit:
        assert np.array_equal(pixel_array(taken, raw=True), pixel_array(original, raw=True))


def _open(chromium: Browser, parcel: Parcel, folder: Path) -> None:
    """INDEX.HTM in Chromium: an image with several frames is scrolled, as a picture and in full quality."""
    disk = Desk(folder)
    page = disk.page(chromium, **parcel.window)
    expect(page.get_by_role("heading", level=1)).to_have_text("Bilder von Erika Probe")
    expect(page.get_by_text("Nicht zur Befundung geeignet!")).to_be_in_viewport()
    for picture in page.locator(".tile img").all():
        picture.evaluate("async (image) => { image.loading = 'eager'; await image.decode(); }")
    page.locator(".tile", has_text=parcel.frames).first.click()
    page.locator("[data-part=stage]").first.focus()
    page.keyboard.press("Home")
    wait_for(page, shown="1", quality="preview")
    page.keyboard.press("ArrowDown")
    wait_for(page, shown="2", quality="preview")
    in_full_quality(page, folder)
    wait_for(page, shown="2", quality="full")
    page.keyboard.press("ArrowUp")
    wait_for(page, shown="1", quality="full")
    expect(page.get_by_text("Nicht zur Befundung geeignet!")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= parcel.window["viewport"]["width"]
    for context in disk.contexts:
        context.close()
    assert disk.complaints == []


def _open_in_firefox(firefox: Session, parcel: Parcel, folder: Path) -> None:
    """The same there, where the files stand for the folder that only its dialog can choose."""
    window = fox.Window(firefox, fox.PHONE if parcel.window is PHONE else fox.DESKTOP)
    window.goto(folder.joinpath("INDEX.HTM").as_uri())
    assert "Nicht zur Befundung geeignet" in window.evaluate("() => document.querySelector('#notice').innerText")
    window.evaluate(_OPENED, parcel.frames)
    window.wait_for(quality="preview")
    window.press("Home")
    window.wait_for(shown="1", quality="preview")
    window.press("ArrowDown")
    window.wait_for(shown="2", quality="preview")
    files = [path for path in (folder / "DICOM").rglob("*") if path.is_file()]
    places = {f"{path.name} {path.stat().st_size}": str(path.relative_to(folder.parent)) for path in files}
    assert len(places) == len(files)
    window.evaluate(_AS_A_FOLDER, places)
    window.choose("#folder", *files)
    window.wait_for(shown="2", quality="full")
    window.press("ArrowUp")
    window.wait_for(shown="1", quality="full")
    window.close()
    assert window.complaints == []


def _shown_as_delivered(desk: Page, hospital: Hospital, studies: set[str]) -> None:
    """Each study has a line for each of its targets."""
    desk.goto(f"{hospital.gateway.url}/desk/forwarding")
    for study in studies:
        lines = desk.locator(".line", has=desk.locator(f"a[href='/desk/studies/{study}']"))
        expect(lines.locator(".badge")).to_have_text(["zugestellt"] * lines.count())
        assert lines.count() >= 2
    assert desk.evaluate("document.documentElement.scrollWidth") <= desk.evaluate("innerWidth")


@needs_shared
@pytest.mark.filterwarnings("ignore:The value length:UserWarning", "ignore:Invalid value for VR:UserWarning")
def test_real_files_go_all_the_way(
    hospital: Hospital, parcel: Parcel, chromium: Browser, firefox: Session, tmp_path: Path
) -> None:
    with line_to(hospital.gateway.http_port, WRITTEN_AT_ONCE + (1 << 18)) as line:
        visits = Visits(hospital.site(line), {})
        sent = _send(visits, line, visits.page(chromium, **parcel.window), parcel)
        visits.close()
    assert visits.complaints == []
    visits = Visits(Site(hospital.gateway, "", "", {}), {})
    desk = visits.page(chromium, **parcel.window)
    come_in(desk, visits.site, _account(hospital, tmp_path, f"{sent.lower()}.probe"))
    _judge(desk, hospital, parcel, sent)
    _accept(desk)
    studies = _delivered(hospital, parcel)
    _arrived(hospital, parcel, tmp_path)
    _shown_as_delivered(desk, hospital, studies)
    archive, uids = _take_along(visits, chromium, parcel, tmp_path)
    visits.close()
    assert visits.complaints == []
    folder = _unpacked(hospital, parcel, archive, uids)
    _open(chromium, parcel, folder)
    _open_in_firefox(firefox, parcel, folder)
