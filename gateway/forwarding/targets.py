"""Where deliveries go: peers of the DICOM network, and origin servers of DICOMweb."""

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Protocol

from dimse.scu.caller import Caller
from dimse.scu.commitment import CommitmentScu
from dimse.scu.storage import StorageScu, SubOperation
from dimse.scu.trouble import Trouble, TroubleKind
from dimse.settings import Peer
from gateway.forwarding.stow import StowClient
from gateway.sections import TargetConfig
from storage.records import InstanceRecord
from storage.storage import Storage


class Unreachable(Exception):
    """The target cannot be sent anything as things are; the message says how to mend it."""

    def __init__(self, kind: TroubleKind, sentence: str) -> None:
        super().__init__(sentence)
        self.trouble = Trouble(kind, sentence)


class Target(Protocol):
    """One that instances are sent to."""

    ae_title: str
    """Empty where it has none."""

    def send(self, records: Sequence[InstanceRecord]) -> Generator[SubOperation, None, None]:
        """Send each, and tell how it went. Never raises because of the target."""

    def commitment(self) -> CommitmentScu | None:
        """Who asks it for storage commitment, if that is wanted."""


class DimseTarget:
    """C-STORE to a peer (PS3.4 annex B)."""

    def __init__(self, storage: Storage, caller: Caller, peer: Peer, config: TargetConfig) -> None:
        self.ae_title = peer.ae_title
        self._store = StorageScu(storage, caller, peer, associations=config.associations)
        self._commitment = CommitmentScu(storage, caller, peer) if config.commit else None

    def send(self, records: Sequence[InstanceRecord]) -> Generator[SubOperation, None, None]:
        """Study by study, on as many associations as the configuration says."""
        return self._store.send(records)

    def commitment(self) -> CommitmentScu | None:
        """Asks the same peer."""
        return self._commitment


class WebTarget:
    """STOW-RS to an origin server (PS3.18 10.5)."""

    ae_title = ""

    def __init__(self, storage: Storage, url: str, token: str) -> None:
        self._client = StowClient(storage, url, token)

    def send(self, records: Sequence[InstanceRecord]) -> Generator[SubOperation, None, None]:
        """A few at a time."""
        return self._client.send(records)

    def commitment(self) -> CommitmentScu | None:
        """Nobody."""
        return None


class Targets:
    """The targets of the configuration, made when something is to be sent to them."""

    def __init__(
        self,
        storage: Storage,
        caller: Caller,
        find: Callable[[str], Peer | None],
        configured: Sequence[TargetConfig],
        base: Path,
    ) -> None:
        """`find` knows peers by AE title; files named in the configuration lie beside `base`."""
        self.configured = {one.name: one for one in configured}
        self._storage = storage
        self._caller = caller
        self._find = find
        self._base = base

    def target(self, name: str) -> Target:
        """The target of this name. Raises `Unreachable`."""
        config = self.configured.get(name)
        if config is None:
            sentence = f"{name} is no target any more; list it under [[forwarding.targets]]."
            raise Unreachable(TroubleKind.UNCONFIGURED, sentence)
        if config.url:
            return WebTarget(self._storage, config.url, self._token(config))
        peer = self._find(config.ae_title)
        if peer is None or not peer.port:
            sentence = f"The AE {config.ae_title} is not known; list it under [[dimse.peers]] or by `ae add`."
            raise Unreachable(TroubleKind.UNCONFIGURED, sentence)
        return DimseTarget(self._storage, self._caller, peer, config)

    def _token(self, config: TargetConfig) -> str:
        if not config.token_file:
            return ""
        try:
            return (self._base / config.token_file).read_text("utf-8").strip()
        except OSError as error:
            sentence = f"The token of {config.name} cannot be read ({error.strerror})."
            raise Unreachable(TroubleKind.RIGHTS, sentence) from error
