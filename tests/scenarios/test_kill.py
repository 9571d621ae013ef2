"""kill -9 in the middle of ingest: what was acknowledged is there, and nothing else needs to be explained."""

import multiprocessing
import os
import random
import signal
import sqlite3
from hashlib import sha256
from pathlib import Path

from storage.sweep import SweepReport
from tests.scenarios.ingesting import ingest_without_end
from tests.support.keeping import Keeping

KILLS = 20
# Children start from a process that has all modules loaded already.
CHILDREN = multiprocessing.get_context("forkserver")


def ingest_until_killed(folder: Path, kill: int) -> list[list[str]]:
    """The acknowledgements of a child that feeds four threads, each as its three UIDs and the digest of the file."""
    acknowledgements, acknowledging = CHILDREN.Pipe(duplex=False)
    child = CHILDREN.Process(target=ingest_without_end, args=(folder, kill, acknowledging))
    child.start()
    acknowledging.close()
    wanted = random.Random(kill).randrange(1, 40)
    lines = []
    with acknowledgements, open(acknowledgements.fileno(), closefd=False) as told:
        for line in told:
            lines.append(line)
            if len(lines) == wanted and child.pid:
                os.kill(child.pid, signal.SIGKILL)
    child.join()
    assert child.exitcode == -signal.SIGKILL
    return [line.split() for line in lines if line.endswith("\n")]


def check(keeping: Keeping, acknowledged: list[list[str]]) -> None:
    rows = keeping.database.read(
        """SELECT study.study_instance_uid, series.series_instance_uid, instance.sop_instance_uid, instance.blob_key
        FROM instance JOIN series ON series.id = instance.series_id JOIN study ON study.id = series.study_id"""
    )
    kept = {tuple(row)[:3]: keeping.files.path(row["blob_key"]) for row in rows}
    for study, series, instance, digest in acknowledged:
        assert sha256(kept[study, series, instance].read_bytes()).hexdigest() == digest
    assert sorted(kept.values()) == keeping.blobs()
    assert keeping.arriving() == []
    counted = keeping.database.read("SELECT sum(visible_instances) AS n FROM series")[0]["n"]
    assert counted == len(kept)


def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    CHILDREN.set_forkserver_preload(["tests.scenarios.ingesting"])
    folder = tmp_path / "store"
    acknowledged: list[list[str]] = []
    found = 0
    for kill in range(KILLS):
        acknowledged += ingest_until_killed(folder, kill)
        keeping = Keeping(folder)
        report = keeping.sweep()
        found += report.kept + report.removed_incoming
        assert report.missing_blobs == []
        check(keeping, acknowledged)
        assert keeping.sweep() == SweepReport()
        keeping.close()
        assert [path.name for path in (folder / "incoming").iterdir()] == []
    connection = sqlite3.connect(folder / "durchblick.sqlite")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    assert len(acknowledged) > KILLS
    assert found > 0, "no kill ever hit an instance on its way"
