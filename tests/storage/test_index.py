import gzip
import json
from contextlib import suppress
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from storage.attributes import BY_KEYWORD, Level
from storage.database import Database
from storage.errors import NoSuchInstance, OutOfResources
from storage.index import Index
from storage.ingest import Stored
from storage.query import Match, Query
from storage.scope import ListedStudies, PatientIdentity, StudyScope
from tests.support.keeping import EVERYTHING, Keeping
from tests.support.synthetic import ct

ROOT = "https://pacs.example/dicom-web"
ERIKA = PatientIdentity("TEST-1", "", "19500131")
ALL_SCOPES: list[StudyScope] = [EVERYTHING, ERIKA]


def study_of(keeping: Keeping, series: int = 1, instances: int = 3, **attributes: Any) -> list[Stored]:
    """A study of numbered instances, stored from the last to the first."""
    study = generate_uid()
    stored = []
    for number in range(series, 0, -1):
        uid = generate_uid()
        for instance in range(instances, 0, -1):
            shared: dict[str, Any] = {"StudyInstanceUID": study, "SeriesInstanceUID": uid, "SeriesNumber": number}
            stored.append(keeping.put(ct(number=instance, **{**shared, **attributes})))
    return stored[::-1]


def array(metadata: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(gzip.decompress(metadata.gzipped))
    return found


def tags(result: dict[str, Any]) -> set[str]:
    return set(result)


def search(keeping: Keeping, level: Level, scope: StudyScope = EVERYTHING, **options: Any) -> list[dict[str, Any]]:
    keys = {key: options.pop(key) for key in list(options) if key in BY_KEYWORD}
    matches = tuple(Match(BY_KEYWORD[key], (value,)) for key, value in keys.items())
    return keeping.index.search(scope, Query(level, matches, **options)).data_sets


# --- instances ----------------------------------------------------------------------------------------------------


def test_instances_come_by_series_and_instance_number(keeping: Keeping) -> None:
    stored = study_of(keeping, series=2)
    study = stored[0].study_instance_uid
    records = keeping.index.instances(EVERYTHING, study)
    assert [record.sop_instance_uid for record in records] == [one.sop_instance_uid for one in stored]
    assert [record.instance_number for record in records] == [1, 2, 3, 1, 2, 3]
    of_series = keeping.index.instances(EVERYTHING, study, stored[3].series_instance_uid)
    assert of_series == records[3:]


def test_a_record_tells_where_the_image_lies(keeping: Keeping) -> None:
    image = ct(rows=4, columns=6, number=7)
    stored = keeping.put(image)
    record = keeping.index.instance(
        EVERYTHING, stored.study_instance_uid, stored.series_instance_uid, stored.sop_instance_uid
    )
    assert (record.modality, record.instance_number, record.number_of_frames) == ("CT", 7, 1)
    assert (record.image_rows, record.image_columns, record.bits_allocated) == (4, 6, 16)
    assert record.size == keeping.files.path(record.blob_key).stat().st_size
    layout = keeping.index.layout(record)
    assert layout.frames is not None
    pixels = [keeping.files.read(record.blob_key, *piece) for piece in layout.frames.ranges(1)]
    assert b"".join(pixels) == image.PixelData
    assert keeping.files.read(record.blob_key, *layout.bulk_data["7FE00010"]) == image.PixelData


def test_an_instance_without_pixels_has_no_frames(keeping: Keeping) -> None:
    stored = keeping.put(ct(PixelData=None, Rows=None, Columns=None))
    (record,) = keeping.index.instances(EVERYTHING, stored.study_instance_uid)
    assert (record.number_of_frames, record.image_rows, record.image_columns) == (0, 0, 0)
    assert keeping.index.layout(record).frames is None


def test_parents_must_be_the_right_ones(keeping: Keeping) -> None:
    one, other = keeping.put(ct()), keeping.put(ct())
    for study, series, instance in (
        (other.study_instance_uid, one.series_instance_uid, one.sop_instance_uid),
        (one.study_instance_uid, other.series_instance_uid, one.sop_instance_uid),
        (one.study_instance_uid, one.series_instance_uid, other.sop_instance_uid),
        ("1.2.3", None, None),
        (one.study_instance_uid, "1.2.3", None),
    ):
        with pytest.raises(NoSuchInstance):
            keeping.index.instances(EVERYTHING, study, series, instance)
        with pytest.raises(NoSuchInstance):
            keeping.index.metadata(EVERYTHING, study, series, instance, bulk_data_root=ROOT)


def test_one_series_uid_in_two_studies_is_two_series(keeping: Keeping) -> None:
    series = generate_uid()
    one, other = keeping.put(ct(SeriesInstanceUID=series)), keeping.put(ct(SeriesInstanceUID=series))
    for stored in (one, other):
        (record,) = keeping.index.instances(EVERYTHING, stored.study_instance_uid, series)
        assert record.sop_instance_uid == stored.sop_instance_uid
    assert len(search(keeping, Level.SERIES, SeriesInstanceUID=series)) == 2


# --- what results hold --------------------------------------------------------------------------------------------


def test_a_study_result_holds_what_the_table_of_attributes_has_a_value_for(keeping: Keeping) -> None:
    image = ct(ReferringPhysicianName="Beispiel^Jan", StudyID="S1", IssuerOfPatientID="HOUSE", PatientAge="076Y")
    stored = keeping.put(image)
    (result,) = search(keeping, Level.STUDY)
    assert list(result) == sorted(result)
    expected = {
        "00080005": ["ISO_IR 192"],
        "00080020": ["20260102"],
        "00080030": ["101500"],
        "00080050": ["A1"],
        "00080056": ["ONLINE"],
        "00080061": ["CT"],
        "00080090": [{"Alphabetic": "Beispiel^Jan"}],
        "00081030": ["CT Thorax"],
        "00100010": [{"Alphabetic": "Muster^Erika"}],
        "00100020": ["TEST-1"],
        "00100021": ["HOUSE"],
        "00100030": ["19500131"],
        "00100040": ["F"],
        "0020000D": [stored.study_instance_uid],
        "00200010": ["S1"],
        "00201206": [1],
        "00201208": [1],
    }
    assert {tag: element["Value"] for tag, element in result.items()} == expected


def test_includes_bring_what_is_known_at_that_level(keeping: Keeping) -> None:
    keeping.put(ct(PatientAge="076Y", ProtocolName="Thorax", WindowCenter="40"))
    wanted = frozenset({"00101010", "00181030", "00281050", "00080062"})
    assert tags(search(keeping, Level.STUDY, include=wanted)[0]) & wanted == {"00101010", "00080062"}
    assert tags(search(keeping, Level.SERIES, include=wanted)[0]) & wanted == {"00101010", "00080062", "00181030"}
    assert tags(search(keeping, Level.INSTANCE, include=wanted)[0]) & wanted == wanted
    assert not tags(search(keeping, Level.INSTANCE)[0]) & wanted


def test_everything_is_everything_but_bulk_data(keeping: Keeping) -> None:
    nested = Dataset()
    nested.EncapsulatedDocument = b"x" * 2000
    nested.DocumentTitle = "inner"
    keeping.put(ct(ContentSequence=[nested], ImageComments="seen"))
    (result,) = search(keeping, Level.INSTANCE, include_all=True)
    assert result["00204000"]["Value"] == ["seen"]
    assert result["0040A730"]["Value"] == [{"00420010": {"vr": "ST", "Value": ["inner"]}}]
    assert "7FE00010" not in result
    assert "bulkdata" not in json.dumps(result)


def test_parents_attributes_are_left_out_where_the_query_names_the_parent(keeping: Keeping) -> None:
    """PS3.18 10.6.3.3: /studies/{study}/series does not repeat the study."""
    stored = keeping.put(ct())
    study, series = stored.study_instance_uid, stored.series_instance_uid
    (free,) = search(keeping, Level.SERIES)
    assert {"00100010", "00080061", "00201206"} <= tags(free)
    (within,) = search(keeping, Level.SERIES, StudyInstanceUID=study)
    assert tags(within) == {
        *("00080005", "00080056", "00080060", "0008103E", "0020000D", "0020000E", "00200011", "00201209"),
    }
    (instance,) = search(keeping, Level.INSTANCE, StudyInstanceUID=study)
    assert "00100010" not in instance
    assert {"0008103E", "00201209"} <= tags(instance)
    (instance,) = search(keeping, Level.INSTANCE, StudyInstanceUID=study, SeriesInstanceUID=series)
    assert not {"0008103E", "00201209"} & tags(instance)
    assert {"0020000D", "0020000E", "00080016", "00080018", "00200013", "00280010"} <= tags(instance)
    (named,) = search(keeping, Level.SERIES, StudyInstanceUID=study, include=frozenset({"00100010"}))
    assert "00100010" in named


def test_number_of_frames_is_told_only_if_the_data_set_has_it(keeping: Keeping) -> None:
    keeping.put(ct(number=1))
    keeping.put(ct(number=2, NumberOfFrames=1))
    found = {one["00200013"]["Value"][0]: one.get("00280008") for one in search(keeping, Level.INSTANCE)}
    assert found == {1: None, 2: {"vr": "IS", "Value": [1]}}


def test_later_instances_add_what_was_missing_and_change_nothing(keeping: Keeping) -> None:
    study, series = generate_uid(), generate_uid()
    same: dict[str, Any] = {"StudyInstanceUID": study, "SeriesInstanceUID": series}
    keeping.put(ct(**same, StudyDescription=None, SeriesDescription=None))
    keeping.put(ct(**same, StudyDescription="second", AccessionNumber="A2", SeriesDescription="second"))
    keeping.put(ct(**same, StudyDescription="third", SeriesDescription="third"))
    (result,) = search(keeping, Level.SERIES, StudyDescription="second", AccessionNumber="A1")
    assert result["00081030"]["Value"] == ["second"]
    assert result["00080050"]["Value"] == ["A1"]
    assert result["0008103E"]["Value"] == ["second"]
    assert search(keeping, Level.STUDY, AccessionNumber="A2") == []


# --- metadata -----------------------------------------------------------------------------------------------------


def test_metadata_are_the_data_sets_with_addresses_of_their_bulk_data(keeping: Keeping) -> None:
    stored = study_of(keeping, series=2)
    one = stored[0]
    address = (one.study_instance_uid, one.series_instance_uid, one.sop_instance_uid)
    (single,) = array(keeping.index.metadata(EVERYTHING, *address, bulk_data_root=ROOT))
    uri = "{}/studies/{}/series/{}/instances/{}/bulkdata/7FE00010".format(ROOT, *address)
    assert single["7FE00010"] == {"vr": "OW", "BulkDataURI": uri}
    of_series = array(keeping.index.metadata(EVERYTHING, *address[:2], bulk_data_root=ROOT))
    assert of_series[0] == single
    assert [one["00200013"]["Value"] for one in of_series] == [[1], [2], [3]]
    of_study = array(keeping.index.metadata(EVERYTHING, address[0], bulk_data_root=ROOT))
    assert [one["00080018"]["Value"][0] for one in of_study] == [one.sop_instance_uid for one in stored]


def test_a_series_is_made_once_and_again_when_it_changes(keeping: Keeping, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = study_of(keeping)
    study, series = stored[0].study_instance_uid, stored[0].series_instance_uid
    made: list[int] = []
    real = gzip.compress

    def counting(data: bytes, *arguments: Any, **options: Any) -> bytes:
        made.append(len(data))
        return real(data, *arguments, **options)

    monkeypatch.setattr(gzip, "compress", counting)

    def metadata(root: str = ROOT) -> Any:
        return keeping.index.metadata(EVERYTHING, study, series, bulk_data_root=root)

    first = metadata()
    assert metadata() == first
    assert len(made) == 1
    keeping.put(ct(number=4, StudyInstanceUID=study, SeriesInstanceUID=series))
    second = metadata()
    assert len(array(second)) == 4
    assert second.etag != first.etag
    assert len(made) == 2
    assert b"https://other" in gzip.decompress(metadata("https://other").gzipped)


def test_metadata_are_served_when_nothing_can_be_written(keeping: Keeping, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = keeping.put(ct())

    def full(*_: object) -> None:
        raise OutOfResources("full")

    monkeypatch.setattr(keeping.database, "write", full)
    metadata = keeping.index.metadata(
        EVERYTHING, stored.study_instance_uid, stored.series_instance_uid, bulk_data_root=ROOT
    )
    assert len(array(metadata)) == 1


def test_texts_that_look_like_addresses_stay_as_they_are(keeping: Keeping) -> None:
    trap = '"BulkDataURI":"bulkdata:'
    stored = keeping.put(ct(ImageComments=trap))
    (metadata,) = array(keeping.index.metadata(EVERYTHING, stored.study_instance_uid, bulk_data_root=ROOT + '"\\'))
    assert metadata["00204000"]["Value"] == [trap]
    assert metadata["7FE00010"]["BulkDataURI"].startswith(ROOT + '"\\/studies/')


# --- scope --------------------------------------------------------------------------------------------------------


def everything_a_scope_tells(keeping: Keeping, scope: StudyScope, stored: Stored) -> str:
    """All answers that could name `stored`, and all lists, as one text; what is refused is left out."""
    address = (stored.study_instance_uid, stored.series_instance_uid, stored.sop_instance_uid)
    told: list[str] = []
    for depth in (1, 2, 3):
        with suppress(NoSuchInstance):
            told.append(str(keeping.index.instances(scope, *address[:depth])))
        with suppress(NoSuchInstance):
            told.append(str(array(keeping.index.metadata(scope, *address[:depth], bulk_data_root=ROOT))))
    told += [str(keeping.index.search(scope, Query(level, include_all=True))) for level in Level]
    told.append(str(keeping.index.studies(scope)))
    return "".join(told)


def test_a_foreign_study_is_invisible_everywhere(keeping: Keeping) -> None:
    mine = keeping.put(ct())
    foreign = keeping.put(ct(PatientID="TEST-2", PatientName="Beispiel^Jan"))
    for scope in (ERIKA, ListedStudies(frozenset({mine.study_instance_uid}))):
        told = everything_a_scope_tells(keeping, scope, foreign)
        assert mine.sop_instance_uid in told
        for secret in (foreign.study_instance_uid, foreign.series_instance_uid, foreign.sop_instance_uid, "Beispiel"):
            assert secret not in told
        assert foreign.study_instance_uid in everything_a_scope_tells(keeping, EVERYTHING, foreign)


@pytest.mark.parametrize(
    "scope",
    [
        ListedStudies(frozenset()),
        PatientIdentity("TEST-1", "", "19500130"),
        PatientIdentity("TEST-1", "HOUSE", "19500131"),
        PatientIdentity("test-1", "", "19500131"),
        PatientIdentity("TEST-%", "", "19500131"),
        PatientIdentity("", "", ""),
    ],
)
def test_scopes_that_fit_nothing_show_nothing(keeping: Keeping, scope: StudyScope) -> None:
    keeping.put(ct())
    keeping.put(ct(PatientID=None, PatientBirthDate=None))
    assert [keeping.index.search(scope, Query(level)).data_sets for level in Level] == [[], [], []]
    assert keeping.index.studies(scope) == []


def test_studies_that_come_later_are_seen_by_the_rule(keeping: Keeping) -> None:
    assert keeping.index.studies(ERIKA) == []
    stored = keeping.put(ct())
    assert [study.study_instance_uid for study in keeping.index.studies(ERIKA)] == [stored.study_instance_uid]


# --- held instances -----------------------------------------------------------------------------------------------

MISMATCHES = [
    {"PatientID": "TEST-2"},
    {"PatientID": None},
    {"PatientBirthDate": "19500130"},
    {"IssuerOfPatientID": "OTHER"},
]


@pytest.mark.parametrize("mismatch", MISMATCHES)
def test_an_instance_of_another_patient_is_held(keeping: Keeping, mismatch: dict[str, Any]) -> None:
    study = generate_uid()
    first = keeping.put(ct(StudyInstanceUID=study, IssuerOfPatientID="HOUSE"))
    held = keeping.put(ct(StudyInstanceUID=study, **{"IssuerOfPatientID": "HOUSE", "StudyID": "FOREIGN", **mismatch}))
    assert ("instance held", held.sop_instance_uid) in keeping.audited()
    scopes: list[StudyScope] = [
        PatientIdentity("TEST-1", "HOUSE", "19500131"),
        ListedStudies(frozenset({study})),
        PatientIdentity("TEST-2", "HOUSE", "19500131"),
    ]
    for scope in scopes:
        told = everything_a_scope_tells(keeping, scope, held)
        assert held.sop_instance_uid not in told
        assert held.series_instance_uid not in told
        assert "FOREIGN" not in told
    for scope in scopes[:2]:
        (result,) = search(keeping, Level.STUDY, scope)
        assert (result["00201206"]["Value"], result["00201208"]["Value"]) == ([1], [1])
        assert [study.series[0].instances for study in keeping.index.studies(scope)] == [1]
    (result,) = search(keeping, Level.STUDY)
    assert (result["00201206"]["Value"], result["00201208"]["Value"]) == ([2], [2])
    assert held.sop_instance_uid in everything_a_scope_tells(keeping, EVERYTHING, held)
    assert first.sop_instance_uid in everything_a_scope_tells(keeping, EVERYTHING, first)


def test_held_and_other_instances_of_one_series_are_told_apart_in_metadata(keeping: Keeping) -> None:
    same: dict[str, Any] = {"StudyInstanceUID": generate_uid(), "SeriesInstanceUID": generate_uid()}
    keeping.put(ct(**same, number=1))
    keeping.put(ct(**same, number=2, PatientID="TEST-2"))
    for _ in range(2):
        for scope, count in ((EVERYTHING, 2), (ERIKA, 1)):
            metadata = keeping.index.metadata(scope, *same.values(), bulk_data_root=ROOT)
            assert len(array(metadata)) == count


@pytest.mark.parametrize("missing", ["PatientBirthDate", "IssuerOfPatientID"])
@pytest.mark.parametrize("first", [True, False])
def test_a_missing_birth_date_or_issuer_is_no_contradiction(keeping: Keeping, missing: str, first: bool) -> None:
    study = generate_uid()
    for lacks in (first, not first):
        given = {"IssuerOfPatientID": "HOUSE", "PatientBirthDate": "19500131"}
        del given[missing]
        optional = {"PatientBirthDate": None} if missing == "PatientBirthDate" else {}
        keeping.put(ct(StudyInstanceUID=study, **(optional | given if lacks else {"IssuerOfPatientID": "HOUSE"})))
    scope = PatientIdentity("TEST-1", "HOUSE", "19500131")
    assert search(keeping, Level.STUDY, scope)[0]["00201208"]["Value"] == [2]


def test_what_a_held_instance_says_of_its_series_does_not_last(keeping: Keeping) -> None:
    study, series = generate_uid(), generate_uid()
    keeping.put(ct(StudyInstanceUID=study))
    same: dict[str, Any] = {"StudyInstanceUID": study, "SeriesInstanceUID": series}
    keeping.put(ct(**same, PatientID="TEST-2", SeriesDescription="foreign", BodyPartExamined="FOREIGN"))
    keeping.put(ct(**same, SeriesDescription="mine"))
    (result,) = search(keeping, Level.SERIES, ERIKA, SeriesInstanceUID=series)
    assert result["0008103E"]["Value"] == ["mine"]
    assert "00180015" not in result
    assert search(keeping, Level.SERIES, BodyPartExamined="FOREIGN") == []


# --- summaries ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ALL_SCOPES)
def test_studies_are_summed_up_newest_first(keeping: Keeping, scope: StudyScope) -> None:
    old = study_of(keeping, StudyDate="20250101", instances=4)
    new = study_of(keeping, series=2, StudyDate="20260101", BodyPartExamined="CHEST")
    report = keeping.put(
        ct(StudyInstanceUID=new[0].study_instance_uid, Modality="SR", SeriesNumber=9, PixelData=None, Rows=None)
    )
    first, second = keeping.index.studies(scope)
    assert (first.study_instance_uid, first.study_date, first.study_time) == (
        new[0].study_instance_uid,
        "20260101",
        "101500.000000",
    )
    assert (first.study_description, first.patient_name, first.modalities) == (
        "CT Thorax",
        "Muster^Erika",
        ("CT", "SR"),
    )
    assert [series.series_number for series in first.series] == [1, 2, 9]
    one = first.series[0]
    assert (one.modality, one.series_description, one.body_part_examined) == ("CT", "axial", "CHEST")
    assert (one.instances, one.frames) == (3, 3)
    assert one.representative is not None
    assert one.representative.sop_instance_uid == new[1].sop_instance_uid
    last = first.series[-1]
    assert (last.series_instance_uid, last.instances, last.frames, last.representative) == (
        report.series_instance_uid,
        1,
        0,
        None,
    )
    middle = second.series[0].representative
    assert middle is not None
    assert middle.sop_instance_uid == old[2].sop_instance_uid


def test_layout_of_what_is_gone(keeping: Keeping) -> None:
    stored = keeping.put(ct())
    (record,) = keeping.index.instances(EVERYTHING, stored.study_instance_uid)
    keeping.database.write(lambda connection: connection.execute("DELETE FROM study").rowcount)
    with pytest.raises(NoSuchInstance):
        keeping.index.layout(record)


def test_lookups_use_an_index(keeping: Keeping) -> None:
    """A search by what people search for does not look at every study."""
    keeping.put(ct())
    seen: list[str] = []

    class Spy(Database):
        def __init__(self, database: Database) -> None:
            self._database = database

        def read(self, sql: str, parameters: Any = ()) -> Any:
            plan = self._database.read(f"EXPLAIN QUERY PLAN {sql}", parameters)
            seen.extend(row["detail"] for row in plan)
            return self._database.read(sql, parameters)

    index = Index(Spy(keeping.database))
    for level, keys in (
        (Level.STUDY, {"PatientID": "TEST-1"}),
        (Level.STUDY, {"AccessionNumber": "A1"}),
        (Level.STUDY, {"StudyInstanceUID": "1.2"}),
        (Level.SERIES, {"SeriesInstanceUID": "1.2"}),
        (Level.INSTANCE, {"SOPInstanceUID": "1.2"}),
        (Level.INSTANCE, {"StudyInstanceUID": "1.2"}),
        (Level.STUDY, {"StudyDate": "20260101-20260131"}),
    ):
        matches = tuple(Match(BY_KEYWORD[key], (value,)) for key, value in keys.items())
        index.search(EVERYTHING, Query(level, matches, limit=10))
    assert [detail for detail in seen if detail.startswith("SCAN")] == []
