"""The supervisor of `durchblick serve`: starts a child for each role, for dimse several, and again what dies."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from dimse.seats import ALONE, Seat, seats
from gateway.config import Config, bracketed
from gateway.processes import CannotStart, Child, Parent, reserved, stop_event

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
    seat: Seat = ALONE

    @property
    def arguments(self) -> list[str]:
        """How `durchblick serve` is told."""
        shared = ["--seat", str(self.seat.number), str(self.seat.of)] if self.seat.is_shared else []
        return ["--role", self.role, *shared]


def run_all(config: Config, arguments: list[str], parent: Parent) -> None:
    """Supervise every role until a signal or the parent ends us. Raises CannotStart."""
    receivers = tuple(Post("dimse", seat) for seat in seats(config.dimse.processes))

    async def supervise() -> None:
        stop = stop_event(asyncio.get_running_loop(), parent)
        posts = (Post("worker"), Post("web"), *receivers)
        await Supervisor(posts, arguments, parent).run(stop, partial(_announce, config))

    with contextlib.ExitStack() as held:
        if len(receivers) > 1:
            _reserve(config, held)
        asyncio.run(supervise())


def _reserve(config: Config, held: contextlib.ExitStack) -> None:
    """Several processes can share a port, and then another gateway could join them: not so."""
    dimse = config.dimse
    held.enter_context(reserved(dimse.host, dimse.port, "dimse"))
    if dimse.tls.port:
        held.enter_context(reserved(dimse.host, dimse.tls.port, "dimse.tls"))


def _announce(config: Config) -> None:
    dimse = config.dimse
    print(f"Portal:   {config.public_root}/", flush=True)
    print(f"DICOMweb: {config.public_root}{config.http.dicomweb_path}", flush=True)
    print(f"DIMSE:    {dimse.ae_title}@{bracketed(dimse.host)}:{dimse.port}", flush=True)
    if not dimse.accept_unknown_peers and not dimse.peers:
        print("          nobody may send yet: list each sender under [[dimse.peers]] in the configuration", flush=True)


class Supervisor:
    """Starts the first child, the worker, then the others, and each again when it dies."""

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
            # The first mends what a crash left, before the others take new instances.
            for together in (self._posts[:1], self._posts[1:]):
                children = await self._begin(together)
                keepers += [asyncio.create_task(self._keep(*pair)) for pair in zip(together, children, strict=True)]
            ready()
            self._parent.tell_ready()
            await asyncio.gather(*keepers)
        finally:
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
        return await Child.start([*post.arguments, *self._arguments])

    async def _keep(self, post: Post, child: Child) -> None:
        back_off = FIRST_BACK_OFF
        loop = asyncio.get_running_loop()
        try:
            while True:
                began = loop.time()
                status = await child.wait()
                back_off = FIRST_BACK_OFF if loop.time() - began > STEADY_SECONDS else back_off
                _LOG.error(
                    "role_ended role=%s status=%d number=%d restart_in=%.1f",
                    post.role,
                    status,
                    post.seat.number,
                    back_off,
                )
                await asyncio.sleep(back_off)
                back_off = min(back_off * 2, LONGEST_BACK_OFF)
                child = await self._start(post)
        finally:
            await child.stop()
