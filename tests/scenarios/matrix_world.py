"""The world of the authorization matrix: who asks, for what, in which form, and how it is asked in process."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.types import ASGIApp, Message

from gateway.app import application
from gateway.config import Config
from gateway.house import House, build
from gateway.sections import OtherSiteConfig
from storage.deletion import Target
from storage.scope import PatientIdentity, WholeArchive
from tests.scenarios.desk_policy import POLICY as DESK
from tests.scenarios.test_authorisation_matrix import POLICY, Names
from tests.support.synthetic import ct, part10

BORN: Final = "19500131"
PATIENT: Final = PatientIdentity("TEST-1", "", BORN, "", patient_name="Muster^Erika")
LIKE: Final[dict[str, dict[str, str]]] = {
    "stranger": {"PatientID": "TEST-3"},
    "namesake": {"PatientBirthDate": "19600101"},
    "twin": {"PatientName": "Zwilling^Zoe"},
    "elsewhere": {"IssuerOfPatientID": "ELSEWHERE"},
    "north": {},
}
"""Studies that are the patient's but for one thing: the PatientID, the birth date, the name, who gave it, the site."""
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
    has_accepted: bool = True
    """What the site demands before it shows a page."""
    sends: bool = False
    """By an upload link."""
    shares: str | None = None
    """The site where a RIS may open shares."""
    is_staff: bool = False


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
        varying = rb"[0-9]+(\.[0-9]+)+|nonce-[^']*|number: [0-9a-f]+|data-idle-seconds=\"[0-9]+|[0-9a-f]{12,32}"
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
    """A house of two sites with two patients and some who are like one of them, and what became of their studies."""
    north = OtherSiteConfig(key="north", name="Nordklinik", ae_titles=("NORTHPACS",), terms="terms")
    (folder / "terms").mkdir()
    (folder / "terms" / "de.txt").write_text("Hinweise", encoding="utf-8")
    house = build(Config(base=folder, sites=(north,)))
    made = World(house, application(house))
    _objects(made)
    return made


def _objects(made: World) -> None:
    for name, attributes in {
        "own": {},
        "other": {},
        "foreign": {"PatientID": "TEST-2", "PatientName": "Fremdling^Jan"},
        "deleted": {},
        **LIKE,
    }.items():
        source = "NORTHPACS" if name == "north" else "test"
        made.objects[name] = _store(made.house, source, StudyDescription=f"MARK-{name}", **attributes)
        made.markers[name] = (f"MARK-{name}".encode(), made.objects[name].instance.encode())
    own, foreign = made.objects["own"], made.objects["foreign"]
    held = {"StudyInstanceUID": own.study, "PatientID": "TEST-9", "PatientName": "Gehalten^Hilde"}
    made.objects["held"] = _store(made.house, "test", SeriesDescription="MARK-held", **held)
    made.markers["held"] = (b"MARK-held", b"Gehalten", made.objects["held"].instance.encode())
    made.markers["foreign"] += (b"Fremdling", b"TEST-2")
    made.objects["unknown"] = Names("1.2.3.4.5.6", "1.2.3.4.5.7", "1.2.3.4.5.8")
    made.objects["malformed"] = Names("not-a-uid", "..", "%00")
    made.objects["own study, foreign series"] = replace(foreign, study=own.study)
    made.objects["own series, foreign instance"] = replace(own, instance=foreign.instance)
    made.objects["foreign study, own series"] = replace(own, study=foreign.study)
    made.house.storage.deletion.delete(WholeArchive(), Target(made.objects["deleted"].study), source="test")


def _store(house: House, source: str, **attributes: Any) -> Names:
    incoming = house.storage.ingest.receive()
    incoming.write(part10(ct(8, 8, **attributes)))
    stored = house.storage.ingest.store(incoming, source=source)
    return Names(stored.study_instance_uid, stored.series_instance_uid, stored.sop_instance_uid)
