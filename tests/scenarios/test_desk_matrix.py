"""Every route of the desk against every kind of caller, method and object, by a table that is independent of the code.

Whatever is refused must also leave everything as it was.
"""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

import gateway.desk
from auth.staff import Member
from auth.staff_administration import Administration
from gateway.archive.archive import ArchivedStudy
from gateway.desk import finding, priors, rules
from storage.scope import WholeArchive
from tests.gateway.desk import conftest as household
from tests.gateway.desk.test_priors import PacsOf
from tests.scenarios.desk_policy import POLICY
from tests.scenarios.desk_world import SITES, Matrix, objects_of, opened

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ONE_STUDY: Final = finding.one_study

ROOMS: Final = sorted(
    one.name
    for one in pkgutil.iter_modules(gateway.desk.__path__)
    if hasattr(importlib.import_module(f"gateway.desk.{one.name}"), "scope_of")
)

STRANGERS: Final = (
    "nobody", "bad cookie", "patient", "patient's cookie", "enrolling", "disabled", "signed out", "reader", "sharer",
)  # fmt: skip
STAFF: Final = {
    "anna": ("", True, False),
    "rolf": ("", False, False),
    "nora": ("north", True, False),
    "carla": (None, True, True),
    "adam": ("north", True, True),
}
"""Members with the site that they see, whether they may share, and whether they may manage accounts."""
RULE: Final = {"name": "another", "to": "pacs", "on": "no", "version": "2"}
ASKED: Final = {"studies": "1.2.900", "accession_number": "ACC900"}
"""What the archives of both sites have."""


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    kept = ArchivedStudy("1.2.900", "20190304", ("MR",), "", "ACC900", "", "4711", "", "19500131", 40)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(priors, "archive_of", lambda house, site, patience: PacsOf(f"PACS{site}", (kept,)))
        yield from opened(tmp_path_factory.mktemp("desk"))


def _kinds(*kinds: str) -> list[str]:
    return [template for template, kind in POLICY.items() if kind in kinds]


def test_every_route_has_a_policy(matrix: Matrix) -> None:
    assert isinstance(matrix.app, Starlette)
    found = {route.path for route in matrix.app.routes if isinstance(route, Route) and route.path.startswith("/desk")}
    assert found == set(POLICY)


@pytest.mark.parametrize("caller", STRANGERS)
def test_strangers_learn_and_change_nothing(matrix: Matrix, caller: str) -> None:
    with matrix.caller(caller) as client:
        before = matrix.state()
        for template in [one for one, kind in POLICY.items() if not kind.startswith(("entrance", "api"))]:
            for method in METHODS:
                answers = set()
                for names in matrix.objects.values():
                    answer = client.request(method, names.fill(template), data={"share": names.share})
                    assert answer.status_code in (303, 404, 405), (method, template)
                    if answer.status_code == 303:
                        assert answer.headers["location"].startswith("/desk/sign-in"), (method, template)
                    answers.add((answer.status_code, answer.headers.get("location"), _plain(answer.text, matrix)))
                assert len(answers) == 1, (method, template)
        assert matrix.state() == before


@pytest.mark.parametrize("caller", [one for one in (*STRANGERS, *STAFF) if one not in ("reader", "sharer")])
def test_the_api_takes_no_sessions(matrix: Matrix, caller: str) -> None:
    with matrix.caller(caller) as client:
        before = matrix.state()
        for template in _kinds("api", "api object"):
            for method in METHODS:
                answers = {
                    (answer.status_code, _plain(answer.text, matrix))
                    for names in matrix.objects.values()
                    for answer in [client.request(method, names.fill(template), json={})]
                }
                assert len(answers) == 1
                assert next(iter(answers))[0] in (401, 404, 405), (method, template)
        assert matrix.state() == before


