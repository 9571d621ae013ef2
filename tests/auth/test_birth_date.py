"""Birth dates as people type them."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.birth_date import is_birth_date, parse_birth_date

ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
plausible = st.dates(date(1850, 1, 1), date(2199, 12, 31))


@given(plausible)
def test_every_day_is_understood_in_every_way_of_writing(day: date) -> None:
    expected = f"{day:%Y%m%d}"
    for written in (
        f"{day:%d.%m.%Y}",
        f"{day.day}.{day.month}.{day.year}",
        f"{day.day}. {day.month}. {day.year}",
        f"{day:%d/%m/%Y}",
        f"{day:%d-%m-%Y}",
        f"{day:%d %m %Y}",
        f"{day:%d%m%Y}",
        f"{day:%Y-%m-%d}",
        f"{day:%Y%m%d}",
        f"  {day:%d.%m.%Y}\n",
        f"{day:%d/%m/%Y}".translate(ARABIC),
    ):
        assert parse_birth_date(written) == expected


def test_eight_digits_never_mean_two_days() -> None:
    """Only days 18 to 21 look like the beginning of a year; all of them in 350 years are tried."""
    first = date(1850, 1, 1)
    days = [first + timedelta(days=later) for later in range((date(2200, 1, 1) - first).days)]
    for day in days:
        if 18 <= day.day <= 21:
            assert parse_birth_date(f"{day:%d%m%Y}") == f"{day:%Y%m%d}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "31",
        "30.02.1950",
        "29.02.1951",
        "00.01.1950",
        "01.13.1950",
        "31.01.50",
        "310150",
        "1950",
        "31.01.1849",
        "31.01.2200",
        "31.01.19500",
        "019500131",
        "31.01",
        "Januar 1950",
        "9" * 5000,
    ],
)
def test_what_is_no_day_is_refused(text: str) -> None:
    assert parse_birth_date(text) is None


@given(st.text(max_size=20))
def test_any_text_gives_a_dicom_date_or_nothing(text: str) -> None:
    parsed = parse_birth_date(text)
    assert parsed is None or is_birth_date(parsed)


@pytest.mark.parametrize("text", ["31.01.1950", "31011950", "19500132", "1950013", ""])
def test_only_the_dicom_way_of_writing_is_a_birth_date(text: str) -> None:
    assert is_birth_date("19500131")
    assert not is_birth_date(text)
