import errno
import logging
import os
import sqlite3
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian, generate_uid

from storage.attributes import Level
from storage.data_set.part10 import FileMeta
from storage.database import CommitUnknown
from storage.errors import (
    CannotUnderstand,
    DataSetMismatch,
    DuplicateInstance,
    MalformedIdentifier,
    OutOfResources,
    ProcessingFailure,
    Refusal,
)
from storage.examine import Examiner
from storage.identifiers import stand_in_uid
from storage.ingest import Stored
from storage.query import Query
from tests.support.corpus import bundled
from tests.support.keeping import EVERYTHING, Keeping
from tests.support.synthetic import ct, part10

CT = "1.2.840.10008.5.1.4.1.1.2"


def data_set_of(whole: bytes) -> bytes:
    return whole[144 + int.from_bytes(whole[140:144], "little") :]


def c_store(keeping: Keeping, image: Dataset, **announced: str) -> Stored:
    """Store the way a C-STORE SCP does: a bare data set under what the command announced."""
    meta = {"sop_class_uid": CT, "sop_instance_uid": image.get("SOPInstanceUID", ""), **announced}
    incoming = keeping.ingest.receive(FileMeta(transfer_syntax_uid="1.2.840.10008.1.2.1", **meta))
    incoming.write(data_set_of(part10(image)))
    return keeping.ingest.store(incoming, source="TESTER")


def nothing_is_left(keeping: Keeping) -> bool:
    rows = keeping.database.read("SELECT count(*) AS n FROM study")[0]["n"]
    return not rows and not keeping.blobs() and not keeping.arriving()


def test_what_is_stored_is_found_and_byte_identical(keeping: Keeping) -> None:
    image = ct()
    data = part10(image)
    stored = keeping.put(data)
    assert stored == Stored(
        image.StudyInstanceUID, image.SeriesInstanceUID, image.SOPInstanceUID, image.SOPClassUID, new=True
    )
    assert keeping.bytes_of(stored) == data
    assert keeping.arriving() == []
    (row,) = keeping.database.read("SELECT source, received_at FROM instance")
    assert row["source"] == "test"


def test_a_c_store_data_set_is_kept_behind_our_file_meta(keeping: Keeping) -> None:
    image = ct()
    kept = keeping.bytes_of(c_store(keeping, image))
    assert data_set_of(kept) == data_set_of(part10(image))
    assert kept[128:132] == b"DICM"


def test_the_same_again_is_success_and_changes_nothing(keeping: Keeping) -> None:
    image = ct()
    first = keeping.put(image)
    before = keeping.database.read("SELECT * FROM instance"), keeping.database.read("SELECT * FROM series")
    again, by_c_store = keeping.put(image), c_store(keeping, image)
    assert (first.new, again.new, by_c_store.new) == (True, False, False)
    after = keeping.database.read("SELECT * FROM instance"), keeping.database.read("SELECT * FROM series")
    assert [[tuple(row) for row in rows] for rows in after] == [[tuple(row) for row in rows] for rows in before]
    assert len(keeping.blobs()) == 1


def test_other_bytes_under_a_known_uid_are_refused_and_audited(keeping: Keeping) -> None:
    image = ct()
    stored = keeping.put(image)
    image.ImageComments = "changed"
    with pytest.raises(DuplicateInstance) as refused:
        keeping.put(image)
    assert refused.value.sop_instance_uid == image.SOPInstanceUID
    assert refused.value.sop_class_uid == CT
    assert keeping.audited() == [("duplicate refused", image.SOPInstanceUID)]
    del image.ImageComments
    assert keeping.bytes_of(stored) == part10(image)
    assert len(keeping.blobs()) == 1
    assert keeping.arriving() == []


def test_the_same_data_set_in_another_syntax_is_another_instance(keeping: Keeping) -> None:
    image = ct()
    keeping.put(image)
    with pytest.raises(DuplicateInstance):
        keeping.put(part10(image, ImplicitVRLittleEndian))


def test_a_moved_duplicate_does_not_leave_an_empty_study(keeping: Keeping) -> None:
    image = ct()
    keeping.put(image)
    image.StudyInstanceUID = generate_uid()
    with pytest.raises(DuplicateInstance):
        keeping.put(image)
    assert len(keeping.index.search(EVERYTHING, Query(Level.STUDY)).data_sets) == 1


# --- names --------------------------------------------------------------------------------------------------------


def test_missing_parents_get_stand_ins(keeping: Keeping) -> None:
    image = ct(StudyInstanceUID=None, SeriesInstanceUID=None)
    stored = keeping.put(image)
    assert stored.study_instance_uid == stand_in_uid("study", image.SOPInstanceUID)
    assert stored.series_instance_uid == stand_in_uid("series", image.SOPInstanceUID)
    assert keeping.bytes_of(stored) == part10(image)
    (result,) = keeping.index.search(EVERYTHING, Query(Level.INSTANCE, include_all=True)).data_sets
    assert result["0020000D"]["Value"] == [stored.study_instance_uid]
    assert keeping.put(image).new is False