@pytest.mark.parametrize("caller", STAFF)
def test_staff_see_what_is_of_their_site(matrix: Matrix, caller: str) -> None:
    site, may_share, administers = STAFF[caller]
    with matrix.caller(caller) as client:
        for template in _kinds("room"):
            assert client.get(template).status_code == 200, template
        listed = client.get("/desk/staff")
        assert listed.status_code == (200 if administers else 403)
        for owner, names in matrix.objects.items():
            mine = administers and owner != "unknown" and (site is None or site == owner)
            expected = 200 if mine else 404 if administers else 403
            assert client.get(names.fill("/desk/staff/{member}")).status_code == expected, owner
            assert (names.member in listed.text) == mine, owner
        assert client.get("/desk/forwarding/rules/new").status_code == (200 if administers else 403)
        listed = client.get("/desk/forwarding/rules")
        for owner, names in matrix.objects.items():
            mine = owner != "unknown" and (site is None or site == owner)
            assert (f"for {names.share}" in listed.text) == mine, owner
            for template in _kinds("rule", "rule and doing a rule"):
                expected = 403 if not administers else 200 if mine else 404
                assert client.get(names.fill(template)).status_code == expected, (template, owner)
        for template in _kinds("study", "study of sharers", "study and asking", "share", "upload", "a deletion"):
            is_open = may_share or POLICY[template] in ("study", "share", "upload", "a deletion")
            unknown = client.get(matrix.objects["unknown"].fill(template))
            assert unknown.status_code == (404 if is_open else 403)
            for owner in SITES:
                answer = client.get(matrix.objects[owner].fill(template))
                mine = is_open and (site is None or site == owner)
                assert answer.status_code == (200 if mine else unknown.status_code), (template, owner)
                assert mine or _plain(answer.text, matrix) == _plain(unknown.text, matrix), template
        for owner in SITES:
            found = client.post("/desk/shares/search", data={"q": matrix.objects[owner].share}).headers["location"]
            is_listed = f'href="/desk/shares/{matrix.objects[owner].share}"' in client.get(found).text
            assert is_listed == (site is None or site == owner), owner
        found = client.post("/desk/shares/search", data={"q": "Frieda"}).headers["location"]
        is_listed = f'href="/desk/shares/{matrix.objects[""].share}"' in client.get(found).text
        assert is_listed == (site is None), "a name that only the north knows"
        assert ("nicht zugestellt" in client.get("/desk").text) == (site != ""), "what failed in the north"
        lists = {"/desk/shares": "share", "/desk/waiting": "share", "/desk/uploads": "upload"}
        for path, kind in {**lists, "/desk/upload-links": "link"}.items():
            text = client.get(path).text
            for owner in SITES:
                name = getattr(matrix.objects[owner], kind)
                assert (name in text) == (site is None or site == owner), (path, owner)


@pytest.mark.parametrize("caller", STAFF)
def test_staff_change_only_what_is_of_their_site(matrix: Matrix, caller: str) -> None:
    site, may_share, administers = STAFF[caller]
    others = [owner for owner in ("", "north", "unknown") if not may_share or (site is not None and site != owner)]
    with matrix.caller(caller) as client:
        before = matrix.state()
        for owner in others:
            names = matrix.objects[owner]
            for template in _kinds("doing", "doing in the scope", "doing an upload", "study and asking", "a deletion"):
                data = {"share": names.share, "decision": "accept", "remark": "Warum?", **ASKED}
                answer = client.post(names.fill(template), data=data)
                expected = {403} if not may_share else {303} if "scope" in POLICY[template] else {404}
                assert answer.status_code in expected, (template, owner)
            answer = client.post("/desk/shares", data={"study": names.study, "what": "patient"})
            assert answer.status_code == (404 if may_share else 403), owner
        if not may_share:
            assert client.post("/desk/upload-links", data={"form": "patient"}).status_code == 403
        for owner in others if administers else matrix.objects:
            for template in _kinds("doing an account"):
                path = matrix.objects[owner].fill(template)
                answer = client.post(path, data={"role": "admin", "site": site or ""})
                assert answer.status_code == (404 if administers else 403), (template, owner)
            for template in _kinds("doing a rule", "rule and doing a rule"):
                answer = client.post(matrix.objects[owner].fill(template), data=RULE)
                assert answer.status_code == (404 if administers else 403), (template, owner)
        if not administers:
            assert client.post("/desk/forwarding/rules", data=RULE).status_code == 403
        answer = client.post("/desk/staff", data={"name": f"by.{caller}", "role": "admin", "site": "*"})
        assert answer.status_code == (200 if administers and site is None else 403)
        assert administers and site is None or matrix.state() == before


