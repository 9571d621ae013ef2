"""Searching the worklist: its keys by name, its order, and its limits (PS3.4 CC.2.8, PS3.18 8.3.4.1)."""

from pathlib import Path

import pytest

from storage.database import Database
from storage.schema import MIGRATIONS
from storage.worklist import search as searching
from storage.worklist.data_sets import element
from storage.worklist.keys import DEEPEST, matches_of, tag_of
from storage.worklist.search import matching
from storage.worklist.worklist import Worklist
from tests.support.workitems import new_uid, workitem


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("PatientID", "00100020"),
        ("00100020", "00100020"),
        ("0040a370", "0040A370"),
        ("99990010", "99990010"),
        ("patientid", ""),
        ("PatientId", ""),
        ("0010002", ""),
        ("", ""),
    ],
)
def test_names(name: str, tag: str) -> None:
    assert tag_of(name) == tag


@pytest.mark.parametrize(
    "name",
    [
        "Nonsense",
        "PatientID.PatientName",
        "ReferencedRequestSequence.Nonsense",
        "ReferencedRequestSequence.",
        ".PatientID",
        "TransactionUID",
        "PixelData",
        ".".join(["ReferencedRequestSequence"] * DEEPEST) + ".PatientID",
    ],
)
def test_what_cannot_be_matched_is_named(name: str) -> None:
    matches, unsupported = matches_of([(name, "x"), ("PatientID", "A")])
    assert unsupported == (name,)
    assert [match.attribute.keyword for match in matches] == ["PatientID"]


def test_a_sequence_is_no_value() -> None:
    assert matches_of([("ReferencedRequestSequence", "x")])[1] == ("ReferencedRequestSequence",)
    assert matches_of([("ReferencedRequestSequence", '""')])[1] == ()


def test_keys_of_one_sequence_are_met_by_one_item() -> None:
    """PS3.4 C.2.2.2.6."""
    items = [
        {"00080050": element("SH", "1"), "0020000D": element("UI", "1.1")},
        {"00080050": element("SH", "2"), "0020000D": element("UI", "1.2")},
    ]
    data_set = {"0040A370": element("SQ", *items)}
    sequence = "ReferencedRequestSequence"
    for accession, study, expected in (("1", "1.1", True), ("1", "1.2", False), ("2", "1.1,1.2", True)):
        keys = [(f"{sequence}.AccessionNumber", accession), (f"{sequence}.StudyInstanceUID", study)]
        assert matching(matches_of(keys)[0])(data_set) is expected


def test_several_values_of_one_key_match_any() -> None:
    test = matching(matches_of([("PatientID", "A"), ("PatientID", "B")])[0])
    assert [test({"00100020": element("LO", one)}) for one in "ABC"] == [True, True, False]


def test_pages_join_to_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By scheduled start, then by age; however small a page of ours is, and however large an answer may be."""
    monkeypatch.setattr(searching, "_PAGE", 2)
    database = Database(tmp_path / "database")
    database.migrate(MIGRATIONS)
    worklist = Worklist(database)
    starts = ("20260102", "20260101", "20260101120000+0100", "20260101", "20260103")
    uids = [new_uid() for _ in starts]
    for uid, start in zip(uids, starts, strict=True):
        worklist.create(uid, workitem(t00404005=element("DT", start)))
    expected = [uids[number] for number in (1, 3, 2, 0, 4)]

    def found(limit: int, offset: int = 0) -> tuple[list[str], int]:
        answer = worklist.search((), limit=limit, offset=offset)
        return [one["00080018"]["Value"][0] for one in answer.data_sets], answer.remaining

    assert found(10) == (expected, 0)
    assert [found(2, offset) for offset in (0, 2, 4, 6)] == [
        (expected[:2], 3),
        (expected[2:4], 1),
        (expected[4:], 0),
        ([], 0),
    ]
    assert found(0) == ([], 5)
    monkeypatch.setattr(searching, "LARGEST_ANSWER", 1)
    assert found(10) == (expected[:1], 4)
    database.close()
