"""The worker's part: what has arrived becomes events, and events go to the syslog server, each at least once."""

import logging
import socket
import sqlite3
from collections.abc import Callable
from typing import Final

from gateway.audit.dicom_messages import Source, message, syslog_frame
from gateway.audit.syslog import NotTaken, SyslogServer, send
from gateway.config import Config
from storage.audit import note
from storage.audit_trail import AuditTrail, Event
from storage.bookmarks import Bookmarks, keep
from storage.database import Database

_LOG: Final = logging.getLogger("durchblick.gateway")

EXPORT_SECONDS: Final = 5.0
ARRIVALS_SECONDS: Final = 60.0
_AT_ONCE: Final = 500
_SENT: Final = "audit sent"
_ARRIVED: Final = "audit arrived"
_NEW: Final = """
    SELECT study.study_instance_uid, instance.source, count(*) AS instances, sum(instance.size) AS bytes
    FROM instance JOIN series ON series.id = instance.series_id JOIN study ON study.id = series.study_id
    WHERE instance.id > ? AND instance.id <= ? GROUP BY study.study_instance_uid, instance.source"""


def source_of(config: Config) -> Source:
    """Who we are in audit messages."""
    return Source(config.site.name, config.dimse.ae_title, socket.gethostname() or "-")


def server_of(config: Config) -> SyslogServer | None:
    """The server of [audit], if there is one; its files lie beside the configuration."""
    section = config.audit
    if not section.syslog_host:
        return None
    files = (config.base / name if name else None for name in (section.trusted, section.certificate, section.key))
    return SyslogServer(section.syslog_host, section.syslog_port, *files)


class Patients:
    """Knows the Patient ID of a study, where the site wants it told."""

    def __init__(self, database: Database, is_told: bool) -> None:
        self._database = database
        self._is_told = is_told

    def of(self, event: Event) -> str:
        """The Patient ID, or "" where it is not to be told or the study is gone."""
        if not self._is_told:
            return ""
        rows = self._database.read("SELECT patient_id FROM study WHERE study_instance_uid = ?", (event.subject,))
        return str(rows[0]["patient_id"]) if rows else ""


class Export:
    """Sends what the syslog server has not had. The table itself is the spool: nothing is lost while it is away."""

    def __init__(
        self,
        database: Database,
        server: SyslogServer,
        source: Source,
        patients: Patients,
        deliver: Callable[[SyslogServer, list[bytes]], None] = send,
    ) -> None:
        self._trail = AuditTrail(database)
        self._bookmarks = Bookmarks(database)
        self._server = server
        self._source = source
        self._patients = patients
        self._deliver = deliver
        self._is_away = False

    def send(self) -> int:
        """Send what is due and return how many events that were; what is not taken is sent again the next time."""
        sent = 0
        while events := list(self._trail.events(self._bookmarks.get(_SENT) or 0, _AT_ONCE)):
            try:
                self._deliver(self._server, [self._frame(event) for event in events])
            except NotTaken as error:
                self._say_away(str(error))
                break
            self._is_away = False
            self._bookmarks.keep(_SENT, events[-1].number)
            sent += len(events)
        return sent

    def _say_away(self, why: str) -> None:
        if not self._is_away:
            _LOG.error("audit_server_away why=%s", why)
        self._is_away = True

    def _frame(self, event: Event) -> bytes:
        return syslog_frame(event, self._source, message(event, self._source, self._patients.of(event)))


def note_arrivals(database: Database) -> int:
    """Note what was stored since the last call: one event for each study and sender, however many images they were.

    Returns how many events that were. C-STORE itself writes nothing for it. What was there before the first call is
    not told.
    """
    bookmarks = Bookmarks(database)
    (newest,) = database.read("SELECT coalesce(max(id), 0) FROM instance")[0]
    before = bookmarks.get(_ARRIVED)
    if before is None or before > newest:
        bookmarks.keep(_ARRIVED, newest)
        return 0
    rows = database.read(_NEW, (before, newest)) if newest > before else []

    def work(connection: sqlite3.Connection) -> None:
        for row in rows:
            detail = f"instances={row['instances']} bytes={row['bytes']}"
            actor = f"peer {row['source']}" if "@" in row["source"] else row["source"]
            note(connection, "instances stored", row["study_instance_uid"], detail, actor=actor)
        keep(connection, _ARRIVED, newest)

    if rows:
        database.write(work)
    return len(rows)
