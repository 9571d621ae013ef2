"""Regions as readers see them: their colours can be told from what is below them."""

import pytest

from storage.regions.region import Placed, named


@pytest.mark.parametrize("colour", [(0, 0, 0), (0, 0, 128), (255, 0, 0), (0, 255, 0), (255, 255, 255)])
def test_colours_are_light_enough(colour: tuple[int, int, int]) -> None:
    red, green, blue = ((value / 255) ** 2.2 for value in named(1, "", colour).colour)
    assert 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.17


def test_a_light_colour_stays() -> None:
    assert named(1, "", (0, 235, 235)).colour == (0, 235, 235)


def test_more_regions_than_are_offered_are_counted() -> None:
    regions = [named(number, "x" * 900, None) for number in range(502)]
    message = Placed({3: [7, 5, 6, 9]}, 4, 0).message(regions, "A", concerns=True)
    assert (len(message["regions"]), message["more"], len(message["regions"][0]["name"])) == (500, 2, 64)
    assert message["regions"][3]["images"] == [[5, 7], [9, 9]]
