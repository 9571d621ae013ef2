"""Earlier examinations at the desk: what the archive has, what is fetched, how far it is."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

import pytest

from dimse.scu.trouble import Trouble, TroubleKind
from gateway.archive.archive import Archive, ArchiveAway, ArchivedStudy
from gateway.archive.retrievals import Retrieval
from gateway.archive.service import retrievals_of
from gateway.desk import priors
from gateway.desk.priors_wording import PriorsWording, Stage
from gateway.desk.wording import Wording
from gateway.pages.static import STATIC_FOLDER
from gateway.pages.texts import Languages
from storage.scope import PatientIdentity
from tests.gateway.desk.conftest import Desk, keep

TEXTS = Languages(STATIC_FOLDER / "texts", "de").for_staff().all()
FORWARDING_ONLY = {TroubleKind.FAILING, TroubleKind.UNREADABLE, TroubleKind.UNCOMMITTED, TroubleKind.REPORT}
OLD = ArchivedStudy(
    "1.2.900", "20190304", ("MR",), "Knie <li>", "ACC900", "Müller^Erika", "4711", "", "19500131", 40
)  # fmt: skip


class PacsOf(Archive):
    """What the archive of a site has; `asked` are the questions that came."""

    def __init__(self, ae_title: str, studies: Sequence[ArchivedStudy], away: Trouble | None = None) -> None:
        self.ae_title = ae_title
        self.kept, self.away = studies, away
        self.asked: list[object] = []

    def studies_of(self, patient: PatientIdentity) -> Sequence[ArchivedStudy]:
        return self._told(patient.patient_id, [one for one in self.kept if one.patient_id == patient.patient_id])

    def studies_by_accession(self, accession_number: str) -> Sequence[ArchivedStudy]:
        return self._told(accession_number, [one for one in self.kept if one.accession_number == accession_number])

    def studies(self, uids: Sequence[str]) -> Sequence[ArchivedStudy]:
        return self._told(tuple(uids), [one for one in self.kept if one.uid in uids])

    def _told(self, question: object, found: Sequence[ArchivedStudy]) -> Sequence[ArchivedStudy]:
        self.asked.append(question)
        if self.away:
            raise ArchiveAway(self.away)
        return found


@pytest.fixture
def pacs(own_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> dict[str, PacsOf]:
    """The archives of the sites: the first one has Erika's chest, more of her knee, and what is not here."""
    chest, knee = own_desk.chest.study_instance_uid, own_desk.knee.study_instance_uid
    same = replace(OLD, uid=chest, instances=1), replace(OLD, uid=knee, instances=3)
    stranger = replace(OLD, uid="1.2.901", patient_id="X", patient_name="Fremd^Frieda", accession_number="ACC901")
    elsewhere = replace(OLD, uid=own_desk.north.study_instance_uid)
    archives = {
        "": PacsOf("PACS", (OLD, *same, stranger, elsewhere)),
        "north": PacsOf("NORTHPACS", (replace(OLD, uid="1.2.950", patient_id="N1"),)),
    }
    monkeypatch.setattr(priors, "archive_of", lambda house, site, patience: archives.get(site))
    return archives


def path(desk: Desk, end: str, study: str = "") -> str:
    return f"/desk/studies/{study or desk.chest.study_instance_uid}/{end}"


def test_what_is_not_here_is_offered(own_desk: Desk, pacs: dict[str, PacsOf]) -> None:
    with own_desk.browser("anna") as anna:
        page = anna.get(path(own_desk, "archive")).text
    assert "2 Untersuchungen, die hier fehlen" in page and "1 weitere ist schon hier" in page
    assert 'value="1.2.900"' in page and "40 Objekte" in page and "Knie &lt;li&gt;" in page
    assert "1 von 3 Objekten sind schon hier" in page
    assert own_desk.north.study_instance_uid not in page and "1.2.901" not in page


def test_an_accession_number_finds_whomever_and_says_who_it_is(own_desk: Desk, pacs: dict[str, PacsOf]) -> None:
    with own_desk.browser("anna") as anna:
        page = anna.post(path(own_desk, "archive"), data={"accession_number": " ACC901 "}).text
        assert 'value="1.2.901"' in page and "Fremd, Frieda, 31.01.1950" in page and "1.2.900" not in page
        for wrong in ("", "ACC*", "A\\B", "A\x07"):
            assert anna.post(path(own_desk, "archive"), data={"accession_number": wrong}).status_code == 303
    assert pacs[""].asked == ["ACC901"]


def test_the_chosen_ones_are_fetched_and_looked_after(own_desk: Desk, pacs: dict[str, PacsOf]) -> None:
    chosen = ["1.2.900", "1.2.not-there", own_desk.north.study_instance_uid]
    with own_desk.browser("anna") as anna:
        answer = anna.post(path(own_desk, "retrievals"), data={"studies": chosen})
        assert (answer.status_code, answer.headers["location"]) == (303, path(own_desk, "retrievals"))
        retrievals = retrievals_of(own_desk.house)
        (asked,) = retrievals.of_studies("", [own_desk.chest.study_instance_uid])
        assert (asked.study, asked.expected, asked.archive) == ("1.2.900", 40, "PACS")
        taken = retrievals.take_up("")
        assert taken
        retrievals.tell(taken, 10, 40)
        # On the page of any study of the same patient.
        page = anna.get(path(own_desk, "retrievals", own_desk.knee.study_instance_uid)).text
        assert "10 von 40 Objekten sind hier" in page and "kommt gerade" in page and "retrievals.js" in page
        (told,) = anna.get(path(own_desk, "retrievals/progress")).json()["retrievals"]
        assert told == {
            "id": asked.id, "state": "fetching", "percent": 25, "progress": "10 von 40 Objekten sind hier",
        }  # fmt: skip
        retrievals.finish(taken, 40)
        page = anna.get(path(own_desk, "retrievals")).text
        assert "ist da" in page and 'href="/desk/studies/1.2.900"' in page and "retrievals.js" not in page
        assert "Was schon angefordert ist" in anna.get(path(own_desk, "archive")).text
        assert "nichts angefordert" in anna.get(path(own_desk, "retrievals", own_desk.jan.study_instance_uid)).text
    audited = own_desk.house.storage.database.read("SELECT actor FROM audit WHERE event = 'study asked for'")
    assert [row["actor"] for row in audited] == ["staff anna"]


