"""A presentation state's rendered resource: the images it is for, as it says (PS3.18 10.4.1.1.3, PS3.3 A.33.1)."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import UID
from starlette.testclient import TestClient

from storage.imaging.profiles import matrix_profile
from storage.pixels import Pixels
from tests.dicomweb.conftest import Keep
from tests.dicomweb.instances import movie
from tests.dicomweb.replies import instance_path, parts_of, problem_of
from tests.support.presentation_states import presentation_state
from tests.support.synthetic import ct

PNG = {"Accept": "image/png"}


def pixels_of(content: bytes) -> NDArray[Any]:
    return np.asarray(Image.open(BytesIO(content))).astype(int)


def block() -> Dataset:
    """40 columns, 20 rows; the upper left quarter is light."""
    image = ct(20, 40, RescaleIntercept="0", WindowCenter="100", WindowWidth="200")
    values = np.zeros((20, 40), "<i2")
    values[:10, :20] = 150
    image.PixelData = values.tobytes()
    return image


def shown(client: TestClient, keep: Keep, state: Dataset, *images: Dataset) -> NDArray[Any]:
    for image in images:
        keep(image)
    return pixels_of(client.get(f"{instance_path(keep(state))}/rendered", headers=PNG).content)


def test_the_window_of_the_state_counts(client: TestClient, keep: Keep) -> None:
    image = block()
    state = presentation_state(image)
    item = Dataset()
    item.WindowCenter, item.WindowWidth = "1000", "100"
    state.SoftcopyVOILUTSequence = [item]
    assert shown(client, keep, state, image).max() == 0


def test_the_image_is_turned_and_cut_as_the_state_says(client: TestClient, keep: Keep) -> None:
    image = block()
    state = presentation_state(image)
    item = Dataset()
    item.WindowCenter, item.WindowWidth = "100", "200"
    state.SoftcopyVOILUTSequence = [item]
    state.ImageRotation, state.ImageHorizontalFlip = 90, "N"
    picture = shown(client, keep, state, image)
    assert picture.shape == (40, 20)
    assert picture[5, 15] > 150 and picture[5, 5] == 0 and picture[35, 15] == 0


def test_shutter_and_graphics_are_drawn(client: TestClient, keep: Keep) -> None:
    image = block()
    state = presentation_state(image)
    state.ShutterShape, state.ShutterPresentationValue = "RECTANGULAR", 0xFFFF
    state.ShutterLeftVerticalEdge, state.ShutterRightVerticalEdge = 11, 40
    state.ShutterUpperHorizontalEdge, state.ShutterLowerHorizontalEdge = 1, 20
    line, annotation = Dataset(), Dataset()
    line.GraphicAnnotationUnits, line.GraphicDimensions, line.NumberOfGraphicPoints = "PIXEL", 2, 2
    line.GraphicData, line.GraphicType, line.GraphicFilled = [12.0, 15.5, 38.0, 15.5], "POLYLINE", "N"
    annotation.GraphicLayer, annotation.GraphicObjectSequence = "ONE", [line]
    state.GraphicAnnotationSequence = [annotation]
    picture = shown(client, keep, state, image)
    assert picture[15, 5] == 255 and picture[15, 30] == 255 and picture[18, 30] < 255


def test_only_active_overlays_are_shown(client: TestClient, keep: Keep) -> None:
    """Overlay Activation Layer (C.11.7); without a state all overlays of an image are shown."""
    image = block()
    for element, vr, value in ((0x10, "US", 20), (0x11, "US", 40), (0x40, "CS", "G"), (0x50, "SS", [1, 1])):
        image.add_new(0x60000000 | element, vr, value)
    image.add_new(0x60003000, "OW", b"\xff" * 100)
    stored = keep(image)
    alone = pixels_of(client.get(f"{instance_path(stored)}/rendered", headers=PNG).content)
    assert alone.min() == 255
    state = presentation_state(image)
    assert shown(client, keep, state).min() < 255
    active = presentation_state(image)
    active.add_new(0x60001001, "CS", "ONE")
    assert shown(client, keep, active).min() == 255


def test_every_image_it_is_for_is_a_part(client: TestClient, keep: Keep) -> None:
    first, second = block(), block()
    second.StudyInstanceUID, second.SeriesInstanceUID = first.StudyInstanceUID, first.SeriesInstanceUID
    state = presentation_state(first, second)
    for image in (first, second):
        keep(image)
    path = f"{instance_path(keep(state))}/rendered"
    parts = parts_of(client.get(path, headers={"Accept": 'multipart/related; type="image/png"'}))
    assert [pixels_of(content).shape for _, content in parts] == [(20, 40)] * 2


def test_only_the_frames_it_is_for(client: TestClient, keep: Keep) -> None:
    cine = movie(4)
    keep(cine)
    path = f"{instance_path(keep(presentation_state(cine, frames=(2, 4))))}/rendered"
    assert len(parts_of(client.get(path, headers={"Accept": 'multipart/related; type="image/png"'}))) == 2


def test_an_image_that_is_not_here(client: TestClient, keep: Keep) -> None:
    path = f"{instance_path(keep(presentation_state(block())))}/rendered"
    for accept in ("image/png", 'multipart/related; type="image/png"'):
        assert "refers to" in problem_of(client.get(path, headers={"Accept": accept}), 406)["detail"]


def test_a_state_without_any_reference(client: TestClient, keep: Keep) -> None:
    state = presentation_state(block())
    del state.ReferencedSeriesSequence
    problem_of(client.get(f"{instance_path(keep(state))}/rendered", headers=PNG), 406)


def test_another_state_is_another_picture(client: TestClient, keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of pictures tells states apart."""
    image = block()
    identity, inverse = presentation_state(image), presentation_state(image)
    inverse.PresentationLUTShape = "INVERSE"
    pictures = [shown(client, keep, identity, image), shown(client, keep, inverse)]
    assert np.array_equal(pictures[0], 255 - pictures[1])
    monkeypatch.delattr(Pixels, "draw")
    assert np.array_equal(shown(client, keep, identity), pictures[0])


