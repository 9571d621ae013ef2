"""Which service answers which command (PS3.7 table E.1-1), and which abstract syntaxes they are offered under."""

from collections.abc import Callable

from dimse.command import C_ECHO_RQ, C_STORE_RQ
from dimse.services.echo import VERIFICATION, echo
from dimse.services.operation import Answered, Operation, Request
from dimse.services.storage import StorageService, is_storage
from dimse.status import UNRECOGNIZED_OPERATION, Status
from storage.storage import Storage


class Services:
    """Every DIMSE service that this node offers as SCP."""

    def __init__(self, storage: Storage) -> None:
        self._operations: dict[int, Callable[[Request], Operation]] = {
            C_ECHO_RQ: echo,
            C_STORE_RQ: StorageService(storage.ingest).store,
        }

    def takes(self, abstract_syntax: str) -> bool:
        """Whether a presentation context of this abstract syntax is accepted."""
        return abstract_syntax == VERIFICATION or is_storage(abstract_syntax)

    def begin(self, request: Request) -> Operation:
        """The operation for a request; what is not offered is answered with 0211H."""
        begin = self._operations.get(request.command.field)
        if begin is None:
            return Answered(Status(UNRECOGNIZED_OPERATION, "This operation is not offered here."))
        return begin(request)
