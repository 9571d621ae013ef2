"""A sample of the authorization matrix (`make matrix` runs all of it), and that each missing check turns it red."""

import asyncio
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.requests import Request

import storage.scope
from auth import tokens
from auth.records import Share, state_of_row
from gateway.desk.api import Api
from gateway.intake.uploads import Upload, Uploads
from storage.catalogue import tombstones
from storage.scope import ListedStudies, PatientIdentity, StudyScope, WholeArchive, Within, predicate, shows_held
from tests.scenarios.matrix import Group, groups, run, sample
from tests.scenarios.matrix_actors import aged_session, come
from tests.scenarios.matrix_world import World, world


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    built = world(tmp_path_factory.mktemp("matrix"))
    come(built)
    yield built
    built.house.close()


def test_a_sample_of_the_matrix(made: World) -> None:
    chosen = sample(made, 300)
    assert {group.template for group in chosen} == {group.template for group in groups(made)}
    report = asyncio.run(run(made, chosen))
    assert report.wrong == []
    assert report.calls > 1000


def _without(kind: type) -> Callable[[StudyScope], tuple[str, tuple[str, ...]]]:
    """The predicate, blind for one kind of scope."""

    def blind(scope: StudyScope) -> tuple[str, tuple[str, ...]]:
        return ("1 = 1", ()) if isinstance(scope, kind) else predicate(scope)

    return blind


def _outer_forgotten(scope: StudyScope) -> tuple[str, tuple[str, ...]]:
    return predicate(scope.inner if isinstance(scope, Within) else scope)


def _careless(**ignored: Any) -> Callable[[StudyScope], tuple[str, tuple[str, ...]]]:
    """The predicate, that takes this of a patient for given."""

    def careless(scope: StudyScope) -> tuple[str, tuple[str, ...]]:
        return predicate(dataclasses.replace(scope, **ignored) if isinstance(scope, PatientIdentity) else scope)

    return careless


def _whoever(column: str) -> Callable[[PatientIdentity], tuple[str, tuple[str, ...]]]:
    """The condition for a patient, that lets every value of this column pass."""

    def whoever(scope: PatientIdentity) -> tuple[str, tuple[str, ...]]:
        sql, parameters = _OF_PATIENT(scope)
        assert sql.count(f"study.{column} = ?") == 1
        return sql.replace(f"study.{column} = ?", "? IS NOT NULL"), parameters

    return whoever


def _all_rights(row: Any) -> tokens.Access:
    return dataclasses.replace(_ACCESS(row), rights=frozenset(tokens.RIGHTS))


def _without_parent(what: str) -> Callable[[Any, int], str]:
    """The state of a share, blind for this of the one that it was handed on from."""
    blank = {"lapsed": {"parent_lapsed": 0, "parent_expires": 1 << 40}}.get(what, {f"parent_{what}": 0})
    return lambda row, now: state_of_row({**dict(row), **blank}, now)  # type: ignore[arg-type]


def _anybodys_file(uploads: Uploads, upload: Upload, file_id: str) -> Any:
    for row in uploads._database.read("SELECT upload_id FROM upload_file WHERE id = ?", (file_id,)):
        upload = dataclasses.replace(upload, id=row["upload_id"])
    return _FILE(uploads, upload, file_id)


def _told_at_every_site(scope: StudyScope, study: str, tombstone: Any) -> bool:
    scope = dataclasses.replace(scope, site=None) if isinstance(scope, PatientIdentity) else scope
    return _COVERS(scope, study, tombstone)


def _any_share(api: Api, access: tokens.Access, request: Request) -> Share:
    return api._house.shares.get(request.path_params["share"])


_ACCESS, _COVERS, _FILE, _OF_PATIENT = tokens._access, tombstones._covers, Uploads.file, storage.scope._of_patient
PREDICATE = "storage.catalogue.visibility.predicate"
OF_PATIENT = "storage.scope._of_patient"
STATE = "auth.sessions.state_of_row"
# What is missing, where it is taken away, and what stands there instead.
MUTATIONS: dict[str, tuple[str, Any]] = {
    "the studies of a list": (PREDICATE, _without(ListedStudies)),
    "the identity of a patient": (PREDICATE, _without(PatientIdentity)),
    "the birth date": (OF_PATIENT, _whoever("patient_birth_date")),
    "the PatientID": (OF_PATIENT, _whoever("patient_id")),
    "who gave the PatientID": (OF_PATIENT, _whoever("issuer_of_patient_id")),
    "the name": (PREDICATE, _careless(patient_name="")),
    "the site": (PREDICATE, _careless(site=None)),
    "what staff have let in": (PREDICATE, _careless(accepted=frozenset())),
    "both halves of what was handed on": (PREDICATE, _without(Within)),
    "the share that was handed on from": (PREDICATE, _outer_forgotten),
    "what is held": ("storage.catalogue.visibility.shows_held", lambda scope: True),
    "who may learn of a deletion": ("storage.catalogue.tombstones._covers", lambda *_: True),
    "at which site one may learn of a deletion": ("storage.catalogue.tombstones._covers", _told_at_every_site),
    "every scope": ("auth.middleware.Gatekeeper.scope_of", lambda *_: WholeArchive()),
    "that shares are revoked, frozen or past": (STATE, lambda *_: "live"),
    "that the share behind a share is frozen": (STATE, _without_parent("frozen")),
    "that the share behind a share is past": (STATE, _without_parent("lapsed")),
    "that sessions end": ("auth.sessions.Sessions._is_live", lambda *_: True),
    "that shares wait": ("auth.records._scope", lambda row, rule: rule),
    "that tokens are revoked": ("auth.tokens._is_live", lambda *_: True),
    "that viewers end with their share": ("auth.viewer_passes.state_of_row", lambda *_: "live"),
    "that the time of viewers ends": ("auth.viewer_passes.ViewerPasses._is_live", lambda *_: True),
    "the right to read": ("auth.tokens._access", _all_rights),
    "the site of a RIS": ("gateway.desk.api.Api._visible", _any_share),
    "whose a file is that is sent": ("gateway.intake.uploads.Uploads.file", _anybodys_file),
    "what has to be accepted": ("gateway.portal.terms.Terms._file", lambda *_: None),
}


@pytest.mark.parametrize("missing", MUTATIONS)
def test_without_any_one_check_a_cell_turns_red(made: World, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    place, instead = MUTATIONS[missing]
    # The first look at it removes it.
    made.actors["expired session"] = aged_session(made)
    monkeypatch.setattr(place, instead)
    rebuilt = made.rebuilt()
    assert asyncio.run(run(rebuilt, _telling(rebuilt), until_wrong=True)).wrong != []


def _telling(made: World) -> list[Group]:
    """Groups in which something is seen of everything that may be missing; first those in which most is."""
    every = {(one.template, one.method, one.actor): one for one in groups(made) if one.representation == "any"}
    wanted = [(template, method, actor) for template, method in _TELLING.items() for actor in made.actors]
    return [every[one] for one in wanted if one in every]


_TELLING = {
    "/dicom-web/studies/{study}/series/{series}/instances/{instance}": "GET",
    "/u/transfers/{file}": "HEAD",
    "/desk/api/shares/{share}": "GET",
    "/studies/{study}": "GET",
    "/dicom-web/studies": "GET",
}


def test_the_control_is_green(made: World) -> None:
    assert not shows_held(PatientIdentity("A", "", ""))
    assert asyncio.run(run(made, _telling(made))).wrong == []
