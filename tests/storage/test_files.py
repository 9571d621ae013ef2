import errno
import fcntl
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from storage.data_set.part10 import FileMeta
from storage.errors import NoSuchInstance, OutOfResources, ProcessingFailure
from storage.files import Files, blob_key, study_folder
from storage.incoming import HEAD, Incoming
from tests.support.synthetic import ct, part10

META = FileMeta("1.2.840.10008.5.1.4.1.1.2", "1.2.3", "1.2.840.10008.1.2.1")


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    opened = Files(tmp_path)
    yield opened
    opened.close()


def received(files: Files, data: bytes, meta: FileMeta | None = None, piece: int = 100) -> Incoming:
    incoming = files.receive(meta)
    for start in range(0, len(data), piece):
        incoming.write(data[start : start + piece])
    return incoming


def kept(files: Files, data: bytes, study: str = "1.2") -> str:
    incoming = received(files, data)
    key = keep(files, incoming, study)
    incoming.abandon()
    return key


def keep(files: Files, incoming: Incoming, study: str) -> str:
    key = blob_key(study, incoming.digest, incoming.nonce)
    files.keep(incoming, key)
    return key


def test_a_kept_file_has_the_bytes_that_came(files: Files) -> None:
    data = os.urandom(10_000)
    key = kept(files, data)
    with files.open(key) as file:
        assert file.read() == data
    assert files.read(key, 5, 1000) == data[5:1005]


def test_no_part_of_a_key_comes_from_a_header(files: Files) -> None:
    folder = study_folder("../../etc/passwd")
    assert set(folder) <= set("0123456789abcdef/")
    assert kept(files, b"x", "../../etc/passwd").startswith(folder + "/")
    for key in ("../../etc/passwd", "/etc/passwd", "", "00/" + "0" * 32 + "/" + "0" * 64 + "-" + "0" * 16 + "/.."):
        with pytest.raises(ValueError, match="blob key"):
            files.path(key)


@pytest.mark.parametrize("piece", [1, 7, 131, 143, 144, 145, 1 << 20])
def test_the_same_data_set_by_c_store_and_by_stow_has_one_digest(files: Files, piece: int) -> None:
    whole = part10(ct(rows=4, columns=4))
    start = 144 + int.from_bytes(whole[140:144], "little")
    expected = blake3(whole[start:]).hexdigest()
    streamed = received(files, whole, piece=piece)
    announced = received(files, whole[start:], META, piece=piece)
    assert streamed.digest == announced.digest == expected
    assert streamed.size == len(whole)
    assert announced.size == len(META.encode()) + len(whole) - start
    assert announced.path.read_bytes() == META.encode() + whole[start:]
    streamed.abandon()
    announced.abandon()


def test_the_digest_is_computed_again_where_the_header_lies_about_its_length(files: Files) -> None:
    whole = bytearray(part10(ct(rows=4, columns=4)))
    start = 144 + int.from_bytes(whole[140:144], "little")
    whole[140:144] = (2**32 - 1).to_bytes(4, "little")
    incoming = received(files, bytes(whole))
    assert incoming.digest == blake3().hexdigest()
    assert incoming.digest_from(start) == blake3(whole[start:]).hexdigest()
    incoming.abandon()


@pytest.mark.parametrize("size", [0, 1, 143, 144, 500])
def test_the_digest_of_what_states_no_length_is_of_everything(files: Files, size: int) -> None:
    data = b"\x08\x00\x05\x00" * 200
    incoming = received(files, data[:size])
    assert incoming.digest == blake3(data[:size]).hexdigest()
    incoming.abandon()


def test_abandoned_files_leave_nothing(files: Files, tmp_path: Path) -> None:
    incoming = received(files, b"abc")
    incoming.abandon()
    incoming.abandon()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_keeping_the_same_bytes_twice_makes_two_files(files: Files) -> None:
    one, two = kept(files, b"same"), kept(files, b"same")
    files.remove(one)
    files.remove(one)
    assert files.read(two, 0, 4) == b"same"
    with pytest.raises(NoSuchInstance):
        files.open(one)
    with pytest.raises(NoSuchInstance):
        files.read(one, 0, 1)


def test_a_file_that_shrank_is_not_served_short(files: Files) -> None:
    key = kept(files, b"0123456789")
    os.truncate(files.path(key), 5)
    with pytest.raises(ProcessingFailure):
        files.read(key, 0, 10)


def test_nothing_is_received_below_the_free_space_floor(tmp_path: Path) -> None:
    files = Files(tmp_path, free_space_floor=1 << 62)
    with pytest.raises(OutOfResources, match="floor"):
        files.receive()
    files.close()


