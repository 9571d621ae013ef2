"""`durchblick ae` beside a running gateway: an AE that is added counts at once, and `ae test` says what to mend."""

import json
import logging
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dimse.application_entities import ApplicationEntities
from dimse.scu.caller import Caller
from dimse.scu.verification import PROPOSAL, echo
from dimse.scu.wire import AssociationFailed
from dimse.settings import Peer
from gateway.cli.main import durchblick
from storage.database import Database
from tests.dimse.node import MemoryStore, running
from tests.support.gateway import AE_TITLE, configuration, free_port
from tests.support.patience import UNHURRIED

PEERS = '[[dimse.peers]]\nae_title = "SELF"\nhost = "127.0.0.1"\nport = 11114\n'


@dataclass(frozen=True)
class Closed:
    """A listener that knows nobody but a peer of its configuration, over the data folder of `config`."""

    config: Path
    port: int

    def run(self, *arguments: str) -> Result:
        """One command in this process, on the data that the listener asks."""
        return CliRunner().invoke(durchblick, ["ae", *arguments, "--config", str(self.config)])

    def answer(self, *arguments: str) -> Any:
        finished = self.run(*arguments, "--json")
        assert finished.exit_code == 0, finished.stderr
        return json.loads(finished.stdout)

    def test(self, *arguments: str) -> tuple[int, Any]:
        finished = self.run("test", *arguments, "--json")
        return finished.exit_code, json.loads(finished.stdout)


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    """Commands set up the logging of their process, which here is ours."""
    root = logging.getLogger()
    before = root.handlers, root.level
    yield
    root.handlers, root.level = before


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Closed]:
    folder = tmp_path_factory.mktemp("closed")
    config = configuration(folder, dimse="", more=PEERS)
    (folder / "data").mkdir()
    database = Database(folder / "data" / "durchblick.sqlite")
    known = ApplicationEntities(database, [Peer("SELF", "127.0.0.1", 11114)])
    with running(MemoryStore(), find=known.find, accept_unknown_peers=False) as node:
        yield Closed(config, node.port)
    database.close()


def _echo(closed: Closed, calling: str) -> int:
    node = Peer("DURCHBLICK", "127.0.0.1", closed.port)
    with Caller(calling, patience=UNHURRIED).associate(node, [PROPOSAL]) as requestor:
        return echo(requestor)


def test_what_is_added_counts_at_once_and_what_is_removed_too(closed: Closed) -> None:
    with pytest.raises(AssociationFailed, match="does not know the calling AE title WARD"):
        _echo(closed, "WARD")
    added = closed.answer("add", "WARD", "127.0.0.1", "11113", "--allow", "store,query", "--associations", "2")
    assert (added["ae_title"], added["allow"], added["from"]) == ("WARD", ["store", "query"], "database")
    assert _echo(closed, "WARD") == 0
    rows = {row["ae_title"]: row for row in closed.answer("list")}
    assert rows["WARD"] == added
    assert rows["SELF"]["from"] == "configuration"
    assert "WARD              127.0.0.1:11113  plain  store,query  database" in closed.run("list").stdout
    assert closed.answer("remove", "WARD") == {"ae_title": "WARD", "removed": True}
    with pytest.raises(AssociationFailed, match="does not know the calling AE title WARD"):
        _echo(closed, "WARD")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("add", "SELF", "127.0.0.1", "104"), 1, "stands in the configuration file"),
        (("add", "A" * 17, "127.0.0.1", "104"), 1, "1 to 16 characters"),
        (("add", "X", "127.0.0.1", "104", "--sop-class", "CT"), 1, "CT is no UID"),
        (("add", "X", "127.0.0.1", "99999"), 2, "99999"),
        (("add", "X", "127.0.0.1", "104", "--allow", "all"), 2, "choose from store, query, retrieve, commit"),
        (("remove", "NOBODY"), 1, "No application entity has the AE title NOBODY"),
        (("test", "NOBODY"), 1, "durchblick ae add NOBODY HOST PORT"),
        (("test", "NOBODY", "--host", "127.0.0.1"), 2, "--host and --port belong together"),
    ],
)
def test_what_cannot_be_done_is_said(closed: Closed, arguments: tuple[str, ...], status: int, said: str) -> None:
    finished = closed.run(*arguments)
    assert (finished.exit_code, said in finished.stderr) == (status, True), finished.stderr


def test_a_node_that_works_is_described(closed: Closed) -> None:
    where = ("--host", "127.0.0.1", "--port", str(closed.port))
    # It must know who calls.
    closed.answer("add", AE_TITLE, "127.0.0.1", "104")
    status, report = closed.test("DURCHBLICK", *where)
    assert (status, report["good"]) == (0, True)
    assert [step["what"] for step in report["steps"]] == ["name", "tcp", "association", "echo", "contexts"]
    accepted = {one["name"]: one["transfer_syntaxes"] for one in report["contexts"]}
    assert "1.2.840.10008.1.2.4.70" in accepted["CT Image Storage"]
    readable = closed.run("test", "DURCHBLICK", *where)
    assert readable.exit_code == 0
    assert "ok    echo: answered" in readable.stdout
    assert "  CT Image Storage" in readable.stdout


def test_a_node_that_knows_us_by_another_name_says_so(closed: Closed) -> None:
    where = ("--host", "127.0.0.1", "--port", str(closed.port))
    status, report = closed.test("OTHER", *where)
    assert status == 1
    assert [step["what"] for step in report["steps"]] == ["name", "tcp", "association"]
    assert "does not know the called AE title OTHER" in report["steps"][-1]["sentence"]


def test_nobody_there(closed: Closed) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    status, report = closed.test("NOBODY", "--host", "127.0.0.1", "--port", str(port))
    assert (status, [step["good"] for step in report["steps"]]) == (1, [True, False])
    assert "Nobody listens" in report["steps"][-1]["sentence"]


def test_check_looks_at_the_files_of_tls(tmp_path: Path) -> None:
    tls = f'[dimse.tls]\nport = {free_port()}\ncertificate = "own.pem"\nkey = "own.key"\ntrusted = "ca.pem"\n'
    config = configuration(tmp_path, more=tls)
    finished = CliRunner().invoke(durchblick, ["check", "--config", str(config), "--json"])
    (found,) = [one for one in json.loads(finished.stdout) if one["what"] == "dimse.tls"]
    assert (finished.exit_code, found["good"]) == (1, False)
    assert "ca.pem cannot be read" in found["sentence"]


def test_the_listener_does_not_start_without_them(tmp_path: Path) -> None:
    tls = f'[dimse.tls]\nport = {free_port()}\ncertificate = "own.pem"\nkey = "own.key"\ntrusted = "ca.pem"\n'
    config = configuration(tmp_path, dimse="", more=tls)
    served = CliRunner().invoke(durchblick, ["serve", "--role", "dimse", "--config", str(config)])
    assert served.exit_code == 1
    assert "own.pem cannot be read" in served.stderr
