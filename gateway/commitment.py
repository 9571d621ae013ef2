"""Storage commitment in the worker: peers that left before their report came are called, until they take it."""

from collections.abc import Callable
from typing import Final

from dimse.scu.caller import Caller
from dimse.scu.commitment_report import Reporter
from dimse.scu.wire import Patience
from gateway.house import House, dimse_settings
from storage.commitment.requests import Requests
from storage.commitment.transactions import FORGOTTEN, Transactions
from storage.commitment.verifying import Verifier
from storage.commitment.web_requests import WebRequests

REPORT_SECONDS: Final = 1.0
FORGET_SECONDS: Final = 3600.0

# The worker must end within seconds, whatever a peer does.
_PATIENCE: Final = Patience(connect=5.0, association=10.0, response=15.0, send=10.0, release=2.0)


class Commitment:
    """The jobs of storage commitment; all but `verify` block for a moment only."""

    def __init__(self, house: House) -> None:
        settings = dimse_settings(house.config)
        caller = Caller(settings.ae_title, settings.tls, _PATIENCE)
        self._transactions = Transactions(house.storage.database)
        self._requests = Requests(house.storage.database)
        self._web = WebRequests(house.storage.database, Verifier(house.storage))
        self._reporter = Reporter(house.storage, caller, house.entities.find, self._transactions)

    def report(self) -> None:
        """Begin with what is due."""
        self._reporter.begin()

    def verify(self, is_stopping: Callable[[], bool]) -> None:
        """Verify what was asked over the web and took too long to answer at once; ends when `is_stopping`."""
        self._web.work_off(is_stopping)

    def forget(self) -> None:
        """Remove what nobody asks for any more."""
        self._transactions.forget()
        self._requests.forget(FORGOTTEN)

    def close(self) -> None:
        """Leave what is not finished to the next process."""
        self._reporter.close()
