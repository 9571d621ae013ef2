"""The index that is filled directly holds what storing the same files would have entered."""

import zlib
from pathlib import Path
from typing import Any

from benchmarks import archive
from storage.scope import WholeArchive
from storage.storage import Storage, StorageSettings

_TABLES = ("study", "series", "study_name_word", "study_name_group")
_OF_FILES = {"blob_key", "size", "data_set_offset", "digest", "received_at"}


def _everything(storage: Storage) -> list[list[dict[str, Any]]]:
    """All rows, but for what only files tell."""
    of_levels = [[dict(row) for row in storage.database.read(f"SELECT * FROM {table}")] for table in _TABLES]
    instances = storage.database.read(
        "SELECT instance.*, detail.metadata FROM instance JOIN instance_detail AS detail ON detail.instance_id = id"
    )
    told = [{name: value for name, value in dict(row).items() if name not in _OF_FILES} for row in instances]
    return [*of_levels, [row | {"metadata": zlib.decompress(row["metadata"])} for row in told]]


def test_direct_filling_enters_what_ingest_enters(tmp_path: Path) -> None:
    count = 2 * archive.SERIES_OF_A_STUDY * archive.INSTANCES_OF_A_SERIES + 3
    data_sets = [*archive.instances(count), *archive.long_series(3, 4)]
    filled = Storage.open(tmp_path / "filled", StorageSettings(free_space_floor=0))
    archive.fill(filled.database, data_sets)
    stored = Storage.open(tmp_path / "stored", StorageSettings(free_space_floor=0))
    for data_set in data_sets:
        incoming = stored.ingest.receive()
        incoming.write(archive.part10(data_set))
        stored.ingest.store(incoming, source="benchmark")
    try:
        assert filled.index.counts(WholeArchive()).instances == len(data_sets)
        assert _everything(filled) == _everything(stored)
    finally:
        filled.close()
        stored.close()


def test_filling_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    storage = Storage.open(tmp_path, StorageSettings(free_space_floor=0))
    try:
        archive.fill(storage.database, archive.instances(30))
        archive.fill(storage.database, archive.instances(60))
        assert storage.index.counts(WholeArchive()).instances == 60
    finally:
        storage.close()
