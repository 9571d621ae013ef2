"""What must hold when a killed gateway has been started again. Each check yields what does not."""

import sqlite3
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from gateway.house import House
from storage.commitment.references import NO_SUCH_OBJECT_INSTANCE
from storage.sweep import SweepReport
from tests.scenarios.crash_clients import Clients
from tests.scenarios.crash_ledger import Image, Ledger, Move

_KEPT = "SELECT sop_instance_uid, blob_key, data_set_offset FROM instance"


def incoming(folder: Path) -> Iterator[str]:
    """Nothing is left of what was on its way."""
    left = [path for path in (folder / "incoming").rglob("*") if path.is_file()]
    if left:
        yield f"{len(left)} files are left in the incoming folder"


def swept(report: SweepReport) -> Iterator[str]:
    """Files and index have each other."""
    if report.missing_blobs:
        yield f"{len(report.missing_blobs)} index entries have no file"
    if report.removed_blobs:
        yield f"{report.removed_blobs} files had no index entry"


def database(folder: Path) -> Iterator[str]:
    """The database is sound."""
    connection = sqlite3.connect(folder / "durchblick.sqlite")
    try:
        if (said := connection.execute("PRAGMA integrity_check").fetchall()) != [("ok",)]:
            yield f"PRAGMA integrity_check says {said[:3]}"
    finally:
        connection.close()


def kept(house: House, ledger: Ledger, images: Iterable[Image]) -> Iterator[str]:
    """Every acknowledged instance is indexed and nothing unheard of; of `images` each byte is there."""
    rows = {row["sop_instance_uid"]: row for row in house.storage.database.read(_KEPT)}
    lost = ledger.stored.keys() - rows.keys()
    if lost:
        yield f"{len(lost)} acknowledged instances are not in the index, such as {min(lost)}"
    invented = rows.keys() - ledger.stored.keys() - ledger.unanswered.keys()
    if invented:
        yield f"{len(invented)} instances are in the index that nobody sent"
    blobs = {f"{folder.parent.name}/{folder.name}/{path.name}" for folder, path in _blobs(house)}
    if blobs != {row["blob_key"] for row in rows.values()}:
        yield f"{len(blobs)} files are kept for {len(rows)} index entries"
    for image in images:
        row = rows.get(image.instance)
        if row is not None and not _is_whole(house.storage.files.path(row["blob_key"]), row["data_set_offset"], image):
            yield f"{image.instance} is not kept as it came"
    counted = house.storage.database.read("SELECT sum(visible_instances) AS n FROM series")[0]["n"] or 0
    if counted != len(rows):
        yield f"series count {counted} instances and {len(rows)} are indexed"


def _blobs(house: House) -> Iterator[tuple[Path, Path]]:
    for path in (house.config.folder / "blobs").glob("*/*/*"):
        yield path.parent, path


def _is_whole(path: Path, offset: int, image: Image) -> bool:
    return path.is_file() and sha256(path.read_bytes()[offset:]).hexdigest() == image.digest


def found(clients: Clients, ledger: Ledger, series: Iterable[str]) -> Iterator[str]:
    """C-FIND finds every acknowledged instance of these series."""
    for uid, images in ledger.series(series).items():
        missing = {image.instance for image in images} - clients.found(images[0])
        if missing:
            yield f"C-FIND does not find {len(missing)} instances of series {uid}"


def moved(ledger: Ledger, name: str, move: Move) -> Iterator[str]:
    """What a C-MOVE claimed has happened, byte by byte; one that came to its end has moved everything."""
    wanted = {image.instance: image.digest for image in move.images}
    arrived = ledger.arrived[name]
    if not arrived.items() <= wanted.items():
        yield f"{name} brought something else than was asked for"
    if move.claimed is None:
        return
    if move.claimed.completed > len(arrived):
        yield f"{name} claims {move.claimed.completed} instances and {len(arrived)} arrived"
    if move.claimed.failed or move.claimed.warning:
        yield f"{name} claims {move.claimed.failed} failures and {move.claimed.warning} warnings"
    if not move.is_cut and (move.claimed.status, len(arrived)) != (0, len(wanted)):
        yield f"{name} ended with {move.claimed.status:04X}H and {len(arrived)} of {len(wanted)} instances"


def reported(ledger: Ledger, transactions: Iterable[str]) -> Iterator[str]:
    """Every accepted request for commitment was answered with what is true, and not more than once again."""
    for uid in transactions:
        transaction = ledger.accepted[uid]
        expected = {image.instance: 0 for image in transaction.images}
        expected |= dict.fromkeys(transaction.unknown, NO_SUCH_OBJECT_INSTANCE)
        reports = ledger.reports[uid]
        if not 1 <= len(reports) <= 2:
            yield f"transaction {uid} was reported {len(reports)} times"
        for verdicts in reports:
            if {verdict.reference.sop_instance_uid: verdict.reason for verdict in verdicts} != expected:
                yield f"transaction {uid} was reported with another result"


def log(path: Path) -> Iterator[str]:
    """Nothing went wrong that was not asked for, and no patient is named."""
    for line in path.read_text().splitlines():
        if " ERROR " in line or "Muster" in line:
            yield f"logged: {line}"
