"""Storing: what is answered to which body, and that one bad part never spoils another."""

import json
import threading
from collections.abc import Iterator
from typing import Any
from unittest import mock

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import CTImageStorage, generate_uid
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.testclient import TestClient

from dicomweb import multipart
from dicomweb.store import stow
from dicomweb.store.stow import Intake
from storage.errors import OutOfResources
from storage.files import Files
from storage.incoming import Incoming
from storage.ingest import Ingest
from storage.scope import ListedStudies, PatientIdentity, WholeArchive
from storage.storage import Storage
from tests.dicomweb.conftest import BASE, Callers
from tests.dicomweb.replies import problem_of
from tests.support.patience import PATIENCE
from tests.support.synthetic import ct, part10

TYPE = 'multipart/related; type="application/dicom"; boundary=b'
HEAD = b"Content-Type: application/dicom\r\n"


def body(*contents: bytes, head: bytes = HEAD) -> bytes:
    return b"".join(b"--b\r\n" + head + b"\r\n" + content + b"\r\n" for content in contents) + b"--b--\r\n"


def post(client: TestClient, content: bytes, path: str = "/studies", **headers: str) -> Any:
    return client.post(path, content=content, headers={"Content-Type": TYPE} | headers)


def reasons(module: dict[str, Any], sequence: str = "00081198") -> list[int]:
    return [item["00081197"]["Value"][0] for item in module.get(sequence, {}).get("Value", [])]


def stored_uids(module: dict[str, Any]) -> list[str]:
    return [item["00081155"]["Value"][0] for item in module.get("00081199", {}).get("Value", [])]


def left_over(storage: Storage) -> list[str]:
    """What still lies in an incoming folder."""
    return [str(path) for path in (storage.folder / "incoming").rglob("*") if path.is_file()]


def test_all_stored(client: TestClient, storage: Storage) -> None:
    study, series = generate_uid(), generate_uid()
    images = [ct(StudyInstanceUID=study, SeriesInstanceUID=series, number=number) for number in (1, 2, 3)]
    response = post(client, body(*(part10(image) for image in images)))
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/dicom+json"
    assert response.json() == {
        "00081190": {"vr": "UR", "Value": [f"{BASE}/studies/{study}"]},
        "00081199": {
            "vr": "SQ",
            "Value": [
                {
                    "00081150": {"vr": "UI", "Value": [CTImageStorage]},
                    "00081155": {"vr": "UI", "Value": [image.SOPInstanceUID]},
                    "00081190": {
                        "vr": "UR",
                        "Value": [f"{BASE}/studies/{study}/series/{series}/instances/{image.SOPInstanceUID}"],
                    },
                }
                for image in images
            ],
        },
    }
    assert len(client.get("/instances").json()) == 3
    assert not left_over(storage)


def test_the_bytes_are_kept(client: TestClient) -> None:
    file = part10(ct())
    (item,) = post(client, body(file)).json()["00081199"]["Value"]
    accept = {"Accept": "application/dicom; transfer-syntax=*"}
    assert client.get(item["00081190"]["Value"][0], headers=accept).content == file


def test_the_same_again_is_success(client: TestClient) -> None:
    file = part10(ct())
    first, second = post(client, body(file)), post(client, body(file, file))
    assert (first.status_code, second.status_code) == (200, 200)
    assert len(stored_uids(second.json())) == 2
    assert len(client.get("/instances").json()) == 1


def test_other_bytes_under_a_known_uid(client: TestClient) -> None:
    image = ct()
    post(client, body(part10(image)))
    image.StudyDescription = "changed"
    response = post(client, body(part10(image)))
    assert response.status_code == 409
    assert reasons(response.json()) == [0x0111]
    (failed,) = response.json()["00081198"]["Value"]
    assert failed["00081150"]["Value"] == [CTImageStorage]
    assert failed["00081155"]["Value"] == [image.SOPInstanceUID]
    assert response.json()["00081190"] == {"vr": "UR"}


