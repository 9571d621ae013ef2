"""What is drawn and written on a picture (PS3.3 C.10.5, PS3.18 8.3.5.1.1)."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from storage.imaging.framing import framing
from storage.imaging.graphics import draw_annotation, draw_graphics
from storage.imaging.header import Header, Value
from storage.imaging.lettering import fitting_font, written
from storage.imaging.presentation_state import PresentationState, references
from storage.imaging.rendering import Rendering
from tests.storage.imaging.image_headers import cs, fl, us, with_sequences

UID = "1.2.3"


def uid(text: str) -> Value:
    return Value("UI", text.encode(), False)


def item(kind: str, *points: float, unit: str = "PIXEL", filled: str = "N") -> Header:
    return Header({0x00700005: cs(unit), 0x00700022: fl(*points), 0x00700023: cs(kind), 0x00700024: cs(filled)})


def text(value: str, **place: Value) -> Header:
    values = {int(name[1:], 16): given for name, given in place.items()}
    return Header(values | {0x00700006: Value("ST", value.encode(), False)})


def state(*graphics: Header, texts: tuple[Header, ...] = (), layer: Header | None = None, **more: Any) -> Header:
    annotation = with_sequences({0x00700002: cs("ONE")}, s00700009=graphics, s00700008=texts, **more)
    return with_sequences({}, s00700001=[annotation], s00700060=[layer] if layer else [])


def drawn(header: Header, number: int = 1) -> np.ndarray[Any, Any]:
    applied = PresentationState(header, UID, number)
    frame = framing((60, 40), 1, Rendering(), applied)
    return np.asarray(draw_graphics(Image.new("L", (60, 40)), frame, applied))


@pytest.mark.parametrize(
    ("graphic", "light", "dark"),
    [
        (item("POINT", 10.5, 20.5), (20, 10), (20, 15)),
        (item("POLYLINE", 5, 5, 40, 5, 40, 30), (5, 20), (20, 20)),
        (item("POLYLINE", 5, 5, 40, 5, 40, 30, 5, 30, 5, 5, filled="Y"), (20, 20), (35, 20)),
        (item("POLYLINE", 0.5, 0.0, 0.5, 1.0, unit="DISPLAY"), (20, 30), (20, 20)),
        (item("CIRCLE", 30, 20, 40, 20), (10, 30), (20, 30)),
        (item("ELLIPSE", 10, 20, 50, 20, 30, 10, 30, 30), (30, 30), (20, 30)),
        (item("INTERPOLATED", 5, 20, 20, 20, 50, 20), (20, 30), (10, 30)),
        (item("INTERPOLATED", 5, 20, 50, 20), (20, 30), (10, 30)),
    ],
)
def test_graphic_types(graphic: Header, light: tuple[int, int], dark: tuple[int, int]) -> None:
    picture = drawn(state(graphic))
    assert (picture[light], picture[dark]) == (255, 0)


@pytest.mark.parametrize("graphic", [item("CIRCLE", 1, 2), item("ELLIPSE", 1, 2), item("STAR", 1, 2, 3, 4), Header({})])
def test_what_is_no_graphic_draws_nothing(graphic: Header) -> None:
    assert not drawn(state(graphic)).any()


def test_points_beyond_all_measure() -> None:
    assert drawn(state(item("POLYLINE", -1e30, 20, 1e30, 20))).any()


def test_the_layer_says_how_light() -> None:
    layer = Header({0x00700002: cs("ONE"), 0x00700062: us(1), 0x00700066: us(0x8000)})
    assert drawn(state(item("POLYLINE", 0, 20, 60, 20), layer=layer)).max() == 128


def test_text_lies_in_its_box_or_at_its_anchor() -> None:
    box = text("XXXX", t00700010=fl(30, 20), t00700011=fl(55, 35), t00700003=cs("PIXEL"))
    anchor = text("XXXX", t00700014=fl(0.5, 0.5), t00700004=cs("DISPLAY"))
    for one in (box, anchor):
        picture = drawn(state(texts=(one,)))
        assert picture[20:, 30:].any() and not picture[:18].any() and not picture[:, :28].any()
    assert not drawn(state(texts=(text("nowhere"),))).any()


def test_annotations_for_other_images_and_frames_are_left_out() -> None:
    """Referenced Image Sequence of the Graphic Annotation module (C.10.5)."""
    line = item("POLYLINE", 0, 20, 60, 20)
    for image, number, expected in ((UID, 1, True), ("9.9", 1, False), (UID, 2, False)):
        reference = Header({0x00081155: uid(image), 0x00081160: Value("IS", b"1\\3", False)})
        assert drawn(state(line, s00081140=[reference]), number).any() is np.bool_(expected)


def test_references_come_in_their_order() -> None:
    images = [Header({0x00081155: uid("1.1"), 0x00081160: Value("IS", b"2", False)}), Header({0x00081155: uid("1.2")})]
    header = with_sequences({}, s00081115=[with_sequences({0x0020000E: uid("1")}, s00081140=images)])
    assert [(one.sop_instance_uid, one.frames) for one in references(header)] == [("1.1", (2,)), ("1.2", ())]


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("ground", [0, 128, 255])
def test_annotation_is_legible_on_any_ground(mode: str, ground: int) -> None:
    plain = Image.new(mode, (300, 200), ground if mode == "L" else (ground, ground, ground))
    made = np.asarray(draw_annotation(plain, ["Muster^Erika", "*1950-01-31"]).convert("L")).astype(int)
    assert made[:60].max() - made[:60].min() >= 127
    assert (made[100:] == ground).all()


def test_long_lines_become_small_letters() -> None:
    assert fitting_font(["x" * 100], (600, 400)).getlength("x" * 100) <= 600
    assert fitting_font(["x"], (2000, 2000)).size > 40


def test_letters_that_the_typeface_lacks_lose_their_marks_or_become_question_marks() -> None:
    font = fitting_font(["x"], (300, 300))
    assert written("Müßig Čapek", font) == "Müßig Čapek"
    assert written("Nguyễn 漢\x00\x1b", font) == "Nguyen ?"
