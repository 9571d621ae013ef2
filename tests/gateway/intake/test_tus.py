"""tus 1.0.0: the core protocol and the extensions creation, termination, checksum and expiration."""

import base64
import hashlib
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from gateway.intake.intake import Intake
from gateway.intake.tus import PATH
from tests.gateway.intake.conftest import Hands, Sender, begin

CONTENT = bytes(range(256)) * 9


def bytes_of(sender: Sender, path: str) -> bytes:
    file = sender.intake.uploads.file(sender.begun.upload, path.rpartition("/")[2])
    return sender.intake.quarantine.path(file).read_bytes()


def test_options_tell_what_is_spoken(sender: Sender, client: TestClient) -> None:
    """Without version and without secret."""
    for path in (PATH, f"{PATH}/x"):
        response = client.options(path)
        assert response.status_code == 204
        assert response.headers["tus-version"] == "1.0.0"
        assert response.headers["tus-extension"] == "creation,termination,checksum,expiration"
        assert response.headers["tus-max-size"] == str(20 << 30)
        assert response.headers["tus-checksum-algorithm"] == "sha1,md5,sha256"


def test_a_file_comes_in_pieces(sender: Sender, hands: Hands) -> None:
    path = sender.create(CONTENT)
    assert path.startswith(f"{PATH}/")
    first = sender.patch(path, CONTENT[:100])
    assert (first.status_code, first.headers["upload-offset"], first.content) == (204, "100", b"")
    head = sender.request("HEAD", path)
    assert (head.status_code, head.headers["upload-offset"], head.headers["upload-length"]) == (200, "100", "2304")
    assert head.headers["cache-control"] == "no-store"
    assert (
        parsedate_to_datetime(head.headers["upload-expires"])
        == sender.upload.changed + sender.intake.uploads.limits.open_for
    )
    assert not sender.intake.uploads.files(sender.upload)[0].whole
    assert sender.patch(path, CONTENT[100:], 100).headers["upload-offset"] == "2304"
    assert bytes_of(sender, path) == CONTENT
    (file,) = sender.intake.uploads.files(sender.upload)
    assert (file.name, file.whole, file.size) == ("a.dcm", True, 2304)
    for response in (first, head):
        assert response.headers["tus-resumable"] == "1.0.0"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, len(CONTENT)), max_size=6))
def test_any_cuts_give_the_same_bytes(sender: Sender, cuts: list[int]) -> None:
    content = CONTENT + repr(cuts).encode()
    path = sender.create(content)
    places = [0, *sorted(cuts), len(content)]
    for begin_, end in zip(places, places[1:], strict=False):
        offset = int(sender.request("HEAD", path).headers["upload-offset"])
        assert sender.patch(path, content[offset:end], offset).status_code == 204
        assert offset == begin_
    assert bytes_of(sender, path) == content


def test_the_same_file_is_not_sent_twice(sender: Sender, intake: Intake, client: TestClient) -> None:
    """But nobody learns whether another sender has sent it."""
    path = sender.create(CONTENT)
    sender.patch(path, CONTENT)
    assert sender.create(CONTENT, "b.dcm") == path
    assert sender.create(CONTENT, digest=False) != path
    other = begin(intake, client)
    fresh = other.create(CONTENT)
    assert other.request("HEAD", fresh).headers["upload-offset"] == "0"


REFUSED = {
    "another version": ("PATCH", {"Tus_Resumable": "0.2.2"}, 412),
    "no version": ("PATCH", {"Tus_Resumable": ""}, 412),
    "no secret": ("PATCH", {"Authorization": ""}, 403),
    "another secret": ("PATCH", {"Authorization": "Bearer " + "A" * 26}, 403),
    "another type": ("PATCH", {"Content_Type": "application/octet-stream"}, 415),
    "no offset": ("PATCH", {"Upload_Offset": ""}, 400),
    "an offset that is none": ("PATCH", {"Upload_Offset": "-1"}, 400),
    "an offset behind the end": ("PATCH", {"Upload_Offset": "1"}, 409),
    "an unknown algorithm": ("PATCH", {"Upload_Checksum": "crc32 AAAA"}, 400),
    "a checksum that is none": ("PATCH", {"Upload_Checksum": "sha1 %"}, 400),
    "a checksum that does not fit": ("PATCH", {"Upload_Checksum": "sha1 AAAA"}, 460),
}


