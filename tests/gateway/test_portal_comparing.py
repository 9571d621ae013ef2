"""What is offered to compare with, the glossary, and the dictionary for the header."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from gateway.portal.glossary import WORDS
from tests.gateway.portal_house import Portal, opened


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with opened(tmp_path_factory.mktemp("comparing")) as portal:
        yield portal


@pytest.fixture
def address(portal: Portal) -> str:
    stored = portal.chest[0]
    return f"/studies/{stored.study_instance_uid}/series/{stored.series_instance_uid}"


def test_a_single_series_has_nothing_to_compare_with(portal: Portal, address: str) -> None:
    with portal.patient() as client:
        assert f'href="{address}/compare' not in client.get(address).text
        assert "noch keine anderen Bilder" in client.get(f"{address}/compare").text


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_glossary_explains_all_its_words_to_everybody(portal: Portal, language: str) -> None:
    def explained(client: TestClient) -> list[str]:
        page = client.get("/glossary").text
        return [word for word in WORDS if f'id="{word}"' in page]

    with portal.visitor(language=language) as visitor:
        assert explained(visitor) == list(WORDS)
        assert "Nicht zur Befundung" not in visitor.get("/glossary").text
    with portal.patient(language=language) as patient:
        assert explained(patient) == list(WORDS)
        assert 'href="/glossary"' in patient.get("/").text


def test_the_dictionary_knows_keywords_and_repeating_groups(portal: Portal) -> None:
    with portal.visitor() as client:
        answer = client.get("/dictionary")
    assert answer.headers["content-encoding"] == "gzip" and answer.headers["content-type"] == "application/json"
    known = answer.json()
    assert (known["00100010"], known["60xx3000"]) == ("PatientName", "OverlayData")
