"""What a patient takes along: how long it is prepared, how large pictures and viewer are, how fast it is fetched,
beside Orthanc's archive of the same slices; and whether downloads that are cut and resumed come out the same.

python -m benchmarks downloads [--instances 200] [--rounds 2] [--interrupted 0] [--only NAME] [--json FILE]
"""

import hashlib
import http.client
import random
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.comparison import in_turns, options, tell
from benchmarks.processes import running
from benchmarks.series import Series, native
from benchmarks.web_servers import Gateway, Question
from benchmarks.zip import COLUMNS, Measurement, OrthancMedia, download
from gateway.downloads.contents import content_of, images_of, records_of
from gateway.downloads.downloads import Wish
from gateway.downloads.layout import Prepared
from gateway.downloads.worker import Preparation
from gateway.house import House, build
from storage.scope import ListedStudies

_DIFFERENT: Final = 100
_MOST_CUTS: Final = 5


class PortalGateway(Gateway):
    """The gateway with a share of the study and a download that is prepared."""

    name = "durchblick, prepared"

    def fill(self, files: Iterable[bytes]) -> None:
        """Store, order, and do what the worker does."""
        super().fill(files)
        house = build(self._config)
        try:
            self._path = self._prepare(house)
        finally:
            house.close()

    def address(self, question: Question) -> str:
        """Where the patient fetches it."""
        return self._path

    def _prepare(self, house: House) -> str:
        (study,) = {row[0] for row in house.storage.database.read("SELECT study_instance_uid FROM study")}
        share = house.shares.create(ListedStudies(frozenset({study})), "19500131", 30).share
        self.headers = {"Cookie": f"{house.gatekeeper.cookie.name}={house.sessions.begin(share)}"}
        records = records_of(house.storage.index, share.scope)
        ordered = house.downloads.order(Wish(share.id), content_of(records), images_of(records))
        began = time.perf_counter()
        Preparation(house, lambda: False).work()
        took = time.perf_counter() - began
        prepared = Prepared(house.downloads_folder / ordered.id, house.storage.files)
        originals = sum(file.size for file in prepared.files() if file.name.startswith("DICOM/"))
        overhead = 100 * (prepared.layout.size - originals) / originals
        print(f"{len(records)} slices prepared in {took:.1f} s; all but the DICOM files: {overhead:.1f} % of them\n")
        return f"/downloads/{ordered.id}/images.zip"


class OrthancArchive(OrthancMedia):
    """Its `/studies/{id}/archive`, without a DICOMDIR."""

    name = "Orthanc, archive"

    def address(self, question: Question) -> str:
        """Where it has that study."""
        return super().address(question).replace("/media", "/archive")


@dataclass(frozen=True, slots=True)
class Resumed:
    """Downloads that were cut, and how often all together; `different` came out otherwise than the whole one."""

    downloads: int
    cuts: int
    different: int


def resume(server: PortalGateway, study: str, times: int) -> Resumed:
    """Fetch it so often, each time with connections that are cut anywhere, and compare with what comes in one piece."""
    chance = random.Random(times)
    question = Question(study, "application/zip")
    whole, size = hashlib.sha256(), 0
    for piece in _pieces(server, question, 0):
        whole.update(piece)
        size += len(piece)
    cuts = different = 0
    for _ in range(times):
        places = sorted(chance.randrange(size) for _ in range(chance.randint(1, _MOST_CUTS)))
        digest, at = hashlib.sha256(), 0
        for end in (*places, size):
            for piece in _pieces(server, question, at):
                taken = piece[: end - at]
                digest.update(taken)
                at += len(taken)
                if at >= end:
                    break
        cuts += len(places)
        different += digest.digest() != whole.digest()
    return Resumed(times, cuts, different)


def _pieces(server: PortalGateway, question: Question, start: int) -> Iterator[bytes]:
    """What comes from `start` on, as long as somebody wants it; then the connection is cut."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    wanted = {"Range": f"bytes={start}-"} if start else {}
    try:
        connection.request("GET", server.address(question), headers=server.headers | wanted)
        answer = connection.getresponse()
        if answer.status != (206 if start else 200):
            raise RuntimeError(f"{answer.status} for what lies behind {start} bytes")
        while piece := answer.read(1 << 18):
            yield piece
    finally:
        connection.close()


def many(drawn: Series, count: int) -> Iterator[bytes]:
    """So many files of a series, over and over, each under a SOP Instance UID of its own."""
    for number in range(count):
        which = number % len(drawn.files)
        uid = drawn.instances[which].rpartition("/")[2].encode()
        repeated = uid[:-7] + b"%07d" % (number + 1_000_000)
        yield drawn.files[which] if number == which else drawn.files[which].replace(uid, repeated)


_SERVERS: Final = (PortalGateway, OrthancArchive)


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill, prepare, download in turns, cut and resume, print the report."""
    parser = options("downloads", rounds=2)
    parser.add_argument("--instances", type=int, default=200)
    parser.add_argument("--interrupted", type=int, default=0, help="so many downloads are cut and resumed")
    chosen = parser.parse_args(arguments)
    series = native(min(chosen.instances, _DIFFERENT))
    content = sum(map(len, series.files)) * chosen.instances // len(series.files)
    measurements: list[Measurement] = []
    servers = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary, ExitStack() as stack:
        for kind in _SERVERS:
            if kind.name.startswith(chosen.only):
                folder = Path(temporary) / kind.__name__
                folder.mkdir()
                server = kind(folder)
                servers.append((server, stack.enter_context(running(server, folder))))
                server.fill(many(series, chosen.instances))
        for number in range(chosen.rounds):
            measurements += [
                download(server, process, series.study, chosen.instances, content)
                for server, process in in_turns(servers, number)
            ]
        tell(measurements, COLUMNS, chosen.json)
        if chosen.interrupted:
            (portal,) = (server for server, _ in servers if isinstance(server, PortalGateway))
            found = resume(portal, series.study, chosen.interrupted)
            print(f"\n{found.downloads} downloads, cut {found.cuts} times and resumed: {found.different} differ")


if __name__ == "__main__":
    main()
