"""axe-core finds nothing wrong with pages that no gateway shows on demand: rendered in process, put before Chromium."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
from playwright.sync_api import Browser
from pydicom.uid import MPEG4HP41
from starlette.testclient import TestClient

from auth.records import Issued, Wait
from dimse.scu.trouble import Trouble, TroubleKind
from gateway.app import application
from gateway.archive.archive import ArchivedStudy
from gateway.archive.service import retrievals_of
from gateway.desk import priors
from gateway.desk.openid import OpenId
from gateway.forwarding.delivery import Wanted
from gateway.forwarding.rulebook import RuleBook
from gateway.forwarding.rules import Selection
from gateway.house import House
from gateway.sections import ForwardingConfig, TargetConfig, ViewersConfig
from storage.scope import PatientIdentity
from tests.browser.axe import Walk
from tests.browser.conftest import Site, Visits
from tests.gateway.desk.conftest import add
from tests.gateway.desk.test_priors import PacsOf
from tests.gateway.portal_house import BIRTH_DATE, ORIGIN, SIGN_IN, Portal, opened, sign_in
from tests.storage.encodings import file_of
from tests.support.pixel_sources import encapsulated
from tests.support.synthetic import ct

TARGETS: Final = ("pacs",)
Show = Callable[[TestClient, Portal], Any]
ANSWERS: Final = {"name": "Erika Muster", "birth_date": BIRTH_DATE, "contact": "0000 1234"}


def _share(portal: Portal, patient: str = "TEST-1", **more: Any) -> Issued:
    return portal.house.shares.create(PatientIdentity(patient, "", BIRTH_DATE), BIRTH_DATE, 30, **more)


def _overview(issued: Callable[[Portal], Issued]) -> Show:
    def show(client: TestClient, portal: Portal) -> Any:
        sign_in(client, code=issued(portal).code)
        return client.get("/")

    return show


def _path(path: str) -> Show:
    def show(client: TestClient, portal: Portal) -> Any:
        sign_in(client, code=portal.issued.code)
        return client.get(path)

    return show


def _failure(client: TestClient, portal: Portal) -> Any:
    sign_in(client, code=portal.issued.code)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("gateway.portal.browse.studies_of", None)
        return client.get("/")


def _open(client: TestClient, portal: Portal) -> Any:
    sign_in(client, code=portal.issued.code)
    return client.post(f"/studies/{portal.chest[0].study_instance_uid}/open/weasis", headers=SIGN_IN)


def _upload(client: TestClient, portal: Portal) -> Any:
    intake = portal.house.intake
    begun = intake.uploads.begin(intake.links.create("patient", "Radiologie").link, ANSWERS)
    file = intake.uploads.announce(begun.upload, "IM1", 1, "")
    intake.quarantine.create(file)
    with intake.quarantine.transfer(file) as transfer:
        transfer.write(b"x")
    intake.uploads.complete(file)
    intake.uploads.finish(begun.upload)
    return client.post("/u/sending", data={"secret": begun.secret}, headers=SIGN_IN)


def _at_desk(client: TestClient, portal: Portal, path: str, **fields: str) -> Any:
    """A page of the desk as an administrator sees it, or what answers a form."""
    name = f"anna.{secrets.token_hex(4)}"
    add(portal.house, name, "admin", "")
    client.cookies.set("d", portal.house.staff_sessions.begin(name, "full"))
    return client.post(path, data=fields, headers=SIGN_IN) if fields else client.get(path)


def _frozen(client: TestClient, portal: Portal) -> Any:
    share = _share(portal).share.id
    sql = "UPDATE share SET frozen = 1, failures = 15 WHERE id = ?"
    portal.house.storage.database.write(lambda connection: connection.execute(sql, (share,)).rowcount)
    return _at_desk(client, portal, f"/desk/shares/{share}")


def _deletion(client: TestClient, portal: Portal) -> Any:
    return _at_desk(client, portal, f"/desk/studies/{portal.chest[0].study_instance_uid}/deletion")


def _archive(away: Trouble | None = None, asked: bool = False) -> Show:
    """What the archive has of the patient, or that it is away; or how far it is with what was asked for."""

    def show(client: TestClient, portal: Portal) -> Any:
        study = portal.chest[0].study_instance_uid
        kept = ArchivedStudy("1.2.900", "20190304", ("MR",), "", "A9", "", "TEST-1", "", BIRTH_DATE, 40)
        if asked:
            retrievals_of(portal.house).want("", "PACS", study, [kept])
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(priors, "archive_of", lambda house, site, patience: PacsOf("PACS", (kept,), away))
            return _at_desk(client, portal, f"/desk/studies/{study}/{'retrievals' if asked else 'archive'}")

    return show


def _older_deliveries(client: TestClient, portal: Portal) -> Any:
    deliveries = portal.house.deliveries
    made = deliveries.want(Wanted("rule", "PACS", portal.chest[0].study_instance_uid, 0, 3, Selection(), 3))
    for held in deliveries.take_up("PACS", 10):
        deliveries.fail(held, Trouble(TroubleKind.UNREACHABLE, "Nobody listens."))
    return _at_desk(client, portal, f"/desk/forwarding?target=PACS&before={made.id + 1}")


def _by_openid(client: TestClient, portal: Portal) -> Any:
    name = f"olga.{secrets.token_hex(4)}"
    add(portal.house, name, "admin", "")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(OpenId, "_provider", lambda rooms: SimpleNamespace(arrive=lambda *said: name))
        return client.get("/desk/openid/callback")


def _set_up(client: TestClient, portal: Portal) -> Any:
    return _at_desk(client, portal, "/desk/staff", name=f"otto.{secrets.token_hex(4)}", role="desk")


def _rules(client: TestClient, portal: Portal) -> Any:
    return _at_desk(client, portal, "/desk/forwarding/rules")


def _rule(client: TestClient, portal: Portal) -> Any:
    """A rule in force that would have taken something."""
    rules = RuleBook(portal.house.storage.database, [], TARGETS)
    made = rules.add(secrets.token_hex(4), Selection(sites=frozenset({""})), TARGETS).rule.number
    rules.switch(made, 1, on=True)
    return _at_desk(client, portal, f"/desk/forwarding/rules/{made}")


def _rule_form(**fields: str) -> Show:
    return lambda client, portal: _at_desk(client, portal, "/desk/forwarding/rules", **fields)


def _upload_link(client: TestClient, portal: Portal) -> Any:
    return _at_desk(client, portal, "/desk/upload-links", form="patient", label="Termine", language="ar")


# The status and the page, by what it is about.
SHOWN: Final[dict[str, tuple[int, Show]]] = {
    "terms": (200, _path("/terms")),
    "a share of nothing": (200, _overview(lambda portal: _share(portal, "NOBODY"))),
    "a share that waits": (200, _overview(lambda portal: _share(portal, wait=Wait(10)))),
    "a failure of ours": (500, _failure),
    "a video": (200, _path("/studies/1.2.826.9/series/1.2.826.9.1")),
    "on to Weasis": (200, _open),
    "an upload that waits": (200, _upload),
    "a frozen share, at the desk": (200, _frozen),
    "whether to delete": (200, _deletion),
    "earlier examinations": (200, _archive()),
    "what was asked of the archive": (200, _archive(asked=True)),
    "an archive that is away": (502, _archive(Trouble(TroubleKind.UNREACHABLE, "Nobody listens."))),
    "older deliveries that failed": (200, _older_deliveries),
    "on to the desk from the provider": (200, _by_openid),
    "a set-up code": (200, _set_up),
    "the sheet of an upload link": (200, _upload_link),
    "a rule in force": (200, _rule),
    "the rules": (200, _rules),
    "a new rule, tried": (200, _rule_form(step="try", name="CT", to="pacs")),
    "a new rule, all wrong": (400, _rule_form(others="ÄE", modalities="-", attribute0="Nonsense", values0="x")),
}


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("rare")
    (folder / "de.txt").write_text("# Datenschutz\n\nErster Absatz.", "utf-8")
    (folder / "en.txt").write_text("# Privacy\n\nFirst paragraph.", "utf-8")
    with opened(folder) as made:
        film = encapsulated(ct(StudyInstanceUID="1.2.826.9", SeriesInstanceUID="1.2.826.9.1"), b"\0\0\1\xb3" * 8)
        incoming = made.house.storage.ingest.receive()
        incoming.write(file_of(film, MPEG4HP41))
        made.house.storage.ingest.store(incoming, source="test")
        yield made


def _changed(house: House, name: str, folder: Path) -> House:
    """With what only one of the pages needs."""
    site = house.config.site.model_copy(update={"terms": str(folder) if name == "terms" else ""})
    targets = ForwardingConfig(targets=tuple(TargetConfig(name=one, ae_title="PACS") for one in TARGETS))
    changes = {"site": site, "viewers": ViewersConfig(weasis=True), "forwarding": targets}
    rules = RuleBook(house.storage.database, [], TARGETS)
    return replace(house, config=house.config.model_copy(update=changes), rules=rules)


@pytest.mark.parametrize("locale", ["de-DE", "en-GB"])
def test_pages_that_are_seldom_seen(
    site: Site,
    visits: Visits,
    portal: Portal,
    chromium: Browser,
    monkeypatch: pytest.MonkeyPatch,
    locale: str,
    judged: set[str],
) -> None:
    monkeypatch.setattr("gateway.portal.exhibits.video_type", lambda *_: "video/mp4")
    page = visits.page(chromium, locale=locale)
    # A page that watches what it shows asks for more, where axe takes its time; nothing of that is there.
    page.route("**/rare/progress", lambda route: route.fulfill(json={"retrievals": []}))
    page.route("**/rendered", lambda route: route.fulfill(status=204))
    # Where a page goes on to by itself.
    page.route("**/desk", lambda route: route.fulfill(status=204))
    shown: dict[str, Any] = {}
    page.route("**/rare", lambda route: route.fulfill(**shown))
    walk = Walk(page, site.gateway.url, judged)
    for name, (status, show) in SHOWN.items():
        app = application(_changed(portal.house, name, portal.house.config.base))
        headers = {"accept-language": locale, "accept-encoding": "identity"}
        with TestClient(app, ORIGIN, headers=headers, follow_redirects=False) as client:
            answer = show(client, portal)
        assert answer.status_code == status, name
        policy = {"content-security-policy": answer.headers["content-security-policy"]}
        shown = {"body": answer.content, "headers": {"content-type": "text/html; charset=utf-8", **policy}}
        page.goto(f"{walk.url}/rare")
        assert page.locator("h1").count() == 1, name
        walk.judge(name)
    assert "\n".join(walk.faults) == ""
