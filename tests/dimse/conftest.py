from collections.abc import Iterator

import pytest

from tests.dimse.node import EVENT_LOOPS, MemoryStore, Node, running


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture(params=EVENT_LOOPS)
def node(request: pytest.FixtureRequest, store: MemoryStore) -> Iterator[Node]:
    """A listener on each event loop, with the default limits, open to everybody."""
    with running(store, request.param) as node:
        yield node