def test_keep_syncs_data_then_name_then_every_new_folder(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order that makes an acknowledged instance survive a power cut."""
    steps: list[str] = []

    def named(handle: int) -> str:
        path = Path(f"/proc/self/fd/{handle}").readlink().relative_to(tmp_path)
        return {"blobs": "blobs", "incoming": "data"}.get(str(path), "data" if "incoming" in path.parts else "folder")

    def record(name: str, real: Any, label: Any) -> None:
        def step(*arguments: Any, **options: Any) -> Any:
            steps.append(f"{name} {label(*arguments)}".strip())
            return real(*arguments, **options)

        monkeypatch.setattr(os, name, step)

    incoming = received(files, b"x" * 1000)
    record("fdatasync", os.fdatasync, named)
    record("fsync", os.fsync, named)
    record("link", os.link, lambda source, target: "")
    keep(files, incoming, "1.2")
    assert steps == ["fdatasync data", "fsync folder", "fsync blobs", "link", "fsync folder"]
    steps.clear()
    second = received(files, b"y")
    keep(files, second, "1.2")
    assert steps == ["fdatasync data", "link", "fsync folder"]
    incoming.abandon()
    second.abandon()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE])
@pytest.mark.parametrize("call", ["open", "writev", "fdatasync", "link", "fsync"])
def test_a_failing_disk_is_out_of_resources_and_leaves_no_file(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    def attempt() -> None:
        incoming = files.receive(META)
        try:
            incoming.write(b"x" * 1000)
            keep(files, incoming, "1.2")
        finally:
            incoming.abandon()

    with monkeypatch.context() as patched:
        patched.setattr(os, call, fails)
        with pytest.raises(OutOfResources):
            attempt()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    attempt()
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_short_writes_are_continued(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    def short(handle: int, pieces: list[memoryview]) -> int:
        joined = b"".join(pieces)
        return os.write(handle, joined[: max(1, len(joined) // 3)])

    monkeypatch.setattr(os, "writev", short)
    data = os.urandom(5000)
    incoming = received(files, data, META, piece=1700)
    assert incoming.path.read_bytes() == META.encode() + data
    incoming.abandon()


@pytest.mark.parametrize("meta", [None, META])
def test_pieces_written_together_are_as_if_written_one_by_one(files: Files, meta: FileMeta | None) -> None:
    data = part10(ct(rows=40, columns=40))
    pieces = [data[start : start + 1] for start in range(len(data))]
    assert len(pieces) > 1024
    incoming = files.receive(meta)
    incoming.write_all(pieces[:3])
    incoming.write_all([])
    incoming.write_all(pieces[3:])
    one = received(files, data, meta)
    assert incoming.path.read_bytes() == one.path.read_bytes()
    assert (incoming.size, incoming.digest, incoming.head) == (one.size, one.digest, one.head)
    incoming.abandon()
    one.abandon()


def test_the_head_is_the_beginning_of_the_file_whatever_the_pieces(files: Files) -> None:
    data = os.urandom(HEAD + 1000)
    for meta, piece in ((None, 7), (None, 1 << 20), (META, 999)):
        incoming = received(files, data, meta, piece)
        assert incoming.head == incoming.path.read_bytes()[:HEAD]
        incoming.abandon()


def test_what_got_no_data_has_its_header(files: Files) -> None:
    incoming = files.receive(META)
    with incoming.open() as file:
        assert file.read() == META.encode() == incoming.head
    assert incoming.size == len(META.encode())
    incoming.abandon()


def test_many_threads_keep_into_new_folders(files: Files) -> None:
    def keep(number: int) -> str:
        return kept(files, str(number).encode(), f"1.2.{number % 5}")

    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(keep, range(80)))
    assert [files.path(key).read_bytes() for key in keys] == [str(number).encode() for number in range(80)]


def hold_open(folder: Path, ready: Any, leave: Any) -> None:
    files = Files(folder)
    incoming = files.receive()
    incoming.write(b"arriving")
    ready.set()
    leave.wait()
    os._exit(0)


def test_what_a_living_process_receives_is_not_touched(files: Files, tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    ready, leave = spawn.Event(), spawn.Event()
    other = spawn.Process(target=hold_open, args=(tmp_path, ready, leave))
    other.start()
    ready.wait()
    assert files.others_live()
    assert list(files.left_behind()) == []
    leave.set()
    other.join()
    assert not files.others_live()
    (left,) = files.left_behind()
    assert not left.was_synced
    left.abandon()
    assert list(files.left_behind()) == []


def test_what_had_become_a_blob_is_known_as_synced(files: Files) -> None:
    incoming = received(files, b"abc")
    assert not incoming.was_synced
    key = keep(files, incoming, "1.2")
    assert incoming.was_synced
    again = Incoming.resume(incoming.name)
    assert again.was_synced
    assert keep(files, again, "1.2") == key
    again.abandon()
    incoming.abandon()
    assert files.read(key, 0, 3) == b"abc"


def test_blobs_are_listed_by_study(files: Files) -> None:
    keys = {kept(files, str(number).encode(), f"1.2.{number % 2}") for number in range(6)}
    listed = dict(files.blobs())
    assert set(listed) == {study_folder("1.2.0"), study_folder("1.2.1")}
    assert {key for blobs in listed.values() for key, _ in blobs} == keys


def test_a_folder_that_goes_while_it_is_looked_at_is_nobodys(
    tmp_path: Path, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes that start together sweep the same folders: another one may finish between our look and our lock."""
    left = tmp_path / "incoming" / "1-0123456789abcdef"
    left.mkdir()
    real = fcntl.flock

    def late(handle: int, operation: int) -> None:
        left.rmdir()
        real(handle, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    assert list(files.left_behind()) == []
