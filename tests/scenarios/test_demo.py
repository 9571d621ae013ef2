"""`make demo`, the main job, as a newcomer runs it: from the command to the first image, and to a clean end."""

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import BytesIO
from pathlib import Path

import httpx2
import numpy as np
import psutil
import pytest
from PIL import Image

from tests.support.gateway import environment, stop
from tests.support.patience import PATIENCE
from tests.support.synthetic import ct, part10

LABELS = ("Link", "Access code", "Birth date", "Sheet", "Portal")


class Demo:
    """A running demo: what it printed by label, and all lines."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.lines: list[str] = []
        assert process.stdout is not None
        for line in process.stdout:
            self.lines.append(line.rstrip("\n"))
            if "Ctrl-C" in line:
                break
        found = (re.match(rf"({'|'.join(LABELS)}): +(\S.*)", line) for line in self.lines)
        self.told = {match[1]: match[2] for match in found if match}

    @contextmanager
    def signed_in(self, **secret: str) -> Iterator[httpx2.Client]:
        """A browser that has signed in with the printed birth date."""
        form = {**secret, "birth_date": self.told["Birth date"]}
        with httpx2.Client(base_url=self.told["Portal"].rstrip("/"), timeout=PATIENCE) as client:
            answer = client.post("/login", data=form, headers={"sec-fetch-site": "same-origin"})
            assert answer.status_code == 303, answer.text
            yield client


@contextmanager
def _demo(*arguments: str) -> Iterator[Demo]:
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", "demo", *arguments],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield Demo(process)
    finally:
        stop(process)
        assert process.stdout is not None
        process.stdout.close()


def _first_image(client: httpx2.Client) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    """The first picture of the overview, fetched as a browser would."""
    page = client.get("/").text
    source = re.search(r'<img[^>]* src="(/dicom-web/[^"]+/rendered[^"]*)"', page)
    assert source, page
    answer = client.get(source[1].replace("&amp;", "&"))
    assert answer.headers["content-type"] == "image/jpeg"
    return np.asarray(Image.open(BytesIO(answer.content)).convert("L"))


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with _demo() as started:
        assert set(started.told) == set(LABELS), "\n".join(started.lines)
        yield started


def test_it_pushes_three_examinations_by_c_store(demo: Demo) -> None:
    assert any(re.match(r"Pushed 177 images by C-STORE .*: 1 CR, 128 CT, 48 MR$", line) for line in demo.lines)


def test_the_link_leads_to_the_first_image(demo: Demo) -> None:
    portal, _, token = demo.told["Link"].partition("/z#")
    assert portal + "/" == demo.told["Portal"]
    with demo.signed_in(token=token) as client:
        image = _first_image(client)
        assert image.shape == (512, 512)
        # A slice through the chest: black around, and all greys inside.
        assert image[:20].mean() < 5
        assert image.std() > 40
        studies = client.get("/dicom-web/studies", params={"limit": "10"}).json()
        assert [study["00080061"]["Value"] for study in studies] == [["CT"], ["MR"], ["CR"]]


def test_the_access_code_opens_the_same_and_the_account_shows_its_end(demo: Demo) -> None:
    with demo.signed_in(code=demo.told["Access code"].lower().replace("-", " ")) as client:
        assert client.get("/account").status_code == 200
        overview = client.get("/", headers={"accept-language": "de"}).text
        assert "Nicht zur Befundung geeignet!" in overview
        assert overview.count("/thumbnail?") == 4


def test_another_birth_date_does_not_open(demo: Demo) -> None:
    with httpx2.Client(base_url=demo.told["Portal"].rstrip("/")) as client:
        form = {"code": demo.told["Access code"], "birth_date": "01.01.1980"}
        assert client.post("/login", data=form, headers={"sec-fetch-site": "same-origin"}).status_code != 303


def test_a_qr_code_and_a_sheet_are_there(demo: Demo) -> None:
    assert sum("█" in line for line in demo.lines) > 12
    assert Path(demo.told["Sheet"]).read_bytes().startswith(b"%PDF")


def test_the_share_holds_the_name_of_its_patient(demo: Demo) -> None:
    file = Path(demo.told["Sheet"]).parent / "data" / "durchblick.sqlite"
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        ((rule,),) = database.execute("SELECT rule FROM share")
    assert json.loads(rule)["name"]


def test_the_end_leaves_nothing(demo: Demo) -> None:
    folder = Path(demo.told["Sheet"]).parent
    children = psutil.Process(demo.process.pid).children(recursive=True)
    assert stop(demo.process) == 0
    assert psutil.wait_procs(children, 10)[1] == []
    assert not folder.exists()


def test_a_study_of_ones_own(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        image = ct(64, 64, number, StudyInstanceUID="1.2.3.4", SeriesInstanceUID="1.2.3.4.5", PatientBirthDate="")
        (tmp_path / f"{number}.dcm").write_bytes(part10(image))
    image.InstanceNumber = 4
    (tmp_path / "other bytes, same name.dcm").write_bytes(part10(image))
    (tmp_path / "notes.txt").write_text("no image")
    with _demo(str(tmp_path)) as demo:
        assert "Pushed 3 images by C-STORE" in "\n".join(demo.lines)
        assert "1 images were refused with status 0111H" in demo.lines
        assert demo.told["Birth date"] == "31.01.1950"
        assert any("no birth date" in line for line in demo.lines)
        with demo.signed_in(code=demo.told["Access code"]) as client:
            assert _first_image(client).shape[1] >= 64


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with _demo(str(tmp_path)) as demo:
        assert demo.process.wait(PATIENCE) == 1
        assert any("No DICOM files were found there" in line for line in demo.lines)
