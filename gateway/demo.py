"""The demonstration: a whole gateway on a temporary folder, a study pushed into it, a share handed to you."""

import asyncio
import json
import queue
import secrets
import socket
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from pydicom.dataset import Dataset
from qrcode import QRCode
from qrcode.constants import ERROR_CORRECT_L

from auth.birth_date import is_birth_date
from auth.shares import Issued
from gateway import scu
from gateway.config import Config
from gateway.desk import finding
from gateway.house import House, build
from gateway.phantom import studies
from gateway.processes import CannotStart, Child, Parent, stop_event
from gateway.sections import DimseConfig, HttpConfig, SiteConfig, StorageConfig
from gateway.sheets import share_url, sheet
from storage.scope import ListedStudies, PatientIdentity, StudyScope, WholeArchive

DEFAULT_BIRTH_DATE: Final = "19500131"
DAYS: Final = 90
DESK_NAME: Final = "demo"
CALLING: Final = "DEMO-MODALITY"
AHEAD: Final = 64
PORTS: Final = (8080, 11112)
Say = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Handed:
    """What the patient of the demo gets."""

    link: str
    code: str
    birth_date: str
    sheet: Path
    password: str
    """Of the account DESK_NAME, which has no second factor yet: the first sign-in sets it up, as everywhere."""


async def run(data_sets: Iterable[Dataset] | None, site: SiteConfig, parent: Parent, say: Say) -> None:
    """Start, push, share, tell by `say`, and serve until stopped; without `data_sets` the invented patient comes."""
    stop = stop_event(asyncio.get_running_loop(), parent)
    with tempfile.TemporaryDirectory(prefix="durchblick-demo-") as name:
        folder = Path(name)
        say(f"Starting a gateway on {folder} ...")
        coming = ahead(data_sets or studies.images())
        child, config = await _started(folder, site, say)
        try:
            prepared = asyncio.to_thread(_prepare, config, coming, say)
            handed = await _unless(stop, prepared)
            if handed is not None:
                _tell(handed, config, say)
                parent.tell_ready()
                await _unless(stop, child.wait())
        finally:
            await child.stop()


async def _started(folder: Path, site: SiteConfig, say: Say) -> tuple[Child, Config]:
    """A gateway that is ready, on the usual ports if they are free. Raises CannotStart."""
    config = _config(folder, site, *PORTS)
    try:
        return await _start(config), config
    except CannotStart:
        # Somebody may have taken a port between our look and the gateway's start.
        config = _config(folder, site, 0, 0)
        say(f"Trying the ports {config.http.port} and {config.dimse.port} instead ...")
        return await _start(config), config


async def _start(config: Config) -> Child:
    file = config.base / "config.toml"
    file.write_text(_toml(config), encoding="utf-8")
    child = await Child.start(["--config", str(file)], quiet=True)
    try:
        await child.ready()
    except BaseException:
        await child.stop()
        raise
    return child


def ahead(items: Iterable[T]) -> Iterator[T]:
    """`items` in their order, of which a thread makes up to AHEAD before they are asked for."""
    made: queue.Queue[T | _End] = queue.Queue(AHEAD)

    def make() -> None:
        error = None
        try:
            for item in items:
                made.put(item)
        except Exception as caught:
            error = caught
        made.put(_End(error))

    threading.Thread(target=make, daemon=True).start()

    def taken() -> Iterator[T]:
        while not isinstance(item := made.get(), _End):
            yield item
        if item.error is not None:
            raise item.error

    return taken()


@dataclass(frozen=True, slots=True)
class _End:
    """What comes after the last item: the exception that ended them, if one did."""

    error: Exception | None


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """The result of `work`, or None when `stop` is set before it ends."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if working.done():
        return working.result()
    # It runs into the end of what it works with; nobody wants to know.
    working.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    return None


def _config(folder: Path, site: SiteConfig, http_port: int, dimse_port: int) -> Config:
    return Config(
        storage=StorageConfig(folder="data"),
        http=HttpConfig(port=_port(http_port)),
        dimse=DimseConfig(port=_port(dimse_port), accept_unknown_peers=True),
        site=site,
        base=folder,
    )


def _toml(config: Config) -> str:
    site = config.site
    return (
        f'[storage]\nfolder = "{config.storage.folder}"\n'
        f"[http]\nport = {config.http.port}\n"
        f"[dimse]\nport = {config.dimse.port}\naccept_unknown_peers = true\n"
        # A JSON string is a TOML string too.
        f"[site]\nname = {json.dumps(site.name)}\ncontact = {json.dumps(site.contact)}\n"
        f'language = "{site.language}"\n[log]\nlevel = "warning"\n'
    )


def _port(preferred: int) -> int:
    """`preferred` when it is free, else any free port."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            number: int = probe.getsockname()[1]
            return number
    raise OSError("no free port")


