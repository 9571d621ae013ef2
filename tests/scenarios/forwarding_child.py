"""The child of test_forwarding_kill: looks at what came and forwards it, until nothing is left or it is killed."""

import time
from multiprocessing.connection import Connection
from pathlib import Path

from dimse.scu.caller import Caller
from dimse.settings import Peer
from gateway.forwarding.deliveries import HELD_SECONDS, Deliveries
from gateway.forwarding.dispatcher import Dispatcher
from gateway.forwarding.forwarder import Forwarder
from gateway.forwarding.rules import Rule, Selection
from gateway.forwarding.targets import Targets
from gateway.sections import RuleConfig, TargetConfig
from storage.storage import Storage, StorageSettings

TARGET = TargetConfig(name="pacs", ae_title="STORESCP", at_once=2, associations=2)
RULE = Rule("all", Selection.of(RuleConfig(name="all", to=("pacs",))), ("pacs",))


def forward(folder: Path, peer: Peer, run: int, telling: Connection) -> None:
    """Each run's clock is so far ahead that what the one before held when it was killed is free again."""
    storage = Storage.open(folder, StorageSettings(free_space_floor=0, decoders=1))
    deliveries = Deliveries(storage.database, lambda: time.time() + run * 2 * HELD_SECONDS)
    Dispatcher(storage.index, deliveries, lambda: [RULE], 0).look()
    targets = Targets(storage, Caller("DURCHBLICK"), lambda _: peer, [TARGET], folder)
    forwarder = Forwarder(storage.index, deliveries, targets, 1e9)
    telling.send("begun")
    while deliveries.listed(["waiting"]):
        for one in forwarder.begin():
            one.result()
    forwarder.close()
    telling.send("done")
    storage.close()
