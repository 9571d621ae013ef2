"""The world of the desk's matrix: a house of two sites, what each of them has, and who asks."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from starlette.testclient import TestClient
from starlette.types import ASGIApp

from gateway.app import application
from gateway.forwarding.delivery import Wanted
from gateway.forwarding.rules import Selection
from gateway.sections import ForwardingConfig, TargetConfig
from storage.scope import PatientIdentity
from tests.gateway.desk import conftest as household
from tests.gateway.desk.conftest import Desk
from tests.gateway.portal_house import ORIGIN
from tests.support.synthetic import ct, part10

UNKNOWN: Final = "1.2.3.4.5"
NO_UPLOAD: Final = "22222222"
NO_MEMBER: Final = "not.there"
SERIES: Final = "1.2.3.4.6"
SITES: Final = ("", "north")
FORWARDING: Final = ForwardingConfig(targets=(TargetConfig(name="pacs", ae_title="PACS"),))


@dataclass(frozen=True)
class Names:
    """What fills a path: the objects of one site, or what does not exist."""

    study: str
    share: str
    request: int
    delivery: int
    upload: str
    link: str
    member: str
    rule: int

    def fill(self, template: str) -> str:
        named = {"{study}": self.study, "{share}": self.share, "{request:int}": str(self.request)}
        named |= {
            "{upload}": self.upload,
            "{delivery:int}": str(self.delivery),
            "{link}": self.link,
            "{series}": SERIES,
            "{member}": self.member,
            "{rule:int}": str(self.rule),
        }
        for place, name in named.items():
            template = template.replace(place, name)
        return template.replace("{path:path}", "nowhere/at/all")


@dataclass(frozen=True)
class Matrix:
    """The house with one share, one request and one held image at each site."""

    desk: Desk
    app: ASGIApp
    objects: dict[str, Names]

    def state(self) -> list[Any]:
        """All that a call could have changed."""
        read = self.desk.house.storage.database.read
        tables = (
            "SELECT * FROM share",
            "SELECT * FROM share_request",
            "SELECT id, held FROM instance",
            "SELECT * FROM upload",
            "SELECT * FROM upload_link",
            "SELECT * FROM delivery",
            "SELECT * FROM staff",
            "SELECT * FROM forwarding_rule",
            "SELECT * FROM retrieval",
        )
        return [[tuple(row) for row in read(f"{table} ORDER BY 1")] for table in tables]

    def caller(self, name: str) -> TestClient:
        headers = {"sec-fetch-site": "same-origin"}
        client = TestClient(self.app, ORIGIN, headers=headers, follow_redirects=False)
        house = self.desk.house
        patient = house.sessions.begin(house.shares.get(self.objects[""].share))
        match name:
            case "bad cookie":
                client.cookies.set("d", "x" * 43)
            case "patient":
                client.cookies.set("s", patient)
            case "patient's cookie":
                client.cookies.set("d", patient)
            case "enrolling":
                client.cookies.set("d", house.staff_sessions.begin("anna", "enrol"))
            case "disabled":
                house.staff.set_password("left", household.PASSWORD)
                client.cookies.set("d", house.staff_sessions.begin("left", "full"))
                house.staff.disable("left")
            case "signed out":
                client.cookies.set("d", house.staff_sessions.begin("anna", "full"))
                house.staff_sessions.end(client.cookies["d"])
            case "reader" | "sharer":
                right = {"reader": "read", "sharer": "share"}[name]
                client.headers["authorization"] = f"Bearer {house.tokens.create(name, {right})}"
            case "anna" | "rolf" | "nora" | "carla" | "adam":
                client.cookies.set("d", house.staff_sessions.begin(name, "full"))
        return client


def opened(folder: Path) -> Iterator[Matrix]:
    for desk in household.opened(folder, forwarding=FORWARDING):
        household.add(desk.house, "left", "desk", "")
        household.add(desk.house, "adam", "admin", "north")
        objects = {site: objects_of(desk, site) for site in SITES}
        objects["unknown"] = Names(UNKNOWN, "0123456789ab", 999, 999, NO_UPLOAD, "ba9876543210", NO_MEMBER, 999)
        _only_in_the_north(desk)
        yield Matrix(desk, application(desk.house), objects)


def _only_in_the_north(desk: Desk) -> None:
    """Something that could not be sent on, and somebody who has the PatientID of a patient of the first site."""
    desk.house.deliveries.want(Wanted("", "down", desk.north.study_instance_uid, 0, 1, Selection(), 1))
    sql = "UPDATE delivery SET state = 'failed' WHERE target = 'down'"
    assert desk.house.storage.database.write(lambda connection: connection.execute(sql).rowcount) == 1
    household.keep(desk.house, "NORTHPACS", PatientID="0815", PatientName="Fremd^Frieda", PatientBirthDate="19770505")


def objects_of(desk: Desk, site: str) -> Names:
    """A share at this site with a request, and in one of its studies a held image; the study is to be sent on."""
    north = site == "north"
    patient_id, birth_date = ("N1", "19800808") if north else ("0815", "19770505")
    share = desk.house.shares.create(PatientIdentity(patient_id, "", birth_date, site), birth_date, 90, site=site).share
    desk.house.requests.ask(share.id, "extend")
    study = (desk.north if north else desk.jan).study_instance_uid
    household.keep(desk.house, "NORTHPACS" if north else "PACS", PatientID="OTHER", StudyInstanceUID=study)
    upload = household.sent_in(desk.house, part10(ct(SeriesInstanceUID=SERIES, **household.ERIKA)), site=site)
    delivery = desk.house.deliveries.want(Wanted("", f"pacs {share.id}", study, 0, 1, Selection(), 1))
    member = f"of.{site or 'first'}.{share.id}"
    desk.house.staff.add(member, "desk", site, household.PASSWORD)
    request = desk.house.requests.open(site)[-1].id
    selection = Selection(sites=frozenset({site}))
    rule = desk.house.rules.add(f"for {share.id}", selection, ("pacs",)).rule.number
    desk.house.rules.switch(rule, 1, on=True)
    return Names(study, share.id, request, delivery.id, upload.reference, upload.link_id, member, rule)