@pytest.mark.parametrize("caller", ["anna", "nora", "carla", "adam"])
def test_staff_can_do_what_is_theirs_to_do(matrix: Matrix, caller: str) -> None:
    site, _, administers = STAFF[caller]
    names = objects_of(matrix.desk, site or "")
    with matrix.caller(caller) as client:
        for template in [one for one in _kinds("doing", "doing in the scope") if "revocation" not in one]:
            before = matrix.state()
            data = {"share": names.share, "decision": "reject", "until": household.until(120)}
            assert client.post(names.fill(template), data=data).status_code in (200, 303), template
            if not any(one in template for one in ("rejection", "requests", "unlocking", "attempt", "endings")):
                assert matrix.state() != before, template
        assert client.post(names.fill("/desk/shares/{share}/revocation")).status_code == 303
        for template in _kinds("study and asking"):
            before = matrix.state()
            assert client.post(names.fill(template), data=ASKED).status_code in (200, 303), template
            wanted = [row[1] for row in matrix.state()[-1]]
            assert (site or "") in wanted if "retrievals" in template else matrix.state() == before, template
        for template in _kinds("a deletion"):
            before = matrix.state()
            uid = household.keep(matrix.desk.house, "NORTHPACS" if site else "PACS").study_instance_uid
            path = template.replace("{study}", uid)
            assert client.post(path, data={"reason": "other"}).status_code == 303, template
            assert matrix.state() == before, template
        for template in _kinds("doing an upload"):
            before = matrix.state()
            path = objects_of(matrix.desk, site or "").fill(template)
            assert client.post(path, data={"remark": "Warum?"}).status_code == 303, template
            assert matrix.state() != before, template
        for template in _kinds("doing an account") if administers else ():
            before = matrix.state()
            answer = client.post(names.fill(template), data={"role": "referral"} | ({"site": site} if site else {}))
            assert answer.status_code == (200 if "set-up" in template else 303), template
            assert matrix.state() != before, template
        for template in _kinds("doing a rule", "rule and doing a rule") if administers else ():
            path = objects_of(matrix.desk, site or "").fill(template)
            before = matrix.state()
            assert client.post(path, data={**RULE, "name": path}).status_code == 303, template
            # Nothing has been looked at by the worker, which is the first to send.
            assert (matrix.state() != before) == ("sending" not in template), template
    assert matrix.desk.house.shares.get(names.share).state == "revoked"


def test_one_missing_check_turns_the_matrix_red(matrix: Matrix, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: each restriction, taken away alone, must be missed."""
    with monkeypatch.context() as patch:
        patch.setattr(Member, "may_see", lambda *_: True)
        with pytest.raises(AssertionError):
            test_staff_see_what_is_of_their_site(matrix, "nora")
    with monkeypatch.context() as patch:
        patch.setattr(Member, "may_share", True)
        with pytest.raises(AssertionError):
            test_staff_change_only_what_is_of_their_site(matrix, "rolf")
    with monkeypatch.context() as patch:
        patch.setattr(Member, "may_administer", True)
        with pytest.raises(AssertionError):
            test_staff_see_what_is_of_their_site(matrix, "anna")
    with monkeypatch.context() as patch:
        patch.setattr(rules, "_sees", lambda *_: True)
        with pytest.raises(AssertionError):
            test_staff_see_what_is_of_their_site(matrix, "nora")
    with monkeypatch.context() as patch:
        patch.setattr(rules, "_may_change", lambda member, kept: member.may_administer)
        for test in (test_staff_see_what_is_of_their_site, test_staff_change_only_what_is_of_their_site):
            with pytest.raises(AssertionError):
                test(matrix, "adam")
    with monkeypatch.context() as patch:
        patch.setattr(Administration, "get", lambda rooms, by, name: matrix.desk.house.staff.get(name))
        with pytest.raises(AssertionError):
            test_staff_see_what_is_of_their_site(matrix, "adam")
    with monkeypatch.context() as patch:
        patch.setattr(finding, "one_study", _any_study)
        with pytest.raises(AssertionError):
            test_staff_change_only_what_is_of_their_site(matrix, "nora")


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_that_forgets_the_site_turns_the_matrix_red(
    matrix: Matrix, monkeypatch: pytest.MonkeyPatch, room: str
) -> None:
    """Each module of the desk that restricts what it reads, alone."""
    monkeypatch.setattr(f"gateway.desk.{room}.scope_of", lambda member: WholeArchive())
    with pytest.raises(AssertionError):
        for caller in ("anna", "nora"):
            test_staff_see_what_is_of_their_site(matrix, caller)
        test_staff_change_only_what_is_of_their_site(matrix, "nora")


def _any_study(index: Any, scope: Any, uid: str) -> Any:
    return ONE_STUDY(index, WholeArchive(), uid)


def _plain(text: str, matrix: Matrix) -> str:
    for names in matrix.objects.values():
        # The name of a member holds the id of a share.
        text = text.replace(names.member, "MEMBER").replace(names.study, "STUDY").replace(names.share, "SHARE")
        text = text.replace(names.upload, "UPLOAD").replace(names.link, "LINK")
        text = text.replace(f"/desk/forwarding/rules/{names.rule}", "/desk/forwarding/rules/NUMBER")
        text = text.replace(f"/desk/requests/{names.request}", "/desk/requests/NUMBER")
        text = text.replace(f"/desk/forwarding/{names.delivery}/", "/desk/forwarding/NUMBER/")
    return re.sub(r'data-idle-seconds="\d+"', "", text)
