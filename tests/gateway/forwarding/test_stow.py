"""STOW-RS as client: what is made of each answer that a server may give."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from gateway.forwarding.stow import StowClient
from storage.records import InstanceRecord
from storage.scope import WholeArchive
from tests.support.gateway import free_port
from tests.support.keeping import Keeping
from tests.support.synthetic import ct


@contextmanager
def server(status: int, body: bytes) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """An origin server that answers every request so; its root, and what it got."""
    got: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            got.append(({"path": self.path, **{name.lower(): value for name, value in self.headers.items()}}, content))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}/dicom-web/", got
        running.shutdown()
        thread.join()


@pytest.fixture
def records(keeping: Keeping) -> list[InstanceRecord]:
    for number in (1, 2):
        keeping.put(ct(number=number, StudyInstanceUID="1.2", SeriesInstanceUID="1.2.3"))
    return keeping.index.instances(WholeArchive(), "1.2")


def module(stored: dict[str, int | None], refused: dict[str, int | None]) -> bytes:
    def items(named: dict[str, int | None], reason: str) -> list[dict[str, Any]]:
        return [
            {"00081155": {"vr": "UI", "Value": [uid]}} | ({reason: {"vr": "US", "Value": [code]}} if code else {})
            for uid, code in named.items()
        ]

    return json.dumps(
        {
            "00081199": {"vr": "SQ", "Value": items(stored, "00081196")},
            "00081198": {"vr": "SQ", "Value": items(refused, "00081197")},
        }
    ).encode()


def test_instances_are_sent_as_they_are_kept(keeping: Keeping, records: list[InstanceRecord]) -> None:
    with server(200, b"") as (url, got):
        outcomes = list(StowClient(keeping, url, "secret").send(records))  # type: ignore[arg-type]
    assert [one.status for one in outcomes] == [0, 0]
    ((headers, body),) = got
    assert (headers["path"], headers["authorization"]) == ("/dicom-web/studies", "Bearer secret")
    boundary = headers["content-type"].partition("boundary=")[2].encode()
    first, *parts, last = body.split(b"\r\n--" + boundary)
    assert (first, last) == (b"", b"--\r\n")
    for record, part in zip(records, parts, strict=True):
        assert part == b"\r\nContent-Type: application/dicom\r\n\r\n" + keeping.files.path(record.blob_key).read_bytes()


def test_each_instance_gets_its_own_answer(keeping: Keeping, records: list[InstanceRecord]) -> None:
    one, two = (record.sop_instance_uid for record in records)
    for status, body, expected in (
        (202, module({one: 0xB000}, {two: 0xA900}), [(0xB000, True), (0xA900, True)]),
        (202, module({one: None}, {two: 0xA700}), [(0, True), (0xA700, True)]),
        (409, module({}, {one: None, two: 0xC000}), [(0x0110, True), (0xC000, True)]),
        (200, module({one: None}, {}), [(0, True), (0x0110, False)]),
    ):
        with server(status, body) as (url, _):
            outcomes = list(StowClient(keeping, url).send(records))  # type: ignore[arg-type]
        assert [(outcome.status, outcome.is_answered) for outcome in outcomes] == expected


@pytest.mark.parametrize(
    ("status", "body", "final", "kind"),
    [
        (400, b"no", True, "refused"),
        (413, b"", True, "full"),
        (415, b"", True, "unsupported"),
        (401, b"", False, "rights"),
        (404, b"", False, "unconfigured"),
        (429, b"", False, "failing"),
        (500, b"<html>", False, "failing"),
        (503, b"", False, "failing"),
        (507, b"", False, "full"),
        (409, b"[1]", True, "refused"),
        (202, b"{", False, "failing"),
        (302, b"", False, "failing"),
    ],
)
def test_other_answers(
    keeping: Keeping, records: list[InstanceRecord], status: int, body: bytes, final: bool, kind: str
) -> None:
    with server(status, body) as (url, _):
        outcomes = list(StowClient(keeping, url).send(records))  # type: ignore[arg-type]
    assert [(one.status, one.is_answered, one.kind) for one in outcomes] == [(0x0110, final, kind)] * 2
    assert str(status) in outcomes[0].comment


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://127.0.0.1:{port}", "unreachable"),
        ("http://nobody.invalid", "name"),
        ("http://:x", "unconfigured"),
        ("nothing://127.0.0.1", "unconfigured"),
    ],
)
def test_nobody_there(keeping: Keeping, records: list[InstanceRecord], url: str, kind: str) -> None:
    outcomes = list(StowClient(keeping, url.format(port=free_port())).send(records))  # type: ignore[arg-type]
    assert [(one.status, one.is_answered, one.kind) for one in outcomes] == [(0x0110, False, kind)] * 2


def test_a_server_without_tls(keeping: Keeping, records: list[InstanceRecord]) -> None:
    with server(200, b"") as (url, _):
        client = StowClient(keeping, url.replace("http:", "https:"))  # type: ignore[arg-type]
        assert {one.kind for one in client.send(records)} == {"tls"}


def test_a_file_that_cannot_be_read_fails_what_goes_with_it(keeping: Keeping, records: list[InstanceRecord]) -> None:
    keeping.files.path(records[1].blob_key).unlink()
    with server(200, b"") as (url, _):
        outcomes = list(StowClient(keeping, url).send(records))  # type: ignore[arg-type]
    assert {(one.is_answered, one.kind) for one in outcomes} == {(False, "unreadable")}
