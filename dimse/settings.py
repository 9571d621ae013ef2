"""What the operator decides about the DICOM network."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

ALLOWANCES: Final = ("store", "query", "retrieve", "commit")
"""What a peer may be allowed: C-STORE; C-FIND; C-MOVE and C-GET; storage commitment."""


@dataclass(frozen=True, slots=True)
class Peer:
    """An application entity that we know: it comes with this AE title from this host (name or address).

    `port` and `tls` are how we reach it; the rest restricts what it may do here.
    """

    ae_title: str
    host: str
    port: int
    tls: bool = False
    allow: tuple[str, ...] = ALLOWANCES
    """Of `ALLOWANCES`."""
    transfer_syntaxes: tuple[str, ...] = ()
    """UIDs of those it may store in; empty: any."""
    sop_classes: tuple[str, ...] = ()
    """UIDs of those it may store; empty: any."""
    associations: int = 0
    """How many it may have open at once; 0: as many as the general limit."""


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """TLS of both sides (PS3.15 annex B): our own certificate, and whom we trust. Files are PEM."""

    port: int = 0
    """Where the TLS listener is; 0: there is none."""
    certificate: Path | None = None
    """Our certificate, followed by the chain up to a trusted CA."""
    key: Path | None = None
    """Its private key, without a passphrase."""
    trusted: Path | None = None
    """The CAs (or self-signed certificates) that peers' certificates must come from; None: those of the system."""
    require_client_certificate: bool = True
    """Whether peers that call us must show a certificate from there (mutual authentication)."""
    check_host_name: bool = True
    """Whether the certificate of a peer that we call must name the host that we call it by."""


@dataclass(frozen=True, slots=True)
class DimseSettings:
    """Name, access list, and the limits that no peer can exceed. Seconds, bytes, bytes per second."""

    ae_title: str = "DURCHBLICK"
    accept_unknown_peers: bool = False
    also_called: tuple[str, ...] = ()
    """Further AE titles of ours, which mean something to whoever looks at what was stored."""
    peers: tuple[Peer, ...] = ()
    tls: TlsSettings = TlsSettings()

    association_seconds: float = 5.0
    """Time from the connection to a complete A-ASSOCIATE-RQ (the ARTIM timer of PS3.8 9.1.4)."""
    idle_seconds: float = 60.0
    """Time that an association may rest between two messages."""
    transfer_seconds: float = 30.0
    """Within a message, every span of this length must bring `minimum_rate` on average."""
    minimum_rate: int = 1_000
    linger_seconds: float = 1.0
    """Time for the peer to close the connection after our last PDU."""
    close_seconds: float = 10.0
    """Time for running stores to finish when the server is closed."""

    longest_pdu: int = 262_144
    """What we offer as maximum length (PS3.8 D.1): the P-DATA-TF PDU without its first 6 bytes."""
    longest_request: int = 262_144
    """The A-ASSOCIATE-RQ PDU without its first 6 bytes."""
    largest_data_set: int = 16 * 2**30
    associations: int = 200
    associations_per_host: int = 64
    half_open: int = 400
    """Connections without an association; one more, and the oldest of them is cut."""
    half_open_per_host: int = 128
    """The same for one host; one more, and its oldest is cut."""
    store_threads: int = 8
    conversation_threads: int = 16
    """For operations that talk with the peer while they run: queries, retrievals."""
    admission_threads: int = 4
    """For looking up peers and the addresses of their hosts."""
    answer_seconds: float = 30.0
    """Time for a peer to read what we send, and to answer a request of ours."""
    settle_seconds: float = 1.0
    """Time for a peer to release after an N-ACTION response, before the report goes out on the same association:
    many release at once, and stumble over a request that crosses their release."""
