"""The state machine of PS3.4 CC.1.1 as a whole; its cells are held to the table in tests/dicomweb."""

from itertools import product

import pytest

from storage.worklist.states import State, outcome


@pytest.mark.parametrize(("requested", "current", "correct"), list(product(State, State, (True, False))))
def test_states_only_go_forward(requested: State, current: State, correct: bool) -> None:
    found = outcome(requested, current, correct_transaction_uid=correct)
    if isinstance(found, State):
        assert correct and not current.is_final and found is requested
        assert (current, found) in {
            (State.SCHEDULED, State.IN_PROGRESS),
            (State.IN_PROGRESS, State.COMPLETED),
            (State.IN_PROGRESS, State.CANCELED),
        }
    else:
        assert found.http_status in (200, 400, 409)
