"""Deletion: what goes, what stays, who learns of it, and what a crash in between leaves."""

import os
import time
from pathlib import Path

import pytest
from pydicom.uid import generate_uid

from storage.catalogue.removal import remove
from storage.catalogue.selection import Wanted as Retrieved
from storage.catalogue.selection import select
from storage.deletion import Deletion, Extent, Target
from storage.errors import Gone, NoSuchInstance
from storage.imaging.rendering import Rendering
from storage.ingest import Stored
from storage.prepared import PreparedPictures, Wanted
from storage.records import Counts
from storage.scope import ListedStudies, PatientIdentity, StudyScope, WholeArchive
from storage.sweep import GRACE_SECONDS
from tests.support.archive import AnInstance, fill
from tests.support.keeping import EVERYTHING, Keeping
from tests.support.synthetic import ct, part10

STUDY = generate_uid()
OWNER = PatientIdentity("TEST-1", "", "19500131")
ROOT = "http://example.test/dicom-web"


@pytest.fixture
def pictures(keeping: Keeping) -> PreparedPictures:
    return PreparedPictures(keeping.folder / "cache" / "pictures", keeping.files)


@pytest.fixture
def deletion(keeping: Keeping, pictures: PreparedPictures) -> Deletion:
    return Deletion(keeping.files, keeping.database, [pictures.drop])


@pytest.fixture
def study(keeping: Keeping) -> list[Stored]:
    """Two series of one study, of two instances and of one."""
    places = (("1.2.1", 1), ("1.2.1", 2), ("1.2.2", 1))
    return [keeping.put(ct(StudyInstanceUID=STUDY, SeriesInstanceUID=series, number=at)) for series, at in places]


def target(stored: Stored, depth: int) -> Target:
    """The study, series or instance of what was stored: depth 1, 2 or 3."""
    names = (stored.study_instance_uid, stored.series_instance_uid, stored.sop_instance_uid)
    return Target(*names[:depth])


def look(keeping: Keeping, what: Target, scope: StudyScope = EVERYTHING) -> int:
    return len(keeping.index.instances(scope, what.study, what.series or None, what.instance or None))


@pytest.mark.parametrize(("depth", "expected"), [(1, (1, 2, 3)), (2, (0, 1, 2)), (3, (0, 0, 1))])
def test_a_preview_tells_what_a_deletion_then_takes(
    keeping: Keeping, deletion: Deletion, study: list[Stored], depth: int, expected: tuple[int, int, int]
) -> None:
    what = target(study[0], depth)
    size = sum(len(keeping.bytes_of(one)) for one in study[: expected[2]])
    before = deletion.preview(EVERYTHING, [what])
    assert before == Extent(*expected, size)
    assert look(keeping, what) == expected[2]
    assert deletion.delete(EVERYTHING, what, source="test") == before
    with pytest.raises(Gone):
        look(keeping, what)
    assert len(keeping.blobs()) == 3 - expected[2]


def test_the_last_instance_takes_its_series_and_study_along(
    keeping: Keeping, deletion: Deletion, study: list[Stored]
) -> None:
    for at, expected in enumerate(((0, 0, 1), (0, 1, 1), (1, 1, 1))):
        extent = deletion.delete(EVERYTHING, target(study[at], 3), source="test")
        assert (extent.studies, extent.series, extent.instances) == expected
    for depth in (1, 2, 3):
        with pytest.raises(Gone):
            look(keeping, target(study[0], depth))
    assert keeping.index.counts(EVERYTHING) == Counts(0, 0, 0)


def test_counts_metadata_and_details_go_too(keeping: Keeping, deletion: Deletion, study: list[Stored]) -> None:
    ready = keeping.index.metadata(EVERYTHING, STUDY, "1.2.1", bulk_data_root=ROOT)
    deletion.delete(EVERYTHING, target(study[0], 3), source="test")
    assert keeping.index.counts(EVERYTHING) == Counts(1, 2, 2)
    assert keeping.database.read("SELECT count(*) FROM series_metadata")[0][0] == 0
    assert keeping.database.read("SELECT count(*) FROM instance_detail")[0][0] == 2
    assert keeping.index.metadata(EVERYTHING, STUDY, "1.2.1", bulk_data_root=ROOT).etag != ready.etag
    with pytest.raises(Gone):
        keeping.index.metadata(EVERYTHING, STUDY, "1.2.1", study[0].sop_instance_uid, bulk_data_root=ROOT)
    deletion.delete(EVERYTHING, Target(STUDY), source="test")
    for depth in (1, 2):
        with pytest.raises(Gone):
            keeping.index.metadata(EVERYTHING, *target(study[0], depth).names[:depth], bulk_data_root=ROOT)


