"""The pepper: made once, kept to ourselves."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from auth.errors import UnusablePepper
from auth.pepper import load_pepper

ROOT = Path(__file__).resolve().parents[2]


def test_it_is_made_on_first_use_and_stays(tmp_path: Path) -> None:
    pepper = load_pepper(tmp_path)
    assert len(pepper) == 32
    assert load_pepper(tmp_path) == pepper
    assert [path.name for path in (tmp_path / "secrets").iterdir()] == ["pepper"]


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    load_pepper(tmp_path)
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "secrets" / "pepper").stat().st_mode & 0o777 == 0o600


def test_two_folders_have_two_peppers(tmp_path: Path) -> None:
    assert load_pepper(tmp_path / "a") != load_pepper(tmp_path / "b")


def test_threads_that_race_get_the_same_one(tmp_path: Path) -> None:
    for attempt in range(20):
        barrier = Barrier(8)

        def race(folder: Path, barrier: Barrier = barrier) -> bytes:
            barrier.wait()
            return load_pepper(folder)

        with ThreadPoolExecutor(8) as pool:
            peppers = set(pool.map(race, [tmp_path / str(attempt)] * 8))
        assert len(peppers) == 1


def test_processes_that_race_get_the_same_one(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from auth.pepper import load_pepper\n"
        "print(flush=True); sys.stdin.readline(); print(load_pepper(Path(sys.argv[1])).hex())"
    )
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for racer in racers:
        assert racer.stdout is not None and racer.stdout.readline() == "\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    answers = {racer.communicate()[0] for racer in racers}
    assert answers == {load_pepper(tmp_path).hex() + "\n"}


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 33])
def test_another_length_is_no_pepper(tmp_path: Path, content: bytes) -> None:
    load_pepper(tmp_path)
    (tmp_path / "secrets" / "pepper").write_bytes(content)
    with pytest.raises(UnusablePepper, match="32 bytes"):
        load_pepper(tmp_path)


def test_a_pepper_that_others_can_read_is_refused_with_the_remedy(tmp_path: Path) -> None:
    load_pepper(tmp_path)
    path = tmp_path / "secrets" / "pepper"
    path.chmod(0o640)
    with pytest.raises(UnusablePepper, match="chmod 600"):
        load_pepper(tmp_path)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "secrets").write_bytes(b"")
    with pytest.raises(UnusablePepper, match="cannot be made"):
        load_pepper(tmp_path)
