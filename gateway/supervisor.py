"""The supervisor of `durchblick serve`: starts a child for each role, of some several, and again what dies."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal

from gateway.config import Config, bracketed
from gateway.entered_peers import has_entered_peers
from gateway.listening import close, reserve
from gateway.processes import CannotStart, Child, Parent, stop_event
from gateway.seats import ALONE, Place, Rows, Seat, seats

_LOG: Final = logging.getLogger("durchblick.gateway")

Role = Literal["worker", "web", "dimse"]
ROLES: Final[tuple[Role, ...]] = ("worker", "web", "dimse")

FIRST_BACK_OFF: Final = 0.5
LONGEST_BACK_OFF: Final = 30.0
STEADY_SECONDS: Final = 60.0
"""A child that lived as long is started again as if it had never failed."""


@dataclass(frozen=True, slots=True)
class Post:
    """What one child does: a role, of which there may be several children."""

    role: Role
    place: Place = field(default_factory=Place)

    @property
    def arguments(self) -> list[str]:
        """How `durchblick serve` is told."""
        return ["--role", self.role, *self.place.arguments]


def seats_of(role: Role, config: Config) -> tuple[Seat, ...]:
    """One for each process of this role."""
    match role:
        case "web":
            return seats(config.http.processes)
        case "dimse":
            return seats(config.dimse.processes)
        case "worker":
            return (ALONE,)


@contextlib.contextmanager
def places(role: Role, config: Config) -> Iterator[list[Place]]:
    """The places of all processes of a role, for whom its ports are reserved. Raises CannotStart."""
    with contextlib.ExitStack() as held:
        sockets = {}
        for key, host, port in _ports(role, config):
            sockets[key] = reserve(host, port, key)
            held.callback(close, sockets[key])
        own = seats_of(role, config)
        first = Place(own[0], Rows(len(own)), sockets)
        yield [first.at(seat) for seat in own]


def _ports(role: Role, config: Config) -> Iterator[tuple[str, str, int]]:
    """The configuration section of each port of a role, host and number."""
    http, dimse = config.http, config.dimse
    if role == "web":
        yield "http", http.host, http.port
    if role == "dimse":
        yield "dimse", dimse.host, dimse.port
        if dimse.tls.port:
            yield "dimse.tls", dimse.host, dimse.tls.port


def run_all(config: Config, roles: Sequence[Role], arguments: list[str], parent: Parent) -> None:
    """Supervise these roles until a signal or the parent ends us. Raises CannotStart."""

    async def supervise(posts: Sequence[Post]) -> None:
        stop = stop_event(asyncio.get_running_loop(), parent)
        await Supervisor(posts, arguments, parent).run(stop, partial(_announce, config, roles))

    with contextlib.ExitStack() as held:
        posts = [Post(role, place) for role in roles for place in held.enter_context(places(role, config))]
        asyncio.run(supervise(posts))


def _announce(config: Config, roles: Sequence[Role]) -> None:
    dimse = config.dimse
    if "web" in roles:
        print(f"Portal:   {config.public_root}/", flush=True)
        print(f"DICOMweb: {config.public_root}{config.http.dicomweb_path}", flush=True)
    if "dimse" in roles:
        print(f"DIMSE:    {dimse.ae_title}@{bracketed(dimse.host)}:{dimse.port}", flush=True)
        if not dimse.accept_unknown_peers and not dimse.peers and not has_entered_peers(config):
            ways = "with durchblick ae add, or under [[dimse.peers]]"
            print(f"          nobody may send yet: enter each sender {ways}", flush=True)


class Supervisor:
    """Starts the worker, if there is one, then the others, and each again when it dies."""

    def __init__(self, posts: Sequence[Post], arguments: Sequence[str], parent: Parent) -> None:
        self._posts = posts
        self._arguments = arguments
        self._parent = parent

    async def run(self, stop: asyncio.Event, ready: Callable[[], None]) -> None:
        """Serve until `stop` is set; `ready` is called when every child is. Raises CannotStart."""
        work = asyncio.create_task(self._run(ready))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({stopping, work}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not work.done():
            work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work

    async def _run(self, ready: Callable[[], None]) -> None:
        keepers: list[asyncio.Task[None]] = []
        try:
            # The worker mends what a crash left, before the others take new instances.
            menders = [post for post in self._posts if post.role == "worker"]
            for together in (menders, [post for post in self._posts if post not in menders]):
                children = await self._begin(together)
                keepers += [asyncio.create_task(self._keep(*pair)) for pair in zip(together, children, strict=True)]
            ready()
            self._parent.tell_ready()
            await asyncio.gather(*keepers)
        finally:
            # Whoever comes now is refused at once, instead of waiting for nobody.
            for post in self._posts:
                for sockets in post.place.sockets.values():
                    close(sockets)
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)

    async def _begin(self, posts: Sequence[Post]) -> list[Child]:
        """Children for these posts, all ready; when one cannot start, none is left."""
        children = [await self._start(post) for post in posts]
        try:
            await asyncio.gather(*(child.ready() for child in children))
        except BaseException as error:
            await asyncio.gather(*(child.stop() for child in children))
            if isinstance(error, ChildProcessError):
                raise CannotStart(f"A process {error} before it was ready; its reason stands above.") from error
            raise
        return children

    async def _start(self, post: Post) -> Child:
        return await Child.start([*post.arguments, *self._arguments], post.place.descriptors)

    async def _keep(self, post: Post, child: Child) -> None:
        back_off = FIRST_BACK_OFF
        loop = asyncio.get_running_loop()
        seat = post.place.seat
        try:
            while True:
                began = loop.time()
                status = await child.wait()
                post.place.rows.left(seat.number)
                back_off = FIRST_BACK_OFF if loop.time() - began > STEADY_SECONDS else back_off
                _LOG.error(
                    "role_ended role=%s status=%d number=%d restart_in=%.1f", post.role, status, seat.number, back_off
                )
                await asyncio.sleep(back_off)
                back_off = min(back_off * 2, LONGEST_BACK_OFF)
                child = await self._start(post)
        finally:
            await child.stop()
