import pytest

from dimse.association_items import Extended
from dimse.negotiation import answer_extended
from dimse.services.query_negotiation import Agreed, answer

STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2.1"


@pytest.mark.parametrize(
    ("proposed", "answered"),
    [
        (b"\1", b"\1"),
        (b"\0\1", b"\0\1"),
        (b"\1\1\1\1\1\1\1", b"\1\1\1\0\0\1\1"),
        (b"\1\1\1\1\1\1\1\1\1", b"\1\1\1\0\0\1\1"),
        (b"\0\0\0", b"\0\0\0"),
        (b"\0\0\0\1\1", b"\0\0\0\0\0"),
        (b"", b""),
    ],
)
def test_of_what_is_asked_for_only_what_is_offered_is_agreed(proposed: bytes, answered: bytes) -> None:
    """PS3.4 table C.5-2: the answer is never longer than the question."""
    assert answer(proposed) == answered


def test_what_was_agreed() -> None:
    assert Agreed.read(b"") == Agreed(False, False)
    assert Agreed.read(b"\1") == Agreed(True, False)
    assert Agreed.read(b"\0\1\0") == Agreed(False, True)
    assert Agreed.read(b"\0\0\1\0\0\0\1") == Agreed(fuzzy_names=True, multiple_values=True)


def test_only_classes_that_negotiate_are_answered() -> None:
    proposed = [Extended(STUDY_ROOT, b"\1\1\1"), Extended("1.2.840.10008.1.1", b"\1")]
    assert answer_extended(proposed) == (Extended(STUDY_ROOT, b"\1\1\1"),)
