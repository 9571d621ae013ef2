"""OHIF's list of studies: QIDO-RS (PS3.18 10.6) from another origin with a bearer token."""

from collections.abc import Callable

from tests.ohif import studies
from tests.ohif.conftest import Site
from tests.ohif.visit import Visit


def test_every_patient_by_the_right_name(visit: Visit) -> None:
    rows = visit.studies().all_inner_texts()
    for name, shown in (
        ("stack", "Müßter, Jürgen"),
        ("jpeg2000", "Beispiel, Änne Özlem"),
        ("jpegls", "Probe, Łucja"),
        ("pdf", "Vorlage, Søren"),
    ):
        (row,) = (row for row in rows if f"Prüfung {name}" in row)
        assert shown in row and "02-Jan-2026" in row
    assert any("Müßter" in row and row.rstrip().endswith(str(studies.SLICES)) for row in rows), "number of instances"
    assert all(answer.authorized for answer in visit.answers)


def test_searching_by_a_part_of_a_name(visit: Visit) -> None:
    """`PatientName=*müßt*&fuzzymatching=true`; OHIF then leaves out once more what does not contain these letters."""
    rows = visit.studies()
    visit.page.get_by_role("textbox").first.fill("müßt")
    visit.until(lambda: rows.filter(has_text="Prüfung").count() == 1, "a shorter list")
    assert rows.filter(has_text="Müßter, Jürgen").count() == 1
    visit.until(lambda: any("PatientName=" in answer.path for answer in visit.answers), "a search")


def test_an_origin_that_is_not_entered_sees_nothing(site: Site, visits: Callable[[str], Visit]) -> None:
    """`http.cors_origins`: the browser keeps the answers from it, though its token is good."""
    stranger = visits(site.stranger)
    stranger.expected = {""}  # whatever OHIF says of it
    stranger.page.goto(site.stranger)
    stranger.until(lambda: any("CORS policy" in error for error in stranger.errors), "a refusal")
    assert "Müßter" not in stranger.page.locator("body").inner_text()