def _prepare(config: Config, data_sets: Iterable[Dataset], say: Say) -> Handed:
    """Push everything over DIMSE and open a share over it; blocking."""
    dimse = config.dimse
    answered = list(scu.push(data_sets, dimse.host, dimse.port, dimse.ae_title, CALLING))
    sent = [each for each in answered if each.status == 0]
    for status, number in Counter(each.status for each in answered if each.status).items():
        say(f"{number} images were refused with status {status:04X}H")
    if not sent:
        raise scu.PushFailed("Nothing was accepted.")
    counts = Counter(each.modality for each in sent)
    listed = ", ".join(f"{number} {modality}" for modality, number in sorted(counts.items()))
    say(f"Pushed {len(sent)} images by C-STORE to {dimse.ae_title}@{dimse.host}:{dimse.port}: {listed}")
    scope, birth_date = share_of(sent)
    if birth_date not in {each.patient_birth_date for each in sent}:
        say(f"The study has no birth date; the share asks for {birth_date} instead.")
    house = build(config)
    try:
        if isinstance(scope, PatientIdentity):
            scope = finding.named(house.storage.index, WholeArchive(), scope)
        return _hand_out(house, house.shares.create(scope, birth_date, DAYS), birth_date)
    finally:
        house.close()


def share_of(sent: list[scu.Sent]) -> tuple[StudyScope, str]:
    """A share by patient when everything is of one patient with a birth date, else by studies; and its birth date."""
    dates = [each.patient_birth_date for each in sent if is_birth_date(each.patient_birth_date)]
    birth_date = dates[0] if dates else DEFAULT_BIRTH_DATE
    persons = {(each.patient_id, each.issuer_of_patient_id, each.patient_birth_date) for each in sent}
    if len(persons) == 1 and dates and sent[0].patient_id:
        return PatientIdentity(sent[0].patient_id, sent[0].issuer_of_patient_id, birth_date), birth_date
    return ListedStudies(frozenset(each.study_instance_uid for each in sent)), birth_date


def _hand_out(house: House, issued: Issued, birth_date: str) -> Handed:
    file = house.config.base / "sheet.pdf"
    file.write_bytes(sheet(house, issued))
    password = secrets.token_urlsafe(12)
    house.staff.add(DESK_NAME, "admin", None, password)
    return Handed(share_url(house, issued), issued.code, birth_date, file, password)


def _tell(handed: Handed, config: Config, say: Say) -> None:
    date = handed.birth_date
    say("")
    say(terminal_qr(handed.link))
    say(f"Portal:      {config.public_root}/")
    say(f"Link:        {handed.link}")
    say(f"Access code: {handed.code}")
    say(f"Birth date:  {date[6:]}.{date[4:6]}.{date[:4]}")
    say(f"Sheet:       {handed.sheet}")
    say("")
    say(f"Desk:        {config.public_root}/desk")
    say(f"Name:        {DESK_NAME}")
    say(f"Password:    {handed.password} (the first sign-in sets up one-time codes)")
    say("")
    say("Open the link, or the portal with the access code, and enter the birth date. Ctrl-C ends the demo.")


def terminal_qr(text: str) -> str:
    """A QR code of `text` in half blocks, dark on light, readable from dark and light terminals alike."""
    code = QRCode(error_correction=ERROR_CORRECT_L, border=2)
    code.add_data(text)
    code.make(fit=True)
    rows = code.get_matrix()
    rows += [[False] * len(rows[0])] * (len(rows) % 2)
    halves = {(False, False): "█", (False, True): "▀", (True, False): "▄", (True, True): " "}
    lines = [
        "".join(halves[top, low] for top, low in zip(*pair, strict=True))
        for pair in zip(rows[::2], rows[1::2], strict=True)
    ]
    return "\n".join(f"\x1b[97;40m{line}\x1b[0m" for line in lines)
