"""Range requests (RFC 9110 14)."""

import pytest
from starlette.requests import Request

from dicomweb.problems import RangeNotSatisfiable, answer
from dicomweb.ranges import requested


def request(**headers: str) -> Request:
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "headers": fields})


@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        ("bytes=0-9", (0, 10)),
        ("bytes=10-", (10, 90)),
        ("bytes=-30", (70, 30)),
        ("bytes=-300", (0, 100)),
        ("bytes=90-500", (90, 10)),
        ("bytes= 0-0", (0, 1)),
        ("bytes=5-2", None),
        ("bytes=0-1,5-6", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("pages=1-2", None),
        ("bytes=" + "9" * 40 + "-", None),
    ],
)
def test_one_range_is_taken_and_everything_else_is_the_whole(field: str, wanted: tuple[int, int] | None) -> None:
    assert requested(request(range=field), 100, '"a"', None) == wanted


@pytest.mark.parametrize("field", ["bytes=100-", "bytes=500-600", "bytes=-0"])
def test_a_range_behind_the_end_is_416(field: str) -> None:
    """RFC 9110 15.5.17."""
    with pytest.raises(RangeNotSatisfiable) as caught:
        requested(request(range=field), 100, '"a"', None)
    response = answer(caught.value)
    assert (response.status_code, response.headers["content-range"]) == (416, "bytes */100")


@pytest.mark.parametrize(("field", "is_part"), [('"a"', True), ('"b"', False), ('W/"a"', False)])
def test_if_range_wants_the_whole_of_another_representation(field: str, is_part: bool) -> None:
    """RFC 9110 13.1.5: the comparison is strong."""
    asked = request(range="bytes=1-", if_range=field)
    assert (requested(asked, 100, '"a"', None) is not None) == is_part


def test_without_range_the_whole_is_wanted() -> None:
    assert requested(request(), 100, '"a"', None) is None
