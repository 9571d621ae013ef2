"""What forwarding works with, in a folder of the test: an archive, a queue with a clock of its own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.forwarding.deliveries import Deliveries
from storage.ingest import Stored
from tests.support.keeping import Keeping
from tests.support.synthetic import ct, part10


@dataclass
class Hands:
    """A clock that stands still until it is turned."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def keeping(tmp_path: Path) -> Iterator[Keeping]:
    keeping = Keeping(tmp_path / "data")
    yield keeping
    keeping.close()


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def deliveries(keeping: Keeping, hands: Hands) -> Deliveries:
    return Deliveries(keeping.database, hands)


@pytest.fixture
def put(keeping: Keeping) -> Callable[..., Stored]:
    def put(source: str = "CT1@10.0.0.1", **attributes: Any) -> Stored:
        incoming = keeping.ingest.receive()
        incoming.write(part10(ct(**attributes)))
        return keeping.ingest.store(incoming, source=source)

    return put
