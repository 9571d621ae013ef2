"""Forwarding rules at the desk: all staff read them, administrators keep those of the sites that they see.

Where things may go stands in the configuration file alone: the desk chooses among its targets.
"""

from collections.abc import Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from auth.staff import Member
from auth.staff_sessions import StaffSession
from gateway.desk import finding
from gateway.desk.door import NO_STORE, DeskDoor, scope_of
from gateway.desk.forms import form_of
from gateway.desk.rule_form import Meant, Offer, RuleForm
from gateway.desk.rule_wording import RuleWording
from gateway.desk.wording import Wording
from gateway.forwarding.backlog import backlog_of
from gateway.forwarding.delivery import Tally
from gateway.forwarding.rulebook import KeptRule, NameTaken, NoSuchRule, RuleChanged, TooMany
from gateway.forwarding.rules import Selection
from gateway.forwarding.trial import trial_of
from gateway.house import House
from gateway.pages.pages import Pages
from gateway.pages.wording import plain
from storage.errors import NoSuchInstance

DAYS: Final = (1, 7, 30)
"""How far back a trial may look."""
EXAMPLES: Final = 5
_LIST: Final = "/desk/forwarding/rules"
_DONE: Final = ("made", "changed", "switched", "sent", "sent_before")


class RuleRooms:
    """The list, a rule with what it would take, and what becomes of it."""

    def __init__(self, house: House, door: DeskDoor, pages: Pages) -> None:
        self._house = house
        self._door = door
        self._pages = pages

    def overview(self, request: Request, session: StaffSession) -> Response:
        """Every rule that may take studies which the member sees: those of the file, then those of the desk."""
        member, wording = session.member, self._wording(request)
        tallies = self._house.deliveries.tallies(scope_of(member))
        seen = [one for one in self._house.rules.all() if _sees(member, one)]
        values: dict[str, Any] = {
            "rows": [
                wording.row(one, tallies.get(one.rule.name, Tally()), _url(one) if _may_change(member, one) else "")
                for one in seen
            ],
            "has_targets": bool(self._house.config.forwarding.targets),
            "removed": "removed" in request.query_params,
            "active": "forwarding",
        }
        return self._door.render(request, "rules.html", values, session)

    def rule(self, request: Request, session: StaffSession) -> Response:
        """A rule of the desk, what it would have taken of the last `?days=`, and what can be done with it."""
        kept = self._named(request, session)
        days = _days(request.query_params.get("days", ""))
        tally = self._house.deliveries.tallies(scope_of(session.member)).get(kept.rule.name, Tally())
        trial = self._trial(request, session, kept.rule.selection, days)
        done = next((one for one in _DONE if one in request.query_params), "")
        values: dict[str, Any] = {
            "row": self._wording(request).row(kept, tally, _url(kept)),
            "kept": kept,
            "may_send": kept.standing == "holds" and bool(trial["result"].taken),
            "may_hold": kept.standing == "off" and bool(kept.rule.targets),
            "trial": trial,
            "days": days,
            "every_days": DAYS,
            "done": self._pages.languages.of(request)(f"desk.rules.done_{done}") if done else "",
            "active": "forwarding",
        }
        return self._door.render(request, "rule.html", values, session)

    def new(self, request: Request, session: StaffSession) -> Response:
        """The form of a new rule."""
        return self._form(request, session, RuleForm(), None)

    def conditions(self, request: Request, session: StaffSession) -> Response:
        """The form of a rule."""
        kept = self._named(request, session)
        return self._form(request, session, RuleForm.filled(kept, self._offer(session)), kept)

    def add(self, request: Request, session: StaffSession) -> Response:
        """A new rule, which is off; or the form once more, with more room, a trial, or with what is wrong (400)."""

        def keep(meant: Meant) -> Response:
            made = self._house.rules.add(meant.name, meant.selection, meant.targets)
            return RedirectResponse(f"{_url(made)}?made", 303, NO_STORE)

        return self._submitted(request, session, None, keep)

    def change(self, request: Request, session: StaffSession) -> Response:
        """Other conditions for a rule, from now on; the form once more as with a new one."""
        kept, version = self._named(request, session), RuleForm.sent(form_of(request)).version

        def keep(meant: Meant) -> Response:
            self._house.rules.change(kept.rule.number, version, meant.name, meant.selection, meant.targets)
            return RedirectResponse(f"{_url(kept)}?changed", 303, NO_STORE)

        return self._submitted(request, session, kept, keep)

    def switch(self, request: Request, session: StaffSession) -> Response:
        """Let it hold, or rest; 409 where somebody else has changed it meanwhile."""
        kept, form = self._named(request, session), form_of(request)
        version = RuleForm.sent(form).version

        def work() -> str:
            self._house.rules.switch(kept.rule.number, version, on=form.one("on") == "yes")
            return f"{_url(kept)}?switched"

        return self._decided(request, session, work)

    def send(self, request: Request, session: StaffSession) -> Response:
        """Want also what is here already, as the trial of so many days shows it, for a rule that holds; 409 else."""
        kept, form = self._named(request, session), form_of(request)
        days = _days(form.one("days"))
        if kept.standing != "holds" or RuleForm.sent(form).version != kept.version:
            return self._door.message(request, "rule_changed", 409, session)
        deliveries, index = self._house.deliveries, self._house.storage.index
        sent = deliveries.want_all(backlog_of(index, deliveries, scope_of(session.member), kept.rule, days))
        return RedirectResponse(f"{_url(kept)}?days={days}&{'sent' if sent else 'sent_before'}", 303, NO_STORE)

    def remove(self, request: Request, session: StaffSession) -> Response:
        """Forget it; 409 where somebody else has changed it meanwhile."""
        kept, version = self._named(request, session), RuleForm.sent(form_of(request)).version

        def work() -> str:
            self._house.rules.remove(kept.rule.number, version)
            return f"{_LIST}?removed"

        return self._decided(request, session, work)

    def _decided(self, request: Request, session: StaffSession, work: Callable[[], str]) -> Response:
        try:
            return RedirectResponse(work(), 303, NO_STORE)
        except RuleChanged:
            return self._door.message(request, "rule_changed", 409, session)

    def _submitted(
        self, request: Request, session: StaffSession, kept: KeptRule | None, keep: Callable[[Meant], Response]
    ) -> Response:
        form = form_of(request)
        filled, step = RuleForm.sent(form), form.one("step")
        meant, wrong = filled.meant(self._offer(session), session.member)
        if step == "more":
            return self._form(request, session, filled, kept, more=True)
        if wrong:
            return self._form(request, session, filled, kept, wrong)
        if step == "try":
            return self._form(request, session, filled, kept, tried=meant.selection)
        try:
            return keep(meant)
        except NameTaken:
            return self._form(request, session, filled, kept, {"name": "name_taken"})
        except TooMany:
            return self._form(request, session, filled, kept, {"name": "too_many"})
        except RuleChanged:
            return self._door.message(request, "rule_changed", 409, session)

    def _form(
        self,
        request: Request,
        session: StaffSession,
        filled: RuleForm,
        kept: KeptRule | None,
        wrong: dict[str, str] | None = None,
        *,
        more: bool = False,
        tried: Selection | None = None,
    ) -> Response:
        offer, wording = self._offer(session), self._wording(request)
        own, words = session.member.site, self._pages.languages.of(request)
        values: dict[str, Any] = {
            "form": filled,
            "attributes": filled.with_spare(more),
            "offer": offer,
            "targets": [(one, plain(one)) for one in offer.targets],
            "sources": [(one, wording.source(one)) for one in offer.sources],
            "own_site": self._house.config.site_names.get(own, own) if own is not None else "",
            "wrong": {name: words(f"desk.rules.wrong_{kind}") for name, kind in (wrong or {}).items()},
            "url": _url(kept) if kept else "",
            "action": f"{_url(kept)}/conditions" if kept else _LIST,
            "holds": kept is not None and kept.standing == "holds",
            "trial": None if tried is None else self._trial(request, session, tried, DAYS[1]),
            "days": DAYS[1],
            "active": "forwarding",
        }
        return self._door.render(request, "rule_form.html", values, session, status=400 if wrong else 200)

    def _trial(self, request: Request, session: StaffSession, selection: Selection, days: int) -> dict[str, Any]:
        index, scope = self._house.storage.index, scope_of(session.member)
        trial = trial_of(index, scope, selection, days)
        wording = Wording(self._pages.languages.of(request))
        examples = finding.some_studies(index, scope, trial.taken[:EXAMPLES])
        return {
            "result": trial,
            "examples": [(wording.name(one.patient_name), wording.study(one)) for one in examples],
        }

    def _named(self, request: Request, session: StaffSession) -> KeptRule:
        """The rule that the path names. `NoSuchInstance` also where it is not the member's to change."""
        try:
            kept = self._house.rules.get(request.path_params["rule"])
        except (NoSuchRule, OverflowError):
            raise NoSuchInstance("No such rule.") from None
        if not _may_change(session.member, kept):
            raise NoSuchInstance("No such rule.")
        return kept

    def _offer(self, session: StaffSession) -> Offer:
        return Offer.of(self._house, session.member)

    def _wording(self, request: Request) -> RuleWording:
        return RuleWording(Wording(self._pages.languages.of(request)), self._house.config.site_names)


def _sees(member: Member, kept: KeptRule) -> bool:
    """Whether a rule may take studies of the member's site."""
    sites = kept.rule.selection.sites
    return member.site is None or not sites or member.site in sites


def _may_change(member: Member, kept: KeptRule) -> bool:
    """Administrators of a site keep the rules that take nothing of others; those of the file are the operator's."""
    own = member.site is None or kept.rule.selection.sites == {member.site}
    return member.may_administer and own and not kept.is_configured


def _days(asked: str) -> int:
    return next((one for one in DAYS if str(one) == asked), DAYS[1])


def _url(kept: KeptRule) -> str:
    return f"{_LIST}/{kept.rule.number}"
