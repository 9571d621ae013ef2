"""Work on a transaction that takes its time."""

import time
from typing import Final

from storage.commitment.transactions import HELD_SECONDS, Transaction, Transactions

_SAID_EVERY: Final = HELD_SECONDS / 3


class Holding:
    """Called often, says now and then that the transaction is still being worked on."""

    def __init__(self, transactions: Transactions, transaction: Transaction) -> None:
        self._transactions = transactions
        self._transaction = transaction
        self._say_at = time.monotonic() + _SAID_EVERY

    def __call__(self) -> None:
        """Hold on. Raises `NoLongerHeld`."""
        now = time.monotonic()
        if now >= self._say_at:
            self._transactions.hold(self._transaction)
            self._say_at = now + _SAID_EVERY
