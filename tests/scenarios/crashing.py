"""kill -9 of the DICOM role, again and again, in the midst of C-STORE, C-MOVE and storage commitment.

`python -m tests.scenarios.crashing [KILLS [SEED]]` kills it so many times (200) and prints the seed that repeats the
choices; what a kill hits depends on the machine as well. Exit status 1 when something was lost, or claimed wrongly.
"""

import random
import secrets
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Final

from gateway import jobs
from gateway.commitment import Commitment
from gateway.config import load
from gateway.house import House, build
from tests.scenarios import crash_checks as checks
from tests.scenarios.crash_clients import Clients, until_killed
from tests.scenarios.crash_ledger import Event, Image, Ledger, image
from tests.scenarios.crash_receiver import AE_TITLE, receiving
from tests.support import gateway
from tests.support.patience import PATIENCE

KILLS: Final = 200
SENDERS: Final = 4
MOST_STORED: Final = 60
"""By one sender between two kills."""
MOMENTS: Final[tuple[tuple[Event, int, float], ...]] = (
    ("stored", 80, 0.0),
    ("stored", 80, 0.0),
    ("moved", 30, 0.0),
    ("moved", 30, 0.0),
    ("accepted", 8, 0.0),
    ("accepted", 8, 0.0),
    ("reported", 1, 0.0),
    ("stored", 1, 0.6),
)
"""When to kill: after at most so many of these events, and at most so many seconds more."""
_SECONDS_MORE: Final = 0.01
_LOOKED_AT_AGAIN: Final = 100
_PROGRESS_EVERY: Final = 10
_OWED: Final = "SELECT count(*) AS n FROM commitment_transaction WHERE due_at IS NOT NULL"
_AS_IF_LATER: Final = "UPDATE commitment_transaction SET due_at = 0 WHERE due_at IS NOT NULL"


