"""C-FIND by the gateway and by Orthanc, alternately, over the same archive: queries and matches per second.

    python -m benchmarks.query [--instances 100000] [--rounds 5] [--seconds 2] [--only durchblick] [--json FILE]

Both servers are filled once (Orthanc over its REST interface, which takes minutes) and then run side by side; one of
them is asked at a time. The client sends the next query when the last match of the one before has come, and does not
decode what it gets.
"""

import argparse
import http.client
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from benchmarks import archive
from benchmarks.processes import ServerProcess
from benchmarks.servers import Durchblick, OrthancWithoutDelay
from dimse.command import C_FIND_RQ
from dimse.scu import elements
from dimse.scu.query import STUDY_ROOT_FIND, proposal
from dimse.scu.requestor import Requestor
from dimse.settings import Peer
from storage.data_set.encoder import encode
from storage.storage import Storage

_EXPLICIT: Final = "1.2.840.10008.1.2.1"
_UPLOADS: Final = 2

Keys = dict[str, str]
Kind = type[Durchblick] | type[OrthancWithoutDelay]


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
    process = ServerProcess(server.command, server.port, server.environment, folder / "log")
    try:
        if isinstance(server, OrthancWithoutDelay):
            upload(server.http_port, archive.instances(count))
            if server.stored() != count:
                raise RuntimeError(f"Orthanc has {server.stored()} instances")
        yield server, process
    finally:
        process.stop()


def upload(port: int, data_sets: Iterator[archive.DataSet]) -> None:
    """Over Orthanc's REST interface: with kept connections it is faster there than by C-STORE."""
    lock = threading.Lock()

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while True:
            with lock:
                data_set = next(data_sets, None)
            if data_set is None:
                return
            connection.request("POST", "/instances", archive.part10(data_set))
            answer = connection.getresponse()
            answer.read()

    threads = [threading.Thread(target=work) for _ in range(_UPLOADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def report(measurements: Sequence[Measurement]) -> str:
    """A Markdown table of medians (least-greatest), with the ratio of the rates within each round."""
    lines = [
        "| query | matches each | durchblick / s | Orthanc / s | rate / Orthanc | CPU ms each | Orthanc: CPU ms each |",
        "|---|---|---|---|---|---|---|",
    ]
    for workload in dict.fromkeys(one.workload for one in measurements):
        own, other = (
            [one for one in measurements if (one.server, one.workload) == (name, workload)]
            for name in (Durchblick.name, OrthancWithoutDelay.name)
        )
        each = statistics.mean(one.matches / one.queries for one in own or other)
        rates = [[one.queries / one.seconds for one in of] for of in (own, other)]
        ratios = [a / b for a, b in zip(*rates, strict=False)]
        cpu = [[one.cpu_ms / one.queries for one in of] for of in (own, other)]
        cells = [_spread(values) for values in (*rates, ratios, *cpu)]
        lines.append(f"| {workload} | {each:.1f} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.3g} ({min(values):.3g}-{max(values):.3g})" if values else "-"


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill, run all rounds, print the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.query")
    parser.add_argument("--instances", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--only", choices=["durchblick", "orthanc"])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    kinds: dict[str, Kind] = {"durchblick": Durchblick, "orthanc": OrthancWithoutDelay}
    studies = max(1, options.instances // (archive.SERIES_OF_A_STUDY * archive.INSTANCES_OF_A_SERIES))
    measurements = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name, ExitStack() as stack:
        running = []
        for key, kind in kinds.items():
            if options.only in (None, key):
                began = time.perf_counter()
                running.append(stack.enter_context(filled(kind, Path(name) / key, options.instances)))
                print(f"{key} filled in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        for number in range(options.rounds):
            for workload in workloads(studies):
                for server, process in running if number % 2 == 0 else reversed(running):
                    one = measure(server, process, workload, studies, options.seconds)
                    measurements.append(one)
                    rate = f"{one.queries / one.seconds:.1f}/s, {one.matches / one.queries:.1f} matches each"
                    print(f"round {number + 1} {workload}: {one.server} {rate}", file=sys.stderr)
    print(report(measurements))
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in measurements], indent=1))


if __name__ == "__main__":
    main()
