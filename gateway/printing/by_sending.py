"""From an order to a share and a sheet, once for each visit."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from auth.birth_date import is_birth_date
from auth.clock import Clock, seconds
from auth.records import Issued, Share
from auth.shares import Shares
from gateway.printing.orders import Order, Orders
from gateway.printing.printer import NotPrinted
from storage.audit import Audit
from storage.bookmarks import Lease
from storage.database import Database
from storage.errors import NoSuchInstance
from storage.scope import PatientIdentity

_LOG: Final = logging.getLogger("durchblick.gateway")

PRINT_SECONDS: Final = 3.0
_LEASE_SECONDS: Final = 600


class Printer(Protocol):
    """Where sheets go."""

    def print(self, name: str, sheet: bytes) -> None:
        """Print the sheet; `name` is fit for a file. Raises `NotPrinted`."""


@dataclass(frozen=True, slots=True)
class PrintTitle:
    """An AE title of ours that stands for a sheet: for how many days, where, and after how many quiet seconds."""

    ae_title: str
    days: int
    quiet_seconds: int
    printer: Printer


@dataclass(frozen=True, slots=True)
class _Visit:
    """Who came, and a digest of that with the accession number (or the study, where there is none)."""

    patient: PatientIdentity
    digest: str


class PrintBySending:
    """The worker's job. Blocking; one process at a time."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        shares: Shares,
        orders: Orders,
        titles: Sequence[PrintTitle],
        sheet: Callable[[Issued], bytes],
        clock: Clock,
        *,
        by_site: bool = False,
    ) -> None:
        """`sheet` makes the PDF of a share that was just issued. `by_site`: there are several sites, and a patient of
        one of them is nobody's in another.
        """
        self._by_site = by_site
        self._database = database
        self._audit = audit
        self._shares = shares
        self._orders = orders
        self._titles = titles
        self._sheet = sheet
        self._clock = clock
        self._lease = Lease(database, "print by sending", _LEASE_SECONDS)

    def work_off(self) -> int:
        """Print what is due; how many sheets that were."""
        if not self._lease.take(seconds(self._clock())):
            return 0
        return sum(
            self._print(title, order)
            for title in self._titles
            for order in self._orders.due(title.ae_title, title.quiet_seconds)
        )

    def _print(self, title: PrintTitle, order: Order) -> bool:
        visit = self._visit(order)
        if visit is None:
            self._refuse(order)
            return False
        for share_id in (*self._orders.shares_of(title.ae_title, visit.digest), order.share_id):
            if share_id and self._is_live(share_id):
                self._orders.finish(order, "printed", visit.digest, share_id)
                return False
        issued = self._issue(title, visit.patient)
        try:
            title.printer.print(f"{issued.share.id}-{issued.share.issue}", self._sheet(issued))
        except NotPrinted as problem:
            _LOG.error("sheet_not_printed share=%s ae_title=%s why=%s", issued.share.id, title.ae_title, problem)
            self._audit.record("sheet not printed", issued.share.id, f"called={title.ae_title}")
            self._orders.finish(order, "failed")
            return False
        self._orders.finish(order, "printed", visit.digest, issued.share.id)
        return True

    def _issue(self, title: PrintTitle, patient: PatientIdentity) -> Issued:
        """A share of the patient with a fresh code: the one that lives is prolonged, else there is a new one.

        Codes are kept nowhere, so a sheet needs a new one, and the old sheet ends: the one just printed counts.
        """
        for share in self._shares.of_patient(patient.patient_id):
            if self._is_of(share, patient) and share.state == "live" and not share.parent:
                self._shares.extend(share.id, title.days)
                return self._shares.reissue(share.id)
        site = patient.site or ""
        return self._shares.create(patient, patient.patient_birth_date, title.days, title.ae_title, site=site)

    @staticmethod
    def _is_of(share: Share, patient: PatientIdentity) -> bool:
        rule = share.rule
        if not isinstance(rule, PatientIdentity) or rule.site != patient.site:
            return False
        return rule.is_of(
            patient.patient_id, patient.issuer_of_patient_id, patient.patient_birth_date, patient.patient_name
        )

    def _refuse(self, order: Order) -> None:
        _LOG.warning("print_refused called=%s why=no Patient ID or birth date", order.called)
        self._audit.record("print refused", order.study_instance_uid, f"called={order.called}")
        self._orders.finish(order, "failed")

    def _visit(self, order: Order) -> _Visit | None:
        """None for a study that is gone, or whose patient nobody could sign in as."""
        sql = """SELECT patient_id, issuer_of_patient_id, patient_birth_date, patient_name, accession_number,
            COALESCE(site_origin.site, '') AS site FROM study LEFT JOIN site_origin ON site_origin.origin = study.origin
            WHERE study_instance_uid = ?"""
        rows = self._database.read(sql, (order.study_instance_uid,))
        if not rows or not rows[0]["patient_id"].strip() or not is_birth_date(rows[0]["patient_birth_date"]):
            return None
        row = rows[0]
        names = (row["patient_id"], row["issuer_of_patient_id"], row["patient_birth_date"])
        site = row["site"] if self._by_site else None
        patient = PatientIdentity(*names, site, patient_name=row["patient_name"])
        which = row["accession_number"].strip() or order.study_instance_uid
        named = "\0".join((*names, row["site"], which))
        return _Visit(patient, hashlib.sha256(named.encode()).hexdigest())

    def _is_live(self, share_id: str) -> bool:
        try:
            return self._shares.get(share_id).state == "live"
        except NoSuchInstance:
            return False
