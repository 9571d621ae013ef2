from dataclasses import replace

from dimse.scu.batches import batches
from dimse.scu.establishing import Proposal
from storage.records import InstanceRecord
from tests.dimse.peer import CT, EXPLICIT, IMPLICIT

JPEG = "1.2.840.10008.1.2.4.70"


def record(number: int, study: str = "1.2", sop_class: str = CT, syntax: str = EXPLICIT) -> InstanceRecord:
    return InstanceRecord(study, "1.3", f"1.4.{number}", sop_class, syntax, "", 1, 1, "", "CT", number, 1, 1, 1, 16)


def test_a_study_shares_its_contexts() -> None:
    (batch,) = batches([record(1), record(2, syntax=JPEG), record(3, syntax=IMPLICIT), record(4)])
    assert set(batch.proposals) == {Proposal(CT, (syntax,)) for syntax in (EXPLICIT, IMPLICIT, JPEG)}
    assert {one.instance_number for one in batch.records} == {1, 2, 3, 4}


def test_studies_come_one_after_the_other() -> None:
    found = list(batches([record(1, "1.9"), record(2, "1.1"), record(3, "1.9")]))
    assert [[one.instance_number for one in batch.records] for batch in found] == [[1, 3], [2]]


def test_more_contexts_than_fit_need_more_associations() -> None:
    records = [record(number, sop_class=f"1.2.{number}") for number in range(1, 131)]
    found = list(batches(records))
    assert [len(batch.proposals) for batch in found] == [128, 128, 4]
    assert sorted(one.sop_instance_uid for batch in found for one in batch.records) == sorted(
        one.sop_instance_uid for one in records
    )
    for batch in found:
        offered = {one.abstract_syntax for one in batch.proposals}
        assert all(one.sop_class_uid in offered for one in batch.records)


def test_order_within_a_kind_is_kept() -> None:
    records = [replace(record(number)) for number in (3, 1, 2)]
    (batch,) = batches(records)
    assert [one.instance_number for one in batch.records] == [3, 1, 2]
