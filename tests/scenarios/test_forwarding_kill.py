"""kill -9 of whoever forwards: every delivery ends, each once, and everything is there."""

import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pydicom

from dimse.settings import Peer
from gateway.forwarding.deliveries import Deliveries
from tests.scenarios.forwarding_child import forward
from tests.support.keeping import Keeping
from tests.support.nodes import storescp
from tests.support.patience import PATIENCE
from tests.support.synthetic import ct, part10

KILLS = int(os.environ.get("FORWARDING_KILLS", "8"))
STUDIES, INSTANCES = 6, 25
CHILDREN = multiprocessing.get_context("forkserver")


def forward_until_killed(folder: Path, peer: Peer, run: int, seconds: float | None) -> bool:
    """Whether the child came to its end before it was killed, `seconds` after it had begun; None: never."""
    told, telling = CHILDREN.Pipe(duplex=False)
    child = CHILDREN.Process(target=forward, args=(folder, peer, run, telling))
    child.start()
    telling.close()
    assert told.poll(60) and told.recv() == "begun"
    if seconds is not None and not told.poll(seconds) and child.pid:
        os.kill(child.pid, signal.SIGKILL)
    child.join(PATIENCE)
    assert child.exitcode in (0, -signal.SIGKILL)
    return child.exitcode == 0


def put(keeping: Keeping, run: int) -> None:
    for study in range(STUDIES):
        for number in range(INSTANCES):
            uid = f"1.2.{run}.{study}"
            keeping.put(part10(ct(number=number, StudyInstanceUID=uid, SeriesInstanceUID=f"{uid}.1")))


def test_every_delivery_ends_once_whenever_the_forwarder_is_killed(tmp_path: Path) -> None:
    chance = random.Random("forwarding")
    keeping = Keeping(tmp_path / "data")
    deliveries = Deliveries(keeping.database)
    killed, run, began = 0, 0, time.monotonic()
    CHILDREN.set_forkserver_preload(["tests.scenarios.forwarding_child"])
    with storescp(tmp_path) as scp:
        while killed < KILLS:
            assert time.monotonic() - began < 60 + 10 * KILLS
            run += 1
            put(keeping, run)
            killed += not forward_until_killed(tmp_path / "data", scp.peer, run, chance.uniform(0.02, 0.5))
        assert forward_until_killed(tmp_path / "data", scp.peer, run + 1, None)
        received = {str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID) for path in scp.files()}
    kept = {row[0] for row in keeping.database.read("SELECT sop_instance_uid FROM instance")}
    assert received == kept and len(kept) == run * STUDIES * INSTANCES
    done = deliveries.listed(["delivered"], limit=run * STUDIES + 1)
    assert deliveries.listed(["waiting", "failed"]) == [] and len(done) == run * STUDIES
    assert {(one.sent, one.refused) for one in done} == {(INSTANCES, 0)}
    assert keeping.audited().count(("forwarded", "1.2.1.0")) == 1
    assert sum(event == "forwarded" for event, _ in keeping.audited()) == len(done)
    keeping.close()
