"""Who we are when we call a peer."""

import ssl
import threading
from collections.abc import Sequence

from dimse.scu.establishing import Proposal
from dimse.scu.requestor import Perform, Requestor
from dimse.scu.wire import AssociationFailed, Patience
from dimse.settings import Peer, TlsSettings
from dimse.tls import TlsUnusable, client_context


class Caller:
    """Asks peers for associations, over TLS where they want it. Safe to use from any thread."""

    def __init__(self, ae_title: str, tls: TlsSettings | None = None, patience: Patience | None = None) -> None:
        """`ae_title` is ours. The files of `tls` are read when the first peer wants TLS."""
        self.ae_title = ae_title
        self.patience = patience or Patience()
        self._tls = tls or TlsSettings()
        self._context: ssl.SSLContext | None = None
        self._lock = threading.Lock()

    def associate(self, peer: Peer, proposals: Sequence[Proposal], perform: Perform | None = None) -> Requestor:
        """An association with `peer`. Raises `AssociationFailed`, also when [dimse.tls] cannot be used."""
        return Requestor.associate(
            peer,
            proposals,
            calling_ae_title=self.ae_title,
            tls=self._tls_context() if peer.tls else None,
            perform=perform,
            patience=self.patience,
        )

    def _tls_context(self) -> ssl.SSLContext:
        with self._lock:
            if self._context is None:
                try:
                    self._context = client_context(self._tls)
                except TlsUnusable as unusable:
                    raise AssociationFailed("tls", str(unusable), is_permanent=True) from unusable
            return self._context