def test_an_archive_that_is_away_is_told_in_words(own_desk: Desk, pacs: dict[str, PacsOf]) -> None:
    pacs[""].away = Trouble(TroubleKind.UNREACHABLE, "Nobody listens at 10.0.0.1 port 104.")
    with own_desk.browser("anna") as anna:
        answers = [
            anna.get(path(own_desk, "archive")),
            anna.post(path(own_desk, "archive"), data={"accession_number": "A"}),
            anna.post(path(own_desk, "retrievals"), data={"studies": "1.2.900"}),
        ]
    for answer in answers:
        assert answer.status_code == 502
        assert "Das Archiv ist nicht zu erreichen." in answer.text and "Nobody listens" in answer.text


def test_each_site_asks_its_own_archive(own_desk: Desk, pacs: dict[str, PacsOf]) -> None:
    north = own_desk.north.study_instance_uid
    with own_desk.browser("nora") as nora, own_desk.browser("carla") as carla:
        for one in (nora, carla):
            page = one.get(path(own_desk, "archive", north)).text
            assert 'value="1.2.950"' in page and "1.2.900" not in page
        assert nora.get(path(own_desk, "archive")).status_code == 404
        carla.post(path(own_desk, "retrievals", north), data={"studies": "1.2.950"})
        assert "NORTHPACS" in nora.get(path(own_desk, "archive", north)).text
        assert "angefordert" in nora.get(path(own_desk, "retrievals", north)).text
    assert pacs[""].asked == []
    with own_desk.browser("rolf") as rolf:
        assert rolf.get(path(own_desk, "archive")).status_code == 403


def test_without_a_patient_id_nobody_is_asked_for(own_desk: Desk, pacs: dict[str, PacsOf]) -> None:
    with own_desk.browser("anna") as anna:
        page = anna.get(path(own_desk, "archive", own_desk.nameless.study_instance_uid)).text
        assert "nichts, was hier fehlt" in page and pacs[""].asked == []


def test_without_an_archive_it_is_said(own_desk: Desk) -> None:
    with own_desk.browser("anna") as anna:
        assert "kein Archiv eingerichtet" in anna.get(path(own_desk, "archive")).text
        assert anna.post(path(own_desk, "retrievals"), data={"studies": "1.2"}).status_code == 303
        assert "Frühere Untersuchungen" not in anna.get(f"/desk/studies/{own_desk.chest.study_instance_uid}").text


def test_how_far_it_is_is_said_in_words() -> None:
    now = time.time()
    one = Retrieval(1, "", "PACS", "1.2", "20190304", ("MR",), "", "waiting", 40, 10, 0, None, now, now, "")
    held = replace(one, holder="x", due_at=now + 30)
    trouble = Trouble(TroubleKind.STALLED, "Nothing more has come.")
    words = PriorsWording(Wording(TEXTS[0]), now)
    rows = {
        "waiting": one,
        "fetching": held,
        "still": replace(held, moved_at=now - 130),
        "later": replace(one, trouble=trouble, due_at=now + 60),
        "done": replace(one, state="done"),
        "failed": replace(one, state="failed", trouble=trouble),
    }
    assert [words.retrieval(row).state for row in rows.values()] == list(rows) == list(get_args(Stage))
    assert words.retrieval(rows["still"]).progress.endswith("seit 2 Minuten kommt nichts nach")
    assert words.retrieval(rows["later"]).progress.endswith("nächster Versuch in 1 Minute")
    assert words.retrieval(rows["failed"]).trouble == "Es kam nichts mehr nach."
    assert words.retrieval(replace(held, expected=0)).progress == "10 Objekte"


def test_every_kind_of_failure_has_words() -> None:
    for texts in TEXTS:
        for part in ("trouble", "advice"):
            start = f"desk.archive.{part}_"
            kinds = {key.removeprefix(start) for key in texts.beginning_with(start)}
            assert kinds == set(TroubleKind) - FORWARDING_ONLY


def test_what_comes_from_elsewhere_is_not_put_to_another_site(own_desk: Desk, pacs: dict[str, PacsOf]) -> None:
    """A study that the north keeps is neither shown nor fetched from the first site's archive, and the other way."""
    keep(own_desk.house, "NORTHPACS", StudyInstanceUID="1.2.900", PatientID="N9")
    with own_desk.browser("anna") as anna:
        assert "1.2.900" not in anna.get(path(own_desk, "archive")).text
        anna.post(path(own_desk, "retrievals"), data={"studies": "1.2.900"})
    assert retrievals_of(own_desk.house).of_studies("", [own_desk.chest.study_instance_uid]) == []
