"""Taking images along: the page, the order, and the archive by parts; for the share, and as long as that lives."""

import random
import re
import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from starlette.testclient import TestClient

from gateway.portal import downloads as portal_downloads
from storage.deletion import Target
from storage.scope import WholeArchive
from tests.gateway.downloads.conftest import work
from tests.gateway.portal_house import Portal, keep, opened, order, sign_in
from tests.support.synthetic import ct

OTHERS = 3 + (shutil.which("ffmpeg") is not None)


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    with opened(tmp_path) as portal:
        yield portal


@pytest.fixture
def patient(portal: Portal) -> Iterator[TestClient]:
    with portal.patient() as client:
        yield client


def prepared(portal: Portal, patient: TestClient, study: str = "all") -> str:
    """The address of a download that was ordered and prepared."""
    assert order(patient, study) == 303
    assert work(portal.house) == 1
    return address(patient)


def address(patient: TestClient) -> str:
    found = re.search(r'href="(/downloads/[0-9a-f]{16}/[\w-]+\.zip)"', patient.get("/downloads").text)
    assert found is not None
    return found[1]


def test_the_pages_lead_there(portal: Portal, patient: TestClient) -> None:
    study = portal.chest[0].study_instance_uid
    for path in ("/", f"/studies/{study}", "/account"):
        assert 'href="/downloads"' in patient.get(path).text


def test_the_page_offers_all_images_and_each_study_with_size_and_time(portal: Portal, patient: TestClient) -> None:
    page = patient.get("/downloads").text
    assert page.index("Alle meine Bilder") < page.index("Computertomographie")
    assert page.count('action="/downloads/prepare"') == 3 + OTHERS, (
        "and pictures, films, sheets, and a copy without names"
    )
    assert f'name="study" value="{portal.report.study_instance_uid}"' in page
    assert portal.foreign.study_instance_uid not in page
    assert "etwa 1 MB" in page and "weniger als 1 Minute" in page
    assert "Alle extrahieren" in page


def test_a_single_study_is_offered_once(portal: Portal) -> None:
    with portal.patient(issued=portal.share_of(portal.report)) as client:
        page = client.get("/downloads").text
    assert "Alle meine Bilder" not in page
    assert page.count('action="/downloads/prepare"') == 1 + OTHERS


