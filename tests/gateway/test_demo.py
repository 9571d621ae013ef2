"""Parts of the demo: whose share it opens, the QR code in the terminal, and making ahead."""

from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from gateway.demo import ahead, share_of, terminal_qr
from gateway.scu import Sent
from storage.scope import ListedStudies, PatientIdentity


def _sent(study: str = "1.2", patient: str = "P", birth_date: str = "19500131") -> Sent:
    return Sent(0, study, patient, "I", birth_date, "CT")


@pytest.mark.parametrize(
    ("sent", "scope", "birth_date"),
    [
        ([_sent(), _sent("1.3")], PatientIdentity("P", "I", "19500131"), "19500131"),
        ([_sent(), _sent("1.3", patient="Q")], ListedStudies(frozenset({"1.2", "1.3"})), "19500131"),
        ([_sent(), _sent("1.3", birth_date="")], ListedStudies(frozenset({"1.2", "1.3"})), "19500131"),
        ([_sent(patient="")], ListedStudies(frozenset({"1.2"})), "19500131"),
        ([_sent(birth_date="")], ListedStudies(frozenset({"1.2"})), "19500131"),
        ([_sent(birth_date="19610713")], PatientIdentity("P", "I", "19610713"), "19610713"),
        ([_sent(birth_date="1961")], ListedStudies(frozenset({"1.2"})), "19500131"),
    ],
)
def test_the_share_is_the_patients_where_there_is_just_one(
    sent: list[Sent], scope: PatientIdentity | ListedStudies, birth_date: str
) -> None:
    assert share_of(sent) == (scope, birth_date)


def test_the_qr_code_of_the_terminal_can_be_read() -> None:
    zbar = pytest.importorskip("pyzbar.pyzbar", exc_type=ImportError)
    link = "http://127.0.0.1:8080/z#ABCDEFGHJKMNPQRSTVWXYZ2345"
    rows = [line.removeprefix("\x1b[97;40m").removesuffix("\x1b[0m") for line in terminal_qr(link).split("\n")]
    light = {"█": (1, 1), "▀": (1, 0), "▄": (0, 1), " ": (0, 0)}
    pixels = np.array([[light[mark][half] for mark in row] for row in rows for half in (0, 1)], dtype=np.uint8) * 255
    image = Image.fromarray(pixels).resize((pixels.shape[1] * 8, pixels.shape[0] * 8), Image.Resampling.NEAREST)
    (found,) = zbar.decode(image)
    assert found.data.decode() == link


def test_what_is_made_ahead_comes_in_order_and_its_error_last() -> None:
    assert list(ahead(range(100))) == list(range(100))

    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    made = ahead(failing())
    assert next(made) == 1
    with pytest.raises(ValueError, match="no more"):
        next(made)