def test_a_bad_part_spoils_no_other(client: TestClient, storage: Storage) -> None:
    good = [ct(number=number) for number in (1, 2)]
    truncated = part10(ct())[:-20]
    response = post(client, body(part10(good[0]), b"not DICOM", truncated, b"", part10(good[1])))
    assert response.status_code == 202
    assert stored_uids(response.json()) == [image.SOPInstanceUID for image in good]
    module = response.json()
    # The UIDs of these are not known for sure, so they cannot be items of the Failed SOP Sequence (table I.1-1).
    assert sorted(reasons(module) + reasons(module, "0008119A")) == [0xC000] * 3
    assert not left_over(storage)


def test_no_part_is_stored(client: TestClient) -> None:
    response = post(client, body(b"not DICOM"))
    assert response.status_code == 409
    assert reasons(response.json(), "0008119A") == [0xC000]
    assert "00081199" not in response.json() and "00081198" not in response.json()


def test_the_log_says_why(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    post(client, body(part10(ct())[:-20]))
    assert "event=refused status=C000H detail='The data set ends inside Pixel Data" in caplog.text
    assert "Muster" not in caplog.text


def test_a_study_in_the_path(client: TestClient) -> None:
    ours, other = ct(), ct(number=2)
    path = f"/studies/{ours.StudyInstanceUID}"
    response = post(client, body(part10(ours), part10(other)), path)
    assert response.status_code == 202
    assert response.json()["00081190"]["Value"] == [BASE + path]
    assert reasons(response.json()) == [0xA900]
    assert len(client.get("/studies").json()) == 1
    problem_of(post(client, body(part10(ours)), "/studies/nonsense"), 400)


def test_several_studies_have_no_retrieve_url_in_common(client: TestClient) -> None:
    response = post(client, body(part10(ct()), part10(ct())))
    assert (response.status_code, response.json()["00081190"]) == (200, {"vr": "UR"})


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (HEAD, 200),
        (b"", 200),
        (b"content-type:application/dicom; transfer-syntax=1.2.840.10008.1.2.1\r\nContent-Length: 5\r\n", 200),
        (b'Content-Disposition: form-data; name="file"; filename="x.dcm"\r\n' + HEAD, 200),
        (b"Content-Type: application/octet-stream\r\n", 200),
        (b"Content-Type: application/dicom+json\r\n", 409),
        (b"Content-Type: image/jpeg\r\n", 409),
    ],
)
def test_part_headers(client: TestClient, head: bytes, status: int) -> None:
    assert post(client, body(part10(ct()), head=head)).status_code == status


@pytest.mark.parametrize(
    "content_type",
    [
        'multipart/related; type="application/dicom"; boundary="b"',
        "multipart/related; type=application/dicom; boundary=b",
        "Multipart/Related;boundary=b;Type=Application/DICOM",
        "multipart/related; boundary=b",
    ],
)
def test_ways_to_write_the_content_type(client: TestClient, content_type: str) -> None:
    assert post(client, body(part10(ct())), **{"Content-Type": content_type}).status_code == 200


def test_a_single_part(client: TestClient, storage: Storage) -> None:
    response = post(client, part10(ct()), **{"Content-Type": "application/dicom"})
    assert (response.status_code, len(stored_uids(response.json()))) == (200, 1)
    assert post(client, b"", **{"Content-Type": "application/dicom"}).status_code == 409
    assert not left_over(storage)


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("", 415),
        ("text/html", 415),
        ("multipart/form-data; boundary=b", 415),
        ('multipart/related; type="image/jpeg"; boundary=b', 415),
        ('multipart/related; type="application/dicom"', 400),
        ('multipart/related; type="application/dicom"; boundary=""', 400),
        (f'multipart/related; type="application/dicom"; boundary={"x" * 71}', 400),
        ('multipart/related; type="application/dicom"; boundary=other', 400),
    ],
)
def test_requests_that_cannot_be_read(client: TestClient, storage: Storage, content_type: str, status: int) -> None:
    problem = problem_of(post(client, body(part10(ct())), **{"Content-Type": content_type}), status)
    if status == 415:
        assert problem["acceptable"][0] == 'multipart/related; type="application/dicom"'
    assert client.get("/instances").json() == []
    assert not left_over(storage)


