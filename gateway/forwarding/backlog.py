"""What a rule takes of what came before it held: asked for by hand, and each instance once."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from gateway.forwarding.deliveries import Deliveries
from gateway.forwarding.delivery import Wanted
from gateway.forwarding.rules import Rule
from gateway.forwarding.trial import lately_of
from storage.index import Index
from storage.records import Arrived
from storage.scope import StudyScope


def backlog_of(index: Index, deliveries: Deliveries, scope: StudyScope, rule: Rule, days: int) -> Iterator[Wanted]:
    """The deliveries of what a trial of `rule` shows, without what the same selection has been wanted for already, and
    without what the dispatcher is going to look at: it will want that itself."""
    mark, places = deliveries.mark(), deliveries.places()
    for study in lately_of(index, scope, days)[0]:
        uid = study.study_instance_uid
        arrivals = index.arrived(scope, uid, study.first - 1, min(study.last, max(places.get(uid, mark), mark)))
        for target in rule.targets:
            settled = deliveries.places_of(target, uid, rule.selection)
            for run in _left(arrivals, settled):
                if chosen := rule.selection.of_arrivals(index, uid, run):
                    yield Wanted(rule.name, target, uid, run[0].place - 1, run[-1].place, rule.selection, len(chosen))


def _left(arrivals: Sequence[Arrived], settled: Sequence[tuple[int, int]]) -> Iterator[list[Arrived]]:
    """What of `arrivals` lies between the settled places, each time as far as nothing settled comes between."""
    for is_settled, run in groupby(arrivals, lambda one: any(after < one.place <= upto for after, upto in settled)):
        if not is_settled:
            yield list(run)
