"""The world of the authorization matrix: who asks, for what, in which form, and how it is asked in process."""

import asyncio
import re
import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.types import ASGIApp, Message

from auth import rules
from auth.records import Issued, Wait
from gateway.app import application
from gateway.config import Config
from gateway.house import House, build
from storage.deletion import Target
from storage.scope import ListedStudies, PatientIdentity, StudyScope, WholeArchive
from tests.scenarios.desk_policy import POLICY as DESK
from tests.scenarios.test_authorisation_matrix import POLICY, Names
from tests.support.synthetic import ct, part10

BORN: Final = "19500131"
PATIENT: Final = PatientIdentity("TEST-1", "", BORN)
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
REPRESENTATIONS: Final[dict[str, dict[str, str]]] = {
    "any": {},
    "json": {"accept": "application/dicom+json"},
    "xml": {"accept": 'multipart/related; type="application/dicom+xml"'},
    "multipart": {"accept": 'multipart/related; type="application/dicom"'},
    "single": {"accept": "application/dicom"},
    "bytes": {"accept": 'multipart/related; type="application/octet-stream"'},
    "rendered": {"accept": "image/jpeg"},
    "zip": {"accept": "application/zip"},
    "range": {"range": "bytes=0-99"},
    "If-None-Match": {"if-none-match": "*"},
}


@dataclass(frozen=True)
class Actor:
    """Who asks: what is sent along, which objects may be seen, and whether anybody is there at all."""

    headers: dict[str, str]
    sees: frozenset[str] = frozenset()
    is_known: bool = False
    reads: bool = True
    has_session: bool = False
    saw_deleted: bool = False


@dataclass
class World:
    """One house, its actors and objects; `markers` are what gives an object away in a body."""

    house: House
    app: ASGIApp
    objects: dict[str, Names] = field(default_factory=dict)
    markers: dict[str, tuple[bytes, ...]] = field(default_factory=dict)
    actors: dict[str, Actor] = field(default_factory=dict)

    def templates(self) -> Iterator[tuple[str, str]]:
        """Every route of the application that the table of policies knows, with its kind."""
        assert isinstance(self.app, Starlette)
        yield from POLICY.items()
        # The desk's own matrix (test_desk_matrix.py) asks as its staff; here nobody is one of them.
        yield from ((template, f"desk {kind}") for template, kind in DESK.items())

    def rebuilt(self) -> "World":
        """The same with the application put together anew, after something in it was changed."""
        return replace(self, app=application(self.house))


def path_of(template: str, names: Names) -> str:
    """The path of a route for an object; what does not name one is 1."""
    return re.sub(r"{(\w+)(?::\w+)?}", lambda found: str(getattr(names, found[1], "1")), template)


@dataclass(frozen=True)
class Answer:
    """Status and body."""

    status: int
    body: bytes

    @property
    def without_uids(self) -> bytes:
        """What must be the same for the foreign and the unknown, whatever the clock shows."""
        varying = rb"[0-9]+(\.[0-9]+)+|nonce-[^']*|number: [0-9a-f]+|data-idle-seconds=\"[0-9]+"
        return re.sub(varying, b"UID", self.body)