@pytest.mark.parametrize(
    "content",
    [b"", b"--b--", b"--b\r\n", body(part10(ct()))[:-7], b"--b\r\n\0: x\r\n\r\nx\r\n--b--", b"--b\r\n" + b"x" * 99],
)
def test_bodies_that_cannot_be_read(client: TestClient, storage: Storage, content: bytes) -> None:
    problem_of(post(client, content), 400)
    assert client.get("/instances").json() == []
    assert not left_over(storage)


def test_what_was_complete_before_the_break_is_stored_and_reported(client: TestClient, storage: Storage) -> None:
    image = ct()
    response = post(client, body(part10(image), part10(ct()))[:-9])
    assert response.status_code == 202
    assert stored_uids(response.json()) == [image.SOPInstanceUID]
    assert reasons(response.json(), "0008119A") == [0xC000]
    assert not left_over(storage)


def test_too_many_parts(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart, "MAXIMUM_PARTS", 2)
    response = post(client, body(*(part10(ct()) for _ in range(3))))
    assert response.status_code == 413
    assert len(stored_uids(response.json())) == 2


def test_no_room_at_all(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> Any:
        raise OutOfResources("Free space is below the floor.")

    monkeypatch.setattr(Files, "receive", full)
    response = post(client, body(part10(ct()), part10(ct())))
    assert response.status_code == 507
    assert reasons(response.json(), "0008119A") == [0xA700, 0xA700]


def test_no_more_room(client: TestClient, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk becomes full in the middle of the second part."""
    write, written = Incoming.write, 0
    file = part10(ct())

    def bounded(self: Incoming, data: Any) -> None:
        nonlocal written
        written += len(data)
        if written > len(file) + 100:
            raise OutOfResources("The store cannot be written at the moment.")
        write(self, data)

    monkeypatch.setattr(Incoming, "write", bounded)
    response = post(client, body(file, part10(ct())))
    assert (response.status_code, len(stored_uids(response.json()))) == (202, 1)
    assert reasons(response.json(), "0008119A") == [0xA700]
    assert not left_over(storage)


def test_the_unexpected_stays_with_its_part(
    client: TestClient, storage: Storage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = Ingest.store
    bad = ct()

    def failing(self: Ingest, incoming: Any, **how: Any) -> Any:
        if bad.SOPInstanceUID.encode() in incoming.path.read_bytes():
            raise ValueError("Muster^Erika")
        return store(self, incoming, **how)

    monkeypatch.setattr(Ingest, "store", failing)
    response = post(client, body(part10(bad), part10(ct())))
    assert (response.status_code, reasons(response.json(), "0008119A")) == (202, [0x0110])
    assert "event=unexpected" in caplog.text and "Muster" not in caplog.text
    assert not left_over(storage)


def test_a_caller_with_some_studies(client: TestClient, callers: Callers, storage: Storage) -> None:
    mine, foreign = ct(), ct()
    headers = callers.add("some", ListedStudies(frozenset({mine.StudyInstanceUID})), "read", "write")
    response = post(client, body(part10(mine), part10(foreign)), **headers)
    assert (response.status_code, reasons(response.json())) == (202, [0x0124])
    assert foreign.SOPInstanceUID in response.text, "the failure says which instance it was"
    assert stored_uids(response.json()) == [mine.SOPInstanceUID]
    problem_of(post(client, body(part10(foreign)), f"/studies/{foreign.StudyInstanceUID}", **headers), 403)
    own = post(client, body(part10(mine)), f"/studies/{mine.StudyInstanceUID}", **headers)
    assert own.status_code == 200
    assert len(client.get("/instances").json()) == 1
    assert not left_over(storage)


def test_a_patient_stores_nothing(client: TestClient, callers: Callers) -> None:
    headers = callers.add("patient", PatientIdentity("TEST-1", "", "19500131"), "read", "write")
    problem_of(post(client, body(part10(ct())), **headers), 403)
    nobody = callers.add("nobody", ListedStudies(frozenset()), "read", "write")
    problem_of(post(client, body(part10(ct())), **nobody), 403)


def test_many_instances_keep_their_order(client: TestClient) -> None:
    images = [ct(8, 8, number=number) for number in range(40)]
    contents = [part10(image) if number % 7 else b"nonsense" for number, image in enumerate(images)]
    response = post(client, body(*contents))
    assert stored_uids(response.json()) == [image.SOPInstanceUID for n, image in enumerate(images) if n % 7]


IMAGES = [part10(ct(number=number)) for number in (1, 2)]
MIXED = body(IMAGES[0], b"\r\n--b\r", IMAGES[1], b"--b--")


def posted(storage: Storage, messages: list[dict[str, Any]]) -> Response:
    """The answer to a body that arrives in exactly these messages."""

    async def run() -> Response:
        return await Intake(storage.ingest, storage.pixels, lambda _: BASE).store(
            request_of(iter(messages)), WholeArchive()
        )

    return anyio.run(run)


def request_of(messages: Iterator[dict[str, Any]]) -> Request:
    async def receive() -> Any:
        return next(messages)

    scope = {"type": "http", "method": "POST", "path": "/studies", "query_string": b"", "path_params": {}}
    return Request(scope | {"headers": [(b"content-type", TYPE.encode())]}, receive)


def message(piece: bytes, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": piece, "more_body": more}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.lists(st.integers(0, len(MIXED)), max_size=30), fed=st.sampled_from([1, 100, 1 << 18]))
def test_any_split_of_the_body_gives_the_same_answer(storage: Storage, at: list[int], fed: int) -> None:
    edges = [0, *sorted(at), len(MIXED)]
    pieces = [MIXED[begin:end] for begin, end in zip(edges, edges[1:], strict=False)]
    with mock.patch.object(stow, "_FED_AT_ONCE", fed):
        split = posted(storage, [*map(message, pieces), message(b"", False)])
    whole = posted(storage, [message(MIXED, False)])
    assert (split.status_code, split.body) == (whole.status_code, whole.body)
    assert len(stored_uids(json.loads(bytes(split.body)))) == 2


def test_one_byte_at_a_time(storage: Storage) -> None:
    pieces = [MIXED[at : at + 1] for at in range(len(MIXED))]
    with mock.patch.object(stow, "_FED_AT_ONCE", 1):
        response = posted(storage, [*map(message, pieces), message(b"", False)])
    assert len(stored_uids(json.loads(bytes(response.body)))) == 2
    assert not left_over(storage)


def test_a_client_that_goes_away(client: TestClient, storage: Storage) -> None:
    """What was complete is stored; the rest leaves nothing behind."""
    whole = body(*(part10(ct()) for _ in range(3)))
    with pytest.raises(ClientDisconnect):
        posted(storage, [message(whole[: len(whole) * 5 // 6]), {"type": "http.disconnect"}])
    assert not left_over(storage)
    assert client.get("/instances").json() == []
    with mock.patch.object(stow, "_FED_AT_ONCE", 1), pytest.raises(ClientDisconnect):
        posted(storage, [message(whole[: len(whole) * 5 // 6]), {"type": "http.disconnect"}])
    assert not left_over(storage)
    assert len(client.get("/instances").json()) == 2


def test_requests_share_the_threads_that_store(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, as many instances are stored at a time as one request may."""
    begun, go_on, one_too_many = threading.Semaphore(8), threading.Event(), threading.Event()

    def store(self: Ingest, incoming: Incoming, **how: Any) -> Any:
        if not begun.acquire(blocking=False):
            one_too_many.set()
        go_on.wait(PATIENCE)
        begun.release()
        raise OutOfResources("full")

    async def requests() -> None:
        intake = Intake(storage.ingest, storage.pixels, lambda _: BASE)
        async with anyio.create_task_group() as group:
            for _ in range(3):
                messages = iter([message(body(*[b"x"] * 8), False)])
                group.start_soon(intake.store, request_of(messages), WholeArchive())
            await anyio.to_thread.run_sync(one_too_many.wait, 0.3)
            go_on.set()

    monkeypatch.setattr(Ingest, "store", store)
    anyio.run(requests)
    assert not one_too_many.is_set()
