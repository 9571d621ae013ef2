"""C-FIND by the gateway and by Orthanc, in turns, over the same archive: queries and matches per second.

    python -m benchmarks query [--instances 100000] [--rounds 5] [--seconds 2] [--only NAME] [--json FILE]

Both servers are filled once (Orthanc over its REST interface, which takes minutes) and then run side by side; one of
them is asked at a time. The client sends the next query when the last match of the one before has come, and does not
decode what it gets.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from benchmarks import archive
from benchmarks.comparison import Column, in_turns, options, tell
from benchmarks.processes import ServerProcess, running
from benchmarks.servers import Durchblick, OrthancWithoutDelay
from dimse.command import C_FIND_RQ
from dimse.scu import elements
from dimse.scu.query import STUDY_ROOT_FIND, proposal
from dimse.scu.requestor import Requestor
from dimse.settings import Peer
from storage.data_set.encoder import encode
from storage.storage import Storage

_EXPLICIT: Final = "1.2.840.10008.1.2.1"

Keys = dict[str, str]
Kind = type[Durchblick] | type[OrthancWithoutDelay]
_KINDS: Final[tuple[Kind, ...]] = (Durchblick, OrthancWithoutDelay)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One workload on one server: what it answered in the time it was given."""

    server: str
    workload: str
    queries: int
    matches: int
    seconds: float
    cpu_ms: float


def workloads(studies: int) -> dict[str, Callable[[Random], Keys]]:
    """Named questions: keys by tag, "" only to be returned; each time others of the same kind."""
    study = {"00080052": "STUDY", "0020000D": "", "00100010": "", "00100020": "", "00080020": "", "00080050": ""}
    study |= {"00081030": "", "00100030": ""}
    series = {"00080052": "SERIES", "0020000E": "", "00080060": "", "0008103E": "", "00200011": ""}
    image = {"00080052": "IMAGE", "00080018": "", "00200013": "", "00080016": ""}

    def some(random: Random) -> int:
        return random.randrange(studies)

    def parents(random: Random) -> Keys:
        uid = archive.study_uid(some(random))
        return {"0020000D": uid, "0020000E": f"{uid}.1"}

    return {
        "studies of a PatientID": lambda random: study | {"00100020": archive.patient_id(some(random))},
        "study of an AccessionNumber": lambda random: study | {"00080050": f"A{some(random):07d}"},
        "studies of a day": lambda random: study | {"00080020": _day(random)},
        "studies of a day, with modalities and counts": lambda random: (
            study | {"00080020": _day(random), "00080061": "", "00201206": "", "00201208": ""}
        ),
        "studies of a name with wildcard": lambda random: (
            study | {"00100010": f"{random.choice(('Bel', 'Mus', 'Wald'))}{random.choice(('dorn', 'lin', 'ost'))}*"}
        ),
        "all studies": lambda random: study,
        "series of a study": lambda random: series | {"0020000D": archive.study_uid(some(random))},
        "instances of a series": lambda random: image | parents(random),
    }


def _day(random: Random) -> str:
    return f"20{random.randrange(16, 26)}{random.randrange(1, 13):02d}{random.randrange(1, 29):02d}"


def measure(
    server: Durchblick | OrthancWithoutDelay, process: ServerProcess, workload: str, studies: int, seconds: float
) -> Measurement:
    """Ask for about so many seconds."""
    question, random = workloads(studies)[workload], Random(workload)
    queries = matches = 0
    peer = Peer(server.ae_title, "127.0.0.1", server.port)
    with Requestor.associate(peer, [proposal(STUDY_ROOT_FIND)], calling_ae_title="BENCHMARK") as requestor:
        _ask(requestor, question(random))
        cpu_ms, began = process.cpu_ms(), time.perf_counter()
        while (elapsed := time.perf_counter() - began) < seconds or not queries:
            matches += _ask(requestor, question(random))
            queries += 1
        return Measurement(server.name, workload, queries, matches, elapsed, process.cpu_ms() - cpu_ms)


def _ask(requestor: Requestor, keys: Keys) -> int:
    context = requestor.context(STUDY_ROOT_FIND, _EXPLICIT)
    if context is None:
        raise RuntimeError("the context was not accepted")
    request = elements.request(C_FIND_RQ, STUDY_ROOT_FIND, priority=True)
    *pending, last = requestor.request(context, request, [encode(_identifier(keys), _EXPLICIT)])
    if last.status:
        raise RuntimeError(f"the query ended with {last.status:04X}H")
    return len(pending)


def _identifier(keys: Keys) -> dict[str, Any]:
    vrs = {"0020000D": "UI", "0020000E": "UI", "00080018": "UI", "00080016": "UI", "00100010": "PN", "00080020": "DA"}
    vrs |= {"00080052": "CS", "00080060": "CS", "00080061": "CS", "00100030": "DA", "00080050": "SH"}
    found = {}
    for tag, value in keys.items():
        vr = vrs.get(tag) or ("IS" if tag.startswith("0020") else "LO")
        given = [{"Alphabetic": value}] if vr == "PN" else [value]
        found[tag] = {"vr": vr, "Value": given} if value else {"vr": vr}
    return found


@contextmanager
def filled(kind: Kind, folder: Path, count: int) -> Iterator[tuple[Any, ServerProcess]]:
    """The server over an archive of so many instances, running."""
    folder.mkdir()
    server = kind(folder)
    if isinstance(server, Durchblick):
        storage = Storage.open(folder / "data")
        archive.fill(storage.database, archive.instances(count))
        storage.close()
    with running(server, folder) as process:
        if isinstance(server, OrthancWithoutDelay):
            server.fill(archive.part10(one) for one in archive.instances(count))
        yield server, process


_COLUMNS: Final = (
    Column("matches each", lambda one: one.matches / one.queries),
    Column("queries / s", lambda one: one.queries / one.seconds, "rate ratio"),
    Column("CPU ms each", lambda one: one.cpu_ms / one.queries, "CPU ratio"),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill, run all rounds, print the report."""
    parser = options("query", rounds=5)
    parser.add_argument("--instances", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=2)
    chosen = parser.parse_args(arguments)
    studies = archive.studies_in(chosen.instances)
    kinds = [kind for kind in _KINDS if kind.name.startswith(chosen.only)]
    measurements = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary, ExitStack() as stack:
        asked = []
        for number, kind in enumerate(kinds):
            began = time.perf_counter()
            asked.append(stack.enter_context(filled(kind, Path(temporary) / str(number), chosen.instances)))
            print(f"{kind.name} filled in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        for number in range(chosen.rounds):
            for workload in workloads(studies):
                for server, process in in_turns(asked, number):
                    one = measure(server, process, workload, studies, chosen.seconds)
                    measurements.append(one)
                    rate = f"{one.queries / one.seconds:.1f}/s, {one.matches / one.queries:.1f} matches each"
                    print(f"round {number + 1} {workload}: {one.server} {rate}", file=sys.stderr)
    tell(measurements, _COLUMNS, chosen.json)


if __name__ == "__main__":
    main()