def colours() -> Dataset:
    """40 columns, 20 rows, blue; the upper left quarter is red."""
    image = ct(20, 40, SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0)
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 8, 8, 7, 0
    values = np.zeros((20, 40, 3), "u1")
    values[..., 2] = 200
    values[:10, :20] = (250, 0, 0)
    image.PixelData = values.tobytes()
    return image


def test_a_colour_state_turns_covers_and_draws(client: TestClient, keep: Keep) -> None:
    """Color Softcopy Presentation State (A.33.2): spatial transformation, CIELab shutter and layer, no window."""
    image = colours()
    state = presentation_state(image)
    state.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.11.2")
    del state.PresentationLUTShape
    state.ImageRotation, state.ImageHorizontalFlip = 180, "N"
    state.ShutterShape, state.ShutterPresentationColorCIELabValue = "RECTANGULAR", [65535, 32896, 32896]
    state.ShutterLeftVerticalEdge, state.ShutterRightVerticalEdge = 6, 40
    state.ShutterUpperHorizontalEdge, state.ShutterLowerHorizontalEdge = 1, 20
    line, annotation, layer = Dataset(), Dataset(), Dataset()
    line.GraphicAnnotationUnits, line.GraphicDimensions, line.NumberOfGraphicPoints = "PIXEL", 2, 2
    line.GraphicData, line.GraphicType, line.GraphicFilled = [12.0, 15.5, 38.0, 15.5], "POLYLINE", "N"
    annotation.GraphicLayer, annotation.GraphicObjectSequence = "ONE", [line]
    layer.GraphicLayer, layer.GraphicLayerOrder = "ONE", 1
    layer.GraphicLayerRecommendedDisplayCIELabValue = [57582, 10794, 54274]
    state.GraphicAnnotationSequence, state.GraphicLayerSequence = [annotation], [layer]
    picture = shown(client, keep, state, image)
    assert picture.shape == (20, 40, 3)
    assert picture[15, 25].tolist() == [250, 0, 0] and picture[2, 5].tolist() == [0, 0, 200]
    assert (picture[2, 37] >= 253).all()
    red, green, blue = picture[4, 15]
    assert green > 240 and max(red, blue) < 60


@pytest.mark.parametrize(("entries", "first"), [(256, 0), (1024, 100)])
def test_a_pseudo_colour_state_maps_all_of_the_window_to_all_of_its_palette(
    client: TestClient, keep: Keep, entries: int, first: int
) -> None:
    """What the VOI LUT yields, stretched over the palette (PS3.4 N.2.3); padding stays black."""
    image = ct(16, 64, RescaleIntercept="0", PixelPaddingValue=5000)
    values = (np.arange(16 * 64).reshape(16, 64) * 2).astype("<i2")
    values[0, :3] = 5000
    image.PixelData = values.tobytes()
    state = presentation_state(image)
    state.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.11.3")
    window, index = Dataset(), np.arange(entries)
    window.WindowCenter, window.WindowWidth = "800", "1000"
    state.SoftcopyVOILUTSequence = [window]
    tables = np.stack([index * 255 // (entries - 1), 255 - index * 255 // (entries - 1), index * 7 % 256], axis=-1)
    for channel, name in enumerate(("Red", "Green", "Blue")):
        setattr(state, f"{name}PaletteColorLookupTableDescriptor", [entries, first, 16])
        setattr(state, f"{name}PaletteColorLookupTableData", (tables[:, channel] * 257).astype("<u2").tobytes())
    # PS3.3 C.11.2.1.2.1, LINEAR.
    grey = np.clip((values - 799.5) / 999 + 0.5, 0, 1)
    expected = tables[np.floor(grey * (entries - 1) + 0.5).astype(int)]
    expected[0, :3] = 0
    assert np.array_equal(shown(client, keep, state, image), expected)


def test_the_profile_of_a_colour_state_counts(client: TestClient, keep: Keep) -> None:
    """C.11.15: the state's ICC Profile says what the colours mean."""
    image = colours()
    image.ICCProfile = matrix_profile("srgb")
    state = presentation_state(image)
    state.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.11.2")
    state.ICCProfile = matrix_profile("adobergb")
    keep(image)
    made = client.get(f"{instance_path(keep(state))}/rendered", headers=PNG).content
    assert Image.open(BytesIO(made)).info["icc_profile"].rstrip(b"\0") == matrix_profile("adobergb").rstrip(b"\0")
