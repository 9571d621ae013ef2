"""Deliveries to PACS in the words of staff: how far each is, why it does not go on, and what can be done."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from gateway.desk.wording import StudyRow, Wording
from gateway.forwarding.delivery import Delivery
from gateway.pages.wording import plain
from storage.records import StudyOverview

_BADGES: Final = {"failed": "frozen", "waiting": "ending"}


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A delivery in words; `who` and `study` are empty where the study is not kept any more, `trouble`, `advice` and
    `said` (the words of the system itself) where nothing went wrong."""

    number: int
    target: str
    who: str
    study: StudyRow | None
    state_word: str
    badge: str
    progress: str
    when: str
    trouble: str
    advice: str
    said: str
    is_open: bool
    """Whether it can be begun anew or given up now."""


class ForwardingWording:
    """Puts deliveries into the words of one language, as of `now` in seconds since 1970 in UTC."""

    def __init__(self, wording: Wording, now: float | None = None) -> None:
        self._wording = wording
        self._words = wording.words
        self._now = time.time() if now is None else now

    def row(self, delivery: Delivery, known: Mapping[str, StudyOverview]) -> DeliveryRow:
        """A delivery; `known` are studies by their UID."""
        words, wanted = self._words, delivery.wanted
        study = known.get(wanted.study)
        is_held = delivery.is_being_sent(self._now)
        state = "sending" if is_held else delivery.state
        trouble = delivery.trouble
        return DeliveryRow(
            number=delivery.id,
            target=plain(wanted.target),
            who=self._wording.name(study.patient_name) if study else "",
            study=self._wording.study(study) if study else None,
            state_word=words(f"desk.forwarding.state_{state}"),
            badge=_BADGES.get(state, ""),
            progress=self._progress(delivery),
            when=self._when(delivery, is_held=is_held),
            trouble=words(f"desk.forwarding.trouble_{trouble.kind}") if trouble else "",
            advice=words(f"desk.forwarding.advice_{trouble.kind}") if trouble else "",
            said=plain(trouble.sentence) if trouble else "",
            is_open=delivery.state != "delivered" and not is_held,
        )

    def _progress(self, delivery: Delivery) -> str:
        words, wanted = self._words, delivery.wanted.instances
        parts = []
        # "0 of 3 sent" would read like a failure.
        if delivery.needless < wanted:
            parts.append(words("desk.forwarding.sent", sent=delivery.sent, all=wanted))
        if delivery.needless:
            parts.append(words.count("desk.forwarding.needless", delivery.needless))
        if delivery.refused:
            parts.append(words.count("desk.forwarding.refused", delivery.refused))
        if delivery.committed:
            parts.append(words("desk.forwarding.committed"))
        return " · ".join(parts)

    def _when(self, delivery: Delivery, *, is_held: bool) -> str:
        words = self._words
        if delivery.finished_at is not None:
            return self._wording.since(_moment(delivery.finished_at))
        asked = words("desk.forwarding.asked", when=self._wording.since(_moment(delivery.requested_at)))
        if is_held:
            return asked
        minutes = max(round((delivery.due_at - self._now) / 60), 0)
        due = words.count("desk.forwarding.due", minutes) if minutes else words("desk.forwarding.due_now")
        return f"{asked} · {due}"


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
