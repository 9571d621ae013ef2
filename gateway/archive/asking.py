"""A share whose studies are not here any more: they are asked for again, or it is said plainly that nobody can be.

Whoever extends a share or issues it anew (desk, API, command line, print by sending) asks thereby: `Shares` calls
`ask_again` in the same transaction, so that nobody can forget it and no crash can come between.

What is asked for is what the share had. A share that lists studies names them, also those that have never come. One by
patient, with all that is to come, had what was here since it was made: the archive says which studies the patient has,
and of these come those of which a tombstone tells that they were here and shown. It does not fetch what never was: "to
come" is what modalities and archives send here, and decades of earlier examinations nobody has chosen to show are not
that. Staff choose them on the page of earlier examinations.
"""

import logging
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from auth.clock import Clock, seconds
from auth.records import Share
from auth.shares import Shares
from dimse.scu.trouble import Trouble, TroubleKind
from gateway.archive.archive import Archive, ArchiveAway
from storage.audit import note
from storage.database import Database
from storage.errors import NoSuchInstance
from storage.index import Index
from storage.scope import ListedStudies, PatientIdentity, StudyScope, WholeArchive, Within, predicate

_LOG: Final = logging.getLogger("durchblick.gateway")

MOST_TRIES: Final = 12
_FIRST_PAUSE: Final = 60
_LONGEST_PAUSE: Final = 3600
_ASK: Final = """
    INSERT INTO archive_request (share_id, asked, due, tries, told) VALUES (?, ?, ?, 0, '')
    ON CONFLICT (share_id) DO UPDATE SET asked = excluded.asked, due = excluded.due, tries = 0, told = ''"""
_ONCE_MORE: Final = "UPDATE archive_request SET asked = ?, due = ?, tries = 0, told = '' WHERE share_id = ?"
_DONE: Final = "DELETE FROM archive_request WHERE share_id = ?"
_DUE: Final = "SELECT share_id, tries FROM archive_request WHERE due <= ? AND tries < ? ORDER BY due"
_PUT_OFF: Final = "UPDATE archive_request SET tries = tries + 1, due = ?, told = ? WHERE share_id = ?"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is here of a share's studies, and what becomes of the rest."""

    here: int
    missing: int | None
    """Studies of its list that are not here; None for a share by patient, of which nobody here knows the number."""
    archive: str
    """The AE title of the archive that could be asked for them; empty when there is none."""
    asked: bool
    """Whether it is being asked at present."""
    trouble: str
    """Why the last attempt brought nothing, for people; empty when there was none, or it went well."""

    @property
    def sentence(self) -> str:
        """For the person at the command line or a RIS; empty when nothing is known to be missing."""
        if self.missing == 0 or (self.missing is None and self.here and not self.asked):
            return ""
        what = "None of its studies is here"
        if self.here:
            what = f"{self.missing or 'Perhaps some'} of its studies are not here"
        vain = f" So far in vain: {self.trouble}." if self.trouble else ""
        if self.asked:
            return f"{what}; {self.archive} is asked, and what it has appears by itself.{vain}"
        if self.archive:
            return f"{what}; {self.archive} is asked when the share is extended or gets a new code.{vain}"
        return f"{what}, and no archive is configured that could be asked ([archive] ae_title): send them again."


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
        here = self._index.counts(share.rule).studies
        missing = len(self._missing(share.rule)) if isinstance(share.rule, ListedStudies) else None
        archive = self._archives.get(share.site)
        rows = self._database.read("SELECT tries, told FROM archive_request WHERE share_id = ?", (share.id,))
        is_asked = archive is not None and missing != 0 and any(row["tries"] < MOST_TRIES for row in rows)
        trouble = rows[0]["told"] if rows and missing != 0 else ""
        return Answer(here, missing, archive.ae_title if archive else "", is_asked, trouble)

    def work_off(self, is_stopping: Callable[[], bool] = lambda: False) -> int:
        """Ask for what is due; how many studies came. What does not work is tried again later, each time less often."""
        came = 0
        now = seconds(self._clock())
        for row in self._database.read(_DUE, (now, MOST_TRIES)):
            if is_stopping():
                break
            share = self._shares.get(row["share_id"])
            if share.state in ("revoked", "expired"):
                self._settle(share.id)
            elif archive := self._archives.get(share.site):
                came += self._fetch(archive, share, row["tries"])
        return came

    def _fetch(self, archive: Archive, share: Share, tries: int) -> int:
        share_id, came = share.id, 0
        try:
            for study in self._wanted(archive, share.rule, share.created):
                self._note(study, share_id)
                came += bool(archive.fetch(study))
            if left := len(self._missing(share.rule)):
                raise ArchiveAway(Trouble(TroubleKind.INCOMPLETE, f"it has sent nothing of {left} studies"))
        except ArchiveAway as away:
            told = str(away)
            _LOG.warning("archive_asked_in_vain share=%s tries=%d why=%s", share_id, tries + 1, told)
            due = seconds(self._clock()) + min(_FIRST_PAUSE << tries, _LONGEST_PAUSE)
            self._database.write(lambda connection: connection.execute(_PUT_OFF, (due, told, share_id)))
        else:
            self._settle(share_id)
        return came

    def _settle(self, share_id: str) -> None:
        self._database.write(lambda connection: connection.execute(_DONE, (share_id,)))

    def _note(self, study: str, share_id: str) -> None:
        def work(connection: sqlite3.Connection) -> None:
            note(connection, "study asked for", study, f"share={share_id}")

        self._database.write(work)

    def _wanted(self, archive: Archive, rule: StudyScope, since: datetime) -> Sequence[str]:
        match rule:
            case PatientIdentity():
                return [one.uid for one in archive.studies_of(rule) if self._was_shown(rule, one.uid, since)]
            case Within(inner, _):
                return self._wanted(archive, inner, since)
            case _:
                return self._missing(rule)

    def _was_shown(self, rule: StudyScope, study: str, since: datetime) -> bool:
        deleted = self._index.deleted(rule, study)
        return deleted is not None and deleted >= since and not self._is_here(study)

    def _missing(self, rule: StudyScope) -> list[str]:
        studies = rule.study_instance_uids if isinstance(rule, ListedStudies) else frozenset()
        return sorted(study for study in studies if not self._is_here(study))

    def _is_here(self, study: str) -> bool:
        try:
            self._index.instances(WholeArchive(), study)
        except NoSuchInstance:
            return False
        return True


def ask_again(sites: Collection[str], clock: Clock, connection: sqlite3.Connection, share: Share) -> None:
    """Have the archive asked for what is gone of a share that is extended or gets a new code (`auth.shares.Renewed`).

    `sites` are those that have an archive. While a share by patient lives nothing of it is deleted, so it is asked for
    only where the share had ended, nothing is here, or the archive was asked in vain before.
    """
    if share.site not in sites:
        return
    now = seconds(clock())
    if _may_miss(connection, share):
        connection.execute(_ASK, (share.id, now, now))
    else:
        connection.execute(_ONCE_MORE, (now, now, share.id))


def _may_miss(connection: sqlite3.Connection, share: Share) -> bool:
    condition, parameters = predicate(share.rule)
    (here,) = connection.execute(f"SELECT count(*) FROM study WHERE {condition}", parameters).fetchone()
    if isinstance(share.rule, ListedStudies):
        return bool(here < len(share.rule.study_instance_uids))
    return share.state == "expired" or not here
