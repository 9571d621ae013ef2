"""The self test of `durchblick check`: each finding says what is wrong and how to mend it."""

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image
from pydicom import dcmwrite

from auth.clock import system_clock
from auth.errors import UnusablePepper
from auth.pepper import pepper_file, read_pepper
from auth.shares import Shares
from dimse.tls import certificate_problems
from gateway.config import Config
from gateway.dangers import dangers
from gateway.entered_peers import has_entered_peers
from gateway.house import one_place, storage_settings, tls_settings
from gateway.intake.scanning import Scanner, Unscanned
from gateway.phantom import studies
from gateway.sections import DownloadsConfig
from gateway.series_files import mp4
from gateway.sheets import picture
from gateway.supervisor import seats_of
from storage.database import Database
from storage.errors import Refusal
from storage.pixels import Rendering
from storage.scope import WholeArchive
from storage.storage import Storage

FLOORS: Final = {"pydicom": (3, 0, 2)}
"""Below these there are known holes: CVE-2026-32711."""

_NAMED: Final = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    good: bool
    sentence: str


def findings(config: Config) -> list[Finding]:
    """Everything that was looked at, good or not. Touches nothing but a temporary folder."""
    looks: tuple[Callable[[Config], Iterator[Finding]], ...] = (
        _addresses,
        _tls,
        _packages,
        _folder,
        _database,
        _pepper,
        _desk,
        films,
        scanner,
        _round_trip,
    )
    return [finding for look in looks for finding in look(config)]


def _addresses(config: Config) -> Iterator[Finding]:
    has_entered = has_entered_peers(config)
    found = dangers(config)
    for objection in found:
        yield Finding(objection.key, False, objection.sentence)
    if not found:
        web, dimse = (len(seats_of(role, config)) for role in ("web", "dimse"))
        yield Finding(
            "addresses",
            True,
            f"portal at {config.public_root}/ (processes: {web}), DIMSE port {config.dimse.port} (processes: {dimse})",
        )
    if not config.dimse.peers and not has_entered and not config.dimse.accept_unknown_peers:
        mend = "list each sender under [[dimse.peers]], or enter it with durchblick ae add"
        yield Finding("dimse.peers", True, f"none in the configuration; {mend}")


def _tls(config: Config) -> Iterator[Finding]:
    settings = tls_settings(config)
    problems = certificate_problems(settings, datetime.now(UTC))
    for problem in problems:
        yield Finding("dimse.tls", False, problem)
    if not problems:
        listening = f"port {settings.port}" if settings.port else "no listener"
        yield Finding("dimse.tls", True, f"{listening}; {'a' if settings.certificate else 'no'} certificate of ours")


def films(config: Config) -> Iterator[Finding]:
    """Whether patients get films, and whether what would make them can."""
    wanted = config.downloads.ffmpeg
    encoder = mp4.found(wanted)
    if encoder is None:
        mend = "install ffmpeg if patients shall take their series along as films (MP4)"
        says = f"no program {wanted!r}; {mend}" if wanted else "switched off"
        yield Finding("downloads.ffmpeg", wanted in ("", DownloadsConfig().ffmpeg), says)
        return
    with tempfile.TemporaryFile() as film:
        try:
            encoder.film(iter([Image.new("RGB", (64, 64))] * 2), 100, film)
        except mp4.FilmFailed:
            yield Finding("downloads.ffmpeg", False, f"{wanted!r} makes no H.264 by libx264: name another one, or none")
        else:
            yield Finding("downloads.ffmpeg", True, "makes films (MP4) of series")


def _desk(config: Config) -> Iterator[Finding]:
    """The files that sheets and the sign-in of staff need; silent where none is named."""
    for name, site in (("site", config.site), *((f"sites.{one.key}", one) for one in config.sites)):
        if site.logo:
            file = config.base / site.logo
            good = bool(picture(file))
            more = "" if good else " is no PNG or JPEG of at most a megabyte; its sheets come without a logo"
            yield Finding(f"{name}.logo", good, f"{file}{more}")
    if config.desk.openid.issuer:
        file = config.base / config.desk.openid.client_secret_file
        good = file.is_file()
        yield Finding("desk.openid", good, config.desk.openid.issuer if good else f"{file} is missing; put it there")


def scanner(config: Config) -> Iterator[Finding]:
    """Let the malware scanner look at a harmless file, as it will look at those that are sent in."""
    section = config.intake
    if not section.scan:
        yield Finding("intake.scan", True, "no malware scanner; what is sent in is looked at by staff only")
        return
    with tempfile.NamedTemporaryFile(prefix="durchblick-check-") as file:
        file.write(b"harmless")
        file.flush()
        try:
            found = Scanner(section.scan, section.scan_seconds).scan([Path(file.name)], lambda: None)
        except Unscanned as unscanned:
            yield Finding("intake.scan", False, f"{unscanned}; until it works what is sent in waits")
            return
    said = "finds malware in a harmless file; its exit status must be 0 where it finds nothing"
    yield Finding("intake.scan", not found, said if found else f"{section.scan[0]} answers")


