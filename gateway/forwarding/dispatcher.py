"""Looks at what came, and wants it delivered where the rules say, once its study has come to rest."""

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.forwarding.deliveries import Deliveries
from gateway.forwarding.delivery import Wanted
from gateway.forwarding.rules import Rule
from storage.index import Index
from storage.records import Unsettled
from storage.scope import WholeArchive

_LOG: Final = logging.getLogger("durchblick.gateway")


class Dispatcher:
    """Whatever comes is looked at once for each rule, also after a crash. One of them at a time; blocking."""

    def __init__(
        self, index: Index, deliveries: Deliveries, rules: Callable[[], Sequence[Rule]], quiet_seconds: float
    ) -> None:
        """`rules` says which hold; it is asked at each look."""
        self._index = index
        self._deliveries = deliveries
        self._rules = rules
        self._quiet = timedelta(seconds=quiet_seconds)

    def look(self) -> int:
        """Want what is due; returns how many deliveries that are."""
        mark = self._deliveries.mark()
        unsettled = self._index.unsettled(WholeArchive(), mark)
        if not unsettled:
            return 0
        places = self._deliveries.places()
        now = datetime.now(UTC)
        resting = [one for one in unsettled if now - one.received_at >= self._quiet]
        fresh = [one for one in resting if one.last > places.get(one.study_instance_uid, mark)]
        rules = self._rules() if fresh else ()
        wanted = [
            found
            for one in fresh
            for found in self._wanted(rules, one, max(places.get(one.study_instance_uid, mark), mark))
        ]
        restless = [one.first for one in unsettled if one not in resting]
        reached = min(restless) - 1 if restless else max(one.last for one in unsettled)
        if reached > mark or fresh:
            dealt = [(one.study_instance_uid, one.last) for one in fresh]
            self._deliveries.deal(reached, dealt, [wish for _, wish in wanted])
        for rule, wish in wanted:
            _LOG.info("forwarding_wanted rule=%r target=%r instances=%d", rule.mark, wish.target, wish.instances)
        return len(wanted)

    def _wanted(self, rules: Sequence[Rule], study: Unsettled, after: int) -> Iterator[tuple[Rule, Wanted]]:
        uid = study.study_instance_uid
        arrivals = self._index.arrived(WholeArchive(), uid, after, study.last) if rules else []
        for rule in rules:
            chosen = rule.selection.of_arrivals(self._index, uid, arrivals)
            if chosen:
                for target in rule.targets:
                    yield rule, Wanted(rule.name, target, uid, after, study.last, rule.selection, len(chosen))