def test_the_command_names_what_the_data_set_does_not(keeping: Keeping) -> None:
    uid = generate_uid()
    stored = c_store(keeping, ct(SOPInstanceUID=None, SOPClassUID=None), sop_instance_uid=uid)
    assert (stored.sop_instance_uid, stored.sop_class_uid) == (uid, CT)
    assert keeping.put(ct(SOPInstanceUID=None)).new


@pytest.mark.parametrize("announced", [{"sop_instance_uid": "1.2.3"}, {"sop_class_uid": "1.2.3"}])
def test_a_data_set_that_was_not_announced_is_refused(keeping: Keeping, announced: dict[str, str]) -> None:
    image = ct()
    with pytest.raises(DataSetMismatch) as refused:
        c_store(keeping, image, **announced)
    assert refused.value.sop_instance_uid == image.SOPInstanceUID
    assert nothing_is_left(keeping)


def test_padding_is_no_difference(keeping: Keeping) -> None:
    image = ct()
    assert c_store(keeping, image, sop_instance_uid=image.SOPInstanceUID + "\0").new


def test_an_instance_of_another_study_than_the_request_is_refused(keeping: Keeping) -> None:
    image = ct()
    with pytest.raises(DataSetMismatch):
        keeping.put(image, study_instance_uid="1.2.3")
    assert nothing_is_left(keeping)
    assert keeping.put(image, study_instance_uid=image.StudyInstanceUID).new


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"])
@pytest.mark.parametrize("evil", ["../../etc/x", "1.2.3/../../x", "abc", "1..2", "1.2\\1.3", "1." * 70 + "1"])
def test_hostile_uids_are_refused(keeping: Keeping, keyword: str, evil: str) -> None:
    image = ct()
    marker = generate_uid()[:64].ljust(64, "1") if len(evil) > 64 else "9" * len(evil)
    good = {"SOPInstanceUID": "1.2.3", "SOPClassUID": CT}
    setattr(image, keyword, marker)
    meta = FileMeta(good["SOPClassUID"], good["SOPInstanceUID"], "1.2.840.10008.1.2.1")
    data_set = data_set_of(part10(image))
    padded = len(marker) + len(marker) % 2
    at = data_set.index(marker.encode())
    value = evil.encode() + b"\0" * (len(evil) % 2)
    data = meta.encode() + data_set[: at - 2] + len(value).to_bytes(2, "little") + value + data_set[at + padded :]
    with pytest.raises(MalformedIdentifier):
        keeping.put(data)
    assert nothing_is_left(keeping)


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", bytes(128) + b"DICM", bytes(1000), b"<html></html>" * 100, part10(ct())[:-1], part10(ct())[:200]],
)
def test_what_is_no_whole_dicom_object_is_refused(keeping: Keeping, data: bytes) -> None:
    with pytest.raises(CannotUnderstand):
        keeping.put(data)
    assert nothing_is_left(keeping)


def test_a_refused_c_store_names_what_the_command_said(keeping: Keeping) -> None:
    incoming = keeping.ingest.receive(FileMeta(CT, "1.2.3", "1.2.840.10008.1.2.1"))
    incoming.write(b"\xff" * 100)
    with pytest.raises(CannotUnderstand) as refused:
        keeping.ingest.store(incoming, source="TESTER")
    assert (refused.value.sop_class_uid, refused.value.sop_instance_uid) == (CT, "1.2.3")


