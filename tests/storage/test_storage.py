from pathlib import Path

import pytest

from storage.errors import OutOfResources
from storage.storage import Storage, StorageSettings
from tests.support.keeping import EVERYTHING
from tests.support.synthetic import ct, part10

SETTINGS = StorageSettings(free_space_floor=0)


def test_a_storage_is_found_again_after_a_restart(tmp_path: Path) -> None:
    folder = tmp_path / "some" / "folder"
    storage = Storage.open(folder, SETTINGS)
    incoming = storage.ingest.receive()
    incoming.write(part10(ct()))
    stored = storage.ingest.store(incoming, source="test")
    storage.close()
    assert {path.name for path in folder.iterdir()} >= {"durchblick.sqlite", "blobs", "incoming", "cache"}
    again = Storage.open(folder, SETTINGS)
    assert again.index.instances(EVERYTHING, stored.study_instance_uid)[0].sop_instance_uid == stored.sop_instance_uid
    assert again.sweep().missing_blobs == []
    again.close()


def test_two_processes_may_open_one_folder(tmp_path: Path) -> None:
    one, other = Storage.open(tmp_path, SETTINGS), Storage.open(tmp_path, SETTINGS)
    incoming = one.ingest.receive()
    incoming.write(part10(ct()))
    stored = one.ingest.store(incoming, source="test")
    assert other.index.instances(EVERYTHING, stored.study_instance_uid)
    one.close()
    other.close()


def test_only_the_owner_may_look_inside(tmp_path: Path) -> None:
    storage = Storage.open(tmp_path / "store", SETTINGS)
    for path in (tmp_path / "store", *(tmp_path / "store").iterdir()):
        if path.is_dir():
            assert path.stat().st_mode & 0o077 == 0, path
    storage.close()


def test_the_floor_of_the_settings_counts(tmp_path: Path) -> None:
    storage = Storage.open(tmp_path, StorageSettings(free_space_floor=1 << 62))
    with pytest.raises(OutOfResources):
        storage.ingest.receive()
    storage.close()


def test_a_folder_that_cannot_be_used_is_out_of_resources(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_bytes(b"a file where a folder should be")
    with pytest.raises(OutOfResources):
        Storage.open(tmp_path, SETTINGS)
