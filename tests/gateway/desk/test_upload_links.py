"""Upload links at the desk, and the pages that they lead to."""

import re

import pytest

from tests.gateway.desk.conftest import Desk, until


def _code(page: str) -> str:
    """The token of the sheet that a page is."""
    (block,) = re.findall(r'id="code"[^>]*>(.*?)</p>', page)
    return re.sub(r"<[^>]*>", "", block)


def test_a_link_is_made_printed_used_and_ended(own_desk: Desk) -> None:
    house = own_desk.house
    with own_desk.browser("nora") as nora, own_desk.browser() as sender:
        made = nora.post("/desk/upload-links", data={"form": "referrer", "label": " MRT  Nord ", "until": until(14)})
        assert made.status_code == 200 and "Für Praxen und Kliniken" in made.text and "Nordklinik" in made.text
        assert made.text.count("data:application/pdf;base64,") == 2
        (link,) = house.intake.links.of_site(None)
        assert (link.site, link.form, link.label) == ("north", "referrer", "MRT Nord")
        assert link.expires is not None and link.expires.date().isoformat() == until(14)
        code = _code(made.text)
        form = sender.post("/u/form", data={"token": code})
        assert form.status_code == 200 and "Praxis oder Klinik" in form.text
        listed = nora.get("/desk/upload-links").text
        assert "MRT Nord" in listed and code not in listed and code.replace("-", "") not in listed
        ended = nora.post(f"/desk/upload-links/{link.id}/ending")
        assert (ended.status_code, ended.headers["location"]) == (303, "/desk/upload-links?ended")
        assert "Der Link ist beendet" in nora.get("/desk/upload-links?ended").text
        assert sender.post("/u/form", data={"token": code}).status_code == 403
    rows = house.storage.database.read(
        "SELECT event, actor, subject FROM audit WHERE event LIKE 'upload %' ORDER BY id"
    )
    assert [tuple(row) for row in rows] == [
        (event, "staff nora", link.id)
        for event in ("upload link created", "upload sheet printed", "upload link revoked")
    ]


def test_without_a_date_it_stands_until_it_is_ended(desk: Desk) -> None:
    before = desk.house.intake.links.of_site("")
    with desk.browser("anna") as anna:
        made = anna.post("/desk/upload-links", data={"form": "patient", "language": "en", "site": "north"})
        assert "Valid until further notice" in made.text and "Send us your images" in made.text
        (link,) = [one for one in desk.house.intake.links.of_site("") if one not in before]
        assert link.expires is None
        row = anna.get("/desk/upload-links").text.partition(f'id="{link.id}"')[2]
        assert "bis auf Weiteres" in row.partition("</li>")[0]


def test_who_sees_every_site_says_whose_link_it_is(desk: Desk) -> None:
    before = desk.house.intake.links.of_site("north")
    with desk.browser("carla") as carla, desk.browser("rolf") as rolf:
        assert '<option value="north">Nordklinik</option>' in carla.get("/desk/upload-links").text
        carla.post("/desk/upload-links", data={"form": "patient", "site": "north"})
        assert len(desk.house.intake.links.of_site("north")) == len(before) + 1
        assert "<form" not in rolf.get("/desk/upload-links").text.split("<main")[1]


@pytest.mark.parametrize(
    "fields",
    [{}, {"form": "all"}, {"form": "patient", "until": "soon"}, {"form": "patient", "site": "south"}],
    ids=["nothing", "no form", "no date", "no site"],
)
def test_what_makes_no_link_is_refused(desk: Desk, fields: dict[str, str]) -> None:
    before = desk.house.intake.links.of_site(None)
    with desk.browser("carla") as carla:
        assert carla.post("/desk/upload-links", data=fields).status_code == 400
    assert desk.house.intake.links.of_site(None) == before


def test_the_senders_pages_are_the_sites(desk: Desk) -> None:
    links = desk.house.intake.links
    north, here = (links.create("patient", "", site=site) for site in ("north", ""))
    with desk.browser() as sender:
        page = sender.post("/u/form", data={"token": here.token}).text
        assert "<span>Musterklinikum</span>" in page and "Telefon 0000 123456" in page and "data:image/png" in page
        answers = {"token": north.token, "name": "Erika Müller", "birth_date": "31.01.1950", "contact": "030"}
        for path, fields in (("/u/form", {"token": north.token}), ("/u/begin", answers)):
            page = sender.post(path, data=fields).text
            assert "<span>Nordklinik</span>" in page and "Musterklinikum" not in page and "data:image" not in page


def test_senders_switch_the_language_where_they_are(desk: Desk) -> None:
    link = desk.house.intake.links.create("patient", "")
    answers = {"token": link.token, "name": "Erika <Müller>", "birth_date": "gestern", "contact": "030"}
    with desk.browser() as sender:
        refused = sender.post("/u/begin", data=answers).text
        again = re.search(r'<form method="post" action="(.*?)" id="again">(.*?)</form>', refused)
        assert again is not None and 'form="again" formaction="/u/form?lang=fr"' in refused
        fields = dict(re.findall(r'name="(.*?)" value="(.*?)"', again[2]))
        assert fields == {**answers, "name": "Erika &lt;Müller&gt;"}
        french = sender.post("/u/form?lang=fr", data=answers).text
        assert '<html lang="fr"' in french and "Erika &lt;Müller&gt;" in french and 'aria-invalid="true"' not in french
        begun = sender.post("/u/begin", data={**answers, "birth_date": "31.01.1950"}).text
        assert '<html lang="fr"' in begun and 'formaction="/u/sending?lang=de"' in begun
        (secret,) = re.findall(r'id="again"><input type="hidden" name="secret" value="(\w+)">', begun)
        assert '<html lang="de"' in sender.post("/u/sending?lang=de", data={"secret": secret}).text
        gone = sender.post("/u/form", data={"token": "x"})
        assert gone.status_code == 403 and 'href="/u?lang=en"' in gone.text


def test_answers_of_the_desk_lead_back_to_the_desk(desk: Desk) -> None:
    with desk.browser("anna") as anna:
        assert 'href="/desk?lang=en"' in anna.post("/desk/upload-links", data={}).text
