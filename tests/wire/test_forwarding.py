"""Forwarding by a running gateway: what came goes on to DCMTK, to Orthanc and to another gateway, as rules say."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pydicom

from gateway.config import load
from gateway.forwarding.rules import Selection
from gateway.house import build
from tests.support import corpus
from tests.support.gateway import Gateway, configuration, running
from tests.support.nodes import orthanc, storescp
from tests.support.patience import PATIENCE
from tests.support.synthetic import ct, part10


def peer(node: Any) -> str:
    return f'[[dimse.peers]]\nae_title = "{node.peer.ae_title}"\nhost = "127.0.0.1"\nport = {node.peer.port}\n'


def rule(name: str, target: str, **lists: list[str]) -> str:
    more = "".join(f"{key} = {values}\n" for key, values in lists.items())
    return f'[[forwarding.rules]]\nname = "{name}"\nto = ["{target}"]\n{more}'


def rule_of_the_desk(config: Path, name: str, selection: Selection, target: str) -> None:
    """What an administrator's browser leads to in a process of the web role."""
    house = build(load(config))
    made = house.rules.add(name, selection, (target,))
    house.rules.switch(made.rule.number, made.version, on=True)
    house.close()


def store(gateway: Gateway, token: str, *data: bytes) -> None:
    with httpx2.Client(headers={"Authorization": f"Bearer {token}"}) as client:
        for one in data:
            response = client.post(
                f"{gateway.dicomweb}/studies", content=one, headers={"Content-Type": "application/dicom"}
            )
            assert response.status_code == 200, response.text


def until(found: Callable[[], Any]) -> Any:
    """What `found` finds, as soon as it finds anything; the worker looks every few seconds."""
    end = time.monotonic() + PATIENCE
    while not (result := found()):
        assert time.monotonic() < end, "nothing came of it"
        time.sleep(0.1)
    return result


def delivered(gateway: Gateway, count: int) -> Callable[[], Any]:
    def look() -> Any:
        found = gateway.answer("forward", "list", "--state", "delivered")
        return found if len(found) == count else None

    return look


def test_what_came_goes_on_to_dcmtk_orthanc_and_another_gateway(tmp_path: Path) -> None:
    """By C-STORE in the syntaxes that each takes, and by STOW-RS; only what the rules name.

    One of them is made at the desk, by another process than the one that forwards, which runs on.
    """
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    second = configuration(tmp_path / "second")
    with (
        storescp(tmp_path, "+xa") as scp,
        orthanc(tmp_path) as archive,
        running(tmp_path / "second", second) as other,
    ):
        token_file = tmp_path / "first" / "token"
        token_file.write_text(other.answer("token", "create", "first", "--allow", "read,write")["token"] + "\n")
        targets = (
            '[[forwarding.targets]]\nname = "scp"\nae_title = "STORESCP"\nassociations = 2\n'
            '[[forwarding.targets]]\nname = "archive"\nae_title = "ORTHANC"\n'
            f'[[forwarding.targets]]\nname = "web"\nurl = "{other.dicomweb}"\ntoken_file = "token"\n'
        )
        rules = rule("s", "archive", sources=["STOW-RS"]) + rule("t", "web")
        first = configuration(
            tmp_path / "first",
            dimse=f"accept_unknown_peers = true\n{peer(scp)}{peer(archive)}",
            more=f"[forwarding]\nquiet_seconds = 0\n{targets}{rules}",
        )
        with running(tmp_path / "first", first) as gateway:
            rule_of_the_desk(first, "r", Selection(modalities=frozenset({"CT", "MR"})), "scp")
            assert [(one["name"], one["standing"]) for one in gateway.answer("forward", "rules")] == [
                *[("s", "holds"), ("t", "holds"), ("r", "holds")]
            ]
            token = gateway.answer("token", "create", "t", "--allow", "write")["token"]
            bundled = {path.name: path for path in corpus.bundled()}
            names = ("MR_small_RLE.dcm", "JPEG2000.dcm", "CT_small.dcm")
            files = [bundled[name].read_bytes() for name in names]
            store(gateway, token, *files)
            found = until(delivered(gateway, 8))
            assert {one["target"] for one in found} == {"scp", "archive", "web"}
            assert sum(one["sent"] for one in found) == 8 and not any(one["refused"] for one in found)
        uids = {str(pydicom.dcmread(bundled[name]).SOPInstanceUID) for name in names}
        assert {str(pydicom.dcmread(path).SOPInstanceUID) for path in scp.files()} < uids
        read = {"Authorization": f"Bearer {token_file.read_text().strip()}"}
        instances = httpx2.get(f"{other.dicomweb}/instances", headers=read).json()
        assert {one["00080018"]["Value"][0] for one in instances} == uids


def test_a_pacs_that_is_down_gets_everything_once_it_is_there(tmp_path: Path) -> None:
    """Also over the end of the worker: what waits is in the database, and what was refused is tried when told."""
    (tmp_path / "own").mkdir()
    with storescp(tmp_path / "before") as scp:
        lost = scp.peer
    target = '[[forwarding.targets]]\nname = "pacs"\nae_title = "STORESCP"\n'
    config = configuration(
        tmp_path / "own",
        dimse=f"accept_unknown_peers = true\n{peer(scp)}",
        more=f"[forwarding]\nquiet_seconds = 0\n{target}",
    )
    study = "1.2.3.4.5"
    data = [part10(ct(number=number, StudyInstanceUID=study, SeriesInstanceUID=f"{study}.1")) for number in (1, 2, 3)]
    with running(tmp_path / "own", config) as gateway:
        token = gateway.answer("token", "create", "t", "--allow", "write")["token"]
        store(gateway, token, *data)
        (asked,) = gateway.answer("forward", "send", "--study", study, "--to", "pacs")
        waiting = until(lambda: [one for one in gateway.answer("forward", "list") if one["trouble"]])
        assert (waiting[0]["state"], waiting[0]["sent"]) == ("waiting", 0)
        assert gateway.run("forward", "send", "--study", study, "--to", "nobody").returncode == 1
    with storescp(tmp_path, port=lost.port) as scp, running(tmp_path / "own", config) as gateway:
        # Whatever this says: it may be on its way already.
        gateway.run("forward", "retry", str(asked["number"]))
        (done,) = until(delivered(gateway, 1))
        assert (done["number"], done["sent"], len(scp.files())) == (asked["number"], 3, 3)
