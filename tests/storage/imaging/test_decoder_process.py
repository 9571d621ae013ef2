import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from storage.data_set.part10 import FileMeta
from storage.imaging.decoder_messages import decoded, encoded
from storage.imaging.decoder_pool import Child, DecoderBusy, DecoderFailed, DecoderPool
from tests.storage.encodings import file_of
from tests.support.patience import PATIENCE
from tests.support.pixel_sources import encapsulated, written
from tests.support.synthetic import ct

MEMORY = 256 << 20
DEFLATED = "1.2.840.10008.1.2.1.99"


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    service = DecoderPool(1, MEMORY, PATIENCE)
    yield service
    service.close()


@pytest.fixture
def impatient() -> Iterator[DecoderPool]:
    """One of a test's own, which lets it be impatient when it asks what has no answer."""
    service = DecoderPool(1, MEMORY, PATIENCE)
    yield service
    service.close()


@pytest.fixture
def one_slice(tmp_path: Path) -> Path:
    path = tmp_path / "slice.dcm"
    path.write_bytes(file_of(ct()))
    return path


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """A file whose opening never returns."""
    path = tmp_path / "endless"
    os.mkfifo(path)
    return path


def request(path: Path, task: str = "decoded") -> dict[str, Any]:
    return {"task": task, "path": str(path), "number": 1, "ranges": None}


def serves(pool: DecoderPool, path: Path) -> bool:
    return bool(pool.ask(request(path))[1] == ct().PixelData)


