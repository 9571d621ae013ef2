"""A sample of the authorization matrix (`make matrix` runs all of it), and that each missing check turns it red."""

import asyncio
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from auth import tokens
from storage.scope import ListedStudies, PatientIdentity, StudyScope, WholeArchive, Within, predicate, shows_held
from tests.scenarios.matrix import groups, run, sample
from tests.scenarios.matrix_world import World, aged_session, world


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    built = world(tmp_path_factory.mktemp("matrix"))
    yield built
    built.house.close()


def test_a_sample_of_the_matrix(made: World) -> None:
    chosen = sample(made, 120)
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


def _all_rights(row: Any) -> tokens.Access:
    return dataclasses.replace(_ACCESS(row), rights=frozenset(tokens.RIGHTS))


_ACCESS = tokens._access
PREDICATE = "storage.catalogue.visibility.predicate"
# What is missing, where it is taken away, and what stands there instead.
MUTATIONS: dict[str, tuple[str, Any]] = {
    "the studies of a list": (PREDICATE, _without(ListedStudies)),
    "the identity of a patient": (PREDICATE, _without(PatientIdentity)),
    "both halves of what was handed on": (PREDICATE, _without(Within)),
    "the share that was handed on from": (PREDICATE, _outer_forgotten),
    "what is held": ("storage.catalogue.visibility.shows_held", lambda scope: True),
    "who may learn of a deletion": ("storage.catalogue.tombstones._covers", lambda *_: True),
    "every scope": ("auth.middleware.Gatekeeper.scope_of", lambda *_: WholeArchive()),
    "that shares are revoked, frozen or past": ("auth.sessions.state_of_row", lambda *_: "live"),
    "that sessions end": ("auth.sessions.Sessions._is_live", lambda *_: True),
    "that shares wait": ("auth.records._scope", lambda row, rule: rule),
    "that tokens are revoked": ("auth.tokens._is_live", lambda *_: True),
    "the right to read": ("auth.tokens._access", _all_rights),
}


@pytest.mark.parametrize("missing", MUTATIONS)
def test_without_any_one_check_a_cell_turns_red(made: World, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    place, instead = MUTATIONS[missing]
    # The first look at it removes it.
    made.actors["expired session"] = aged_session(made)
    monkeypatch.setattr(place, instead)
    rebuilt = made.rebuilt()
    reading = [
        group
        for group in groups(rebuilt)
        if group.method == "GET" and group.representation == "any" and group.template in _TELLING
    ]
    assert asyncio.run(run(rebuilt, reading)).wrong != []


_TELLING = (
    "/dicom-web/studies",
    "/dicom-web/instances",
    "/dicom-web/studies/{study}/series/{series}/instances/{instance}",
    "/dicom-web/studies/{study}/series/{series}/metadata",
    "/studies/{study}",
)


def test_the_control_is_green(made: World) -> None:
    assert not shows_held(PatientIdentity("A", "", ""))
    reading = [one for one in groups(made) if one.method == "GET" and one.template in _TELLING]
    assert asyncio.run(run(made, [one for one in reading if one.representation == "any"])).wrong == []
