import json
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from storage.attributes import BY_KEYWORD, Level
from storage.database import Database
from storage.errors import NoSuchInstance
from storage.index import Index
from storage.query import Match, Query
from storage.scope import StudyScope
from tests.storage.asking import ALL_SCOPES, ROOT, search, study_of, tags
from tests.support.keeping import EVERYTHING, Keeping
from tests.support.synthetic import ct


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