def _packages(config: Config) -> Iterator[Finding]:
    try:
        one_place()
        yield Finding("packages", True, "all from one place")
    except ImportError as error:
        yield Finding("packages", False, str(error))
    for name, floor in FLOORS.items():
        yield _version(name, floor)


def _version(name: str, floor: tuple[int, ...]) -> Finding:
    needed = ".".join(map(str, floor))
    try:
        found = version(name)
    except PackageNotFoundError:
        return Finding(name, False, f"not installed; install {name} {needed} or newer")
    numbers = tuple(int(part) for part in found.split(".")[:3] if part.isdigit())
    return Finding(name, numbers >= floor, f"{found} (needs {needed} or newer: older ones have known holes)")


def _folder(config: Config) -> Iterator[Finding]:
    folder = config.folder
    parent = next(path for path in (folder, *folder.resolve().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=parent):
            pass
        yield Finding("storage.folder", True, str(folder))
    except OSError as error:
        yield Finding("storage.folder", False, f"{parent} takes no files ({error.strerror}); give us write access")
    free, floor = shutil.disk_usage(parent).free // 1024**2, config.storage.free_space_floor_mb
    more = "" if free > floor else "; make room, or nothing more is received"
    yield Finding("disk", free > floor, f"{free} MB free, {floor} MB are kept free{more}")


def _database(config: Config) -> Iterator[Finding]:
    file = config.folder / "durchblick.sqlite"
    if not file.exists():
        yield Finding("database", True, "none yet; it is made at the first start")
        return
    try:
        connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        answer = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        connection.close()
    except sqlite3.Error as error:
        answer = type(error).__name__
    good = answer == "ok"
    yield Finding("database", good, "sound" if good else f"damaged ({answer}); bring back a backup of {file}")


def _pepper(config: Config) -> Iterator[Finding]:
    """Whether the codes that patients hold can still be checked: each share needs the pepper it was made with."""
    file = config.folder / "durchblick.sqlite"
    if not file.exists():
        return
    if not pepper_file(config.folder).exists():
        remedy = "bring back its copy before the next start, which makes a new one that opens no present share"
        yield Finding("pepper", False, f"{pepper_file(config.folder)} is missing; {remedy}")
        return
    try:
        strangers = _from_another_pepper(file, read_pepper(config.folder))
    except UnusablePepper as error:
        yield Finding("pepper", False, error.detail)
    except (Refusal, sqlite3.Error):
        # What is wrong with the database has been said, and one without shares yet has nothing to open.
        return
    else:
        yield Finding("pepper", not strangers, _strangers(strangers) if strangers else "opens every share")


def _from_another_pepper(file: Path, pepper: bytes) -> Sequence[str]:
    database = Database(file, readers=1)
    try:
        return Shares(database, pepper, system_clock).from_another_pepper()
    finally:
        database.close()


def _strangers(share_ids: Sequence[str]) -> str:
    named = ", ".join(share_ids[:_NAMED]) + (", ..." if len(share_ids) > _NAMED else "")
    return (
        f"access codes that open nothing, as their share was made with another pepper: {len(share_ids)} ({named}); "
        "stop the gateway and bring back the pepper that was in use, or revoke these shares and make new ones"
    )


def _round_trip(config: Config) -> Iterator[Finding]:
    """Keep one image of the invented patient in a temporary folder, find it again and render it."""
    try:
        with tempfile.TemporaryDirectory(prefix="durchblick-check-") as name:
            size = _keep_and_render(Path(name), config)
        yield Finding("self test", True, f"kept, found and rendered an image ({size} bytes of JPEG)")
    except (Refusal, OSError) as error:
        yield Finding("self test", False, f"an image could not be kept and shown: {error}")


def _keep_and_render(folder: Path, config: Config) -> int:
    storage = Storage.open(folder, storage_settings(config))
    try:
        content = BytesIO()
        dcmwrite(content, next(studies.images()), enforce_file_format=True)
        incoming = storage.ingest.receive()
        incoming.write(content.getvalue())
        stored = storage.ingest.store(incoming, source="check")
        (record,) = storage.index.instances(WholeArchive(), stored.study_instance_uid)
        return len(storage.pixels.rendered(record, storage.index.layout(record), 1, Rendering()))
    finally:
        storage.close()
