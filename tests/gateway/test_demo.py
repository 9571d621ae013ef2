"""Parts of the demo: whose share it opens, the QR code in the terminal, and making ahead."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gateway import demo
from gateway.demo import ahead, share_of, terminal_qr
from gateway.scu import Sent
from gateway.sections import SiteConfig
from storage.scope import ListedStudies, PatientIdentity
from tests.support.gateway import free_port


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


def test_a_port_that_is_taken_after_the_look_is_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as held:
        taken, looks = held.getsockname()[1], iter((held.getsockname()[1], free_port(), free_port(), free_port()))
        monkeypatch.setattr(demo, "_port", lambda preferred: next(looks))

        async def start() -> int:
            child, config = await demo._started(tmp_path, SiteConfig(), said.append)
            await child.stop()
            return config.http.port

        assert asyncio.run(start()) != taken
    assert said[0].startswith("Trying the ports ")


def test_what_is_made_ahead_comes_in_order_and_its_error_last() -> None:
    assert list(ahead(range(100))) == list(range(100))

    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    made = ahead(failing())
    assert next(made) == 1
    with pytest.raises(ValueError, match="no more"):
        next(made)
