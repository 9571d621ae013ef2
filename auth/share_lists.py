"""Lists of shares for the desk, however many there are: page by page behind the last one seen, found by what is known.

A page begins behind a place and not after a number of rows, so that no share is missed or seen twice when others come.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

from auth.clock import Clock, seconds
from auth.records import Share, seen
from storage.catalogue.comparable import folded
from storage.database import Database

Listed = Literal["live", "ending", "expired", "frozen", "revoked"]
LISTED: Final[tuple[Listed, ...]] = get_args(Listed)
SOON: Final = 14 * 24 * 3600
"""Seconds before its end from which on a live share is ending."""

_PLACE: Final = re.compile(r"(\d{1,12})-([0-9a-f]{1,32})")
_NUMBER: Final = re.compile(r"[0-9a-f]{4,32}")
_WORD: Final = re.compile(r"[^\s,^=]+")

# As `records.state_of_row` judges; a test holds the two together.
_STATE: Final = """
CASE WHEN revoked OR COALESCE(parent_revoked, 0) THEN 'revoked'
    WHEN lapsed OR :now > expires OR COALESCE(parent_lapsed OR :now > parent_expires, 0) THEN 'expired'
    WHEN frozen OR COALESCE(parent_frozen, 0) THEN 'frozen'
    WHEN expires - :now < :soon THEN 'ending'
    ELSE 'live' END
"""
_OF_SITE: Final = "(:site IS NULL OR site = :site)"
_FOUND: Final = """
(id GLOB :number OR patient_id IN (SELECT value FROM json_each(:patients))
    OR id IN (SELECT share_id FROM share_study WHERE study IN (SELECT value FROM json_each(:studies))))
"""


@dataclass(frozen=True, slots=True)
class Sought:
    """What is known of a share: its number or how it begins, or words of its patient's name, or whose studies it shows.

    `patients` are Patient IDs and `studies` Study Instance UIDs that were found otherwise; one of all these is enough.
    """

    text: str = field(repr=False)
    patients: frozenset[str] = field(default=frozenset(), repr=False)
    studies: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Listing:
    """Which shares: of a site (None: of all), in a state, that end between two moments (seconds), that are sought."""

    site: str | None
    state: Listed | None = None
    ends_from: int | None = None
    ends_until: int | None = None
    sought: Sought | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Shares in their order, and the place behind which the next page begins; "" where there is none."""

    shares: Sequence[Share]
    behind: str


class ShareLists:
    """Blocking; safe from any thread and several processes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def page(self, listing: Listing, behind: str = "", limit: int = 50) -> Page:
        """At most `limit` shares, newest first, but those that are ending by their end.

        A `behind` that is no place begins with the first one.
        """
        ending = listing.state == "ending"
        column, order, comparison = ("expires", "ASC", ">") if ending else ("created", "DESC", "<")
        place = _PLACE.fullmatch(behind)
        parameters = self._parameters(listing) | {"limit": limit + 1}
        condition = _condition(listing)
        if place:
            parameters |= {"value": int(place[1]), "last": place[2]}
            condition += f" AND ({column}, id) {comparison} (:value, :last)"
        sql = f"SELECT * FROM share_seen WHERE {condition} ORDER BY {column} {order}, id {order} LIMIT :limit"
        rows = self._database.read(sql, parameters)
        shown = rows[:limit]
        following = f"{shown[-1][column]}-{shown[-1]['id']}" if len(rows) > limit else ""
        return Page(seen(self._database, shown, seconds(self._clock())), following)

    def counts(self, listing: Listing) -> dict[Listed, int]:
        """How many there are in each state, whatever state `listing` names."""
        wanted = Listing(listing.site, None, listing.ends_from, listing.ends_until, listing.sought)
        sql = f"SELECT {_STATE} AS state, count(*) AS number FROM share_seen WHERE {_condition(wanted)} GROUP BY 1"
        found = {row["state"]: row["number"] for row in self._database.read(sql, self._parameters(wanted))}
        return {state: found.get(state, 0) for state in LISTED}

    def about(self, site: str | None, patient_id: str, studies: Sequence[str]) -> Sequence[Share]:
        """Every share of a site that may be about a patient: by Patient ID, or because it lists one of `studies`."""
        ids = frozenset({patient_id} if patient_id else ())
        listing = Listing(site, sought=Sought("", ids, frozenset(studies)))
        return self._all(_condition(listing), self._parameters(listing))

    def doubted(self, site: str | None) -> Sequence[Share]:
        """Every live share by patient whose PatientID is also that of a study with another issuer, birth date or name,
        or at least with another way to write it; and the other live ones by that PatientID. Reads no further shares.
        """
        doubted = "patient_id IN (SELECT patient_id FROM share WHERE doubted = 1)"
        condition = f"{_OF_SITE} AND {doubted} AND {_STATE} IN ('live', 'ending')"
        return self._all(condition, self._parameters(Listing(site)))

    def _all(self, condition: str, parameters: Mapping[str, Any]) -> Sequence[Share]:
        sql = f"SELECT * FROM share_seen WHERE {condition} ORDER BY created DESC, id DESC"
        return seen(self._database, self._database.read(sql, parameters), seconds(self._clock()))

    def _parameters(self, listing: Listing) -> dict[str, Any]:
        sought = listing.sought or Sought("")
        number = sought.text.strip().lower()
        words = {f"word{place}": f"%{_literal(word)}%" for place, word in enumerate(_words(sought))}
        return words | {
            "now": seconds(self._clock()),
            "soon": SOON,
            "site": listing.site,
            "state": listing.state,
            "ends_from": listing.ends_from,
            "ends_until": listing.ends_until,
            "number": f"{number}*" if _NUMBER.fullmatch(number) else "",
            "patients": json.dumps(sorted(sought.patients)),
            "studies": json.dumps(sorted(sought.studies)),
        }


def _condition(listing: Listing) -> str:
    parts = [_OF_SITE]
    if listing.state is not None:
        parts.append(f"{_STATE} = :state")
    if listing.ends_from is not None:
        parts.append("expires >= :ends_from")
    if listing.ends_until is not None:
        parts.append("expires <= :ends_until")
    if listing.sought is not None:
        name = " AND ".join(f"name LIKE :word{place} ESCAPE '!'" for place in range(len(_words(listing.sought))))
        parts.append(f"({_FOUND} OR ({name}))" if name else _FOUND)
    return " AND ".join(parts)


def _words(sought: Sought) -> list[str]:
    return _WORD.findall(folded(sought.text))[:8]


def _literal(word: str) -> str:
    return re.sub(r"[%_!]", r"!\g<0>", word)
