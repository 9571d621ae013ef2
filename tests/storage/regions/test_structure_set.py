"""Structure sets that say very much."""

import pytest

from storage.data_set.json_values import Json
from storage.imaging.image_pixels import Undecodable
from storage.regions.images import Images, Listed
from storage.regions.planes import Plane
from storage.regions.structure_set import structure_set_of

IMAGE = Images([Listed("1.2", 1, 64, 64)], {0: Plane((0, 0, 0), (1, 0, 0), (0, 1, 0), 1.0, 1.0, 64, 64, 2.0, "1.9")})


def contours(count: int, points: int = 3) -> Json:
    ring = [value for at in range(points) for value in (at % 50, at // 50 % 50, 0)]
    one = {"30060042": {"vr": "CS", "Value": ["CLOSED_PLANAR"]}, "30060050": {"vr": "DS", "Value": ring}}
    roi = {"30060084": {"vr": "IS", "Value": [1]}, "30060040": {"vr": "SQ", "Value": [one] * count}}
    named = {"30060022": {"vr": "IS", "Value": [1]}, "30060024": {"vr": "UI", "Value": ["1.9"]}}
    return {"30060039": {"vr": "SQ", "Value": [roi]}, "30060020": {"vr": "SQ", "Value": [named]}}


def test_ten_thousand_contours_are_drawn() -> None:
    found = structure_set_of(contours(10_000))
    drawn = found.outlines(IMAGE, 0)
    assert drawn["complete"] and len(drawn["shapes"]) == 10_000


def test_more_points_than_can_be_drawn_are_cut_and_said() -> None:
    drawn = structure_set_of(contours(3, 90_000)).outlines(IMAGE, 0)
    assert not drawn["complete"] and len(drawn["shapes"]) == 2


def test_more_contours_than_are_looked_at_are_refused() -> None:
    with pytest.raises(Undecodable, match="more contours"):
        structure_set_of(contours(50_001))