async def ask(app: ASGIApp, method: str, path: str, headers: dict[str, str]) -> Answer:
    """One request without a body, in process."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [
            (b"host", b"127.0.0.1:8080"),
            *((name.encode(), value.encode()) for name, value in headers.items()),
        ],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8080),
    }
    status, body = 0, bytearray()
    messages = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Message:
        # After the request nothing comes: the caller stays to the end.
        return next(messages, None) or await asyncio.get_running_loop().create_future()

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)
        body.extend(message.get("body", b""))

    await app(scope, receive, send)
    return Answer(status, bytes(body))


def world(folder: Path) -> World:
    """A house with two patients, what became of their studies, and everybody who might ask."""
    house = build(Config(base=folder))
    made = World(house, application(house))
    _objects(made)
    _actors(made)
    return made


def _objects(made: World) -> None:
    for name, attributes in (
        ("own", {"PatientID": "TEST-1"}),
        ("other", {"PatientID": "TEST-1"}),
        ("foreign", {"PatientID": "TEST-2", "PatientName": "Fremdling^Jan"}),
        ("deleted", {"PatientID": "TEST-1"}),
    ):
        made.objects[name] = _store(made.house, StudyDescription=f"MARK-{name}", **attributes)
        made.markers[name] = (f"MARK-{name}".encode(), made.objects[name].instance.encode())
    own, foreign = made.objects["own"], made.objects["foreign"]
    held = {"StudyInstanceUID": own.study, "PatientID": "TEST-9", "PatientName": "Gehalten^Hilde"}
    made.objects["held"] = _store(made.house, SeriesDescription="MARK-held", **held)
    made.markers["held"] = (b"MARK-held", b"Gehalten", made.objects["held"].instance.encode())
    made.markers["foreign"] += (b"Fremdling", b"TEST-2")
    made.objects["unknown"] = Names("1.2.3.4.5.6", "1.2.3.4.5.7", "1.2.3.4.5.8")
    made.objects["malformed"] = Names("not-a-uid", "..", "%00")
    made.objects["own study, foreign series"] = replace(foreign, study=own.study)
    made.objects["own series, foreign instance"] = replace(own, instance=foreign.instance)
    made.objects["foreign study, own series"] = replace(own, study=foreign.study)
    made.house.storage.deletion.delete(WholeArchive(), Target(made.objects["deleted"].study), source="test")


def _store(house: House, **attributes: Any) -> Names:
    incoming = house.storage.ingest.receive()
    incoming.write(part10(ct(8, 8, **attributes)))
    stored = house.storage.ingest.store(incoming, source="test")
    return Names(stored.study_instance_uid, stored.series_instance_uid, stored.sop_instance_uid)


def _actors(made: World) -> None:
    own = ListedStudies(frozenset({made.objects["own"].study}))
    foreign = ListedStudies(frozenset({made.objects["foreign"].study}))
    both = ListedStudies(own.study_instance_uids | {made.objects["other"].study})
    made.actors |= {
        "nobody": Actor({}),
        "bad cookie": _with_cookie(made, "x" * 43),
        "bad token": Actor({"authorization": "Bearer dbk_nothing"}),
        **_ended(made, own),
        "revoked token": _with_token(made, ["read"], own, is_known=False, revoke=True),
        "share of the patient": _signed_in(made, PATIENT, {"own", "other"}, saw_deleted=True),
        "share of a study": _signed_in(made, own, {"own"}),
        "share of the stranger": _signed_in(made, foreign, {"foreign"}),
        "share that waits": _signed_in(made, PATIENT, set(), wait=Wait(10)),
        "doctor with one study": _handed_on(made, PATIENT, study=own),
        "doctor of a share that shrank": _shrunk(made, both, own),
        **_viewers(made, PATIENT),
        "reader of a study": _with_token(made, ["read"], own, {"own"}),
        "reader of the stranger": _with_token(made, ["read"], foreign, {"foreign"}),
        "writer of a study": replace(_with_token(made, ["write"], own), reads=False),
        "archive": replace(_with_token(made, ["read"], None, {"own", "other", "foreign", "held"}), saw_deleted=True),
    }


def _with_cookie(made: World, value: str) -> Actor:
    return Actor({"cookie": f"{made.house.gatekeeper.cookie.name}={value}"})


def _signed_in(
    made: World, rule: StudyScope, sees: set[str], *, wait: Wait | None = None, saw_deleted: bool = False
) -> Actor:
    issued = made.house.shares.create(rule, BORN, 90, wait=wait)
    return _session(made, issued, sees, saw_deleted=saw_deleted)


def _session(made: World, issued: Issued, sees: set[str], *, saw_deleted: bool = False) -> Actor:
    cookie = _with_cookie(made, made.house.sessions.begin(issued.share))
    return replace(cookie, sees=frozenset(sees), is_known=True, has_session=True, saw_deleted=saw_deleted)


def _ended(made: World, rule: StudyScope) -> dict[str, Actor]:
    """Those who were somebody: their cookies must open nothing any more."""
    database, shares = made.house.storage.database, made.house.shares
    found = {}
    for name in ("expired session", "expired share", "frozen share", "revoked share", "re-issued share"):
        issued = shares.create(rule, BORN, 90)
        found[name] = _with_cookie(made, made.house.sessions.begin(issued.share))
        sql = {
            "expired session": "UPDATE share_session SET seen = seen - 3600 WHERE share_id = ?",
            "expired share": "UPDATE share SET expires = created - 1 WHERE id = ?",
            "frozen share": "UPDATE share SET frozen = 1 WHERE id = ?",
        }.get(name)
        if sql:
            database.write(lambda connection, sql=sql, id=issued.share.id: connection.execute(sql, (id,)).rowcount)  # type: ignore[misc]
        elif name == "revoked share":
            shares.revoke(issued.share.id)
        else:
            shares.reissue(issued.share.id)
    parent = shares.create(rule, BORN, 90)
    child = shares.hand_on(parent.share.id, BORN, 30)
    found["doctor of a revoked share"] = _with_cookie(made, made.house.sessions.begin(child.share))
    shares.revoke(parent.share.id)
    return found


def aged_session(made: World) -> Actor:
    """One more session that has rested for too long, and that nobody has asked for since."""
    issued = made.house.shares.create(ListedStudies(frozenset({made.objects["own"].study})), BORN, 90)
    actor = _with_cookie(made, made.house.sessions.begin(issued.share))
    sql = "UPDATE share_session SET seen = seen - 3600 WHERE share_id = ?"
    made.house.storage.database.write(lambda connection: connection.execute(sql, (issued.share.id,)).rowcount)
    return actor


def _handed_on(made: World, rule: StudyScope, study: ListedStudies) -> Actor:
    parent = made.house.shares.create(rule, BORN, 90)
    (uid,) = study.study_instance_uids
    return _session(made, made.house.shares.hand_on(parent.share.id, BORN, 30, study=uid), {"own"})


def _shrunk(made: World, rule: StudyScope, to: ListedStudies) -> Actor:
    """Handed on as a whole, from a share that now shows less than it did."""
    parent = made.house.shares.create(rule, BORN, 90)
    child = made.house.shares.hand_on(parent.share.id, BORN, 30)
    row = (rules.to_json(to), parent.share.id)
    made.house.storage.database.write(
        lambda connection: connection.execute("UPDATE share SET rule = ? WHERE id = ?", row).rowcount
    )
    return _session(made, child, {"own"})


def _viewers(made: World, rule: StudyScope) -> dict[str, Actor]:
    """Viewers that a session has opened: of a share that lives, of one that does not, and one that was signed out."""
    found = {}
    for name in ("viewer", "viewer of a revoked share", "viewer that was signed out"):
        issued = made.house.shares.create(rule, BORN, 90)
        cookie = made.house.sessions.begin(issued.share)
        session = made.house.sessions.session_of(cookie)
        assert session is not None
        ticket = made.house.viewer_passes.ticket(session, "ohif", made.objects["own"].study)
        token = made.house.viewer_passes.exchange(ticket, "ohif").token
        found[name] = Actor({"authorization": f"Bearer {token}"})
        if name == "viewer of a revoked share":
            made.house.shares.revoke(issued.share.id)
        elif name == "viewer that was signed out":
            made.house.sessions.end(cookie)
    found["viewer"] = replace(found["viewer"], sees=frozenset({"own", "other"}), is_known=True, saw_deleted=True)
    return found


def _with_token(
    made: World,
    rights: list[str],
    scope: ListedStudies | None,
    sees: Collection[str] = (),
    *,
    is_known: bool = True,
    revoke: bool = False,
) -> Actor:
    name = secrets.token_hex(4)
    token = made.house.tokens.create(name, rights, scope.study_instance_uids if scope else None)
    if revoke:
        made.house.tokens.revoke(name)
    return Actor({"authorization": f"Bearer {token}"}, frozenset(sees), is_known)
