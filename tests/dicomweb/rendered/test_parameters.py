"""Rendering parameters as PS3.18 8.3.5 has them, and what is said about those that we do not know."""

import pytest

from dicomweb.problems import BadRequest
from dicomweb.rendered.parameters import parse_annotation, parse_rendering

SIZE = (512, 256)


def test_rendering_without_parameters() -> None:
    rendering, warnings = parse_rendering({}, "image/jpeg", SIZE)
    assert (rendering.media_type, rendering.window, rendering.viewport) == ("image/jpeg", None, None)
    assert not warnings


def test_a_thumbnail_is_never_made_larger() -> None:
    rendering, _ = parse_rendering({}, "image/png", SIZE, (128, 128))
    assert (rendering.media_type, rendering.viewport, rendering.enlarge) == ("image/png", (128, 128), False)
    rendering, _ = parse_rendering({"viewport": "999,999"}, "image/png", SIZE, (128, 128))
    assert (rendering.viewport, rendering.enlarge) == ((999, 999), False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("40,400,linear", (40.0, 400.0, "LINEAR")),
        ("40,400", (40.0, 400.0, "LINEAR")),
        ("-600.5, 1.5e3 ,linear-exact", (-600.5, 1500.0, "LINEAR_EXACT")),
        ("0,0.5,SIGMOID", (0.0, 0.5, "SIGMOID")),
    ],
)
def test_window(text: str, expected: tuple[float, float, str]) -> None:
    assert parse_rendering({"window": text}, "image/jpeg", SIZE)[0].window == expected


@pytest.mark.parametrize(
    "text", ["", "40", "40,0,linear", "40,0.5,linear", "40,-1,sigmoid", "nan,1,linear", "1,inf", "1,2,cubic", "1,2,3,4"]
)
def test_windows_that_are_none(text: str) -> None:
    with pytest.raises(BadRequest, match="window"):
        parse_rendering({"window": text}, "image/jpeg", SIZE)


@pytest.mark.parametrize(
    ("text", "viewport", "region"),
    [
        ("100,50", (100, 50), None),
        ("100,50,,,,", (100, 50), None),
        ("100,50,10,20,30,40", (100, 50), (10.0, 20.0, 30.0, 40.0)),
        ("100,50,,,-512,", (100, 50), (0.0, 0.0, -512.0, 256.0)),
        ("100,50,1.5,,,", (100, 50), (1.5, 0.0, 512.0, 256.0)),
    ],
)
def test_viewport(text: str, viewport: tuple[int, int], region: tuple[float, ...] | None) -> None:
    rendering, _ = parse_rendering({"viewport": text}, "image/jpeg", SIZE)
    assert (rendering.viewport, rendering.region, rendering.enlarge) == (viewport, region, True)


@pytest.mark.parametrize(
    "text", ["", "1", "0,1", "-1,1", "1,99999", "1,1,1", "1,1,-1,0,5,5", "1,1,0,0,0,5", "1,1,a,b,c,d", "1.5,2"]
)
def test_viewports_that_are_none(text: str) -> None:
    with pytest.raises(BadRequest, match="viewport"):
        parse_rendering({"viewport": text}, "image/jpeg", SIZE)


def test_quality() -> None:
    assert parse_rendering({"quality": "5"}, "image/jpeg", SIZE)[0].quality == 5
    for text in ("0", "101", "-1", "", "x", "1" * 5000):
        with pytest.raises(BadRequest, match="quality"):
            parse_rendering({"quality": text}, "image/jpeg", SIZE)


def test_what_is_not_supported_is_said() -> None:
    _, warnings = parse_rendering({"charset": "utf-8", "annotation": "patient"}, "image/jpeg", SIZE, (128, 128))
    assert warnings == [
        "The charset parameter is not supported.",
        "The annotation parameter is not supported for thumbnails.",
    ]


def test_annotation_names_what_is_to_be_written() -> None:
    """PS3.18 8.3.5.1.1: keywords that are not known are left out, and named in a warning."""
    assert parse_annotation({}) == ([], [])
    assert parse_annotation({"annotation": "technique, patient,patient"}) == (["technique", "patient"], [])
    known, (warning,) = parse_annotation({"annotation": "patient,<script>"})
    assert known == ["patient"] and "script" not in warning
    for empty in ("", " , "):
        with pytest.raises(BadRequest, match="patient, technique"):
            parse_annotation({"annotation": empty})


@pytest.mark.parametrize("profile", ["no", "yes", "srgb", "adobergb", "rommrgb"])
def test_colour_profiles(profile: str) -> None:
    """PS3.18 8.3.5.1.5."""
    assert parse_rendering({"iccprofile": profile}, "image/jpeg", SIZE)[0].profile == profile
    with pytest.raises(BadRequest, match="rommrgb"):
        parse_rendering({"iccprofile": "cmyk"}, "image/jpeg", SIZE)
