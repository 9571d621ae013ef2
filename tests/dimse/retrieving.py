"""Both ends that a retrieval talks to, without any network: who retrieves, and the client of a destination."""

from collections.abc import Generator, Iterable, Sequence
from typing import cast

from dimse import command
from dimse.command import Command
from dimse.scu.elements import MoveOriginator
from dimse.scu.lane import Outlook, SubOperation
from dimse.scu.storage import StorageScu
from dimse.services.operation import Context, Response
from dimse.settings import Peer
from storage.records import InstanceRecord


class Association:
    """The peer that retrieves: it keeps what it is told and sent, and answers C-STORE with `statuses`, then success."""

    def __init__(self, *contexts: tuple[str, str, bool], statuses: Iterable[int] = (), cancels_after: int = -1) -> None:
        numbered = enumerate(contexts)
        self.contexts = {2 * at + 1: Context(2 * at + 1, *one) for at, one in numbered}
        self.told: list[Response] = []
        self.sent: list[tuple[Context, dict[int, bytes], bytes]] = []
        self._statuses = iter(statuses)
        self._cancels_after = cancels_after

    @property
    def is_cancelled(self) -> bool:
        return 0 <= self._cancels_after <= len(self.sent)

    def respond(self, response: Response) -> None:
        self.told.append(response)

    def request(self, context: Context, elements: Sequence[tuple[int, bytes]], data: Iterable[bytes] = ()) -> Command:
        self.sent.append((context, dict(elements), b"".join(data)))
        status = next(self._statuses, 0)
        return Command({} if status < 0 else {command.STATUS: command.uint2(status)})


class Client:
    """Stands where the storage SCU stands: gives `statuses`, then success, and knows when it is closed."""

    def __init__(self, statuses: Iterable[int] = (), comment: str = "", is_answered: bool = True) -> None:
        self._statuses = iter(statuses)
        self._comment = comment
        self._is_answered = is_answered
        self.peers: list[Peer] = []
        self.originators: list[MoveOriginator] = []
        self.sent: list[str] = []
        self.closed = 0

    def to(self, peer: Peer) -> StorageScu:
        self.peers.append(peer)
        return cast(StorageScu, self)

    def send(
        self, records: Sequence[InstanceRecord], *, originator: MoveOriginator, outlook: Outlook
    ) -> Generator[SubOperation, None, None]:
        self.originators.append(originator)
        try:
            for record in records:
                self.sent.append(record.sop_instance_uid)
                status = next(self._statuses, 0)
                yield SubOperation(record, status, self._comment, self._is_answered)
        finally:
            self.closed += 1
