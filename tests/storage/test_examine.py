"""Who has seen the instances before says the same of each as who has seen none."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

from storage.catalogue.entries import Entry
from storage.data_set.part10 import FileMeta
from storage.data_set.predecessor import Predecessor
from storage.errors import DataSetMismatch, MalformedIdentifier
from storage.examine import Examiner
from storage.files import Files
from storage.incoming import Incoming
from tests.support.synthetic import ct, part10

Arrive = Callable[..., Incoming]


@pytest.fixture
def arrive(tmp_path: Path) -> Iterator[Arrive]:
    """Makes an instance arrive, by C-STORE if `announced`, else as a whole file."""
    files = Files(tmp_path)
    arrived: list[Incoming] = []

    def receive(image: Dataset, syntax: str = ExplicitVRLittleEndian, *, announced: bool = True) -> Incoming:
        whole = part10(image, syntax)
        meta = FileMeta(image.get("SOPClassUID", "1.2.3"), image.get("SOPInstanceUID", "1.2.4"), syntax, "CT1")
        arrived.append(files.receive(meta if announced else None))
        arrived[-1].write(whole[144 + int.from_bytes(whole[140:144], "little") :] if announced else whole)
        return arrived[-1]

    yield receive
    for incoming in arrived:
        incoming.abandon()
    files.close()


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each data set that might have been taken for a successor was."""
    outcomes: list[bool] = []
    successor = Predecessor.successor

    def noting(*arguments: Any, **options: Any) -> Any:
        read = successor(*arguments, **options)
        outcomes.append(read is not None)
        return read

    monkeypatch.setattr(Predecessor, "successor", noting)
    return outcomes


def of_series(numbers: range, **attributes: Any) -> list[Dataset]:
    names = {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.2.3", **attributes}
    return [ct(4, 4, number, ImagePositionPatient=[0, 0, number], **names) for number in numbers]


def examined(arrive: Arrive, images: list[Dataset], syntax: str = ExplicitVRLittleEndian, **how: bool) -> list[Entry]:
    """The entries of `images` from one examiner, which must be those of one that has seen nothing."""
    examiner = Examiner()
    entries = []
    for image in images:
        incoming = arrive(image, syntax, **how)
        entries.append(examiner.examine(incoming, "CT1"))
        assert entries[-1] == Examiner().examine(incoming, "CT1")
    return entries


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_slices_say_study_and_series_once(arrive: Arrive, taken: list[bool], syntax: str, announced: bool) -> None:
    entries = examined(arrive, of_series(range(8, 12)), syntax, announced=announced)
    assert taken == [True, True]
    assert entries[3].study is entries[1].study
    assert entries[3].series is entries[1].series
    assert [entry.record.instance_number for entry in entries] == [8, 9, 10, 11]


@pytest.mark.parametrize(
    "other",
    [
        {"PatientName": "Muster^Max"},
        {"StudyDescription": "CT Abdomen"},
        {"StudyDescription": None},
        {"StudyInstanceUID": "1.3"},
        {"SeriesInstanceUID": "1.2.4", "SeriesNumber": 2},
        {"ReferringPhysicianName": "Muster^Anna"},
        {"BodyPartExamined": "CHEST"},
        {"Rows": 2, "PixelData": bytes(16)},
        {"SpecificCharacterSet": "ISO_IR 100", "PatientName": "M\xfcller^Erika"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"},
    ],
    ids=lambda other: "-".join(other),
)
def test_what_changes_on_the_way_is_seen(arrive: Arrive, other: dict[str, Any]) -> None:
    examined(arrive, [*of_series(range(3)), *of_series(range(3, 6), **other), *of_series(range(6, 9))])


def test_stand_ins_are_never_those_of_the_one_before(arrive: Arrive, taken: list[bool]) -> None:
    nameless = of_series(range(4), StudyInstanceUID=None, SeriesInstanceUID=None)
    entries = examined(arrive, nameless)
    assert taken == [True, True]
    assert len({entry.record.study_instance_uid for entry in entries}) == 4
    assert len({entry.study.json for entry in entries}) == 4


def test_what_the_command_names_is_not_taken_over(arrive: Arrive) -> None:
    anonymous = of_series(range(4), SOPInstanceUID=None, SOPClassUID=None)
    assert {entry.record.sop_instance_uid for entry in examined(arrive, anonymous)} == {"1.2.4"}


def test_refusals_are_the_same_for_who_has_seen_others(arrive: Arrive) -> None:
    examiner = Examiner()
    first, second, good = of_series(range(3))
    for image in (first, second):
        examiner.examine(arrive(image), "CT1")
    incoming = arrive(good)
    with pytest.raises(DataSetMismatch):
        examiner.examine(incoming, "CT1", "1.2.3.4")
    good.StudyInstanceUID = "1.2"
    good["StudyInstanceUID"]._value = "abc"
    with pytest.raises(MalformedIdentifier):
        examiner.examine(arrive(good), "CT1")


def test_so_many_kinds_are_remembered_and_no_more(arrive: Arrive) -> None:
    examiner = Examiner()
    incoming = arrive(ct(4, 4))
    for sender in range(200):
        examiner.examine(incoming, f"CT{sender}")
    assert len(examiner._previous) <= 64


def test_nothing_is_kept_of_what_has_no_successor(arrive: Arrive) -> None:
    examiner = Examiner()
    for _ in range(3):
        examiner.examine(arrive(ct(4, 4, ImageComments="x" * 10_000, DerivationDescription="y" * 1000)), "CT1")
        examiner.examine(arrive(ct(4, 4, TextValue="x" * 40_000, SOPClassUID=generate_uid())), "CT1")
    assert sum(previous is not None for previous in examiner._previous.values()) == 1
