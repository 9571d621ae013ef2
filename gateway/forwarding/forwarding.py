"""Forwarding in the worker: what came is wanted where the rules say, and what is due is sent."""

from typing import Final

from dimse.scu.caller import Caller
from dimse.scu.wire import Patience
from gateway.forwarding.dispatcher import Dispatcher
from gateway.forwarding.forwarder import Forwarder
from gateway.forwarding.targets import Targets
from gateway.house import House, dimse_settings

FORWARD_SECONDS: Final = 3.0

# The worker must end within seconds, whatever a peer does; but a PACS may take long to store.
_PATIENCE: Final = Patience(connect=10.0, association=15.0, response=60.0, send=30.0, release=2.0)


class Forwarding:
    """The jobs of forwarding; all block for a moment only."""

    def __init__(self, house: House) -> None:
        config = house.config.forwarding
        settings = dimse_settings(house.config)
        caller = Caller(settings.ae_title, settings.tls, _PATIENCE)
        targets = Targets(house.storage, caller, house.entities.find, config.targets, house.config.base)
        index = house.storage.index
        self._deliveries = house.deliveries
        self._dispatcher = Dispatcher(index, self._deliveries, house.rules.holding, config.quiet_seconds)
        self._forwarder = Forwarder(index, self._deliveries, targets, config.hours * 3600)

    def look(self) -> None:
        """Want what came and has come to rest."""
        self._dispatcher.look()

    def send(self) -> None:
        """Begin with what is due."""
        self._forwarder.begin()

    def forget(self) -> None:
        """Remove what was delivered long ago."""
        self._deliveries.forget()

    def close(self) -> None:
        """Leave what is not finished to the next process."""
        self._forwarder.close()
