"""Studies of the archive, and how far they are with coming, in the words of staff."""

from dataclasses import dataclass
from typing import Final, Literal

from dimse.scu.trouble import Trouble
from gateway.archive.archive import ArchivedStudy
from gateway.archive.retrievals import Retrieval
from gateway.desk.wording import Wording
from gateway.pages.wording import day, examination, plain

STILL_SECONDS: Final = 20.0
"""When nothing has come for so long, the page says so."""

Stage = Literal["waiting", "fetching", "still", "later", "done", "failed"]
_BADGES: Final = {"failed": "frozen", "waiting": "ending", "later": "ending", "still": "ending"}


@dataclass(frozen=True, slots=True)
class PriorRow:
    """A study of the archive in words; `who` is empty where it is the patient's whose page it is."""

    uid: str
    title: str
    date: str
    detail: str
    count: str
    who: str
    is_missing: bool


@dataclass(frozen=True, slots=True)
class RetrievalRow:
    """A retrieval in words; `trouble`, `advice` and `said` are empty where nothing went wrong."""

    id: int
    uid: str
    title: str
    date: str
    detail: str
    state: Stage
    state_word: str
    badge: str
    percent: int
    progress: str
    trouble: str
    advice: str
    said: str

    @property
    def is_coming(self) -> bool:
        """Whether more is to be seen by looking again."""
        return self.state not in ("done", "failed")


class PriorsWording:
    """Puts them into the words of one language, as of `now` in seconds since 1970 in UTC."""

    def __init__(self, wording: Wording, now: float) -> None:
        self._wording = wording
        self._words = wording.words
        self._now = now

    def name(self, person_name: str) -> str:
        """A Person Name as lists have it."""
        return self._wording.name(person_name)

    def prior(self, study: ArchivedStudy, here: int, *, with_patient: bool) -> PriorRow:
        """A study of which so many instances are here."""
        words = self._words
        number = study.instances
        some = words("desk.archive.some", here=here, all=number) if here and number else ""
        there = words.count("desk.archive.objects", number) if number is not None else words("desk.archive.unknown")
        born = self._wording.short_date(study.patient_birth_date)
        who = ", ".join(part for part in (self._wording.name(study.patient_name), born) if part)
        return PriorRow(
            uid=study.uid,
            title=examination(words, study.modalities),
            date=day(words, study.study_date),
            detail=plain(study.description),
            count=some or there,
            who=who if with_patient else "",
            is_missing=here < (number if number is not None else here or 1),
        )

    def retrieval(self, retrieval: Retrieval) -> RetrievalRow:
        """How far a study is."""
        words, stage = self._words, self._stage(retrieval)
        trouble, advice, said = self.trouble(retrieval.trouble) if retrieval.trouble else ("", "", "")
        return RetrievalRow(
            id=retrieval.id,
            uid=retrieval.study,
            title=examination(words, retrieval.modalities),
            date=day(words, retrieval.study_date),
            detail=plain(retrieval.description),
            state=stage,
            state_word=words(f"desk.retrieval.state_{stage}"),
            badge=_BADGES.get(stage, ""),
            percent=retrieval.percent,
            progress=self._progress(retrieval, stage),
            trouble=trouble,
            advice=advice,
            said=said,
        )

    def trouble(self, trouble: Trouble) -> tuple[str, str, str]:
        """What went wrong, what to do, and the system's own words."""
        kind = trouble.kind if f"desk.archive.trouble_{trouble.kind}" in self._words else "other"
        words = self._words
        return words(f"desk.archive.trouble_{kind}"), words(f"desk.archive.advice_{kind}"), plain(trouble.sentence)

    def _stage(self, retrieval: Retrieval) -> Stage:
        if retrieval.state != "waiting":
            return retrieval.state
        if not retrieval.is_being_fetched(self._now):
            return "later" if retrieval.trouble else "waiting"
        return "still" if self._now - retrieval.moved_at > STILL_SECONDS else "fetching"

    def _progress(self, retrieval: Retrieval, stage: Stage) -> str:
        words = self._words
        if retrieval.expected:
            told = words("desk.retrieval.of", received=retrieval.received, expected=retrieval.expected)
        else:
            told = words.count("desk.archive.objects", retrieval.received)
        if stage == "still":
            minutes = int((self._now - retrieval.moved_at) // 60)
            since = words.count("desk.retrieval.still", minutes) if minutes else words("desk.retrieval.still_now")
            return f"{told} · {since}"
        if stage == "later":
            minutes = max(round((retrieval.due_at - self._now) / 60), 0)
            due = words.count("desk.forwarding.due", minutes) if minutes else words("desk.forwarding.due_now")
            return f"{told} · {due}"
        return told