class Crashes:
    """A run over one data folder; `problems` is empty as long as everything holds."""

    def __init__(self, folder: Path, seed: str, receiver_port: int, ledger: Ledger) -> None:
        self.problems: list[str] = []
        self.figures: Counter[str] = Counter()
        self._folder = folder
        self._data = folder / "data"
        self._log = folder / "dimse.log"
        self._chance = random.Random(seed)
        self._ledger = ledger
        self._peers = f'[[dimse.peers]]\nae_title = "{AE_TITLE}"\nhost = "127.0.0.1"\nport = {receiver_port}\n'
        # How much of the ledger was there before the last kill's work.
        self._before = {"stored": 0, "moves": 0, "accepted": 0}

    def run(self, kills: int) -> None:
        """Kill so many times, and end in good order; stops early where something does not hold."""
        for kill in range(kills):
            with self._started() as (process, port):
                if self.problems:
                    return
                self._work_until_killed(kill, process, port)
            if (kill + 1) % _PROGRESS_EVERY == 0:
                print(self.summary(), flush=True)
        with self._started(is_last=True) as (process, _):
            if (status := gateway.stop(process)) != 0:
                self.problems.append(f"the role ended with status {status}")
        self.problems += checks.log(self._log)

    def summary(self) -> str:
        """What happened so far."""
        ledger, figures = self._ledger, self.figures
        again = sum(len(reports) > 1 for reports in ledger.reports.values())
        return (
            f"{figures['kills']} kills: {len(ledger.stored)} instances acknowledged, "
            f"{figures['on their way']} on their way when it was killed; "
            f"{len(ledger.moves)} C-MOVE with {ledger.events['moved']} instances, {figures['cut moves']} cut; "
            f"{len(ledger.accepted)} commitments accepted, {figures['owed']} of them owed after a kill, "
            f"{again} reported again"
        )

    @contextmanager
    def _started(self, *, is_last: bool = False) -> "Iterator[tuple[subprocess.Popen[bytes], int]]":
        """The role on a free port, and its port; whatever must hold after a start has been checked."""
        # The one that is killed is the one that stores, no supervisor of several.
        one = "accept_unknown_peers = true\nprocesses = 1"
        config = gateway.configuration(self._folder, dimse=one, more=self._peers)
        with ExitStack() as role:
            with ExitStack() as worker:
                # Either the whole gateway was killed, whose worker starts first, or this role alone.
                house = worker.enter_context(self._mended(config)) if self._chance.random() < 0.5 else None
                process = role.enter_context(gateway.serving(config, self._log, "--role", "dimse"))
                self._ledger.killed.clear()
                self.problems += checks.incoming(self._data)
                house = house or worker.enter_context(self._mended(config))
                port = house.config.dimse.port
                self._check(house, Clients(port, self._ledger), is_last=is_last)
            yield process, port

    @contextmanager
    def _mended(self, config: Path) -> Iterator[House]:
        """What the worker works with, once it has mended what the crash left."""
        with closing(build(load(config))) as house:
            self.problems += checks.swept(jobs.mend(house))
            yield house

    def _check(self, house: House, clients: Clients, *, is_last: bool) -> None:
        ledger, before = self._ledger, self._before
        images = list(ledger.stored.values())
        if not is_last:
            some = self._chance.sample(images[: before["stored"]], min(before["stored"], _LOOKED_AT_AGAIN))
            images = images[before["stored"] :] + some
        self.problems += checks.database(self._data)
        self.problems += checks.kept(house, ledger, images)
        self.problems += checks.found(clients, ledger, {image.series for image in images})
        self._check_moves(clients)
        self._check_commitments(house)
        self.problems += ledger.objections
        self._before = {"stored": len(ledger.stored), "moves": len(ledger.moves), "accepted": len(ledger.accepted)}

    def _check_moves(self, clients: Clients) -> None:
        latest = list(islice(self._ledger.moves.items(), self._before["moves"], None))
        for name, move in latest:
            self.problems += checks.moved(self._ledger, name, move)
            if move.is_cut:
                self.figures["cut moves"] += 1
                again = clients.move(move.images)
                self.problems += checks.moved(self._ledger, again, self._ledger.moves[again])

    def _check_commitments(self, house: House) -> None:
        """Let the worker report what is owed, as if so much time had passed that nobody waits for the dead."""
        latest = list(islice(self._ledger.accepted, self._before["accepted"], None))
        self.figures["owed"] += sum(not self._ledger.reports[uid] for uid in latest)
        commitment, database = Commitment(house), house.storage.database
        database.write(lambda connection: connection.execute(_AS_IF_LATER))
        commitment.report()
        deadline = time.monotonic() + PATIENCE
        while database.read(_OWED)[0]["n"] and time.monotonic() < deadline:
            time.sleep(0.01)
        commitment.close()
        self.problems += checks.reported(self._ledger, latest)

    def _work_until_killed(self, kill: int, process: "subprocess.Popen[bytes]", port: int) -> None:
        ledger, chance = self._ledger, self._chance
        event, most, more = chance.choice(MOMENTS)
        number, pause = chance.randint(1, most), chance.uniform(0, _SECONDS_MORE) + chance.uniform(0, more)
        works = self._works(kill, Clients(port, ledger))
        threads = [threading.Thread(target=until_killed, args=(ledger, work)) for work in works]
        for thread in threads:
            thread.start()
        if not ledger.await_more(event, number, PATIENCE):
            self.problems.append(f"{number} times {event!r} was not reached")
        time.sleep(pause)
        ledger.killed.set()
        process.kill()
        ledger.wake()
        process.wait()
        self.figures["kills"] += 1
        for thread in threads:
            thread.join(PATIENCE)
            if thread.is_alive():
                self.problems.append("a client hangs")
        self.figures["on their way"] += sum(path.is_file() for path in (self._data / "incoming").rglob("*"))

    def _works(self, kill: int, clients: Clients) -> list[Callable[[], object]]:
        """What the clients do: senders send what was not acknowledged again, then new instances in two studies."""
        unanswered = list(self._ledger.unanswered.values())
        chances = [random.Random(self._chance.random()) for _ in range(SENDERS + 3)]
        senders = [
            partial(clients.store, chain(unanswered[at::SENDERS], self._new(kill, at, chances.pop())))
            for at in range(SENDERS)
        ]
        others = (clients.move_without_end, clients.commit_and_leave, clients.commit_and_stay)
        return [*senders, *map(partial, others, chances)]

    def _new(self, kill: int, sender: int, chance: random.Random) -> Iterator[Image]:
        for _ in range(MOST_STORED):
            number = next(self._ledger.images) + 1
            yield image(2 * kill + sender % 2 + 1, SENDERS * kill + sender + 1, number, chance.choice((16, 64, 250)))


def main(kills: int, seed: str) -> None:
    """Print what was seen; exit status 1 when something must be mended."""
    seed = seed or secrets.token_hex(4)
    print(f"seed {seed}: to repeat this, make crash KILLS={kills} SEED={seed}", flush=True)
    # As the gateway does it: pydicom's warnings quote values.
    warnings.simplefilter("ignore")
    began, ledger = time.monotonic(), Ledger()
    with tempfile.TemporaryDirectory(prefix="crash-") as folder, receiving(ledger) as port:
        crashes = Crashes(Path(folder), seed, port, ledger)
        crashes.run(kills)
    print(f"{crashes.summary()}; {time.monotonic() - began:.0f} s; {len(crashes.problems)} problems")
    for problem in crashes.problems[:20]:
        print(problem)
    sys.exit(bool(crashes.problems))


if __name__ == "__main__":
    main(int((*sys.argv[1:], f"{KILLS}")[0]), (*sys.argv[2:], "")[0])
