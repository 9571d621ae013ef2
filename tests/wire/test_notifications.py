"""Notification connections (PS3.18 8.10): a real WebSocket client at a real server, as the web role runs it."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.routing import Mount
from starlette.testclient import TestClient
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from dicomweb.problems import handlers
from dicomweb.routes import Right, routes
from dicomweb.worklist import notifications
from gateway.http_protocol import GuardedProtocol
from storage.errors import NotAuthenticated
from storage.scope import ListedStudies, StudyScope, WholeArchive
from storage.storage import Storage, StorageSettings
from storage.worklist.data_sets import element
from storage.worklist.subscriptions import FILTERED_WORKLIST, WORKLIST
from storage.worklist.worklist import Worklist
from tests.support.patience import PATIENCE
from tests.support.workitems import CODE, new_uid, performed, state, workitem

JSON = {"Content-Type": "application/dicom+json"}
STAFF = {"Authorization": "Bearer staff"}
SCOPES: dict[str, StudyScope] = {"Bearer staff": WholeArchive(), "Bearer limited": ListedStudies(frozenset({"1.2.3"}))}
STATE_REPORT, CANCEL_REQUESTED, PROGRESS, ASSIGNED = 1, 2, 3, 5


@dataclass
class Site:
    """A web process, and the HTTP interface of another one over the same database."""

    url: str
    client: TestClient
    scopes: dict[str, StudyScope]

    @contextmanager
    def channel(self, aetitle: str = "WATCHER") -> Iterator[ClientConnection]:
        with connect(f"{self.url}/subscribers/{aetitle}", additional_headers=STAFF) as opened:
            yield opened

    def create(self, **elements: dict[str, Any]) -> str:
        uid = new_uid()
        assert self.client.post(f"/workitems?{uid}", json=workitem(**elements), headers=JSON).status_code == 201
        return uid

    def subscribe(self, uid: str, query: str = "", aetitle: str = "WATCHER") -> str:
        response = self.client.post(f"/workitems/{uid}/subscribers/{aetitle}{query}")
        assert (response.status_code, response.content) == (201, b"")
        return response.headers["content-location"]

    def change(self, uid: str, name: str, claim: str) -> None:
        response = self.client.put(f"/workitems/{uid}/state", json=state(name, claim), headers=JSON)
        assert response.status_code == 200

    def update(self, uid: str, claim: str, changes: dict[str, Any]) -> None:
        response = self.client.post(f"/workitems/{uid}?transaction-uid={claim}", json=changes, headers=JSON)
        assert response.status_code == 200


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Storage]]:
    folder = tmp_path_factory.mktemp("worklist")
    opened: list[Storage] = []

    def process() -> Storage:
        opened.append(Storage.open(folder, StorageSettings(free_space_floor=0)))
        return opened[-1]

    yield process
    for storage in opened:
        storage.close()


@pytest.fixture(scope="module")
def site(store: Callable[[], Storage]) -> Iterator[Site]:
    scopes = dict(SCOPES)

    def scope_of(connection: HTTPConnection, right: Right) -> StudyScope:
        if connection.headers.get("authorization") not in scopes:
            raise NotAuthenticated("Sign in first.")
        return scopes[connection.headers["authorization"]]

    listening = socket.create_server(("127.0.0.1", 0))
    base = f"http://127.0.0.1:{listening.getsockname()[1]}/dicom-web"

    def application(storage: Storage) -> Starlette:
        mount = Mount("/dicom-web", routes=routes(storage, scope_of, lambda _: base))
        return Starlette(routes=[mount], exception_handlers=dict(handlers))

    server = uvicorn.Server(
        uvicorn.Config(
            application(store()), http=GuardedProtocol, ws="websockets-sansio", lifespan="off", log_config=None
        )
    )
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])))
    thread.start()
    with TestClient(application(store()), base, headers=STAFF) as client:
        yield Site(base.replace("http", "ws", 1), client, scopes)
    server.should_exit = True
    thread.join()


@pytest.fixture(autouse=True)
def nobody_is_subscribed(site: Site) -> Iterator[None]:
    yield
    for aetitle in ("WATCHER", "OTHER", "PERFORMER"):
        site.client.delete(f"/workitems/{WORKLIST}/subscribers/{aetitle}")


def report(channel: ClientConnection) -> dict[str, Any]:
    """The next event report."""
    text = channel.recv(timeout=PATIENCE)
    assert isinstance(text, str)
    found: dict[str, Any] = orjson.loads(text)
    assert found["00000002"]["Value"] == ["1.2.840.10008.5.1.4.34.6.1"]
    assert found["00000100"]["Value"] == [0x0100]
    assert 0 < found["00000110"]["Value"][0] < 0x10000
    assert list(found) == sorted(found)
    return found


def event(channel: ClientConnection) -> tuple[str, int]:
    """Workitem and type of the next event."""
    found = report(channel)
    return found["00001000"]["Value"][0], found["00001002"]["Value"][0]


def state_of(found: dict[str, Any]) -> str:
    return str(found["00741000"]["Value"][0])


def test_a_subscription_tells_where_its_channel_is(site: Site) -> None:
    """11.10.3.2: Content-Location with the WebSocket scheme."""
    uid = site.create()
    url = site.subscribe(uid, aetitle="OTHER%20ONE")
    assert url == f"{site.url}/subscribers/OTHER%20ONE"
    with connect(url, additional_headers=STAFF) as channel:
        found = report(channel)
    assert (found["00001000"]["Value"], found["00741000"], found["00404041"]) == (
        [uid],
        element("CS", "SCHEDULED"),
        element("CS", "READY"),
    )


def test_what_happens_to_a_workitem(site: Site) -> None:
    """CC.2.4.3: one event after the other, from another process than the one that sends them, as they happen."""
    uid, claim = site.create(), new_uid()
    with site.channel() as channel:
        site.subscribe(uid)
        assert state_of(report(channel)) == "SCHEDULED"
        site.change(uid, "IN PROGRESS", claim)
        assert state_of(report(channel)) == "IN PROGRESS"
        site.update(uid, claim, {"00741002": element("SQ", {"00741004": element("DS", "50")})})
        found = report(channel)
        assert found["00001002"]["Value"] == [PROGRESS]
        assert found["00741002"]["Value"][0]["00741004"]["Value"] == ["50"]
        site.update(uid, claim, {"00404025": element("SQ", CODE), "00404041": element("CS", "INCOMPLETE")})
        assert report(channel)["00404041"]["Value"] == ["INCOMPLETE"]
        found = report(channel)
        assert (found["00001002"]["Value"], found["00404025"]["Value"]) == ([ASSIGNED], [CODE])
        site.update(uid, claim, {"00741204": element("LO", "no event")} | performed())
        site.change(uid, "COMPLETED", claim)
        found = report(channel)
        assert state_of(found) == "COMPLETED"
        assert claim not in str(found)


def test_cancellations(site: Site) -> None:
    """CC.2.2.3: the performer is told who asks and why; what nobody has claimed goes through both states."""
    claimed, scheduled, claim = site.create(), site.create(), new_uid()
    site.change(claimed, "IN PROGRESS", claim)
    with site.channel("PERFORMER") as channel:
        for uid in (claimed, scheduled):
            site.subscribe(uid, aetitle="PERFORMER")
            report(channel)
        why = {"00741236": element("AE", "RIS"), "00741238": element("LT", "Moved"), "00081195": element("UI", claim)}
        for uid in (claimed, scheduled):
            assert site.client.post(f"/workitems/{uid}/cancelrequest", json=why, headers=JSON).status_code == 202
            found = report(channel)
            assert found["00001002"]["Value"] == [CANCEL_REQUESTED]
            assert (found["00741236"], found["00741238"]) == (why["00741236"], why["00741238"])
            assert "00081195" not in found
        assert [state_of(report(channel)) for _ in range(2)] == ["IN PROGRESS", "CANCELED"]


def test_the_whole_worklist(site: Site) -> None:
    """Table CC.2.3-2: new workitems to whoever subscribes globally; with lock also the state of those there are."""
    site.create()
    with site.channel() as channel:
        site.subscribe(WORKLIST)
        uid = site.create()
        assert event(channel) == (uid, STATE_REPORT)
        assigned = site.create(t00404025=element("SQ", CODE))
        assert [event(channel) for _ in range(2)] == [(assigned, STATE_REPORT), (assigned, ASSIGNED)]
        response = site.client.post(f"/workitems/{WORKLIST}/subscribers/WATCHER/suspend")
        assert response.status_code == 200
        site.create()
        site.change(uid, "IN PROGRESS", new_uid())
        assert event(channel) == (uid, STATE_REPORT)
        assert site.client.delete(f"/workitems/{uid}/subscribers/WATCHER").status_code == 200
        site.change(assigned, "IN PROGRESS", new_uid())
        assert event(channel) == (assigned, STATE_REPORT)
        assert site.client.delete(f"/workitems/{WORKLIST}/subscribers/WATCHER").status_code == 200
        site.subscribe(uid)
        assert event(channel) == (uid, STATE_REPORT)
        with site.channel("OTHER") as other:
            site.subscribe(WORKLIST, "?deletionlock=true", "OTHER")
            told = set()
            while uid not in told:
                told.add(event(other)[0])
            assert len(told) >= 1


def test_a_filtered_worklist(site: Site) -> None:
    """CC.2.3.3.1: what would match a search with the same keys."""
    with site.channel() as channel:
        site.subscribe(FILTERED_WORKLIST, "?filter=WorklistLabel=MR*,00741200=HIGH")
        site.subscribe(FILTERED_WORKLIST, "?WorklistLabel=MR*&00741200=HIGH", "OTHER")
        site.create(), site.create(t00741202=element("LO", "MR1"))
        uid = site.create(t00741202=element("LO", "MR2"), t00741200=element("CS", "HIGH"))
        assert event(channel) == (uid, STATE_REPORT)
        with site.channel("OTHER") as other:
            assert event(other) == (uid, STATE_REPORT)


@pytest.mark.parametrize(
    "query",
    ["", "?filter=", "?filter=WorklistLable=X", "?WorklistLable=X", "?WorklistLabel=", "?WorklistLabel=X&Nonsense=1"],
)
def test_a_filter_that_would_be_none(site: Site, query: str) -> None:
    """A typing error never becomes a subscription to everything."""
    assert site.client.post(f"/workitems/{FILTERED_WORKLIST}/subscribers/WATCHER{query}").status_code == 400


def test_what_happened_while_the_channel_was_closed(site: Site) -> None:
    """It is sent when the channel is opened again, once, and in its order."""
    uid, claim = site.create(), new_uid()
    site.subscribe(uid)
    with site.channel() as channel:
        assert state_of(report(channel)) == "SCHEDULED"
    site.change(uid, "IN PROGRESS", claim)
    site.change(uid, "CANCELED", claim)
    with site.channel() as channel:
        assert [state_of(report(channel)) for _ in range(2)] == ["IN PROGRESS", "CANCELED"]


def test_a_channel_outlives_the_deadlines_of_requests(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """And reads over whatever the client says."""
    for limit in ("header_seconds", "body_seconds"):
        monkeypatch.setattr(GuardedProtocol, limit, 2.0)
    with site.channel() as channel:
        channel.send("anything")
        with pytest.raises(TimeoutError):
            channel.recv(timeout=2.5)
        site.subscribe(uid := site.create())
        assert event(channel) == (uid, STATE_REPORT)


@pytest.mark.parametrize(
    ("headers", "aetitle", "status"),
    [
        ({}, "WATCHER", 401),
        ({"Authorization": "Bearer wrong"}, "WATCHER", 401),
        ({"Authorization": "Bearer limited"}, "WATCHER", 403),
        (STAFF, "SEVENTEEN%20LETTERS", 400),
        (STAFF, "A%5CB", 400),
        (STAFF, "%20", 400),
    ],
)
def test_who_may_not_listen(site: Site, headers: dict[str, str], aetitle: str, status: int) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(f"{site.url}/subscribers/{aetitle}", additional_headers=headers)
    assert refused.value.response.status_code == status
    assert refused.value.response.headers["content-type"] == "application/problem+json"


def test_who_may_listen_no_more(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that is revoked ends its channels too."""
    monkeypatch.setattr(notifications, "RECHECK_SECONDS", 0.1)
    with site.channel() as channel:
        revoked = site.scopes.pop("Bearer staff")
        try:
            with pytest.raises(ConnectionClosed) as closed:
                channel.recv(timeout=PATIENCE)
            assert closed.value.rcvd is not None and closed.value.rcvd.code == 1008
        finally:
            site.scopes["Bearer staff"] = revoked