def test_from_order_to_archive(portal: Portal, patient: TestClient) -> None:
    order(patient)
    waiting = patient.get("/downloads").text
    assert "Wird vorbereitet: 0 %" in waiting and 'http-equiv="refresh"' in waiting
    assert patient.get("/downloads/progress").json()["downloads"][0]["state"] == "waiting"
    assert "Ihr Download ist fertiggestellt" not in patient.get("/").text
    work(portal.house)
    for path in ("/", "/downloads", "/account", f"/studies/{portal.report.study_instance_uid}"):
        assert "Ihr Download ist fertiggestellt" in patient.get(path).text
    answer = patient.get(address(patient))
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == 'attachment; filename="Meine-Bilder.zip"'
    assert int(answer.headers["content-length"]) == len(answer.content)
    with ZipFile(BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
    assert "Ihr Download ist fertiggestellt" not in patient.get("/").text, "it has been fetched"


def test_interrupted_downloads_go_on_where_they_were(portal: Portal, patient: TestClient) -> None:
    """20 downloads with cuts anywhere; `python -m benchmarks resume` makes 200 of them over sockets."""
    url = prepared(portal, patient)
    whole = patient.get(url)
    etag, content = whole.headers["etag"], whole.content
    chance = random.Random(7)
    for _ in range(20):
        got = b""
        while len(got) < len(content):
            headers = {"range": f"bytes={len(got)}-", "if-range": etag} if got else {}
            answer = patient.get(url, headers=headers)
            assert answer.status_code == (206 if got else 200)
            got += answer.content[: chance.randint(1, len(content) // 2)]
        assert got == content


def test_ranges_and_conditions(portal: Portal, patient: TestClient) -> None:
    url = prepared(portal, patient)
    content, etag = patient.get(url).content, patient.get(url).headers["etag"]
    last = patient.get(url, headers={"range": "bytes=-100"})
    assert (last.status_code, last.content) == (206, content[-100:])
    assert last.headers["content-range"] == f"bytes {len(content) - 100}-{len(content) - 1}/{len(content)}"
    other = patient.get(url, headers={"range": "bytes=10-", "if-range": '"another"'})
    assert (other.status_code, other.content) == (200, content)
    assert patient.get(url, headers={"if-none-match": etag}).status_code == 304
    beyond = patient.get(url, headers={"range": f"bytes={len(content)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(content)}")
    head = patient.head(url)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(content)))


def test_only_the_share_that_ordered_it_can_fetch_it(portal: Portal, patient: TestClient) -> None:
    url = prepared(portal, patient)
    with portal.patient(issued=portal.share_of(portal.foreign)) as other:
        assert other.get(url).status_code == 404
        assert other.get("/downloads/progress").json() == {"downloads": []}
    with portal.visitor() as stranger:
        assert (stranger.get(url).status_code, stranger.get(url).headers["location"]) == (303, "/?ended")


def test_what_the_share_does_not_show_cannot_be_ordered(portal: Portal, patient: TestClient) -> None:
    for study in (portal.foreign.study_instance_uid, "1.2.3.4"):
        assert order(patient, study) == 404
    assert portal.house.downloads.all() == []


def test_pages_of_others_cannot_order(portal: Portal, patient: TestClient) -> None:
    everything = {"study": "all", "form": "archive"}
    patient.post("/downloads/prepare", data=everything, headers={"sec-fetch-site": "cross-site"})
    assert portal.house.downloads.all() == []


def test_a_download_is_refused_when_something_in_it_may_not_be_seen_any_more(
    portal: Portal, patient: TestClient
) -> None:
    url = prepared(portal, patient)
    target = Target(portal.report.study_instance_uid)
    portal.house.storage.deletion.delete(WholeArchive(), target, source="test")
    assert patient.get(url).status_code == 404


def test_new_images_are_told_and_can_be_prepared_too(portal: Portal, patient: TestClient) -> None:
    first = prepared(portal, patient)
    keep(portal.house, ct(StudyDate="20260401"))
    assert "neue Bilder dazugekommen" in patient.get("/downloads").text
    assert patient.get(first).status_code == 200
    second = prepared(portal, patient)
    assert second != first
    assert patient.get(first).status_code == 404
    assert "neue Bilder dazugekommen" not in patient.get("/downloads").text


def test_a_download_does_not_outlive_its_share(
    portal: Portal, patient: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Revoked while it is being sent, it ends before it is whole; asked for again it is refused."""
    url = prepared(portal, patient)
    size = len(patient.get(url).content)
    monkeypatch.setattr(portal_downloads, "_LOOK_AGAIN", -1.0)
    assert len(patient.get(url).content) == size
    share = portal.issued.share.id
    given = portal_downloads.TakingAlong._check

    def revoke(self: portal_downloads.TakingAlong, session: object) -> None:
        portal.house.shares.revoke(share)
        given(self, session)  # type: ignore[arg-type]

    monkeypatch.setattr(portal_downloads.TakingAlong, "_check", revoke)
    answer = patient.get(url)
    assert answer.status_code != 200 or len(answer.content) < size
    assert patient.get(url).headers["location"] == "/?ended"


def test_a_new_code_ends_downloads_under_way(portal: Portal, patient: TestClient) -> None:
    url = prepared(portal, patient)
    issued = portal.house.shares.reissue(portal.issued.share.id)
    assert patient.get(url).status_code == 303
    with portal.visitor() as client:
        assert sign_in(client, code=issued.code).status_code == 303
        assert client.get(url).status_code == 200, "the share is the same one"


def test_what_is_read_is_small_and_says_it_in_both_languages(portal: Portal) -> None:
    with portal.patient(language="en") as client:
        page = client.get("/downloads").text
        assert "Take your images along" in page and "about 1 MB" in page
        assert "My-Images.zip" in prepared(portal, client)
