"""`durchblick serve` as a whole: it refuses what is unsafe, starts again what dies, and ends cleanly."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest
from pynetdicom import AE
from websockets.sync.client import connect

from gateway.seats import seats
from tests.support.gateway import Gateway, command, configuration, environment, running, stop
from tests.support.patience import PATIENCE
from tests.support.workitems import new_uid, workitem


def _get(url: str, token: str = "") -> tuple[int, bytes]:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def _echoes(gateway: Gateway) -> bool:
    entity = AE("TEST")
    entity.add_requested_context("1.2.840.10008.1.1")
    association = entity.associate("127.0.0.1", gateway.dimse_port, ae_title=gateway.ae_title)
    if not association.is_established:
        return False
    status = association.send_c_echo()
    association.release()
    return bool(status.get("Status") == 0)


def test_it_is_ready_on_both_ports(gateway: Gateway) -> None:
    assert _get(f"{gateway.url}/healthz") == (200, b'{"status":"ok"}')
    status, body = _get(f"{gateway.url}/readyz")
    assert (status, json.loads(body)["checks"]) == (200, {"database": True, "folder": True, "disk": True})
    assert _echoes(gateway)


def test_no_answer_names_what_it_runs_on(gateway: Gateway) -> None:
    with urllib.request.urlopen(gateway.url, timeout=PATIENCE) as answer:
        named = {"server", "x-powered-by", "via"} & {name.lower() for name in answer.headers}
        assert (answer.status, named) == (200, set())


def test_metrics_are_for_tokens_over_the_whole_archive(gateway: Gateway) -> None:
    whole = gateway.answer("token", "create", "metrics", "--allow", "read")["token"]
    one = gateway.answer("token", "create", "metrics-one", "--allow", "read", "--study", "1.2.3")["token"]
    assert _get(f"{gateway.url}/metrics")[0] == 401
    assert _get(f"{gateway.url}/metrics", one)[0] == 403
    _get(f"{gateway.url}/nowhere/secret?code=secret")
    status, body = _get(f"{gateway.url}/metrics", whole)
    assert status == 200
    assert b'durchblick_http_requests_total{area="portal",method="GET",status="404"} ' in body
    assert b'durchblick_kept{level="study"} ' in body
    assert b"\ndurchblick_sessions " in body
    assert b"secret" not in body


def test_events_of_the_worklist_reach_a_websocket(gateway: Gateway) -> None:
    """PS3.18 8.10.4, through the web role as it is served."""
    token = gateway.answer("token", "create", "worklist", "--allow", "read,write")["token"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/dicom+json"}
    worklist, uid = f"{gateway.url}/dicom-web/workitems", new_uid()

    def post(url: str, content: object) -> str:
        request = urllib.request.Request(url, json.dumps(content).encode(), headers, method="POST")
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            assert answer.status == 201
            return str(answer.headers["Content-Location"])

    post(f"{worklist}?{uid}", workitem())
    channel = post(f"{worklist}/{uid}/subscribers/WATCHER", {})
    with connect(channel, additional_headers={"Authorization": headers["Authorization"]}) as opened:
        assert json.loads(opened.recv(timeout=PATIENCE))["00001000"]["Value"] == [uid]


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
    except ConnectionError:
        return False
    return True


def _role(supervisor: int, role: str) -> psutil.Process:
    return next(child for child in psutil.Process(supervisor).children() if role in child.cmdline())


def test_a_role_that_dies_is_started_again(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        killed = _role(gateway.pid, "dimse")
        killed.kill()
        killed.wait()
        deadline = time.monotonic() + PATIENCE
        while not _listens(gateway.dimse_port):
            assert time.monotonic() < deadline, gateway.log.read_text()
            time.sleep(0.1)
        assert _echoes(gateway)
        assert _get(f"{gateway.url}/healthz")[0] == 200
    assert "role_ended role=dimse status=-9" in gateway.log.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_every_process_with_status_0(tmp_path: Path, number: signal.Signals) -> None:
    as_it_chooses = "processes = 0"
    config = configuration(tmp_path, dimse=as_it_chooses, http=as_it_chooses)
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", "serve", "--config", str(config)],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        # It says where it can be reached once all roles are ready.
        assert process.stdout.readline().startswith("Portal:   http://127.0.0.1:")
        children = psutil.Process(process.pid).children()
        assert len(children) == 1 + 2 * len(seats(0))
        process.send_signal(number)
        assert process.wait(PATIENCE) == 0
        assert psutil.wait_procs(children, 10)[1] == []
    finally:
        stop(process)
        assert process.stdout is not None
        process.stdout.close()


def test_a_killed_supervisor_takes_its_roles_along(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        children = psutil.Process(gateway.pid).children()
        psutil.Process(gateway.pid).kill()
        assert psutil.wait_procs(children, 30)[1] == []


def test_a_taken_port_is_named_and_nothing_is_left_running(tmp_path: Path) -> None:
    config = configuration(tmp_path)
    port = int(config.read_text().split("[http]\nport = ")[1].split("\n")[0])
    with socket.create_server(("127.0.0.1", port)):
        finished = command("serve", "--config", str(config))
    assert finished.returncode == 1
    assert f"127.0.0.1 port {port} cannot be used" in finished.stderr
    assert "http.port" in finished.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[http]\nhost = "0.0.0.0"\n', "public_url"),
        ('[dimse]\nhost = "0.0.0.0"\naccept_unknown_peers = true\n', "[[dimse.peers]]"),
        ("[http]\nprot = 1\n", "Did you mean http.port?"),
    ],
)
def test_what_is_unsafe_or_unknown_does_not_start(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "config.toml").write_text(text)
    finished = command("serve", "--config", str(tmp_path / "config.toml"))
    assert finished.returncode == 1
    assert said in finished.stderr
    assert not (tmp_path / "data").exists()


def test_one_role_alone(tmp_path: Path) -> None:
    config = configuration(tmp_path)
    port = int(config.read_text().split("[http]\nport = ")[1].split("\n")[0])
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", "serve", "--role", "web", "--config", str(config)],
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        assert any("role_ready role=web" in line for line in process.stderr)
        assert _get(f"http://127.0.0.1:{port}/healthz")[0] == 200
        assert stop(process) == 0
    finally:
        stop(process)
        assert process.stderr is not None
        process.stderr.close()
