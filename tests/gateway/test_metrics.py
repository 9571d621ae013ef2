"""What `/metrics` counts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import metrics
from gateway.config import Config
from gateway.house import House, build
from gateway.seats import Place
from storage.scope import ListedStudies


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = build(Config(base=tmp_path))
    yield built
    built.close()


def test_live_sessions_are_counted(house: House) -> None:
    meter = metrics.Meter("/dicom-web", Place())
    assert "\ndurchblick_sessions 0\n" in metrics.exposition(house, meter)
    for number in (1, 2):
        issued = house.shares.create(ListedStudies(frozenset({f"1.2.{number}"})), "19500131", 1)
        house.sessions.begin(issued.share)
    text = metrics.exposition(house, meter)
    assert "\ndurchblick_sessions 2\n" in text
    assert issued.share.id not in text