def test_prepared_pictures_go_with_their_instance(
    keeping: Keeping, deletion: Deletion, pictures: PreparedPictures, study: list[Stored]
) -> None:
    records = keeping.index.instances(EVERYTHING, STUDY)
    wanted = [Wanted(record, 1, Rendering()) for record in records]
    for one in wanted:
        pictures.keep(one, b"picture")
    deletion.delete(EVERYTHING, target(study[0], 3), source="test")
    found = [pictures.find(one) for one in wanted]
    assert [found[at] is None for at in range(3)] == [
        one.record.sop_instance_uid == study[0].sop_instance_uid for one in wanted
    ]
    deletion.delete(EVERYTHING, Target(STUDY), source="test")
    assert not [path for path in (keeping.folder / "cache").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("scope", "learns"),
    [
        (WholeArchive(), True),
        (OWNER, True),
        (ListedStudies(frozenset({STUDY})), True),
        (ListedStudies(frozenset({generate_uid()})), False),
        (ListedStudies(frozenset()), False),
        (PatientIdentity("TEST-2", "", "19500131"), False),
        (PatientIdentity("TEST-1", "", "19500201"), False),
        (PatientIdentity("", "", ""), False),
    ],
)
def test_only_who_could_see_it_learns_that_it_was_deleted(
    keeping: Keeping, deletion: Deletion, study: list[Stored], scope: StudyScope, learns: bool
) -> None:
    deletion.delete(EVERYTHING, Target(STUDY), source="test")
    for depth in (1, 2, 3):
        with pytest.raises(NoSuchInstance) as caught:
            look(keeping, target(study[0], depth), scope)
        assert isinstance(caught.value, Gone) == learns


def test_other_names_are_unknown_not_deleted(keeping: Keeping, deletion: Deletion, study: list[Stored]) -> None:
    deletion.delete(EVERYTHING, target(study[0], 3), source="test")
    for names in ((STUDY, "1.2.1", "9.9"), (STUDY, "9.9", study[0].sop_instance_uid), ("9.9", "", "")):
        with pytest.raises(NoSuchInstance) as caught:
            look(keeping, Target(*names))
        assert not isinstance(caught.value, Gone)


def test_a_tombstone_tells_nothing_of_the_patient(keeping: Keeping, deletion: Deletion, study: list[Stored]) -> None:
    """Whoever is forgotten must be forgotten: UIDs and a digest are left."""
    deletion.delete(EVERYTHING, Target(STUDY), source="test")
    rows = keeping.database.read("SELECT * FROM tombstone")
    assert [tuple(row)[1:4] for row in rows] == [(STUDY, "", "")]
    text = repr([tuple(row) for row in rows])
    assert "Muster" not in text and "TEST-1" not in text and "19500131" not in text


def test_what_is_beyond_the_scope_cannot_be_deleted(keeping: Keeping, deletion: Deletion, study: list[Stored]) -> None:
    other = ListedStudies(frozenset({generate_uid()}))
    assert deletion.preview(other, [Target(STUDY)]) == Extent()
    with pytest.raises(NoSuchInstance) as caught:
        deletion.delete(other, Target(STUDY), source="test")
    assert not isinstance(caught.value, Gone)
    assert look(keeping, Target(STUDY)) == 3


def test_held_instances_stay_when_the_caller_does_not_see_them(
    keeping: Keeping, deletion: Deletion, study: list[Stored]
) -> None:
    held = keeping.put(ct(StudyInstanceUID=STUDY, SeriesInstanceUID="1.2.1", PatientID="TEST-2", number=3))
    listed = ListedStudies(frozenset({STUDY}))
    extent = deletion.delete(listed, Target(STUDY), source="test")
    assert (extent.studies, extent.series, extent.instances) == (0, 1, 3)
    assert look(keeping, target(held, 3)) == 1
    assert keeping.index.counts(EVERYTHING) == Counts(1, 1, 1)
    deletion.delete(EVERYTHING, target(held, 3), source="test")
    with pytest.raises(Gone):
        look(keeping, target(held, 3))
    # The patient never saw this one, and now sees of the study what was told before.
    with pytest.raises(Gone):
        look(keeping, Target(STUDY), listed)


