import os
import time
from pathlib import Path

import pytest

from storage.errors import OutOfResources
from storage.sweep import GRACE_SECONDS, SweepReport, sweep
from tests.support.keeping import EVERYTHING, Keeping
from tests.support.synthetic import ct, part10


def crashed(folder: Path) -> Path:
    """The incoming folder of a process that no longer lives."""
    left = folder / "incoming" / "1-0123456789abcdef"
    left.mkdir(parents=True)
    return left


def test_a_tidy_store_has_nothing_to_report(keeping: Keeping) -> None:
    keeping.put(ct())
    assert keeping.sweep() == SweepReport()
    assert len(keeping.blobs()) == 1


def test_what_was_kept_but_not_indexed_is_indexed(keeping: Keeping) -> None:
    """The crash came between the file and its row; whoever sent it was not told, but it is all there."""
    data = part10(ct())
    left = crashed(keeping.folder) / "00112233aabbccdd"
    left.write_bytes(data)
    incoming = keeping.ingest.receive()
    incoming.write(data)
    blob = keeping.files.path("00/" + "0" * 32 + "/" + incoming.digest + "-00112233aabbccdd")
    blob.parent.mkdir(parents=True)
    os.link(left, blob)
    incoming.abandon()
    report = keeping.sweep()
    assert report.kept == 1
    (study,) = keeping.index.studies(EVERYTHING)
    (record,) = keeping.index.instances(EVERYTHING, study.study_instance_uid)
    assert keeping.files.path(record.blob_key).read_bytes() == data
    assert keeping.arriving() == []


def test_what_was_indexed_but_not_cleared_away_is_only_cleared_away(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    before = Keeping(folder)
    data = part10(ct())
    incoming = before.ingest.receive()
    incoming.write(data)
    spare = tmp_path / "spare"
    os.link(incoming.path, spare)
    nonce = incoming.nonce
    stored = before.ingest.store(incoming, source="test")
    before.close()
    spare.rename(crashed(folder) / nonce)
    after = Keeping(folder)
    after.sweep()
    assert after.arriving() == []
    assert len(after.blobs()) == 1
    assert after.bytes_of(stored) == data
    assert after.sweep() == SweepReport()
    after.close()


def test_what_was_not_known_to_be_whole_is_removed(keeping: Keeping) -> None:
    left = crashed(keeping.folder)
    (left / "0000000000000001").write_bytes(part10(ct()))
    (left / "0000000000000002").write_bytes(part10(ct())[:300])
    (left / "0000000000000003").write_bytes(b"")
    report = keeping.sweep()
    assert (report.kept, report.removed_incoming) == (0, 3)
    assert not left.exists()
    assert keeping.blobs() == []


def test_broken_files_that_were_synced_are_removed(keeping: Keeping, tmp_path: Path) -> None:
    left = crashed(keeping.folder) / "0000000000000001"
    left.write_bytes(b"no DICOM")
    os.link(left, tmp_path / "elsewhere")
    assert keeping.sweep().removed_incoming == 1
    assert keeping.arriving() == []


def test_what_is_arriving_here_is_left_alone(keeping: Keeping) -> None:
    incoming = keeping.ingest.receive()
    incoming.write(b"half")
    assert keeping.sweep() == SweepReport()
    assert incoming.path.exists()
    incoming.abandon()


def test_a_file_without_row_is_removed_and_a_row_without_file_reported(keeping: Keeping) -> None:
    one, other = keeping.put(ct()), keeping.put(ct())
    gone, orphan = (
        keeping.files.path(keeping.index.instances(EVERYTHING, stored.study_instance_uid)[0].blob_key)
        for stored in (one, other)
    )
    gone.unlink()
    keeping.database.write(
        lambda connection: (
            connection.execute("DELETE FROM study WHERE study_instance_uid = ?", (other.study_instance_uid,)).rowcount
        )
    )
    report = keeping.sweep()
    assert report.missing_blobs == [one.sop_instance_uid]
    assert report.removed_blobs == 1
    assert not orphan.exists()


def test_a_study_whose_folder_is_gone_is_reported(keeping: Keeping) -> None:
    stored = keeping.put(ct())
    (blob,) = keeping.blobs()
    blob.unlink()
    blob.parent.rmdir()
    assert keeping.sweep().missing_blobs == [stored.sop_instance_uid]


def test_young_files_without_row_wait_while_others_live(tmp_path: Path) -> None:
    """Another process may be about to write the row."""
    folder = tmp_path / "store"
    one, other = Keeping(folder), Keeping(folder)
    other.put(ct())
    other.put(ct())
    other.database.write(lambda connection: connection.execute("DELETE FROM study").rowcount)
    old, young = other.blobs()
    long_ago = time.time() - GRACE_SECONDS - 60
    os.utime(old, (long_ago, long_ago))
    assert one.sweep().removed_blobs == 1
    assert other.blobs() == [young]
    other.close()
    assert one.sweep().removed_blobs == 1
    one.close()


def test_the_start_looks_at_the_incoming_folder_only(keeping: Keeping) -> None:
    keeping.put(ct())
    keeping.database.write(lambda connection: connection.execute("DELETE FROM study").rowcount)
    assert sweep(keeping.files, keeping.database, keeping.ingest, whole=False) == SweepReport()
    assert len(keeping.blobs()) == 1


def test_a_full_disk_stops_neither_the_sweep_nor_what_is_kept(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    incoming = keeping.ingest.receive()
    incoming.write(part10(ct()))
    left = crashed(keeping.folder) / incoming.nonce
    os.link(incoming.path, left)
    stored = keeping.ingest.store(incoming, source="test")

    def full(*_: object, **__: object) -> None:
        raise OutOfResources("full")

    with monkeypatch.context() as patched:
        patched.setattr(keeping.index, "enter", full)
        assert keeping.sweep().removed_incoming == 1
    assert keeping.bytes_of(stored)
    assert keeping.arriving() == []
