"""The application entities that we know: those of the configuration, and those that were added while we run."""

import json
import logging
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import sqlite_utils
from sqlite_utils.migrations import Migrations

from dimse.negotiation import is_ae_title
from dimse.settings import ALLOWANCES, Peer
from storage.database import Database
from storage.identifiers import is_uid

_log = logging.getLogger("durchblick.dimse")

MIGRATIONS: Final = Migrations("dimse.application_entities")

_INSERT: Final = """
INSERT INTO application_entity (ae_title, host, port, tls, allow, transfer_syntaxes, sop_classes, associations)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""


# allow, transfer_syntaxes, sop_classes: JSON arrays of strings. tls: 0 or 1.
@MIGRATIONS(name="001_application_entity")
def _application_entity(database: sqlite_utils.Database) -> None:
    database.execute(
        """CREATE TABLE application_entity (
            ae_title TEXT PRIMARY KEY,
            host TEXT NOT NULL,
            port INTEGER NOT NULL,
            tls INTEGER NOT NULL,
            allow TEXT NOT NULL,
            transfer_syntaxes TEXT NOT NULL,
            sop_classes TEXT NOT NULL,
            associations INTEGER NOT NULL
        ) STRICT"""
    )


@dataclass(frozen=True, slots=True)
class KnownPeer:
    """A peer, and whether it stands in the configuration file, where only the operator's editor changes it."""

    peer: Peer
    is_configured: bool


class ApplicationEntities:
    """Every question reads the database, so what another process adds or removes counts at once. Blocking; safe from
    any thread and several processes."""

    def __init__(self, database: Database, configured: Iterable[Peer] = ()) -> None:
        """`configured` win over what the database holds under the same AE title."""
        database.migrate(MIGRATIONS)
        self._database = database
        self._configured = {peer.ae_title.strip(): peer for peer in configured}

    def find(self, ae_title: str) -> Peer | None:
        """The peer of this AE title; spaces around it mean nothing (PS3.5 6.2)."""
        wanted = ae_title.strip()
        if wanted in self._configured:
            return self._configured[wanted]
        rows = self._database.read("SELECT * FROM application_entity WHERE ae_title = ?", (wanted,))
        return _peer(rows[0]) if rows else None

    def peers(self) -> list[KnownPeer]:
        """All, by AE title."""
        rows = self._database.read("SELECT * FROM application_entity")
        known = {str(row["ae_title"]): KnownPeer(_peer(row), False) for row in rows}
        known |= {title: KnownPeer(peer, True) for title, peer in self._configured.items()}
        return [known[title] for title in sorted(known)]

    def add(self, peer: Peer) -> None:
        """Keep `peer`; raises ValueError with a sentence when it cannot be used or its AE title is taken."""
        _check(peer)
        title = peer.ae_title.strip()
        if title in self._configured:
            raise ValueError(f"{title} stands in the configuration file; change it there.")
        lists = (json.dumps(values) for values in (peer.allow, peer.transfer_syntaxes, peer.sop_classes))
        row = (title, peer.host.strip(), peer.port, int(peer.tls), *lists, peer.associations)
        try:
            self._database.write(lambda connection: connection.execute(_INSERT, row))
        except sqlite3.IntegrityError as error:
            raise ValueError(f"{title} is known already; remove it first to change it.") from error
        _log.info("ae_added ae_title=%r host=%s port=%d", title, peer.host, peer.port)

    def remove(self, ae_title: str) -> None:
        """Forget a peer that was added; raises ValueError with a sentence when that cannot be done."""
        title = ae_title.strip()
        if title in self._configured:
            raise ValueError(f"{title} stands in the configuration file; remove it there.")
        sql = "DELETE FROM application_entity WHERE ae_title = ?"
        if not self._database.write(lambda connection: connection.execute(sql, (title,)).rowcount):
            raise ValueError(f"No application entity has the AE title {title}.")
        _log.info("ae_removed ae_title=%r", title)


def _check(peer: Peer) -> None:
    wrong_uid = next((uid for uid in (*peer.transfer_syntaxes, *peer.sop_classes) if not is_uid(uid)), None)
    objections = (
        (not is_ae_title(peer.ae_title.strip()), "An AE title has 1 to 16 characters of ASCII, without backslash."),
        (not peer.host.strip(), "The host is missing: a name or an address."),
        (not 0 < peer.port < 65536, "A port is a number from 1 to 65535."),
        (not set(peer.allow) <= set(ALLOWANCES), f"What a peer may do: {', '.join(ALLOWANCES)}."),
        (wrong_uid is not None, f"{wrong_uid} is no UID."),
        (peer.associations < 0, "The number of associations is 0 (the general limit) or more."),
    )
    for is_wrong, sentence in objections:
        if is_wrong:
            raise ValueError(sentence)


def _peer(row: sqlite3.Row) -> Peer:
    return Peer(
        ae_title=row["ae_title"],
        host=row["host"],
        port=row["port"],
        tls=bool(row["tls"]),
        allow=tuple(json.loads(row["allow"])),
        transfer_syntaxes=tuple(json.loads(row["transfer_syntaxes"])),
        sop_classes=tuple(json.loads(row["sop_classes"])),
        associations=row["associations"],
    )