def resident() -> int:
    """Bytes of memory that this process occupies."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_a_child_serves_many_requests(pool: DecoderPool, one_slice: Path) -> None:
    answer, body = pool.ask(request(one_slice))
    assert body == ct().PixelData
    assert (answer["rows"], answer["photometric_interpretation"]) == (16, "MONOCHROME2")
    first = pool.pids()
    assert serves(pool, one_slice)
    assert pool.pids() == first


def test_a_request_that_takes_too_long_costs_its_child_only(
    impatient: DecoderPool, one_slice: Path, endless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert serves(impatient, one_slice)
    (slow,) = impatient.pids()
    monkeypatch.setattr(impatient, "_seconds", 0.3)
    with pytest.raises(DecoderFailed, match="too_slow"):
        impatient.ask(request(endless))
    assert not Path(f"/proc/{slow}").exists()
    monkeypatch.undo()
    assert serves(impatient, one_slice)


def test_nobody_waits_for_ever_for_a_child(
    impatient: DecoderPool, one_slice: Path, endless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert serves(impatient, one_slice)
    monkeypatch.setattr(impatient, "_seconds", 0.3)
    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(impatient.ask, request(endless)) for _ in range(2)]
        outcomes = {type(one.exception(PATIENCE)) for one in both}
    # Who came second waited as long as the first was allowed to take, and then may or may not have had a child.
    assert DecoderFailed in outcomes
    assert outcomes <= {DecoderFailed, DecoderBusy}


def test_a_child_that_dies_while_idle_is_replaced_unnoticed(pool: DecoderPool, one_slice: Path) -> None:
    assert serves(pool, one_slice)
    (dead,) = pool.pids()
    os.kill(dead, signal.SIGKILL)
    os.waitid(os.P_PID, dead, os.WEXITED | os.WNOWAIT)
    assert serves(pool, one_slice)
    assert pool.pids() != (dead,)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_child_that_dies_at_work_is_told_from_a_slow_one(endless: Path, how: signal.Signals) -> None:
    child = Child(MEMORY, PATIENCE)
    with ThreadPoolExecutor(1) as threads:
        failing = threads.submit(child.ask, request(endless), PATIENCE)
        os.kill(child.pid, how)
        with pytest.raises(DecoderFailed, match="died"):
            failing.result(PATIENCE)
    child.end()


def test_a_bomb_ends_at_the_memory_limit_of_the_child(pool: DecoderPool, tmp_path: Path, one_slice: Path) -> None:
    bomb = tmp_path / "bomb.dcm"
    deflater = zlib.compressobj(1, wbits=-15)
    element = struct.pack("<HH2sHL", 0x0011, 0x1010, b"OB", 0, 200 << 20)
    megabytes = (deflater.compress(bytes(1 << 20)) for _ in range(200))
    whole = deflater.compress(element) + b"".join(megabytes) + deflater.flush()
    assert len(whole) < 1 << 20
    bomb.write_bytes(FileMeta("1.2", "1.2.3", DEFLATED).encode() + whole)
    assert serves(pool, one_slice)
    before = resident()
    answer, _ = pool.ask(request(bomb))
    assert "memory" in answer["detail"]
    assert serves(pool, one_slice)
    assert resident() - before < 32 << 20


def test_a_child_writes_no_files_and_has_its_limits(pool: DecoderPool, one_slice: Path) -> None:
    assert serves(pool, one_slice)
    (pid,) = pool.pids()
    assert resource.prlimit(pid, resource.RLIMIT_FSIZE) == (0, 0)
    assert resource.prlimit(pid, resource.RLIMIT_DATA)[0] == MEMORY
    assert MEMORY <= resource.prlimit(pid, resource.RLIMIT_AS)[0] < MEMORY + (1 << 20)


def test_a_child_inherits_no_socket_no_file_and_no_secret(one_slice: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DURCHBLICK_SECRET", "kept to ourselves")
    with socket.socket() as listening, one_slice.open("rb") as opened:
        listening.bind(("127.0.0.1", 0))
        listening.set_inheritable(True)
        os.set_inheritable(opened.fileno(), True)
        pool = DecoderPool(1, MEMORY, PATIENCE)
        assert serves(pool, one_slice)
        (pid,) = pool.pids()
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        kinds = {str(entry.readlink()).split(":")[0] for entry in Path(f"/proc/{pid}/fd").iterdir()}
    assert kinds == {"pipe", "/dev/null"}
    assert b"DURCHBLICK_SECRET" not in environment
    pool.close()


def test_threads_get_their_own_answers(tmp_path: Path) -> None:
    paths = []
    for number in range(12):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(file_of(ct(number=number)))
        paths.append(path)
    pool = DecoderPool(2, MEMORY, PATIENCE)
    try:
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda path: pool.ask(request(path))[1], paths * 8))
        assert answers == [ct(number=number).PixelData for number in range(12)] * 8
        assert len(pool.pids()) == 2
    finally:
        pool.close()


def test_children_exist_from_the_first_request_until_the_pool_is_closed(one_slice: Path) -> None:
    pool = DecoderPool(1, MEMORY, PATIENCE)
    assert pool.pids() == ()
    assert serves(pool, one_slice)
    (pid,) = pool.pids()
    pool.close()
    assert not Path(f"/proc/{pid}").exists()


class Alone:
    """A child without a pool, spoken to by hand."""

    def __init__(self, seconds: float) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "storage.imaging.decoder_process", str(MEMORY), str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self.receive() == {}

    def send(self, header: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"".join(encoded(header)))
        self.process.stdin.flush()

    def receive(self) -> Any:
        assert self.process.stdout is not None
        return decoded(self.process.stdout.read, MEMORY)[0]

    def __enter__(self) -> "Alone":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


def test_a_child_ends_when_its_parent_is_gone() -> None:
    with Alone(PATIENCE) as child:
        assert child.process.stdin is not None
        child.process.stdin.close()
        assert child.process.wait(PATIENCE) == 0
        child.process.stdin = None


def test_a_child_at_work_ends_by_itself_when_nobody_kills_it(endless: Path) -> None:
    with Alone(-0.9) as child:
        child.send(request(endless))
        assert child.process.wait(PATIENCE) == -signal.SIGALRM


def test_errors_are_told_without_what_the_data_set_holds(pool: DecoderPool, tmp_path: Path) -> None:
    path = tmp_path / "noise.dcm"
    path.write_bytes(b"Muster^Erika" * 100)
    answer, _ = pool.ask(request(path))
    assert answer["refusal"] == "CannotUnderstand"
    assert "Muster" not in str(answer)
    answer, _ = pool.ask(request(tmp_path / "absent"))
    assert answer["refusal"] == "NoSuchInstance"


def test_a_codec_that_panics_costs_no_child(pool: DecoderPool, tmp_path: Path) -> None:
    """Segments of RLE that are longer than the frame make the Rust codec panic, which is no Exception."""
    header = struct.pack("<16L", 2, 64, 66, *[0] * 13)
    source = ct(4, 4, PixelRepresentation=0)
    frame = header + bytes.fromhex("7f00fa7ffa0002fa010101") + b"\0"
    path = written(tmp_path, encapsulated(source, frame), "1.2.840.10008.1.2.5")
    answer, _ = pool.ask(request(path))
    assert answer["refusal"] == "NotRenderable"
    assert answer["cause"].startswith("PanicException@")


def test_messages_announce_what_they_hold_and_no_more_than_allowed() -> None:
    wire = b"".join(encoded({"task": "x"}, b"body"))
    for largest, expected in ((4, ({"task": "x"}, b"body")), (3, None)):
        position = 0

        def read(size: int) -> bytes:
            nonlocal position
            position += size
            return wire[position - size : position]

        if expected is not None:
            assert decoded(read, largest) == expected
        else:
            with pytest.raises(ValueError, match="longer"):
                decoded(read, largest)
