"""Films by FFmpeg, read back by its own programs; and what becomes of it when it fails, hangs or is not there."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryFile
from threading import Event
from typing import Any, Final

import numpy as np
import pytest
from PIL import Image

from gateway.series_files.mp4 import Ffmpeg, FilmFailed, found
from tests.support.patience import PATIENCE

FFMPEG: Final = shutil.which("ffmpeg")
needs_ffmpeg = pytest.mark.skipif(FFMPEG is None, reason="ffmpeg is not installed")


def pictures(*shades: int, size: tuple[int, int] = (64, 48)) -> Iterator[Image.Image]:
    return (Image.new("RGB", size, (shade, shade, shade)) for shade in shades)


def film_of(pictures: Iterator[Image.Image], milliseconds: int, film: Path, program: str = "ffmpeg") -> None:
    """Make it by FFmpeg, or what stands in its place, in a file with a name."""
    with film.open("xb") as target:
        Ffmpeg(program, seconds=PATIENCE).film(pictures, milliseconds, target)


def probed(film: Path) -> dict[str, Any]:
    """What ffprobe reads of a film with one stream, whose frames it counts."""
    asked = ("-v", "error", "-count_frames", "-show_streams", "-show_format", "-of", "json")
    told = json.loads(subprocess.run(["ffprobe", *asked, film], capture_output=True, check=True).stdout)
    (stream,) = told["streams"]
    return {**stream, "format": told["format"]}


def frames(film: Path) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The decoded frames: number, row, column, colour."""
    asked = ("-v", "error", "-i", film, "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1")
    raw = subprocess.run(["ffmpeg", *asked], capture_output=True, check=True).stdout
    told = probed(film)
    return np.frombuffer(raw, np.uint8).reshape(-1, told["height"], told["width"], 3)


def program(folder: Path, script: str) -> str:
    """Something in place of FFmpeg."""
    file = folder / "program"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return str(file)


@needs_ffmpeg
def test_every_phone_plays_it_and_its_frames_are_the_pictures(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    shades = [20, 60, 100, 140, 180, 220, 255, 0]
    film_of(pictures(*shades, size=(513, 301)), 40, film)
    told = probed(film)
    assert (told["codec_name"], told["profile"], told["pix_fmt"]) == ("h264", "High", "yuv420p")
    assert (told["width"], told["height"], told["nb_read_frames"], told["r_frame_rate"]) == (514, 302, "8", "25/1")
    decoded = frames(film)
    assert np.abs(decoded[:, :300, :512].astype(int).mean((1, 2, 3)) - shades).max() < 2
    content = film.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat"), "plays while it comes in"
    assert "creation_time" not in json.dumps(told)


@needs_ffmpeg
def test_the_same_pictures_make_the_same_bytes_and_one_is_enough(tmp_path: Path) -> None:
    made = []
    for name in ("a", "b"):
        film_of(pictures(90), 5000, tmp_path / name)
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1]
    assert probed(tmp_path / "a")["nb_read_frames"] == "1"


@needs_ffmpeg
def test_the_file_needs_no_name(tmp_path: Path) -> None:
    with TemporaryFile(dir=tmp_path) as target:
        Ffmpeg("ffmpeg").film(pictures(1, 2), 100, target)
        target.seek(0)
        assert target.read()[4:8] == b"ftyp" and list(tmp_path.iterdir()) == []


@needs_ffmpeg
def test_no_word_becomes_an_option_or_a_command(tmp_path: Path) -> None:
    folder = tmp_path / "-f null; touch gone $(touch gone) `touch gone` concat:a|b %d Ü"
    folder.mkdir()
    film_of(pictures(1, 2), 100, folder / "-y.mp4")
    assert [one.name for one in folder.iterdir()] == ["-y.mp4"]
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("script", ["exit 3", "cat >/dev/null; exit 1", "kill -9 $$", "exec <&-; kill -9 $$"], ids=str)
def test_one_that_fails_or_is_killed_makes_no_film(tmp_path: Path, script: str) -> None:
    with pytest.raises(FilmFailed):
        film_of(pictures(*range(200)), 100, tmp_path / "film.mp4", program(tmp_path, script))


@pytest.mark.parametrize("does", [": >pipe", "exec cat >/dev/null"], ids=["reads nothing", "never ends"])
def test_one_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str) -> None:
    """Neither would end by itself before the end of this test: of the pipe, or of the pictures."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    over = Event()

    def endless() -> Iterator[Image.Image]:
        while not over.is_set():
            yield from pictures(1)

    with ThreadPoolExecutor(1) as thread, TemporaryFile() as target:
        filming = thread.submit(Ffmpeg(program(tmp_path, does), seconds=0.3).film, endless(), 100, target)
        try:
            assert isinstance(filming.exception(PATIENCE), FilmFailed)
        finally:
            over.set()
            os.close(os.open("pipe", os.O_RDWR))


def test_what_the_pictures_raise_ends_the_program(tmp_path: Path) -> None:
    def gone() -> Iterator[Image.Image]:
        yield from pictures(1)
        raise InterruptedError

    told = tmp_path / "pid"
    with pytest.raises(InterruptedError):
        film_of(gone(), 100, tmp_path / "film.mp4", program(tmp_path, f"echo $$ >{told}; exec sleep 60"))
    assert not told.exists() or not Path(f"/proc/{told.read_text().strip() or 'none'}").exists()


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FilmFailed):
        film_of(pictures(1), 100, tmp_path / "film.mp4", str(tmp_path / "none"))
    assert found("") is None
    assert found(str(tmp_path / "none")) is None
    assert found(program(tmp_path, "exit 0")) is not None
