"""Everybody who asks in the authorization matrix: patients, doctors, viewers, senders, machines, and who they were."""

import secrets
from collections.abc import Collection
from dataclasses import replace

from auth import rules
from auth.records import Issued, Wait
from auth.viewer_passes import PREFIX
from storage.scope import ListedStudies, PatientIdentity, StudyScope
from tests.scenarios.matrix_world import BORN, LIKE, PATIENT, Actor, World


def come(made: World) -> None:
    """Let all of them come into the world."""
    own = ListedStudies(frozenset({made.objects["own"].study}))
    foreign = ListedStudies(frozenset({made.objects["foreign"].study}))
    both = ListedStudies(own.study_instance_uids | {made.objects["other"].study})
    made.actors |= {
        "nobody": Actor({}),
        "bad cookie": _with_cookie(made, "x" * 43),
        "bad token": Actor({"authorization": "Bearer dbk_nothing"}),
        **_ended(made, own),
        "revoked token": _with_token(made, ["read"], own, is_known=False, revoke=True),
        "share of the patient": _signed_in(made, PATIENT, {"own", "other"}, saw_deleted=True),
        "share of a study": _signed_in(made, own, {"own"}),
        "share of the stranger": _signed_in(made, foreign, {"foreign"}),
        "share of the namesake": _signed_in(made, _like("namesake"), {"namesake"}),
        "share at another site": _signed_in(made, _like("north"), {"north"}, accepts=True),
        "share before its terms": replace(_signed_in(made, _like("north"), {"north"}), has_accepted=False),
        "share with a study let in": _let_in(made, PATIENT, "twin"),
        "share that waits": _signed_in(made, PATIENT, set(), wait=Wait(10)),
        "doctor with one study": _handed_on(made, PATIENT, study=own),
        "doctor of a share that shrank": _shrunk(made, both, own),
        "doctor of a share that waits": _handed_on(made, PATIENT, study=own, wait=Wait(10)),
        **_doctors(made, own),
        **_viewers(made, PATIENT),
        "reader of a study": _with_token(made, ["read"], own, {"own"}),
        "reader of the stranger": _with_token(made, ["read"], foreign, {"foreign"}),
        "writer of a study": replace(_with_token(made, ["write"], own), reads=False),
        "archive": replace(
            _with_token(made, ["read"], None, {"own", "other", "foreign", "held", *LIKE}), saw_deleted=True
        ),
        "RIS of another site": replace(_with_token(made, ["share"], None, site="north"), reads=False, shares="north"),
        "sender": _sender(made),
        "member of staff": _member(made),
    }
    for name, site in (("own", ""), ("north", "north")):
        issued = made.house.shares.create(replace(PATIENT, site=site), BORN, 90, site=site)
        made.objects[name] = replace(made.objects[name], share=issued.share.id)


def _like(name: str) -> PatientIdentity:
    """Who is like the patient in this way."""
    born = LIKE[name].get("PatientBirthDate", BORN)
    return replace(PATIENT, patient_birth_date=born, site="north" if name == "north" else "")


def _with_cookie(made: World, value: str) -> Actor:
    return Actor({"cookie": f"{made.house.gatekeeper.cookie.name}={value}"})


def _signed_in(
    made: World,
    rule: StudyScope,
    sees: set[str],
    *,
    wait: Wait | None = None,
    saw_deleted: bool = False,
    accepts: bool = False,
) -> Actor:
    born = rule.patient_birth_date if isinstance(rule, PatientIdentity) else BORN
    site = (rule.site or "") if isinstance(rule, PatientIdentity) else ""
    issued = made.house.shares.create(rule, born, 90, wait=wait, site=site)
    if accepts:
        made.house.shares.accept_terms(issued.share.id)
        issued = replace(issued, share=made.house.shares.get(issued.share.id))
    return _session(made, issued, sees, saw_deleted=saw_deleted)


def _session(made: World, issued: Issued, sees: set[str], *, saw_deleted: bool = False) -> Actor:
    cookie = _with_cookie(made, made.house.sessions.begin(issued.share))
    return replace(cookie, sees=frozenset(sees), is_known=True, has_session=True, saw_deleted=saw_deleted)


def _ended(made: World, rule: StudyScope) -> dict[str, Actor]:
    """Those who were somebody: their cookies must open nothing any more."""
    shares = made.house.shares
    found = {}
    for name in ("expired session", "expired share", "frozen share", "revoked share", "re-issued share"):
        issued = shares.create(rule, BORN, 90)
        found[name] = _with_cookie(made, made.house.sessions.begin(issued.share))
        sql = {
            "expired session": "UPDATE share_session SET seen = seen - 3600 WHERE share_id = ?",
            "expired share": "UPDATE share SET expires = created - 1 WHERE id = ?",
            "frozen share": "UPDATE share SET frozen = 1 WHERE id = ?",
        }.get(name)
        if sql:
            _set(made, sql, issued.share.id)
        elif name == "revoked share":
            shares.revoke(issued.share.id)
        else:
            shares.reissue(issued.share.id)
    parent = shares.create(rule, BORN, 90)
    child = shares.hand_on(parent.share.id, BORN, 30)
    found["doctor of a revoked share"] = _with_cookie(made, made.house.sessions.begin(child.share))
    shares.revoke(parent.share.id)
    return found


