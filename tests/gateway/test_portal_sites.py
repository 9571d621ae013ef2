"""A patient of another site reads that site's name, contact, logo and terms, on pages and in what is taken along."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from typing import get_args

import pytest
from PIL import Image
from pypdf import PdfReader
from starlette.testclient import TestClient

from auth.records import Issued
from gateway.app import application
from gateway.downloads.downloads import Form, Wish
from gateway.downloads.layout import Prepared
from gateway.downloads.worker import Preparation
from gateway.house import House
from gateway.sections import OtherSiteConfig, SiteConfig
from gateway.sheets import sheet
from storage.scope import PatientIdentity
from tests.gateway.portal_house import BIRTH_DATE, ORIGIN, SIGN_IN, Portal, opened, series_path, sign_in

FIRST, NORTH = "Musterklinikum", "Nordklinik"
FIRST_CONTACT, NORTH_CONTACT = "Telefon 0123", "Telefon 0987"


@dataclass(frozen=True)
class Sites:
    """The house with a second site, and a share of each."""

    portal: Portal
    house: House
    issued: dict[str, Issued]

    def patient(self, site: str) -> TestClient:
        client = TestClient(application(self.house), ORIGIN, headers={"accept-language": "de"}, follow_redirects=False)
        assert sign_in(client, code=self.issued[site].code).status_code == 303
        return client


def _logo(colour: str) -> bytes:
    target = BytesIO()
    Image.new("RGB", (60, 20), colour).save(target, "PNG")
    return target.getvalue()


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    folder = tmp_path_factory.mktemp("sites")
    with opened(folder) as portal:
        for name, colour in (("first", "red"), ("north", "blue")):
            (folder / f"{name}.png").write_bytes(_logo(colour))
            (folder / name).mkdir()
            (folder / name / "de.txt").write_text(f"# Datenschutz\n\nHinweis von {name}", "utf-8")
        config = portal.house.config.model_copy(
            update={
                "site": SiteConfig(name=FIRST, contact=FIRST_CONTACT, logo="first.png", terms="first"),
                "sites": (
                    OtherSiteConfig(key="north", name=NORTH, contact=NORTH_CONTACT, logo="north.png", terms="north"),
                    OtherSiteConfig(key="bare", name="Kahle Praxis"),
                ),
            }
        )
        house = replace(portal.house, config=config)
        scope = PatientIdentity("TEST-1", "", BIRTH_DATE)
        issued = {key: house.shares.create(scope, BIRTH_DATE, 30, site=key) for key in ("", "north", "bare", "closed")}
        yield Sites(portal, house, issued)


def test_every_page_names_the_site_of_the_share(sites: Sites) -> None:
    series = series_path(sites.portal.chest[0])
    with sites.patient("north") as client:
        terms = client.get("/terms").text
        assert "Hinweis von north" in terms and "Hinweis von first" not in terms
        client.post("/terms", headers=SIGN_IN)
        paths = ("/", "/account", "/account/onward", "/account/delete", "/terms", "/downloads", series, "/nowhere")
        pages = {path: client.get(path) for path in paths}
        pages["/handed on"] = client.post("/account/onward", data={"birth_date": "31.01.1950"}, headers=SIGN_IN)
        for path, page in pages.items():
            assert f"<span>{NORTH}</span>" in page.text and f"· {NORTH}</title>" in page.text, path
            assert 'src="/logo/north"' in page.text, path
            assert FIRST not in page.text and FIRST_CONTACT not in page.text, path
        assert NORTH_CONTACT in pages["/account"].text


def test_a_share_of_a_site_that_is_gone_belongs_to_the_first(sites: Sites) -> None:
    with sites.patient("closed") as client:
        page = client.get("/terms").text
        assert f"<span>{FIRST}</span>" in page and 'src="/logo"' in page and "Hinweis von first" in page


def test_without_a_logo_there_is_the_mark(sites: Sites) -> None:
    with sites.patient("bare") as client:
        page = client.get("/").text
        assert "<span>Kahle Praxis</span>" in page and 'class="mark"' in page and 'src="/logo' not in page


def test_logos_are_pictures_that_may_be_kept_a_while(sites: Sites) -> None:
    with TestClient(application(sites.house), ORIGIN) as client:
        for path, colour in (("/logo", "red"), ("/logo/north", "blue")):
            answer = client.get(path)
            assert answer.content == _logo(colour) and answer.headers["content-type"] == "image/png"
            assert answer.headers["cache-control"] == "public, max-age=3600"
        for path in ("/logo/bare", "/logo/nowhere"):
            assert client.get(path).status_code == 404


@pytest.mark.parametrize("form", get_args(Form))
def test_what_is_taken_along_names_the_site(sites: Sites, form: Form) -> None:
    house, share = sites.house, sites.issued["north"].share
    study = sites.portal.chest[0].study_instance_uid
    ordered = house.downloads.order(Wish(share.id, study, form), "content", 3)
    assert Preparation(house, lambda: False).work() == 1
    files = Prepared(house.downloads_folder / ordered.id, house.storage.files)
    archive = b"".join(files.archive())
    assert NORTH_CONTACT.encode() in archive and FIRST_CONTACT.encode() not in archive
    assert NORTH.encode() in archive and FIRST.encode() not in archive


def test_the_sheet_names_the_site(sites: Sites) -> None:
    text = PdfReader(BytesIO(sheet(sites.house, sites.issued["north"]))).pages[0].extract_text()
    assert NORTH in text and NORTH_CONTACT in text and FIRST not in text