def test_a_deleted_held_instance_is_unknown_to_patients(
    keeping: Keeping, deletion: Deletion, study: list[Stored]
) -> None:
    held = keeping.put(ct(StudyInstanceUID=STUDY, SeriesInstanceUID="1.2.9", PatientID="TEST-2"))
    deletion.delete(EVERYTHING, target(held, 3), source="test")
    for depth in (2, 3):
        with pytest.raises(NoSuchInstance) as caught:
            look(keeping, target(held, depth), OWNER)
        assert not isinstance(caught.value, Gone)


def test_an_instance_that_comes_again_is_stored_anew(keeping: Keeping, deletion: Deletion) -> None:
    image = ct(StudyInstanceUID=STUDY)
    first = keeping.put(image)
    for _ in range(2):
        deletion.delete(EVERYTHING, Target(STUDY), source="test")
        with pytest.raises(Gone):
            deletion.delete(EVERYTHING, Target(STUDY), source="test")
        again = keeping.put(image)
        assert (again.sop_instance_uid, again.new) == (first.sop_instance_uid, True)
        assert look(keeping, target(first, 3)) == 1
        assert keeping.bytes_of(again)


def test_a_retrieval_under_way_never_meets_another_patient(
    keeping: Keeping, deletion: Deletion, study: list[Stored]
) -> None:
    """What it holds ids of is deleted, and somebody else's image is the next that comes."""
    selection = select(keeping.database, EVERYTHING, Retrieved(study_instance_uids=(STUDY,)))
    before = keeping.index.arrivals(EVERYTHING, None)
    deletion.delete(EVERYTHING, target(study[0], 1), source="test")
    other = keeping.put(ct(PatientID="TEST-2"))
    assert [record for page in selection.pages() for record in page] == []
    assert keeping.index.arrivals(EVERYTHING, before.place).studies == [other.study_instance_uid]


def test_a_deletion_is_audited(keeping: Keeping, deletion: Deletion, study: list[Stored]) -> None:
    deletion.delete(EVERYTHING, target(study[0], 2), source="DICOMweb")
    (row,) = keeping.database.read("SELECT subject, detail FROM audit WHERE event = 'deleted'")
    assert row["subject"] == "1.2.1"
    assert row["detail"].startswith("source=DICOMweb instances=2 bytes=")


def test_a_crash_after_the_first_step_leaves_what_the_sweep_removes(keeping: Keeping, study: list[Stored]) -> None:
    keeping.database.write(lambda connection: remove(connection, EVERYTHING, (STUDY, "", ""), "test"))
    assert len(keeping.blobs()) == 3
    long_ago = time.time() - 2 * GRACE_SECONDS
    for blob in keeping.blobs():
        os.utime(blob, (long_ago, long_ago))
    assert keeping.sweep().removed_blobs == 3
    assert keeping.blobs() == []


def test_files_that_cannot_be_removed_do_not_bring_it_back(
    keeping: Keeping, deletion: Deletion, study: list[Stored], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "unlink", refuse)
    assert deletion.delete(EVERYTHING, Target(STUDY), source="test").instances == 3
    with pytest.raises(Gone):
        look(keeping, Target(STUDY))


def test_a_large_series_is_deleted_in_portions(keeping: Keeping, deletion: Deletion) -> None:
    fill(keeping.database, [AnInstance(f"1.5.{at}", "1.2.1", STUDY) for at in range(1201)])
    key = f"ab/{'0' * 32}/{'0' * 64}-{'0' * 16}"
    keeping.database.write(lambda connection: connection.execute("UPDATE instance SET blob_key = ?", (key,)))
    assert deletion.delete(EVERYTHING, Target(STUDY), source="test").instances == 1201
    assert keeping.index.counts(EVERYTHING) == Counts(0, 0, 0)


def test_what_a_crash_left_on_its_way_in_does_not_come_back(
    keeping: Keeping, deletion: Deletion, tmp_path: Path
) -> None:
    """Its index entry was made, then the process that stored it died, then it was deleted, then the sweep came."""
    incoming = keeping.ingest.receive()
    incoming.write(part10(ct(StudyInstanceUID=STUDY)))
    spare, nonce = tmp_path / "spare", incoming.nonce
    os.link(incoming.path, spare)
    keeping.ingest.store(incoming, source="test")
    deletion.delete(EVERYTHING, Target(STUDY), source="test")
    left = keeping.folder / "incoming" / "1-0123456789abcdef"
    left.mkdir()
    spare.rename(left / nonce)
    assert keeping.sweep().kept == 0
    assert (keeping.arriving(), keeping.blobs()) == ([], [])
    with pytest.raises(Gone):
        look(keeping, Target(STUDY))
