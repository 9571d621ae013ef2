"""What is said to be kept is looked at on the disk."""

import os
from pathlib import Path

import pytest

from storage.errors import NoSuchInstance
from storage.records import InstanceRecord
from storage.scope import ListedStudies, WholeArchive
from storage.verify import indexed, intact
from tests.support.keeping import Keeping
from tests.support.synthetic import ct, part10


@pytest.fixture
def keeping(tmp_path: Path) -> Keeping:
    return Keeping(tmp_path / "store")


def kept(keeping: Keeping, rows: int = 16) -> InstanceRecord:
    stored = keeping.put(part10(ct(rows=rows, columns=1024)))
    return indexed(keeping.database, WholeArchive(), [stored.sop_instance_uid])[stored.sop_instance_uid]


def test_instances_are_found_by_their_own_uid(keeping: Keeping) -> None:
    records = [kept(keeping) for _ in range(3)]
    uids = [record.sop_instance_uid for record in records]
    wanted = [*uids, *(f"1.2.3.{number}" for number in range(1200)), uids[0]]
    assert indexed(keeping.database, WholeArchive(), wanted) == dict(zip(uids, records, strict=True))
    scope = ListedStudies(frozenset({records[1].study_instance_uid}))
    assert list(indexed(keeping.database, scope, wanted)) == [uids[1]]
    assert indexed(keeping.database, WholeArchive(), []) == {}


@pytest.mark.parametrize("rows", [1, 511, 1024, 3000])
def test_every_byte_counts(keeping: Keeping, rows: int) -> None:
    record = kept(keeping, rows)
    path = keeping.files.path(record.blob_key)
    assert intact(keeping.files, record)
    whole = path.read_bytes()
    for at in (record.data_set_offset, record.size // 2, record.size - 1):
        path.write_bytes(whole[:at] + bytes((whole[at] ^ 1,)) + whole[at + 1 :])
        assert not intact(keeping.files, record)
    path.write_bytes(whole)
    assert intact(keeping.files, record)


def test_what_is_too_short_too_long_or_gone(keeping: Keeping) -> None:
    record = kept(keeping)
    path = keeping.files.path(record.blob_key)
    for size in (0, record.data_set_offset, record.size - 1, record.size + 1):
        os.truncate(path, size)
        assert not intact(keeping.files, record)
    path.unlink()
    with pytest.raises(NoSuchInstance):
        intact(keeping.files, record)


def test_looking_can_be_stopped_between_two_pieces(keeping: Keeping) -> None:
    record = kept(keeping, 3000)
    looks = 0

    def look_up() -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        intact(keeping.files, record, look_up)
    assert looks == 3
