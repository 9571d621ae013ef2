"""OHIF draws what was stored: frames in the transfer syntax they are kept in, decoded by the viewer."""

from collections.abc import Callable
from urllib.request import Request, urlopen

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.ohif import studies
from tests.ohif.conftest import Site
from tests.ohif.visit import Visit
from tests.support.patience import PATIENCE


def _middle(picture: NDArray[np.uint8]) -> int:
    """The grey in the middle of the viewport, where each image has a square of its own."""
    pixel = picture[picture.shape[0] // 2, picture.shape[1] // 2]
    assert (pixel == pixel[0]).all(), "there is no colour"
    return int(pixel[0])


def _shows(visit: Visit, number: int) -> None:
    visit.until(lambda: abs(_middle(visit.pixels()) - 20 * number) <= 1, f"image {number}")


def test_a_stack_is_drawn_and_scrolled(visit: Visit) -> None:
    visit.open(studies.study_uid("stack"))
    _shows(visit, 1)
    assert len(np.unique(visit.pixels())) > 120, "the ramp from black to white"
    visit.page.locator("canvas.cornerstone-canvas").first.hover()
    for number in range(2, 6):
        visit.page.mouse.wheel(0, 100)
        _shows(visit, number)
    visit.page.mouse.wheel(0, -100)
    _shows(visit, 4)
    frames = [answer for answer in visit.answers if "/frames/1" in answer.path]
    assert len(frames) == studies.SLICES and all(answer.authorized for answer in frames)


@pytest.mark.parametrize(
    ("name", "transfer_syntax"), [("jpeg2000", "1.2.840.10008.1.2.4.90"), ("jpegls", "1.2.840.10008.1.2.4.80")]
)
def test_compressed_frames_are_drawn_the_same(site: Site, visit: Visit, name: str, transfer_syntax: str) -> None:
    """The viewer accepts any transfer syntax (`transfer-syntax=*`, PS3.18 8.7.3.5.2), so it gets the stored one."""
    visit.open(studies.study_uid(name))
    _shows(visit, 1)
    assert len(np.unique(visit.pixels())) > 120
    visit.page.locator("canvas.cornerstone-canvas").first.hover()
    visit.page.mouse.wheel(0, 100)
    _shows(visit, 2)
    frame = next(answer for answer in visit.answers if "/frames/1" in answer.path)
    again = Request(site.gateway.dicomweb + frame.path, headers=frame.asked)
    with urlopen(again, timeout=PATIENCE) as answer:
        assert f"transfer-syntax={transfer_syntax}".encode() in answer.read(500)


def test_a_link_with_a_token_for_one_study(site: Site, visits: Callable[[str], Visit]) -> None:
    """OHIF takes `token` from the address and out of it again; what the token is not for is not there."""
    study, other = studies.study_uid("stack"), studies.study_uid("jpegls")
    token = site.gateway.answer("token", "create", "one", "--allow", "read", "--study", study)["token"]
    visit = visits(site.linked)
    visit.open(study, token)
    _shows(visit, 1)
    assert token not in visit.page.url
    beyond = visits(site.linked)
    beyond.open(other, token)
    beyond.until(lambda: "notfoundstudy" in beyond.page.url, "that the study is not there")
    assert all(answer.status == 200 for answer in beyond.answers)
