"""The form with files, for browsers that run no script: nothing is read of whoever does not show his secret first."""

from collections.abc import MutableMapping
from typing import Any

import anyio
import pytest

from gateway.intake.uploads import Begun
from tests.gateway.desk.conftest import Desk
from tests.gateway.portal_house import ORIGIN

FILE = ("files", ("IM1", b"x" * 100))


def _begun(desk: Desk) -> Begun:
    link = desk.house.intake.links.create("patient", "x").link
    return desk.house.intake.uploads.begin(link, {"name": "Erika Müller", "birth_date": "19500131"})


def _state(desk: Desk, begun: Begun) -> str:
    return desk.house.intake.uploads.by_reference(begun.upload.reference).state


def test_files_come_in_one_go(desk: Desk) -> None:
    begun = _begun(desk)
    with desk.browser() as sender:
        answer = sender.post("/u/files", data={"secret": begun.secret}, files=[FILE, FILE])
        assert answer.status_code == 200 and begun.upload.reference in answer.text
        assert _state(desk, begun) == "sent"
        assert [file.size for file in desk.house.intake.uploads.files(begun.upload)] == [100, 100]
        assert sender.post("/u/files", data={"secret": begun.secret}, files=[FILE]).status_code == 409


def test_too_little_room_for_all_of_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = _begun(desk)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 500}))
    with desk.browser() as sender:
        assert sender.post("/u/files", data={"secret": begun.secret}, files=[FILE]).status_code == 507


def _stream(desk: Desk, begin: bytes, **headers: str) -> tuple[int, int]:
    """Status of a body that never ends, and how many bytes of it were read."""
    read, told = 0, 0

    async def receive() -> MutableMapping[str, Any]:
        nonlocal read
        piece = begin if not read else b"x" * 1000
        read += len(piece)
        assert read < 100_000, "It would go on for ever."
        return {"type": "http.request", "body": piece, "more_body": True}

    async def send(message: MutableMapping[str, Any]) -> None:
        nonlocal told
        told = message.get("status", told)

    own = {"content-type": "multipart/form-data; boundary=b", "sec-fetch-site": "same-origin"} | headers
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/u/files",
        "query_string": b"",
        "scheme": "http",
        "server": (ORIGIN.removeprefix("http://"), 80),
        "headers": [(name.encode(), value.encode()) for name, value in own.items()],
    }
    anyio.run(desk.app, scope, receive, send)
    return told, read


def _part(secret: str) -> bytes:
    return f'--b\r\nContent-Disposition: form-data; name="secret"\r\n\r\n{secret}\r\n--b\r\n'.encode()


@pytest.mark.parametrize(
    ("secret", "headers", "status"),
    [
        ("", {}, 403),
        ("A" * 26, {"content-length": "1000"}, 403),
        ("own", {}, 413),
        ("own", {"content-length": str(3 << 30)}, 413),
        ("own", {"content-length": "1000", "sec-fetch-site": "cross-site"}, 403),
    ],
    ids=["no secret", "another secret", "no length", "too long", "another site"],
)
def test_whoever_may_not_send_is_not_read(desk: Desk, secret: str, headers: dict[str, str], status: int) -> None:
    begin = _part(_begun(desk).secret if secret == "own" else secret)
    told, read = _stream(desk, begin, **headers)
    assert told == status and read < 4000


def test_a_secret_behind_a_file_is_none(desk: Desk) -> None:
    late = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n' + b"x" * 3000 + b"\r\n"
    assert _stream(desk, late + _part(_begun(desk).secret))[0] == 403