def aged_session(made: World) -> Actor:
    """One more session that has rested for too long, and that nobody has asked for since."""
    issued = made.house.shares.create(ListedStudies(frozenset({made.objects["own"].study})), BORN, 90)
    actor = _with_cookie(made, made.house.sessions.begin(issued.share))
    _set(made, "UPDATE share_session SET seen = seen - 3600 WHERE share_id = ?", issued.share.id)
    return actor


def _let_in(made: World, rule: PatientIdentity, name: str) -> Actor:
    """Staff have decided that a study is the patient's, although it says otherwise."""
    issued = made.house.shares.create(rule, BORN, 90)
    made.house.shares.decide(issued.share.id, made.objects[name].study, accepted=True)
    return _session(made, issued, {"own", "other", name}, saw_deleted=True)


def _handed_on(made: World, rule: StudyScope, study: ListedStudies, wait: Wait | None = None) -> Actor:
    parent = made.house.shares.create(rule, BORN, 90, wait=wait)
    (uid,) = study.study_instance_uids
    return _session(made, made.house.shares.hand_on(parent.share.id, BORN, 30, study=uid), set() if wait else {"own"})


def _doctors(made: World, rule: StudyScope) -> dict[str, Actor]:
    """Doctors of shares that are past their end, or frozen; the doctors' own are neither."""
    found = {}
    for name, change in (("an expired share", "expires = created - 1"), ("a frozen share", "frozen = 1")):
        parent = made.house.shares.create(rule, BORN, 90).share
        child = made.house.shares.hand_on(parent.id, BORN, 30)
        found[f"doctor of {name}"] = _with_cookie(made, made.house.sessions.begin(child.share))
        _set(made, f"UPDATE share SET {change} WHERE id = ?", parent.id)
    return found


def _set(made: World, sql: str, key: str) -> None:
    assert made.house.storage.database.write(lambda connection: connection.execute(sql, (key,)).rowcount) == 1


def _shrunk(made: World, rule: StudyScope, to: ListedStudies) -> Actor:
    """Handed on as a whole, from a share that now shows less than it did."""
    parent = made.house.shares.create(rule, BORN, 90)
    child = made.house.shares.hand_on(parent.share.id, BORN, 30)
    row = (rules.to_json(to), parent.share.id)
    made.house.storage.database.write(
        lambda connection: connection.execute("UPDATE share SET rule = ? WHERE id = ?", row).rowcount
    )
    return _session(made, child, {"own"})


def _viewers(made: World, rule: StudyScope) -> dict[str, Actor]:
    """Viewers that a session has opened, and what ended them; and a ticket that nobody has exchanged."""
    house, found = made.house, {}
    for name in ("that lives", "of a revoked share", "of a frozen share", "that was signed out", "whose time is up"):
        issued = house.shares.create(rule, BORN, 90)
        cookie = house.sessions.begin(issued.share)
        session = house.sessions.session_of(cookie)
        assert session is not None
        ticket = house.viewer_passes.ticket(session, "ohif", made.objects["own"].study)
        token = house.viewer_passes.exchange(ticket, "ohif").token
        found[f"viewer {name}"] = Actor({"authorization": f"Bearer {token}"})
        match name:
            case "that lives":
                ticket = PREFIX + house.viewer_passes.ticket(session, "ohif", made.objects["own"].study)
                found["viewer's ticket"] = Actor({"authorization": f"Bearer {ticket}"})
            case "of a revoked share":
                house.shares.revoke(issued.share.id)
            case "of a frozen share":
                _set(made, "UPDATE share SET frozen = 1 WHERE id = ?", issued.share.id)
            case "that was signed out":
                house.sessions.end(cookie)
            case _:
                _set(made, "UPDATE viewer_pass SET until = 1 WHERE share_id = ?", issued.share.id)
    lives = replace(found["viewer that lives"], sees=frozenset({"own", "other"}), is_known=True, saw_deleted=True)
    return found | {"viewer that lives": lives}


def _sender(made: World) -> Actor:
    """Somebody who sends a file by an upload link; so does somebody else."""
    uploads, sent = made.house.intake.uploads, {}
    link = made.house.intake.links.create("patient", "Radiologie").link
    for name in ("own", "foreign"):
        begun = uploads.begin(link, {"name": "Erika Muster", "birth_date": BORN, "contact": "0000 4711"})
        file = uploads.announce(begun.upload, f"MARK-{name}-file", 10, "")
        made.house.intake.quarantine.create(file)
        made.objects[name] = replace(made.objects[name], file=file.id)
        sent[name] = begun.secret
    return Actor({"authorization": f"Bearer {sent['own']}", "tus-resumable": "1.0.0"}, sends=True)


def _member(made: World) -> Actor:
    """Whose cookie is the desk's, where the desk's own matrix asks; it opens nothing else."""
    made.house.staff.add("anna", "admin", None, "sieben graue Katzen")
    return Actor({"cookie": f"d={made.house.staff_sessions.begin('anna', 'full')}"}, is_staff=True)


def _with_token(
    made: World,
    rights: list[str],
    scope: ListedStudies | None,
    sees: Collection[str] = (),
    *,
    is_known: bool = True,
    revoke: bool = False,
    site: str = "",
) -> Actor:
    name = secrets.token_hex(4)
    token = made.house.tokens.create(name, rights, scope.study_instance_uids if scope else None, site=site)
    if revoke:
        made.house.tokens.revoke(name)
    return Actor({"authorization": f"Bearer {token}"}, frozenset(sees), is_known)
