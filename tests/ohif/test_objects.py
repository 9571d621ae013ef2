"""OHIF opens what is no image: segmentations, contours, measurements, documents, video."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom

from tests.ohif import studies
from tests.ohif.conftest import Site
from tests.ohif.visit import Visit
from tests.support.corpus import SHARED, needs_shared


def _study_of(name: str) -> str:
    return str(pydicom.dcmread(Path(SHARED, name), stop_before_pixels=True).StudyInstanceUID)


def _coloured(visit: Visit) -> int:
    picture = visit.pixels().astype(int)
    return int((np.ptp(picture, axis=2) > 20).sum())


@needs_shared
def test_a_segmentation_lies_over_its_images(visit: Visit) -> None:
    """The CT is JPEG-LS; the segmentation is fetched as one Part 10 file (PS3.18 10.4.1.1.1)."""
    visit.open(_study_of("objects/seg_liver.dcm"))
    visit.until(lambda: len(np.unique(visit.pixels())) > 120, "the CT")
    assert _coloured(visit) == 0
    visit.open_series("SEG")
    visit.until(lambda: _coloured(visit) > 10_000, "the liver")


@needs_shared
def test_contours_lie_over_their_image(visit: Visit) -> None:
    visit.open(_study_of("objects/rtstruct_mim_phantom.dcm"))
    visit.until(lambda: len(np.unique(visit.pixels())) > 50, "the CT")
    visit.open_series("RTSTRUCT")
    contours = visit.page.locator("svg.svg-layer path")
    visit.until(lambda: contours.count() >= 4, "contours")


@needs_shared
def test_measurements_of_a_report_lie_over_their_image(visit: Visit) -> None:
    visit.open(_study_of("objects/sr-ruler_tid1500.dcm"))
    visit.open_series("SR")
    visit.page.get_by_text("4.03 mm").first.wait_for()


def test_a_document(visit: Visit) -> None:
    """As rendered resource (PS3.18 10.4.1.1.3), with the token, byte for byte."""
    visit.open(studies.study_uid("pdf"))
    shown = visit.page.locator("object")
    shown.wait_for(state="attached")
    content = visit.page.evaluate(
        "async (url) => [...new Uint8Array(await (await fetch(url)).arrayBuffer())]", shown.get_attribute("data")
    )
    assert bytes(content).rstrip(b"\0") == studies.document()
    (rendered,) = (answer for answer in visit.answers if answer.path.endswith("/rendered"))
    assert (rendered.status, rendered.media_type, rendered.authorized) == (200, "application/pdf", True)


@needs_shared
def test_a_video_is_listed_but_asked_for_without_the_token(visit: Visit) -> None:
    """OHIF's player is a <video> element, which sends no Authorization; and of a video there is no JPEG thumbnail."""
    visit.expected = {"401 for", "406 for"}
    visit.open(_study_of("transfer_syntax/gen_video_h264_hp41.dcm"))
    visit.page.get_by_text("VIDEO").first.wait_for()
    visit.until(lambda: any(answer.status == 401 for answer in visit.answers), "the player's request")
    refused = {(one.path.rsplit("/", 1)[1], one.status, one.authorized) for one in visit.answers if one.status >= 400}
    assert refused <= {("rendered", 401, False), ("thumbnail?viewport=256%2C256", 406, True)}


@needs_shared
def test_a_video_plays_where_a_proxy_adds_the_token(site: Site, visits: Callable[[str], Visit]) -> None:
    """By ranges (RFC 9110 14), so that it can be wound to any place."""
    visit = visits(site.proxied)
    visit.expected = {"406 for"}
    visit.open(_study_of("transfer_syntax/gen_video_h264_hp41.dcm"))
    visit.until(lambda: _coloured(visit) > 10_000, "the video")
    played = [answer for answer in visit.answers if answer.path.endswith("/rendered")]
    assert {(answer.status, answer.media_type) for answer in played} == {(206, "video/mp4")}
