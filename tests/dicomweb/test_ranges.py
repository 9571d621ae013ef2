"""Range requests (RFC 9110 14)."""

import pytest
from starlette.requests import Request

from dicomweb.problems import answer
from dicomweb.ranges import ByteRange, RangeNotSatisfiable, requested_range


def request(**headers: str) -> Request:
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": fields})


@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        ("bytes=0-9", ByteRange(0, 10)),
        ("bytes=10-", ByteRange(10, 100)),
        ("bytes=-30", ByteRange(70, 100)),
        ("bytes=-300", ByteRange(0, 100)),
        ("bytes=90-500", ByteRange(90, 100)),
        ("Bytes = 0 - 0", ByteRange(0, 1)),
        ("bytes=5-2", None),
        ("bytes=0-1,5-6", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("pages=1-2", None),
        ("bytes=" + "9" * 40 + "-", None),
    ],
)
def test_one_range_is_taken_and_everything_else_is_the_whole(field: str, wanted: ByteRange | None) -> None:
    assert requested_range(request(range=field), 100, '"a"') == wanted


@pytest.mark.parametrize("field", ["bytes=100-", "bytes=500-600", "bytes=-0"])
def test_a_range_behind_the_end_is_416(field: str) -> None:
    """RFC 9110 15.5.17."""
    with pytest.raises(RangeNotSatisfiable) as caught:
        requested_range(request(range=field), 100, '"a"')
    response = answer(caught.value)
    assert (response.status_code, response.headers["content-range"]) == (416, "bytes */100")


@pytest.mark.parametrize(("field", "is_part"), [('"a"', True), ('"b"', False), ('W/"a"', False)])
def test_if_range_wants_the_whole_of_another_representation(field: str, is_part: bool) -> None:
    """RFC 9110 13.1.5: the comparison is strong."""
    asked = request(range="bytes=1-", if_range=field)
    assert (requested_range(asked, 100, '"a"') is not None) == is_part


def test_without_range_the_whole_is_wanted() -> None:
    assert requested_range(request(), 100, '"a"') is None
