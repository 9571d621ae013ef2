"""Two processes of the web role on one port: to their clients they are one, also when one of them dies."""

import http.client
import json
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from gateway.seats import seats
from tests.support.gateway import Gateway, configuration, running
from tests.support.patience import PATIENCE
from tests.support.synthetic import ct, part10

pytestmark = pytest.mark.skipif(len(seats(2)) == 1, reason="the platform cannot share memory")

STUDY = "0020000D"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The web role alone; its processes are supervised too."""
    folder = tmp_path_factory.mktemp("pair")
    config = configuration(folder, http="processes = 2")
    with running(folder, config, "--role", "web") as started:
        yield started


class Client:
    """One kept connection, so one process."""

    def __init__(self, gateway: Gateway, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", gateway.http_port, timeout=PATIENCE)
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/dicom+json, */*"}
        # From then on it has a process.
        assert self.get("/healthz")[0] == 200

    @property
    def port(self) -> int:
        port: int = self._connection.sock.getsockname()[1]
        return port

    def get(self, path: str) -> tuple[int, bytes]:
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def close(self) -> None:
        self._connection.close()


def token_of(gateway: Gateway, name: str, *rights: str) -> str:
    token: str = gateway.answer("token", "create", name, "--allow", ",".join(rights) or "read")["token"]
    return token


def web_processes(gateway: Gateway) -> list[psutil.Process]:
    return psutil.Process(gateway.pid).children()


def of_each(gateway: Gateway, token: str, crowd: ExitStack) -> list[Client]:
    """A client of each process, in the order of `web_processes`; whoever else connects meanwhile may take a turn."""
    clients: list[Client] = []
    ordered: list[Client | None] = [None]
    while None in ordered and len(clients) < 8:
        clients.append(crowd.enter_context(closing(Client(gateway, token))))
        served = [
            {one.raddr.port for one in process.net_connections("tcp") if one.raddr}
            for process in web_processes(gateway)
        ]
        ordered = [next((one for one in clients if one.port in ports), None) for ports in served]
    assert None not in ordered, "every connection came to one process"
    return [one for one in ordered if one is not None]


def requests_counted(metrics: bytes, area: str) -> int:
    found = re.findall(rf'durchblick_http_requests_total{{area="{area}".*}} (\d+)'.encode(), metrics)
    return sum(map(int, found))


def settled(client: "Client", area: str, expected: int = -1) -> int:
    """The count once it is `expected`, or nothing is added any more: a request counts when its answer has gone, which
    is seen before."""
    last = -1
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = requests_counted(client.get("/metrics")[1], area)
        if found in (last, expected):
            return found
        last = found
        time.sleep(0.05)
    raise AssertionError("it goes on being counted")


def wait_for_ready(gateway: Gateway, times: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while gateway.log.read_text().count("role_ready role=web") < times:
        assert time.monotonic() < deadline, gateway.log.read_text()
        time.sleep(0.05)


def test_a_token_is_revoked_in_both_at_once(pair: Gateway) -> None:
    token = token_of(pair, "short")
    with ExitStack() as crowd:
        clients = of_each(pair, token, crowd)
        assert [client.get("/dicom-web/studies?limit=1")[0] for client in clients] == [200, 200]
        assert pair.run("token", "revoke", "short").returncode == 0
        assert [client.get("/dicom-web/studies?limit=1")[0] for client in clients] == [401, 401]


def test_the_next_page_may_come_to_the_other(pair: Gateway, tmp_path: Path) -> None:
    def arrive(*dates: str) -> list[str]:
        images = [ct(PatientID="PAGES", StudyDate=date) for date in dates]
        for image in images:
            (tmp_path / f"{image.SOPInstanceUID}.dcm").write_bytes(part10(image))
        assert pair.run("import", str(tmp_path)).returncode == 0
        return [str(image.StudyInstanceUID) for image in images]

    expected = arrive("20250104", "20250103", "20250102", "20250101")
    with ExitStack() as crowd:
        clients = of_each(pair, token_of(pair, "pages"), crowd)

        def page(client: Client, offset: int) -> list[str]:
            status, body = client.get(f"/dicom-web/studies?PatientID=PAGES&limit=2&offset={offset}")
            assert status == 200
            return [one[STUDY]["Value"][0] for one in json.loads(body)]

        found = page(clients[0], 0)
        arrive("20260101")
        assert found + page(clients[1], 2) == expected


def test_metrics_are_of_both(pair: Gateway) -> None:
    with ExitStack() as crowd:
        clients = of_each(pair, token_of(pair, "metrics"), crowd)
        before = [settled(client, "dicomweb") for client in clients]
        for client in clients:
            for _ in range(3):
                client.get("/dicom-web/studies?limit=1")
        after = [settled(client, "dicomweb", count + 6) for client, count in zip(clients, before, strict=True)]
    assert after == [count + 6 for count in before]
    assert len(set(after)) == 1


def test_one_is_killed_and_replaced_while_the_other_goes_on(pair: Gateway) -> None:
    token = token_of(pair, "lives")
    statuses: list[int] = []
    begun, over = threading.Event(), threading.Event()

    def ask(client: Client) -> None:
        while not over.is_set():
            statuses.append(client.get("/dicom-web/studies?limit=1")[0])
            begun.set()

    with ExitStack() as crowd:
        killed, lives = web_processes(pair)
        ended, goes_on = of_each(pair, token, crowd)
        ended.get("/dicom-web/studies?limit=1")
        counted = settled(goes_on, "dicomweb")
        asking = threading.Thread(target=ask, args=(goes_on,))
        asking.start()
        assert begun.wait(PATIENCE)
        killed.kill()
        # Whoever comes now comes to the one that lives, and waits for nobody.
        newcomer = crowd.enter_context(closing(Client(pair, token)))
        assert newcomer.get("/dicom-web/studies?limit=1")[0] == 200
        wait_for_ready(pair, 3)
        over.set()
        asking.join(PATIENCE)
        assert statuses and set(statuses) == {200}
        assert lives.is_running()
        expected = counted + len(statuses) + 1
        assert settled(newcomer, "dicomweb", expected) == expected
    with ExitStack() as crowd:
        of_each(pair, token, crowd)
    assert "role_ended role=web status=-9" in pair.log.read_text()


def sockets_of(processes: Sequence[psutil.Process]) -> list[Any]:
    return [one for process in processes for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN]


def test_the_end_leaves_neither_process_nor_port(tmp_path: Path) -> None:
    config = configuration(tmp_path, http="processes = 2")
    with running(tmp_path, config, "--role", "web") as gateway:
        processes = web_processes(gateway)
        assert len(processes) == 2
        assert len(sockets_of(processes)) == 2
        with closing(Client(gateway, "none")):
            psutil.Process(gateway.pid).terminate()
            assert psutil.wait_procs(processes, 20)[1] == []
    with pytest.raises(ConnectionRefusedError):
        Client(gateway, "none")
