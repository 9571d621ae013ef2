"""Which instances share an association: those of a study, as far as their presentation contexts fit on it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dimse.scu.establishing import MOST_CONTEXTS, Proposal
from dimse.scu.outgoing import sendable_syntaxes
from storage.records import InstanceRecord


@dataclass(frozen=True, slots=True)
class Batch:
    """Instances of one study, and the contexts on which each of them can be sent."""

    proposals: tuple[Proposal, ...]
    records: tuple[InstanceRecord, ...]


def batches(records: Iterable[InstanceRecord]) -> Iterator[Batch]:
    """All records, study by study in the order in which the studies first appear.

    Each pair of SOP class and transfer syntax is a context of its own, so that the peer's choice of one syntax never
    hides another one that it takes as well (PS3.8 9.3.3.2 lets it accept one only).
    """
    studies: dict[str, list[InstanceRecord]] = {}
    for record in records:
        studies.setdefault(record.study_instance_uid, []).append(record)
    for study in studies.values():
        yield from _of_study(study)


def _of_study(records: list[InstanceRecord]) -> Iterator[Batch]:
    kinds: dict[tuple[str, str], list[InstanceRecord]] = {}
    for record in records:
        kinds.setdefault((record.sop_class_uid, record.transfer_syntax_uid), []).append(record)
    proposals: dict[Proposal, None] = {}
    taken: list[InstanceRecord] = []
    for (sop_class, stored), alike in sorted(kinds.items()):
        needed = [Proposal(sop_class, (syntax,)) for syntax in sendable_syntaxes(stored)]
        if len(proposals.keys() | needed) > MOST_CONTEXTS:
            yield Batch(tuple(proposals), tuple(taken))
            proposals, taken = {}, []
        proposals |= dict.fromkeys(needed)
        taken += alike
    yield Batch(tuple(proposals), tuple(taken))
