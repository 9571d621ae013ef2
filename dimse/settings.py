"""What the operator decides about the DICOM network."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Peer:
    """An application entity that may send to us: it must come with this AE title from this host (name or address)."""

    ae_title: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class DimseSettings:
    """Address, access list, and the limits that no peer can exceed. Seconds, bytes, bytes per second."""

    host: str = "127.0.0.1"
    port: int = 11112
    ae_title: str = "DURCHBLICK"
    accept_unknown_peers: bool = False
    peers: tuple[Peer, ...] = ()

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

    longest_pdu: int = 131_072
    """What we offer as maximum length (PS3.8 D.1): the P-DATA-TF PDU without its first 6 bytes."""
    longest_request: int = 262_144
    """The A-ASSOCIATE-RQ PDU without its first 6 bytes."""
    largest_data_set: int = 16 * 2**30
    associations: int = 200
    associations_per_host: int = 64
    half_open: int = 400
    """Connections without an association; one more, and the oldest of them is cut."""
    store_threads: int = 8
