"""Which service answers which command (PS3.7 table E.1-1)."""

from dimse.command import C_ECHO_RQ, C_STORE_RQ
from dimse.services.echo import echo
from dimse.services.operation import Answered, Operation, Request
from dimse.services.storage import StorageService
from dimse.status import UNRECOGNIZED_OPERATION, Status
from storage.ingest import Ingest


class Services:
    """Every DIMSE service that this node offers as SCP."""

    def __init__(self, ingest: Ingest) -> None:
        self._storage = StorageService(ingest)

    def begin(self, request: Request) -> Operation:
        """The operation for a request; what is not offered is answered with 0211H."""
        if request.command.field == C_STORE_RQ:
            return self._storage.store(request)
        if request.command.field == C_ECHO_RQ:
            return echo(request)
        return Answered(Status(UNRECOGNIZED_OPERATION, "C-ECHO and C-STORE are offered here."))