def test_the_unexpected_has_an_id_in_the_log_and_no_patient(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> None:
        raise LookupError("Muster^Erika")

    monkeypatch.setattr(Examiner, "examine", fails)
    with caplog.at_level(logging.ERROR), pytest.raises(ProcessingFailure) as refused:
        keeping.put(ct())
    (record,) = caplog.records
    assert record.getMessage().split("id=")[1].split()[0] in refused.value.detail
    assert "LookupError" in record.getMessage()
    assert "Muster" not in caplog.text
    assert nothing_is_left(keeping)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_bundled_file_is_kept_as_it_is_or_refused_by_name(keeping: Keeping) -> None:
    kept = 0
    for path in bundled():
        data = path.read_bytes()
        try:
            stored = keeping.put(data)
        except (CannotUnderstand, DuplicateInstance):
            continue
        kept += 1
        assert keeping.bytes_of(stored) == data
    assert kept > 30
    assert keeping.arriving() == []
    report = keeping.sweep()
    assert (report.removed_blobs, report.missing_blobs) == (0, [])


# --- concurrency --------------------------------------------------------------------------------------------------


def test_the_same_instance_from_eight_threads_is_kept_once(keeping: Keeping) -> None:
    image = part10(ct())
    with ThreadPoolExecutor(8) as pool:
        stored = list(pool.map(keeping.put, [image] * 16))
    assert sum(one.new for one in stored) == 1
    assert len(keeping.blobs()) == 1


def test_one_study_from_eight_threads_is_one_study(keeping: Keeping) -> None:
    study, series = generate_uid(), [generate_uid(), generate_uid()]
    images = [part10(ct(number=i, StudyInstanceUID=study, SeriesInstanceUID=series[i % 2])) for i in range(40)]
    with ThreadPoolExecutor(8) as pool:
        stored = list(pool.map(keeping.put, images))
    assert all(one.new for one in stored)
    (result,) = keeping.index.search(EVERYTHING, Query(Level.STUDY)).data_sets
    assert (result["00201206"]["Value"], result["00201208"]["Value"]) == ([2], [40])
    records = keeping.index.instances(EVERYTHING, study)
    assert {keeping.files.path(record.blob_key).read_bytes() for record in records} == set(images)


# --- durability ---------------------------------------------------------------------------------------------------


def trace(keeping: Keeping, monkeypatch: pytest.MonkeyPatch, steps: list[str]) -> None:
    def record(name: str) -> None:
        real: Callable[..., Any] = getattr(os, name)

        def step(*arguments: Any, **options: Any) -> Any:
            result = real(*arguments, **options)
            steps.append(name)
            return result

        monkeypatch.setattr(os, name, step)

    for name in ("fdatasync", "link", "fsync"):
        record(name)

    def on_sql(sql: str) -> None:
        if sql == "COMMIT":
            steps.append("commit")

    keeping.database.write(lambda connection: connection.set_trace_callback(on_sql))
    steps.clear()


def test_an_instance_is_durable_before_it_is_acknowledged(keeping: Keeping, monkeypatch: pytest.MonkeyPatch) -> None:
    keeping.put(ct(StudyInstanceUID="1.2"))
    steps: list[str] = []
    trace(keeping, monkeypatch, steps)
    keeping.put(ct(StudyInstanceUID="1.2"))
    steps.append("acknowledged")
    assert steps == ["fdatasync", "link", "fsync", "commit", "acknowledged"]


class FailingDisk:
    """Lets `good` calls of the operating system succeed, and every later one fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, keeping: Keeping, good: int) -> None:
        self.left = good
        for name in ("open", "writev", "fdatasync", "link", "fsync"):
            monkeypatch.setattr(os, name, self._failing(getattr(os, name)))
        monkeypatch.setattr(keeping.database, "_writing", _FailingConnection(keeping.database._writing, self))

    def fails(self) -> bool:
        self.left -= 1
        return self.left < 0

    def _failing(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if self.fails():
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return real(*arguments, **options)

        return call


class _FailingConnection:
    def __init__(self, real: sqlite3.Connection, disk: FailingDisk) -> None:
        self._real = real
        self._disk = disk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        if sql.split()[0] in ("BEGIN", "INSERT", "UPDATE", "COMMIT") and self._disk.fails():
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_FULL, "SQLITE_FULL"
            raise error
        return self._real.execute(sql, parameters)


def test_whatever_call_fails_nothing_is_half_stored(keeping: Keeping) -> None:
    first = keeping.put(ct())
    image = part10(ct())
    outcomes: list[bool | None] = []
    for good in range(40):
        with pytest.MonkeyPatch.context() as monkeypatch:
            FailingDisk(monkeypatch, keeping, good)
            try:
                outcomes.append(keeping.put(image).new)
            except Refusal as refusal:
                assert isinstance(refusal, OutOfResources)
                outcomes.append(None)
        if outcomes[-1]:
            break
        assert keeping.arriving() == []
        assert len(keeping.blobs()) == 1
        assert len(keeping.database.read("SELECT id FROM instance")) == 1
    assert outcomes[-1] is True
    assert outcomes.count(None) >= 12
    assert len(keeping.blobs()) == 2
    assert keeping.put(image).new is False
    assert keeping.bytes_of(first)


@pytest.mark.parametrize("call", ["writev", "posix_fadvise"])
def test_a_disk_that_fails_when_all_has_come_is_out_of_resources(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """The header of an empty data set is first written then: A700H, so that its sender tries again."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    incoming = keeping.ingest.receive(FileMeta("1.2.3", "1.2.4", "1.2.840.10008.1.2.1"))
    monkeypatch.setattr(os, call, full)
    with pytest.raises(OutOfResources):
        keeping.ingest.store(incoming, source="test")
    assert keeping.arriving() == []


def test_the_blob_stays_when_nobody_knows_whether_the_row_does(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Better a file that a sweep finds than a row without its file."""

    def unknown(_: object) -> str:
        raise CommitUnknown("the disk failed at the last moment")

    with monkeypatch.context() as patched:
        patched.setattr(keeping.index, "enter", unknown)
        with pytest.raises(OutOfResources):
            keeping.put(ct())
    assert len(keeping.blobs()) == 1
    assert keeping.arriving() == []
    assert keeping.sweep().removed_blobs == 1


def test_memory_does_not_grow_with_the_object(keeping: Keeping) -> None:
    big = ct(rows=2048, columns=2048)
    data = BytesIO(part10(big))
    tracemalloc.start()
    incoming = keeping.ingest.receive()
    while piece := data.read(1 << 16):
        incoming.write(piece)
    keeping.ingest.store(incoming, source="test")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20


def test_the_folder_of_the_store_holds_no_names(keeping: Keeping) -> None:
    stored = keeping.put(ct())
    for path in keeping.folder.rglob("*"):
        assert stored.study_instance_uid not in str(path)
        assert stored.sop_instance_uid not in str(path)
