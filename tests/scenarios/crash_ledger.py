"""What a crash run has sent, and what it was told: nothing of it may turn out wrong, whoever is killed."""

import random
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import count
from typing import Final, Literal

from dimse.scu.retrieve import Progress
from storage.commitment.references import Verdict
from tests.support.synthetic import bare, ct

Event = Literal["stored", "moved", "accepted", "reported"]

PENDING: Final = 0xFF00
_MOST_MOVED: Final = 12


@dataclass(frozen=True, slots=True)
class Image:
    """An invented CT image: its UIDs, and how many rows and columns it has."""

    study: str
    series: str
    instance: str
    rows: int

    @property
    def data(self) -> bytes:
        """Its data set in Explicit VR Little Endian; no other image has the same."""
        of_another = _pattern(self.rows)
        return (
            of_another.replace(_PATTERN.study.encode(), self.study.encode())
            .replace(_PATTERN.series.encode(), self.series.encode())
            .replace(_PATTERN.instance.encode(), self.instance.encode())
        )

    @property
    def digest(self) -> str:
        """SHA-256 of the data set."""
        return sha256(self.data).hexdigest()


def image(study: int, series: int, instance: int, rows: int) -> Image:
    """The image with these numbers in its UIDs."""
    return Image(f"1.2.4{study:08d}", f"1.2.5{series:08d}", f"1.2.3{instance:08d}", rows)


_PATTERN: Final = image(0, 0, 0, 0)


@lru_cache
def _pattern(rows: int) -> bytes:
    study, series, instance = _PATTERN.study, _PATTERN.series, _PATTERN.instance
    return bare(ct(rows, rows, StudyInstanceUID=study, SeriesInstanceUID=series, SOPInstanceUID=instance))


@dataclass(slots=True)
class Move:
    """A C-MOVE: what it asked for, and the last that the gateway claimed of it."""

    images: tuple[Image, ...]
    claimed: Progress | None = None

    @property
    def is_cut(self) -> bool:
        """Whether it never came to its end."""
        return self.claimed is None or self.claimed.status == PENDING


@dataclass(frozen=True, slots=True)
class Transaction:
    """A request for commitment: to images that are kept, and to instances that never were."""

    images: tuple[Image, ...]
    unknown: tuple[str, ...] = ()


class Ledger:
    """Safe to use from any thread. What is noted here was noted before the other side could go on."""

    def __init__(self) -> None:
        self.killed = threading.Event()
        """Set from the moment of a kill until there is work again."""
        self.images = count()
        self.events: Counter[Event] = Counter()
        self.unanswered: dict[str, Image] = {}
        self.stored: dict[str, Image] = {}
        self.moves: dict[str, Move] = {}
        self.arrived: defaultdict[str, dict[str, str]] = defaultdict(dict)
        """By AE title of the C-MOVE: SOP Instance UIDs and digests that its destination acknowledged."""
        self.accepted: dict[str, Transaction] = {}
        self.reports: defaultdict[str, list[tuple[Verdict, ...]]] = defaultdict(list)
        self.objections: list[str] = []
        """What clients met that no kill explains."""
        self._series: dict[str, list[Image]] = {}
        self._numbers = count()
        self._changed = threading.Condition()

    def sending(self, image: Image) -> None:
        """A C-STORE goes out."""
        with self._changed:
            self.unanswered[image.instance] = image

    def answered(self, image: Image, status: int) -> None:
        """Its response has come."""
        with self._changed:
            if status != 0:
                self.objections.append(f"C-STORE answered with {status:04X}H")
                return
            del self.unanswered[image.instance]
            self.stored[image.instance] = image
            self._series.setdefault(image.series, []).append(image)
            self._count("stored")

    def series(self, uids: Iterable[str]) -> dict[str, list[Image]]:
        """The stored images of these series."""
        return {uid: self._series[uid] for uid in uids if uid in self._series}

    def some(self, chance: random.Random) -> tuple[Image, ...]:
        """Images of one series that were acknowledged, as soon as there are any; none after a kill."""
        with self._changed:
            self._changed.wait_for(lambda: self._series or self.killed.is_set())
            if not self._series:
                return ()
            images = self._series[chance.choice(list(self._series))]
            return tuple(chance.sample(images, chance.randint(1, min(len(images), _MOST_MOVED))))

    def moving(self, images: tuple[Image, ...]) -> str:
        """A C-MOVE goes out; the AE title that it has to come from."""
        name = f"MOVE{next(self._numbers)}"
        self.moves[name] = Move(images)
        return name

    def received(self, move: str, instance: str, digest: str) -> None:
        """The destination of C-MOVE acknowledges an instance."""
        with self._changed:
            self.arrived[move][instance] = digest
            self._count("moved")

    def accept(self, transaction_uid: str, transaction: Transaction, status: int) -> None:
        """The response to N-ACTION has come."""
        with self._changed:
            if status != 0:
                self.objections.append(f"N-ACTION answered with {status:04X}H")
                return
            self.accepted[transaction_uid] = transaction
            self._count("accepted")

    def report(self, transaction_uid: str, verdicts: tuple[Verdict, ...]) -> None:
        """A report is acknowledged."""
        with self._changed:
            self.reports[transaction_uid].append(verdicts)
            self._count("reported")

    def new_transaction_uid(self) -> str:
        """One that was never used."""
        return f"1.2.6{next(self._numbers):08d}"

    def await_more(self, event: Event, number: int, seconds: float) -> bool:
        """Return when so many more of these have happened; False when they do not within `seconds`."""
        enough = self.events[event] + number
        return self._await(lambda: self.events[event] >= enough or bool(self.objections), seconds)

    def wake(self) -> None:
        """Let everybody see that something else has changed."""
        with self._changed:
            self._changed.notify_all()

    def _await(self, happened: Callable[[], bool], seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(happened, seconds)

    def _count(self, event: Event) -> None:
        self.events[event] += 1
        self._changed.notify_all()
