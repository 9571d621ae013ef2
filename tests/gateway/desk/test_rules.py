"""Forwarding rules at the desk: who sees and keeps which, and that they mean what those of the file mean."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth.staff import Member
from gateway.desk.forms import read
from gateway.desk.rule_form import MOST_ATTRIBUTES, Offer, RuleForm
from gateway.forwarding.delivery import Wanted
from gateway.forwarding.rulebook import KeptRule
from gateway.forwarding.rules import Rule, Selection
from gateway.sections import ForwardingConfig, RuleConfig, TargetConfig
from storage.index import Index
from storage.scope import WholeArchive
from tests.gateway.desk import conftest as household
from tests.gateway.desk.conftest import Desk

RULES = "/desk/forwarding/rules"
SECTION = ForwardingConfig(
    targets=(TargetConfig(name="PACS-A", ae_title="PACSA"), TargetConfig(name="Web & mehr", url="https://x.example/")),
    rules=(
        RuleConfig(name="Aus der Datei", to=("PACS-A",), sources=("CT1",), match={"StudyDescription": ("*Hüfte*",)}),
    ),
)
EVERYTHING = WholeArchive()


@pytest.fixture(scope="module")
def rules_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    for desk in household.opened(tmp_path_factory.mktemp("rules"), forwarding=SECTION):
        household.add(desk.house, "adam", "admin", "north")
        yield desk


@pytest.fixture
def desk(rules_desk: Desk) -> Iterator[Desk]:
    """Without rules of the desk before and after each test."""
    yield rules_desk
    rules_desk.house.storage.database.write(lambda connection: connection.execute("DELETE FROM forwarding_rule"))


def made(desk: Desk, name: str = "CT", selection: Selection | None = None, *, on: bool = False) -> KeptRule:
    rules = desk.house.rules
    kept = rules.add(name, selection or Selection(modalities=frozenset({"CT"})), ("PACS-A",))
    if on:
        rules.switch(kept.rule.number, kept.version, on=True)
    return rules.get(kept.rule.number)


def url(kept: KeptRule) -> str:
    return f"{RULES}/{kept.rule.number}"


def events(desk: Desk) -> list[tuple[str, str]]:
    rows = desk.house.storage.database.read(
        "SELECT actor, event FROM audit WHERE event LIKE 'forwarding rule %' ORDER BY id DESC LIMIT 4"
    )
    return [(row["actor"], row["event"]) for row in rows][::-1]


def test_from_an_idea_to_a_rule_in_force_and_away_again(desk: Desk) -> None:
    with desk.browser("carla") as carla:
        assert (
            f'href="{RULES}/new"' in carla.get(RULES).text and f'href="{RULES}"' in carla.get("/desk/forwarding").text
        )
        data = {
            "name": "Radiologie", "to": "PACS-A", "source": ["upload", "CT7"], "others": "CT1\n MR 1 \n",
            "site": "main", "modalities": "ct, mr", "attribute0": "(0008,1030)", "values0": "*Thorax*\n\nKopf",
        }  # fmt: skip
        answer = carla.post(RULES, data=data)
        (kept,) = [one for one in desk.house.rules.all() if not one.is_configured]
        assert answer.status_code == 303 and answer.headers["location"] == f"{url(kept)}?made"
        keys = (("StudyDescription", ("*Thorax*", "Kopf")),)
        sources = frozenset({"upload", "CT1", "MR 1"})
        assert kept.rule.selection == Selection(sources, frozenset({"CT", "MR"}), keys, frozenset({""}))
        page = unescape(carla.get(answer.headers["location"]).text)
        sentence = (
            "Alles von CT1, von MR 1 und aus angenommenen Uploads, nur Studien von Musterklinikum, nur CT und MR, "
            "nur mit StudyDescription „*Thorax*“ oder „Kopf“, geht an PACS-A."
        )
        assert sentence in page and "noch ausgeschaltet" in page and kept.standing == "off"
        carla.post(f"{url(kept)}/switch", data={"version": kept.version, "on": "yes"})
        assert desk.house.rules.get(kept.rule.number).standing == "holds"
        assert "Regel ausschalten" in carla.get(f"{url(kept)}?switched").text
        changed = {"name": "MR", "to": ["PACS-A", "Web & mehr"], "version": kept.version + 1}
        assert carla.post(f"{url(kept)}/conditions", data=changed).headers["location"] == f"{url(kept)}?changed"
        assert "Alles, was ankommt, geht an PACS-A und Web & mehr." in unescape(carla.get(RULES).text)
        gone = carla.post(f"{url(kept)}/removal", data={"version": kept.version + 2}).headers["location"]
        assert "Regel ist gelöscht" in carla.get(gone).text
    words = ("made", "switched on", "changed", "removed")
    assert events(desk) == [("staff carla", f"forwarding rule {word}") for word in words]


def test_all_staff_read_and_administrators_change(desk: Desk) -> None:
    kept = made(desk)
    for name in ("anna", "rolf"):
        with desk.browser(name, "en") as client:
            page = client.get(RULES).text
            assert "Everything from CT1, only with StudyDescription “*Hüfte*”, goes to PACS-A." in page
            assert "Everything that arrives, only CT, goes to PACS-A." in page and "stands in the configuration" in page
            assert url(kept) not in page and f"{RULES}/new" not in page
            for path in (f"{RULES}/new", url(kept), f"{url(kept)}/conditions"):
                assert client.get(path).status_code == 403
            for path in (RULES, f"{url(kept)}/conditions", f"{url(kept)}/switch", f"{url(kept)}/removal"):
                data = {"name": "x", "to": "PACS-A", "version": kept.version, "on": "yes"}
                assert client.post(path, data=data).status_code == 403
    assert desk.house.rules.get(kept.rule.number) == kept
    with desk.browser("carla") as carla:
        answer = carla.post(f"{url(kept)}/removal", data={"version": 1}, headers={"sec-fetch-site": "cross-site"})
        assert answer.status_code == 403 and desk.house.rules.get(kept.rule.number) == kept
        for number in ("999", "9" * 30):
            assert carla.get(f"{RULES}/{number}").status_code == 404


def test_an_administrator_of_a_site_keeps_that_sites_rules(desk: Desk) -> None:
    whole = made(desk, "alles", on=True)
    south = made(desk, "süden", Selection(sites=frozenset({""})))
    both = made(desk, "beide", Selection(sites=frozenset({"", "north"})))
    with desk.browser("adam") as adam:
        page = adam.get(RULES).text
        assert ("alles" in page, "beide" in page, "süden" in page) == (True, True, False)
        for other in (whole, south, both):
            assert url(other) not in page
            assert adam.get(url(other)).status_code == adam.get(f"{url(other)}/conditions").status_code == 404
            for path in ("conditions", "switch", "removal"):
                assert adam.post(f"{url(other)}/{path}", data={"version": other.version}).status_code == 404
        form = adam.get(f"{RULES}/new").text
        assert 'name="site"' not in form and "Studien von Nordklinik" in form
        adam.post(RULES, data={"name": "Nord", "to": "PACS-A", "site": "main"})
        own = desk.house.rules.all()[-1]
        assert own.rule.selection.sites == {"north"} and adam.get(url(own)).status_code == 200
        adam.post(f"{url(own)}/conditions", data={"name": "N", "to": "PACS-A", "site": "main", "version": own.version})
        assert desk.house.rules.get(own.rule.number).rule.selection.sites == {"north"}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"name": ""}, "Bitte geben Sie der Regel einen Namen."),
        ({"name": "aus der DATEI"}, "So heißt schon eine andere Regel."),
        ({"to": "elsewhere"}, "Bitte wählen Sie mindestens ein Ziel."),
        ({"others": "ÄE"}, "Ein AE-Titel hat"),
        ({"others": "A" * 17}, "Ein AE-Titel hat"),
        ({"modalities": "CT, M-R"}, "Eine Modalität ist"),
        ({"attribute0": "StudyDescription"}, "Zu jedem Attribut gehört"),
        ({"values0": "x"}, "Zu jedem Attribut gehört"),
        ({"attribute0": "Nonsense", "values0": "x"}, "gibt es in DICOM nicht"),
        ({"attribute0": "PixelData", "values0": "x"}, "gibt es in DICOM nicht"),
        ({"attribute0": "PatientID", "values0": "x" * 129}, "Ein Wert hat höchstens"),
        ({"attribute0": "PatientID", "values0": "a\x07b"}, "Ein Wert hat höchstens"),
        (
            {"attribute0": "PatientID", "values0": "1", "attribute1": "(0010,0020)", "values1": "2"},
            "Ein Attribut steht zweimal da.",
        ),
    ],
    ids=lambda value: "" if isinstance(value, str) else "-".join(f"{k}={v[:12]!a}" for k, v in value.items()),
)
def test_what_is_wrong_stands_beside_the_field_and_nothing_is_kept(desk: Desk, more: dict[str, str], said: str) -> None:
    with desk.browser("carla") as carla:
        answer = carla.post(RULES, data={"name": "<b>Neu", "to": "PACS-A", **more})
    assert answer.status_code == 400 and said in unescape(answer.text) and "-wrong" in answer.text
    assert [one.rule.name for one in desk.house.rules.all()] == ["Aus der Datei"]
    assert more.get("name") is not None or "&lt;b&gt;Neu" in answer.text


def test_a_form_grows_and_is_tried_without_being_kept(desk: Desk) -> None:
    data = {"name": "Neu", "to": "PACS-A", "modalities": "DX"}
    with desk.browser("carla") as carla:
        longer = carla.post(RULES, data={**data, "name": "", "step": "more", "attribute0": "PatientID"})
        assert longer.status_code == 200 and len(re.findall(r'name="attribute\d+"', longer.text)) == 4
        tried = carla.post(RULES, data={**data, "step": "try"}).text
        assert "Sie hätte 1 Studie erfasst." in tried and "Müller, Erika" in tried and 'value="Neu"' in tried
        assert "Bitte prüfen" in carla.post(RULES, data={"name": "Neu", "step": "try"}).text
    assert len(desk.house.rules.all()) == 1


def test_a_trial_shows_what_the_member_sees(desk: Desk) -> None:
    kept = made(desk, "Nord", Selection(sites=frozenset({"north"})))
    with desk.browser("adam") as adam, desk.browser("carla") as carla:
        page = adam.get(url(kept)).text
        assert "Sie hätte 1 Studie erfasst." in page and "Nord, Nina" in page and "Angesehen wurde 1 Studie." in page
        assert "Angesehen wurden 6 Studien." in carla.get(f"{url(kept)}?days=30").text
        assert 'days=7" aria-current' in carla.get(f"{url(kept)}?days=99999999").text
        tried = adam.post(RULES, data={"name": "x", "to": "PACS-A", "step": "try"}).text
        assert "Nord, Nina" in tried and "Müller" not in tried


def test_what_is_already_here_is_sent_once_when_somebody_wants_it(desk: Desk) -> None:
    kept, deliveries = made(desk, "DX", Selection(modalities=frozenset({"DX"}))), desk.house.deliveries
    with desk.browser("carla") as carla:
        assert f"{url(kept)}/sending" not in carla.get(url(kept)).text
        assert carla.post(f"{url(kept)}/sending", data={"version": kept.version}).status_code == 409
        desk.house.rules.switch(kept.rule.number, kept.version, on=True)
        assert f"{url(kept)}/sending" in carla.get(url(kept)).text
        data = {"version": kept.version + 1, "days": 30}
        # The worker is going to look at all of it.
        waits = carla.post(f"{url(kept)}/sending", data=data).headers["location"]
        assert waits == f"{url(kept)}?days=30&sent_before" and deliveries.listed() == []
        newest = desk.house.storage.index.arrivals(EVERYTHING, None).place
        deliveries.deal(newest, [], [])
        said = carla.get(carla.post(f"{url(kept)}/sending", data=data).headers["location"]).text
        assert "Die Sendungen sind beauftragt" in said
        (one,) = deliveries.listed()
        assert (one.wanted.rule, one.wanted.study, one.wanted.instances) == ("DX", desk.knee.study_instance_uid, 1)
        assert "sent_before" in carla.post(f"{url(kept)}/sending", data=data).headers["location"]
        assert carla.post(f"{url(kept)}/sending", data={**data, "version": 1}).status_code == 409
    deliveries.drop(one.id)


def test_whoever_comes_too_late_is_told(desk: Desk) -> None:
    kept = made(desk, on=True)
    with desk.browser("carla") as carla:
        late: dict[str, Any] = {"version": kept.version - 1, "on": "no", "name": "CT", "to": "PACS-A"}
        for path in ("conditions", "switch", "removal"):
            answer = carla.post(f"{url(kept)}/{path}", data=late)
            assert answer.status_code == 409 and "inzwischen geändert" in answer.text
    assert desk.house.rules.get(kept.rule.number) == kept


def test_the_list_says_what_was_sent_and_what_rests(desk: Desk) -> None:
    made(desk, "CT", on=True)
    deliveries = desk.house.deliveries
    for study in (desk.chest, desk.knee, desk.north):
        deliveries.want(Wanted("CT", "PACS-A", study.study_instance_uid, 0, 99, Selection(), 1))
    (held,) = deliveries.take_up("PACS-A", 1)
    deliveries.deliver(held, committed=False)
    rename = "UPDATE forwarding_rule SET name_key = 'aus der datei' WHERE name = 'clash'"
    made(desk, "clash", on=True)
    desk.house.storage.database.write(lambda connection: connection.execute(rename))
    with desk.browser("carla") as carla, desk.browser("nora") as nora:
        page = carla.get(RULES).text
        assert "2 Sendungen warten · zuletzt zugestellt gerade eben" in page and "noch nichts gesendet" in page
        assert "Diese Regel ruht" in page
        assert "1 Sendung wartet" in nora.get(RULES).text
    for one in deliveries.listed(["waiting"]):
        deliveries.drop(one.id)


def test_without_targets_there_is_nothing_to_make(own_desk: Desk) -> None:
    with own_desk.browser("carla") as carla:
        assert "noch kein Ziel eingetragen" in carla.get(RULES).text
        assert "<form" not in carla.get(f"{RULES}/new").text.split("<main")[1]
        assert carla.post(RULES, data={"name": "x", "to": "PACS-A"}).status_code == 400


WORD = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=9)
CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "sources": st.sets(
            st.sampled_from(["PACS", "NORTHPACS", "upload", "upload:north", "STOW-RS", "import", "CT 1"])
        ),
        "sites": st.sets(st.sampled_from(["main", "north"])),
        "modalities": st.sets(st.sampled_from(["CT", "DX", "MR", "SR"])),
        "match": st.dictionaries(
            st.sampled_from(["AccessionNumber", "StudyDescription", "PatientID", "StudyDate", "SeriesNumber", "Rows"]),
            st.sets(
                WORD | st.sampled_from(["ACC*", "CT Thorax", "4711", "20261127", "2024-2026", "1", "*"]), min_size=1
            ),
            max_size=4,
        ),
    },
)


@settings(max_examples=12, deadline=None)
@given(CONDITIONS)
def test_a_rule_of_the_desk_takes_what_the_same_rule_of_the_file_takes(rules_desk: Desk, conditions: Any) -> None:
    configured = Rule.of(RuleConfig(name="r", to=("PACS-A",), **conditions))
    carla: Member = rules_desk.house.staff.get("carla")
    offer = Offer.of(rules_desk.house, carla)
    filled = RuleForm.filled(KeptRule(configured, "holds", version=3), offer)
    assert len(filled.attributes) <= MOST_ATTRIBUTES
    meant, wrong = RuleForm.sent(read(urlencode(_fields(filled), doseq=True).encode())).meant(offer, carla)
    assert wrong == {}
    index = rules_desk.house.storage.index
    assert (meant.selection, meant.targets) == (configured.selection, configured.targets)
    assert _taken(index, Selection.decode(meant.selection.encode())) == _taken(index, configured.selection)


def _fields(form: RuleForm) -> dict[str, Any]:
    """What a browser sends of the form as it stands."""
    fields: dict[str, Any] = {"name": form.name, "to": form.targets, "source": form.sources, "others": form.others}
    fields |= {"site": form.sites, "modalities": form.modalities, "version": form.version}
    for number, (named, values) in enumerate(form.attributes):
        fields |= {f"attribute{number}": named, f"values{number}": values.replace("\n", "\r\n")}
    return fields


def _taken(index: Index, selection: Selection) -> list[str]:
    found = []
    for study in index.unsettled(EVERYTHING, 0):
        arrivals = index.arrived(EVERYTHING, study.study_instance_uid, 0, study.last)
        found += selection.of_arrivals(index, study.study_instance_uid, arrivals)
    return [one.record.sop_instance_uid for one in found]
