"""The authorization matrix: actors x routes x methods x objects x representations against a policy of its own.

    python -m tests.scenarios.matrix [every]     all of it, or one group of so many

The routes are the application's, the verdicts come from `policy`, which knows nothing of the code. A group is one
actor, route, method and representation, asked for every object, so that the foreign can be held against the unknown.
"""

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.scenarios.matrix_actors import come
from tests.scenarios.matrix_world import LIKE, METHODS, REPRESENTATIONS, Actor, Answer, World, ask, path_of, world

_NAMING: Final = ("search", "object", "uri", "page", "document", "transfer", "desk api object", "download", "order")
_SHOWN: Final = frozenset({200, 206, 304, 400, 404, 406, 416})
_HIDDEN: Final = frozenset({400, 404, 406})
_CHANGED_NOTHING: Final = frozenset({400, 401, 403, 404, 405, 406, 409, 410, 411, 413, 415})
_PORTAL_REFUSES: Final = frozenset({303, 401, 403, 404, 405, 412})
_DESK_REFUSES: Final = frozenset({302, 303, 401, 403, 404, 405})


@dataclass(frozen=True)
class Group:
    """One actor, route, method and representation."""

    actor: str
    template: str
    kind: str
    method: str
    representation: str


@dataclass
class Report:
    """How many calls there were, and what was wrong with which."""

    calls: int = 0
    wrong: list[str] = field(default_factory=list)


def policy(actor: Actor, group: Group, target: str) -> frozenset[int]:
    """The statuses that may answer, for an actor who asks for `target`."""
    if group.template.startswith("/dicom-web"):
        return _of_dicomweb(actor, group, target) if actor.is_known else frozenset({401})
    if group.kind.startswith("desk "):
        return _of_desk(actor, group, target)
    if group.kind in ("nothing to get", "transfer"):
        return _of_sending(actor, group, target)
    if group.kind == "metrics":
        return frozenset({200, 401, 403, 405}) if actor.is_known else frozenset({401, 405})
    return _of_portal(actor, group, target) if group.method in ("GET", "HEAD") else _PORTAL_REFUSES


def _of_portal(actor: Actor, group: Group, target: str) -> frozenset[int]:
    if group.kind in ("document", "page") and not (actor.has_session and actor.has_accepted):
        return frozenset({303})
    if group.kind == "document":
        return frozenset({404, *([200] if target in actor.sees else [])})
    if group.kind == "page":
        return frozenset({200 if target in actor.sees else 404})
    if group.kind.startswith("own") or group.kind in ("order", "download"):
        return frozenset({200, 303, 404}) if actor.has_session else frozenset({303})
    return frozenset({200, 303, 403, 404, 405})


def _of_sending(actor: Actor, group: Group, target: str) -> frozenset[int]:
    if group.method == "OPTIONS":
        return _PORTAL_REFUSES | {204}
    if not actor.sends:
        return _PORTAL_REFUSES
    # What a request lacks is said before it is looked whose file it is about.
    return _PORTAL_REFUSES | {400, 415} | ({200, 204} if target == "own" else set())


def _of_desk(actor: Actor, group: Group, target: str) -> frozenset[int]:
    if actor.shares is not None and group.kind.startswith("desk api"):
        answers = target == actor.shares or group.kind == "desk api"
        return frozenset({200, 404, 405, 409, 415}) if answers else frozenset({404, 405, 415})
    return _DESK_REFUSES | (frozenset({200}) if group.kind == "desk entrance" else frozenset())


def _of_dicomweb(actor: Actor, group: Group, target: str) -> frozenset[int]:
    if group.method == "OPTIONS":
        return frozenset({200, 204, 403, 404, 406})
    if group.method not in ("GET", "HEAD"):
        return _CHANGED_NOTHING
    if group.kind in ("object", "search", "uri") and not actor.reads:
        return frozenset({403})
    if group.kind != "object":
        return frozenset({200, 204, 206, 304, 400, 403, 404, 405, 406, 426})
    if target in actor.sees:
        return frozenset({200}) if group.representation == "any" else _SHOWN
    return _HIDDEN | (frozenset({410}) if target == "deleted" and actor.saw_deleted else frozenset())


