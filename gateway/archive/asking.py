"""A share whose studies are not here any more: they are asked for again, or it is said plainly that nobody can be."""

import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from auth.clock import Clock, seconds
from auth.records import Share
from auth.shares import Shares
from gateway.archive.archive import Archive, ArchiveAway
from storage.audit import note
from storage.database import Database
from storage.errors import NoSuchInstance
from storage.index import Index
from storage.scope import ListedStudies, PatientIdentity, StudyScope, WholeArchive, Within

_LOG: Final = logging.getLogger("durchblick.gateway")

MOST_TRIES: Final = 12
_FIRST_PAUSE: Final = 60
_LONGEST_PAUSE: Final = 3600
_ASK: Final = """
    INSERT INTO archive_request (share_id, asked, due, tries, told) VALUES (?, ?, ?, 0, '')
    ON CONFLICT (share_id) DO UPDATE SET asked = excluded.asked, due = excluded.due, tries = 0, told = ''"""
_DUE: Final = "SELECT share_id, tries FROM archive_request WHERE due <= ? AND tries < ? ORDER BY due"
_PUT_OFF: Final = "UPDATE archive_request SET tries = tries + 1, due = ?, told = ? WHERE share_id = ?"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is here of a share's studies, and what becomes of the rest."""

    missing: int | None
    """Studies of its list that are not here; None for a share by patient, of which nobody here knows the number."""
    here: int
    archive: str
    """The AE title of the archive that is asked for them; empty when there is none."""

    @property
    def sentence(self) -> str:
        """For the person at the desk or the command line; empty when nothing is missing."""
        if self.missing == 0 or (self.missing is None and self.here and not self.archive):
            return ""
        what = "No study" if not self.here else f"{self.missing} of its studies" if self.missing else "Perhaps not all"
        verb = "is here any more" if not self.here else "are not here any more" if self.missing else "is here"
        if self.archive:
            return f"{what} {verb}; {self.archive} is asked, and what it has appears by itself."
        return f"{what} {verb}, and no archive is configured that could be asked ([archive] ae_title): send it again."


class Asking:
    """Blocking; safe from any thread and several processes."""

    def __init__(
        self, database: Database, index: Index, shares: Shares, archives: Mapping[str, Archive], clock: Clock
    ) -> None:
        """`archives` by the key of their site: each is asked for the shares of its own."""
        self._database = database
        self._index = index
        self._shares = shares
        self._archives = archives
        self._clock = clock

    def look(self, share: Share) -> Answer:
        """What is here of a share's studies, and who could be asked for the rest."""
        here = len(self._index.studies(share.rule, 1))
        missing = len(self._missing(share.rule)) if isinstance(share.rule, ListedStudies) else None
        archive = self._archives.get(share.site)
        return Answer(missing, here, archive.ae_title if archive else "")

    def ask_for(self, share: Share) -> Answer:
        """Ask the archive for what a share was made for and is not here; it is done in the background."""
        answer = self.look(share)
        if answer.archive and answer.missing != 0:
            now = seconds(self._clock())
            self._database.write(lambda connection: connection.execute(_ASK, (share.id, now, now)))
        return answer

    def work_off(self, is_stopping: Callable[[], bool] = lambda: False) -> int:
        """Ask for what is due; how many studies came. What does not work is tried again later, each time less often."""
        came = 0
        now = seconds(self._clock())
        for row in self._database.read(_DUE, (now, MOST_TRIES)):
            if is_stopping():
                break
            share = self._shares.get(row["share_id"])
            if archive := self._archives.get(share.site):
                came += self._fetch(archive, share, row["tries"])
        return came

    def _fetch(self, archive: Archive, share: Share, tries: int) -> int:
        share_id, came = share.id, 0
        try:
            for study in self._wanted(archive, share.rule):
                self._note(study, share_id)
                archive.fetch(study)
                came += 1
        except ArchiveAway as away:
            told = str(away)
            _LOG.warning("archive_asked_in_vain share=%s tries=%d why=%s", share_id, tries + 1, told)
            due = seconds(self._clock()) + min(_FIRST_PAUSE << tries, _LONGEST_PAUSE)
            self._database.write(lambda connection: connection.execute(_PUT_OFF, (due, told, share_id)))
        else:
            sql = "DELETE FROM archive_request WHERE share_id = ?"
            self._database.write(lambda connection: connection.execute(sql, (share_id,)))
        return came

    def _note(self, study: str, share_id: str) -> None:
        def work(connection: sqlite3.Connection) -> None:
            note(connection, "study asked for", study, f"share={share_id}")

        self._database.write(work)

    def _wanted(self, archive: Archive, rule: StudyScope) -> Sequence[str]:
        match rule:
            case PatientIdentity():
                return [one.uid for one in archive.studies_of(rule) if not self._is_here(one.uid)]
            case Within(inner, _):
                return self._wanted(archive, inner)
            case _:
                return self._missing(rule)

    def _missing(self, rule: StudyScope) -> list[str]:
        studies = rule.study_instance_uids if isinstance(rule, ListedStudies) else frozenset()
        return sorted(study for study in studies if not self._is_here(study))

    def _is_here(self, study: str) -> bool:
        try:
            self._index.instances(WholeArchive(), study)
        except NoSuchInstance:
            return False
        return True