@pytest.mark.parametrize(("method", "headers", "status"), REFUSED.values(), ids=REFUSED)
def test_refusals_change_nothing(sender: Sender, method: str, headers: dict[str, str], status: int) -> None:
    path = sender.create(CONTENT)
    own = {"Content_Type": "application/offset+octet-stream", "Upload_Offset": "0"}
    response = sender.request(method, path, CONTENT, **own | headers)
    assert response.status_code == status
    assert response.headers["tus-resumable"] == "1.0.0"
    assert ("tus-version" in response.headers) is (status == 412)
    assert sender.request("HEAD", path).headers["upload-offset"] == "0"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 400),
        ({"Upload_Length": "x"}, 400),
        ({"Upload_Length": "-1"}, 400),
        ({"Upload_Length": "9" * 20}, 400),
        ({"Upload_Defer_Length": "1"}, 400),
        ({"Upload_Length": str((20 << 30) + 1)}, 413),
        ({"Upload_Length": "1", "Upload_Metadata": "filename %"}, 400),
        ({"Upload_Length": "1", "Upload_Metadata": "sha256 AAAA"}, 400),
        ({"Upload_Length": "1", "Upload_Metadata": "a " + "A" * 5000}, 400),
    ],
)
def test_creations_that_are_refused(sender: Sender, headers: dict[str, str], status: int) -> None:
    assert sender.request("POST", PATH, b"", **headers).status_code == status
    assert sender.intake.uploads.files(sender.upload) == []


@pytest.mark.parametrize("algorithm", ["sha1", "md5", "sha256"])
def test_checksums(sender: Sender, algorithm: str) -> None:
    path = sender.create(CONTENT)
    digest = base64.b64encode(hashlib.new(algorithm, CONTENT[:50]).digest()).decode()
    assert sender.patch(path, CONTENT[:50], Upload_Checksum=f"{algorithm} {digest}").status_code == 204
    assert sender.patch(path, CONTENT[51:101], 50, Upload_Checksum=f"{algorithm} {digest}").status_code == 460
    assert sender.request("HEAD", path).headers["upload-offset"] == "50"


def test_a_whole_file_that_is_another_one_is_sent_again(sender: Sender) -> None:
    path = sender.create(CONTENT)
    assert sender.patch(path, CONTENT[::-1]).status_code == 460
    assert sender.request("HEAD", path).headers["upload-offset"] == "0"
    assert sender.patch(path, CONTENT).status_code == 204


def test_more_than_was_announced_is_discarded(sender: Sender) -> None:
    path = sender.create(CONTENT)
    sender.patch(path, CONTENT[:10])
    assert sender.patch(path, CONTENT, 10).status_code == 409
    assert bytes_of(sender, path) == CONTENT[:10]


def test_an_empty_file_is_whole_at_once(sender: Sender) -> None:
    sender.create(b"", digest=False)
    assert sender.intake.uploads.files(sender.upload)[0].whole


def test_one_request_at_a_time_writes(sender: Sender) -> None:
    path = sender.create(CONTENT)
    file = sender.intake.uploads.files(sender.upload)[0]
    with sender.intake.quarantine.transfer(file):
        assert sender.patch(path, CONTENT).status_code == 423
    assert sender.patch(path, CONTENT).status_code == 204


def test_termination(sender: Sender) -> None:
    path = sender.create(CONTENT)
    sender.patch(path, CONTENT[:9])
    file = sender.intake.uploads.files(sender.upload)[0]
    assert sender.request("POST", path, X_HTTP_Method_Override="DELETE").status_code == 204
    assert not sender.intake.quarantine.path(file).exists()
    for method in ("HEAD", "PATCH", "DELETE"):
        response = sender.request(method, path, Content_Type="application/offset+octet-stream", Upload_Offset="0")
        assert response.status_code == 404 and "upload-offset" not in response.headers


def test_nobody_touches_what_another_one_sends(sender: Sender, intake: Intake, client: TestClient) -> None:
    path, other = sender.create(CONTENT), begin(intake, client)
    for method in ("HEAD", "PATCH", "DELETE"):
        response = other.request(method, path, Content_Type="application/offset+octet-stream", Upload_Offset="0")
        assert response.status_code == 404
    assert client.get(path).status_code == 405
    assert sender.request("HEAD", path).status_code == 200


def test_what_was_sent_is_not_changed_any_more(sender: Sender) -> None:
    sender.send(CONTENT)
    path = sender.create(b"more")
    sender.finish()
    assert sender.request("POST", Upload_Length="4").status_code == 409
    assert sender.request("DELETE", path).status_code == 409
    assert sender.patch(path, b"more").status_code == 409
    assert sender.request("HEAD", path).headers["upload-offset"] == "0"


def test_too_little_room(sender: Sender, intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    """What modalities need is left free: [intake] stops before [storage] does."""
    path = sender.create(CONTENT)
    for free, status in ((1000, 507), (1999 << 20, 507), (2001 << 20, 204)):
        monkeypatch.setattr("shutil.disk_usage", lambda _, free=free: type("Usage", (), {"free": free}))
        assert sender.patch(path, CONTENT).status_code == status
