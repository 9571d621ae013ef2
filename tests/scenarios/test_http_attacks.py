"""Bad input over HTTP to a whole gateway: each gets a defined answer, memory stays flat, honest requests are served."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from http.client import HTTPConnection

import psutil
import pytest

from tests.support.gateway import Gateway
from tests.support.patience import PATIENCE
from tests.support.synthetic import ct, part10

LARGEST_GROWTH = 128 << 20


@dataclass(frozen=True)
class Site:
    gateway: Gateway
    token: str
    study: str

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.gateway.http_port), timeout=PATIENCE)

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> int:
        fields = {"Authorization": f"Bearer {self.token}"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        with closing(HTTPConnection("127.0.0.1", self.gateway.http_port, timeout=PATIENCE)) as connection:
            connection.request(method, f"/dicom-web{path}", body, fields)
            answer = connection.getresponse()
            answer.read()
            return answer.status

    def memory(self) -> int:
        """Resident bytes of the web role, all its processes."""
        processes = psutil.Process(self.gateway.pid).children()
        return sum(int(process.memory_info().rss) for process in processes if "web" in process.cmdline())


@pytest.fixture(scope="module")
def site(gateway: Gateway) -> Site:
    token = gateway.answer("token", "create", "attacks", "--allow", "read,write")["token"]
    image = ct(rows=512, columns=512)
    site = Site(gateway, token, str(image.StudyInstanceUID))
    assert site.ask("POST", "/studies", part10(image), Content_Type="application/dicom") == 200
    return site


def flood(site: Site, beginning: bytes, size: int) -> int:
    """Send `size` bytes behind `beginning`, as far as they are taken; the status that came back."""
    with site.connect() as connection:
        block = b"x" * (1 << 16)
        with suppress(OSError):
            connection.sendall(beginning)
            for _ in range(size // len(block)):
                connection.sendall(block)
        received = b""
        with suppress(OSError):
            received = connection.recv(64)
    # A reset may overtake the answer; then the connection just is closed, which is as good.
    return int(received.split(b" ")[1]) if received else 0


def giant_header(site: Site) -> int:
    return flood(site, b"GET / HTTP/1.1\r\nhost: a\r\nx-y: ", 64 << 20)


def giant_url(site: Site) -> int:
    return flood(site, b"GET /dicom-web/studies?PatientID=", 1 << 20)


def multipart(boundary: str) -> str:
    return f'multipart/related; type="application/dicom"{boundary}'


def without_boundary(site: Site) -> int:
    return site.ask("POST", "/studies", b"--b\r\n\r\n\r\n--b--", Content_Type=multipart(""))


def many_parts(site: Site) -> int:
    body = b"--b\r\n\r\n\r\n" * 100_000 + b"--b--"
    return site.ask("POST", "/studies", body, Content_Type=multipart("; boundary=b"))


def many_small_files(site: Site) -> int:
    """None is one, but each is long enough to be."""
    body = (b"--b\r\n\r\n" + bytes(140) + b"\r\n") * 3000 + b"--b--"
    return site.ask("POST", "/studies", body, Content_Type=multipart("; boundary=b"))


def empty_body(site: Site) -> int:
    return site.ask("POST", "/studies", b"", Content_Type=multipart("; boundary=b"))


def nested_json(site: Site) -> int:
    body = b'{"00081199":{"vr":"SQ","Value":[' * 20_000
    return site.ask("POST", "/commitment-requests/1.2.3", body, Content_Type="application/dicom+json")


def giant_json(site: Site) -> int:
    return site.ask("POST", "/commitment-requests/1.2.4", b" " * (20 << 20), Content_Type="application/dicom+json")


def many_ranges(site: Site) -> int:
    ranges = "bytes=" + ",".join(f"{at}-{at}" for at in range(2000))
    return site.ask("GET", f"/studies/{site.study}", Accept="application/zip", Range=ranges)


ATTACKS: dict[Callable[[Site], int], set[int]] = {
    giant_header: {431, 0},
    giant_url: {414, 0},
    without_boundary: {400},
    many_parts: {413},
    many_small_files: {409},
    empty_body: {400},
    nested_json: {400},
    giant_json: {413},
    many_ranges: {200},
}


@pytest.fixture
def silent_readers(site: Site) -> Iterator[None]:
    """Clients that ask for archives and never read them."""
    with ExitStack() as open_sockets:
        for _ in range(20):
            connection = open_sockets.enter_context(site.connect())
            fields = f"host: a\r\naccept: application/zip\r\nauthorization: Bearer {site.token}"
            connection.sendall(f"GET /dicom-web/studies/{site.study} HTTP/1.1\r\n{fields}\r\n\r\n".encode())
        yield


def test_attacks_get_their_answer_and_cost_nobody_else(site: Site, silent_readers: None) -> None:
    before = site.memory()
    found: dict[str, int] = {}
    threads = [
        threading.Thread(target=lambda attack=attack: found.__setitem__(attack.__name__, attack(site)))
        for attack in ATTACKS
    ]
    for thread in threads:
        thread.start()
    honest, highest = 0, before
    while any(thread.is_alive() for thread in threads):
        assert site.ask("GET", "/studies") == 200
        honest += 1
        highest = max(highest, site.memory())
    assert honest > 10
    assert {name: status for name, status in found.items() if status not in ATTACKS_BY_NAME[name]} == {}
    assert found.keys() == ATTACKS_BY_NAME.keys()
    assert highest - before < LARGEST_GROWTH, f"{(highest - before) >> 20} MB"
    assert site.ask("GET", f"/studies/{site.study}/metadata") == 200


ATTACKS_BY_NAME = {attack.__name__: statuses for attack, statuses in ATTACKS.items()}