def groups(made: World) -> Iterator[Group]:
    """All of them."""
    for template, kind in made.templates():
        for actor in made.actors:
            # The desk's own matrix asks as staff.
            if made.actors[actor].is_staff and kind.startswith("desk "):
                continue
            for method in METHODS:
                several = kind in ("object", "search") and method in ("GET", "HEAD")
                for representation in REPRESENTATIONS if several else ("any",):
                    yield Group(actor, template, kind, method, representation)


def sample(made: World, every: int, seed: int = 1) -> Sequence[Group]:
    """One group of `every`, but each route, each actor, and each actor reading what names an object, at least once."""
    everything = list(groups(made))
    if every == 1:
        return everything
    random.Random(seed).shuffle(everything)
    wanted: dict[tuple[str, ...], Group] = {}
    for group in everything:
        wanted.setdefault((group.template,), group)
        if group.kind in _NAMING and group.method == "GET" and group.representation == "any":
            wanted.setdefault((group.kind, group.actor), group)
    return list(dict.fromkeys([*everything[::every], *wanted.values()]))


async def run(made: World, chosen: Sequence[Group], *, until_wrong: bool = False) -> Report:
    """Ask all of it, or as long as nothing is wrong, and hold each answer against the policy, the markers and the
    unknown."""
    report = Report()
    for group in chosen:
        if until_wrong and report.wrong:
            break
        actor = made.actors[group.actor]
        headers = {**actor.headers, **REPRESENTATIONS[group.representation]}
        if not group.template.startswith("/dicom-web"):
            headers["sec-fetch-site"] = "cross-site"
        answers: dict[str, Answer] = {}
        for name, names in made.objects.items():
            target = _target(name, group.template)
            if target in answers or (name in LIKE and not _is_worth(group)):
                continue
            path = path_of(group.template, names)
            answer = await ask(made.app, group.method, path, headers)
            answers[target] = answer
            report.calls += 1
            report.wrong += _faults(made, actor, group, target, path, answer)
        if group.kind in ("object", "page", "transfer", "desk api object"):
            report.wrong += [f"{group}: {name} is not answered as the unknown is" for name in _told(actor, answers)]
    return report


def _is_worth(group: Group) -> bool:
    """Whether to ask also for what differs from the patient's in one thing only: the foreign are asked for in all."""
    return group.method == "GET" and group.representation in ("any", "json")


def _told(actor: Actor, answers: dict[str, Answer]) -> Iterator[str]:
    """What an actor can tell from what is nowhere, although he may not see it."""
    hidden = {"foreign", *LIKE} - actor.sees - {actor.shares}
    for name in sorted(hidden & set(answers)) if "unknown" in answers else ():
        answer, unknown = answers[name], answers["unknown"]
        if (answer.status, answer.without_uids) != (unknown.status, unknown.without_uids):
            yield name


def _target(name: str, template: str) -> str:
    """Which object a path really names: without a series the study counts, without parameters there is one."""
    named = {"{file}": ("own", "foreign"), "{share}": ("own", "north")}
    for parameter, there in named.items():
        if parameter in template:
            return name if name in there else "unknown"
    if "{study}" not in template:
        return "nothing"
    if "{series}" not in template:
        return {"held": "own", "own study, foreign series": "own", "own series, foreign instance": "own"}.get(
            name, "foreign" if name == "foreign study, own series" else name
        )
    if "{instance}" not in template and name == "own series, foreign instance":
        return "own"
    return name


def _faults(made: World, actor: Actor, group: Group, target: str, path: str, answer: Answer) -> Iterator[str]:
    allowed = policy(actor, group, target)
    if answer.status not in allowed:
        yield f"{group} for {target}: {answer.status}, not one of {sorted(allowed)}"
    for name, markers in made.markers.items():
        # What the caller said may be said back.
        if name not in actor.sees and any(one in answer.body for one in markers if one not in path.encode()):
            yield f"{group} for {target}: the body gives {name} away"


def main() -> int:
    """The whole matrix on a house of its own."""
    every = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    with tempfile.TemporaryDirectory() as folder:
        made = world(Path(folder))
        come(made)
        begun = time.monotonic()
        report = asyncio.run(run(made, sample(made, every)))
        made.house.close()
    for line in report.wrong[:50]:
        print(line)
    seconds = time.monotonic() - begun
    shape = f"{len(made.actors)} actors, {len(made.objects)} objects"
    print(f"{report.calls} calls in {seconds:.0f} s, {shape}: {len(report.wrong)} deviations")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