def test_channels_are_limited(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifications, "MOST_CHANNELS", 1)
    with site.channel(), pytest.raises(InvalidStatus) as refused:
        connect(f"{site.url}/subscribers/OTHER", additional_headers=STAFF)
    assert refused.value.response.status_code == 503


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/workitems/9.9/subscribers/WATCHER", 404),
        ("DELETE", "/workitems/9.9/subscribers/WATCHER", 404),
        ("POST", f"/workitems/{WORKLIST}/subscribers/NOBODY/suspend", 404),
        ("POST", "/workitems/9.9/subscribers/WATCHER/suspend", 400),
        ("POST", f"/workitems/{WORKLIST}/subscribers/SEVENTEEN LETTERS", 400),
        ("POST", f"/workitems/{WORKLIST}/subscribers/WATCHER?deletionlock=yes", 400),
        ("PUT", f"/workitems/{WORKLIST}/subscribers/WATCHER", 405),
        ("DELETE", f"/workitems/{WORKLIST}/subscribers/NOBODY", 200),
    ],
)
def test_other_answers(site: Site, method: str, path: str, status: int) -> None:
    """Tables 11.10.3-1, 11.11.3-1 and 11.12.3-1."""
    assert site.client.request(method, path).status_code == status


def test_events_do_not_wait_for_ever(tmp_path: Path) -> None:
    """After an hour they are forgotten, but for the newest, so that no number comes twice."""
    now = [1_000_000.0]
    with_clock = Storage.open(tmp_path, StorageSettings(free_space_floor=0))
    try:
        worklist = Worklist(with_clock.database, lambda: now[0])
        uids = [new_uid() for _ in range(3)]
        worklist.subscribe(WORKLIST, "WATCHER", deletion_lock=False)
        worklist.create(uids[0], workitem())
        now[0] += 3_601
        worklist.create(uids[1], workitem())
        worklist.create(uids[2], workitem())
        waiting = worklist.events.after("WATCHER", 0)
        assert [one.report["00001000"]["Value"][0] for one in waiting] == uids[1:]
        assert [one.number for one in waiting] == [2, 3]
    finally:
        with_clock.close()
