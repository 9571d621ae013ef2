"""Passing images on, on both sides: the patient makes an access on a phone, a doctor opens it, the patient ends it."""

import re
from io import BytesIO

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import BIRTH_DATE, DESKTOP, PHONE, Site, Visits, issued


def own_patient(site: Site, visits: Visits, chromium: Browser) -> Page:
    """A patient on a phone with a share of this test's own."""
    page = visits.page(chromium, user_agent="Mozilla/5.0 (iPhone) Mobile/15E148", **PHONE)
    page.goto(site.gateway.url)
    page.get_by_label("Zugangscode").fill(issued(site.gateway)[0])
    page.get_by_label("Geburtsdatum").fill(BIRTH_DATE)
    page.get_by_role("button", name="Bilder öffnen").click()
    page.get_by_role("heading", name="Erika Muster").wait_for()
    page.get_by_role("link", name="Mein Zugang").click()
    return page


def test_a_doctor_sees_one_examination_until_the_patient_ends_it(site: Site, visits: Visits, chromium: Browser) -> None:
    patient = own_patient(site, visits, chromium)
    patient.get_by_role("link", name="Bilder weitergeben").click()
    patient.get_by_label("Für wen?").fill("Praxis Probe")
    patient.get_by_text(re.compile("Nur: .*3. März 2026")).click()
    patient.get_by_label("14 Tage").check()
    patient.get_by_label("Ihr Geburtsdatum").fill(BIRTH_DATE)
    patient.get_by_role("button", name="Code erstellen").click()
    expect(patient.get_by_role("button", name="Drucken")).to_be_visible()
    picture = Image.open(BytesIO(patient.get_by_role("img", name="QR-Code").screenshot()))
    pyzbar = pytest.importorskip("pyzbar.pyzbar", exc_type=ImportError)
    (symbol,) = pyzbar.decode(picture)
    link = symbol.data.decode()
    assert link.startswith(f"{site.gateway.url}/z#")

    doctor = visits.page(chromium, **DESKTOP)
    doctor.goto(link)
    doctor.locator("#qr-found").wait_for()
    doctor.get_by_label("Ihr Geburtsdatum").fill(BIRTH_DATE)
    doctor.get_by_role("button", name="Bilder öffnen").click()
    doctor.get_by_role("heading", name="Erika Muster").wait_for()
    expect(doctor.locator("section[aria-labelledby^=study]")).to_have_count(1)
    doctor.get_by_role("link", name="Mein Zugang").click()
    expect(doctor.get_by_text("von der Patientin oder dem Patienten gezeigt")).to_be_visible()
    expect(doctor.get_by_role("link", name="Bilder weitergeben")).to_have_count(0)

    patient.get_by_role("link", name="Fertig").click()
    expect(patient.get_by_text("Praxis Probe").first).to_be_visible()
    expect(patient.get_by_text("Einmal geöffnet, zuletzt: heute")).to_be_visible()
    patient.get_by_role("button", name="Beenden Praxis Probe").click()
    expect(patient.get_by_role("status")).to_contain_text("Der Zugang ist beendet")
    doctor.reload()
    expect(doctor.get_by_text("Sie wurden abgemeldet")).to_be_visible()


def test_asking_the_desk_and_ending_it_for_good(site: Site, visits: Visits, chromium: Browser) -> None:
    patient = own_patient(site, visits, chromium)
    patient.get_by_role("button", name="Um Verlängerung bitten").click()
    expect(patient.get_by_role("status")).to_contain_text("Ihre Bitte ist angekommen")
    expect(patient.get_by_role("button", name="Um Verlängerung bitten")).to_have_count(0)
    expect(patient.get_by_text("Dieses Handy")).to_be_visible()
    patient.get_by_role("link", name="Meinen Zugang beenden").click()
    patient.get_by_label("Ihr Geburtsdatum").fill(BIRTH_DATE)
    patient.get_by_role("button", name="Ja, beenden").click()
    expect(patient.get_by_role("heading", name="Ihr Zugang ist beendet")).to_be_visible()
    patient.go_back()
    patient.reload()
    expect(patient.get_by_role("heading", name="Erika Muster")).to_have_count(0)
