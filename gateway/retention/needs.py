"""Which shares need a study, and until when it stays because of them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from auth.records import Share
from storage.scope import ListedStudies, PatientIdentity, StudyScope, Within


@dataclass(frozen=True, slots=True)
class KeptStudy:
    """What decides about a study: who it is, whose, and when something last arrived for it."""

    study_instance_uid: str
    patient: PatientIdentity
    arrived: datetime
    held: bool = False
    """A legal hold lies on it."""
    site: str = ""
    """The key of the site that it belongs to, "" for the first."""


PeriodOf = Callable[[KeptStudy], timedelta | None]
"""How long a study stays when nobody needs it any more; None: for ever."""


_Identity = tuple[str, str, str]


class Needs:
    """The shares by what they were made for, so that a study finds its own without going through all."""

    def __init__(self, shares: Iterable[Share]) -> None:
        self._by_study: dict[str, list[Share]] = {}
        self._by_patient: dict[_Identity, list[Share]] = {}
        for share in shares:
            self._enter(share, share.rule)

    def _enter(self, share: Share, rule: StudyScope) -> None:
        match rule:
            case ListedStudies(studies):
                for study in studies:
                    self._by_study.setdefault(study, []).append(share)
            case PatientIdentity(accepted=accepted):
                self._by_patient.setdefault(_identity(rule), []).append(share)
                for study in accepted:
                    self._by_study.setdefault(study, []).append(share)
            case Within(inner, _):
                self._enter(share, inner)

    def of(self, study: KeptStudy) -> Sequence[Share]:
        """Every share, ended or not, that was made for this study or its patient."""
        listed = self._by_study.get(study.study_instance_uid, [])
        return [*listed, *self._by_patient.get(_identity(study.patient), [])]


def _identity(patient: PatientIdentity) -> _Identity:
    """Without the site: a study stays for a share of another site too, rather than to go by mistake."""
    return patient.patient_id, patient.issuer_of_patient_id, patient.patient_birth_date


def stays_until(study: KeptStudy, shares: Iterable[Share], period: timedelta | None) -> datetime | None:
    """When `study` may go; None while a share that has not ended needs it, a hold lies on it, or it stays for ever.

    The period counts from the later of two moments: when something last arrived, and the end of the last share that
    could show it. So a patient who was given three months, and comes back a week after them, finds everything. Where
    no share was ever opened, nobody misses the images at the end of the last one, and the period does not count; nor
    where the patient wants them deleted.
    """
    if study.held or period is None:
        return None
    ends: list[datetime] = []
    was_opened = False
    is_unwanted = False
    for share in shares:
        if share.state in ("live", "frozen"):
            return None
        end = min(share.expires, share.ended or share.expires)
        if end >= study.arrived:
            ends.append(end)
            was_opened = was_opened or share.opened is not None
            is_unwanted = is_unwanted or share.erase
    if not ends:
        return study.arrived + period
    return max(ends) + (period if was_opened and not is_unwanted else timedelta())
