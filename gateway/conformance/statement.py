"""The whole statement, in the order of PS3.2 annex A."""

from collections.abc import Iterator
from typing import Final

from pydicom.charset import python_encoding

from dimse.association_items import APPLICATION_CONTEXT
from dimse.negotiation import ANY_SCP
from dimse.services.statuses import NOT_OFFERED
from dimse.settings import ALLOWANCES, DimseSettings
from dimse.tls import CIPHER_SUITES
from gateway.conformance import services
from gateway.conformance.markdown import listed, section, table
from gateway.seats import MOST
from gateway.sections import DimseConfig, PeerConfig, TlsConfig
from storage.data_set.encoder import UNICODE
from storage.data_set.part10 import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

_SETTINGS: Final = DimseSettings()


def statement() -> str:
    """The conformance statement as Markdown; the same for every site, with the defaults of what can be configured."""
    return "\n\n".join(_sections()) + "\n"


def _sections() -> Iterator[str]:
    yield section(
        "# DICOM Conformance Statement of Durchblick",
        "Written by `durchblick conformance` from the tables that the program works with, in the form of PS3.2. "
        "Do not edit: `durchblick conformance > docs/conformance.md`.",
    )
    yield section(
        "## 1 Conformance Statement Overview",
        "Durchblick is a gateway and archive. Modalities and PACS store, query, retrieve and get storage commitment "
        "over "
        "the DICOM network, plain or by TLS. Web services (QIDO-RS, WADO-RS, STOW-RS) are described by the server "
        "itself: "
        "`OPTIONS` on the DICOMweb path.",
        services.overview(),
    )
    yield section(
        "## 2 Introduction",
        "For integrators who know DICOM. Conformance does not by itself mean that two systems work together: test it "
        "(`durchblick ae test`). AE: application entity; SCP, SCU: provider and user of a service; UID: unique "
        "identifier.",
    )
    yield "## 3 Networking"
    yield _implementation_model()
    yield "### 3.2 AE Specification"
    yield from _entity()
    yield _interfaces()
    yield _configuration()
    yield _media()
    yield _character_sets()
    yield _security()
    yield section(
        "## 7 Annexes",
        listed(
            (
                "IOD contents: no SOP instances are created.",
                "Data dictionary of private attributes: none are used; those of others are kept.",
                "Coded terminology and templates: none.",
                "Grayscale image consistency: not applicable to the DICOM network.",
                "Standard extended, specialised and private SOP classes: stored and given back like any other.",
                "Private transfer syntaxes: stored and given back as they are.",
            )
        ),
    )
    yield section("## Annex A Storage SOP Classes", services.storage_classes())


def _implementation_model() -> str:
    return section(
        "### 3.1 Implementation Model",
        "Application data flow: peers call the AE; it stores what they send, answers queries from the index, sends "
        "what "
        "they retrieve, and reports commitment. It calls peers for C-MOVE sub-operations, commitment reports, "
        "forwarding "
        "and retrieval. Storing comes first: everything else sees an instance once success was told for it.",
    )


def _interfaces() -> str:
    return section(
        "### 3.3 Network Interfaces",
        "TCP/IP over IPv4 and IPv6, on whatever the operating system offers. Names are resolved by the operating "
        "system. "
        "Nagle's algorithm is switched off on every connection.",
    )


def _configuration() -> str:
    dimse, tls = DimseConfig(), TlsConfig()
    peer = PeerConfig(ae_title="AE", host="host")
    rows = [
        ("dimse.ae_title", dimse.ae_title, "Our AE title"),
        ("dimse.host, dimse.port", f"{dimse.host}, {dimse.port}", "Where we listen without TLS"),
        (
            "dimse.processes",
            dimse.processes or f"one for each processor, at most {MOST}",
            "How many processes share the port (on Linux; elsewhere one)",
        ),
        (
            "dimse.accept_unknown_peers",
            str(dimse.accept_unknown_peers).lower(),
            "Whether AEs that are not entered may call",
        ),
        ("dimse.tls.port", tls.port or "none", "Where we listen for TLS"),
        ("dimse.tls.require_client_certificate", str(tls.require_client_certificate).lower(), "Mutual authentication"),
        (
            "dimse.tls.check_host_name",
            str(tls.check_host_name).lower(),
            "Whether the certificates of peers must name their hosts",
        ),
        (
            "dimse.peers: ae_title, host, port, tls",
            peer.port,
            "Presentation address of a peer (also `durchblick ae add`)",
        ),
        ("dimse.peers: allow", ", ".join(peer.allow), f"What it may do: {', '.join(ALLOWANCES)}"),
        ("dimse.peers: transfer_syntaxes, sop_classes", "any", "What it may store"),
        ("dimse.peers: associations", "no limit of its own", "How many it may have open at once, over all processes"),
    ]
    return section("### 3.4 Configuration", table(("Parameter", "Default", "Meaning"), rows))


def _entity() -> Iterator[str]:
    yield section("#### 3.2.1 SOP Classes", services.presentation_contexts())
    yield section("#### 3.2.2 Association Policies", _general_policies())
    yield section("#### 3.2.3 Association Initiation Policy", services.proposed_contexts())
    yield section(
        "#### 3.2.4 Association Acceptance Policy",
        f"Accepted is who calls us by our AE title or `{ANY_SCP}`, with an AE title that the operator has entered, "
        "from "
        "an address of the host entered for it. The first transfer syntax that we take is chosen, in the order of "
        "the "
        "proposal; where the requestor wants to receive, Explicit VR Little Endian comes first.",
        table(("Refused", "Answer"), _REFUSALS),
    )
    yield section("#### 3.2.5 Extended Negotiation", services.extended_negotiation())
    yield "#### 3.2.6 SOP Specific Conformance"
    yield services.service_specifications()
    yield f"Every other operation is answered with {NOT_OFFERED.code:04X}. {NOT_OFFERED.when}"


_REFUSALS: Final = (
    (
        "Unknown AE title, or from another address",
        "A-ASSOCIATE-RJ: permanent, service user, calling AE title not recognized",
    ),
    ("Called by another AE title than ours", "A-ASSOCIATE-RJ: permanent, service user, called AE title not recognized"),
    (
        "Too many associations in all, of the host, or of the AE",
        "A-ASSOCIATE-RJ: transient, presentation, local limit exceeded",
    ),
    ("The list of AEs cannot be read", "A-ASSOCIATE-RJ: transient, presentation, temporary congestion"),
    ("Other application context or protocol version", "A-ASSOCIATE-RJ: permanent, not supported"),
    ("Context of a SOP class that is not offered, or not to this AE", "Abstract syntax not supported"),
    ("Context without a transfer syntax that is taken, or taken from this AE", "Transfer syntaxes not supported"),
    ("Operation that this AE may not use", "Status 0124H (Refused: Not authorised)"),
)


def _general_policies() -> str:
    seconds = _SETTINGS
    rows = [
        ("Application context", f"`{APPLICATION_CONTEXT}`"),
        (
            "Associations at once, in each process",
            f"{seconds.associations}, of one host {seconds.associations_per_host}",
        ),
        (
            "Connections without an association, in each process",
            f"{seconds.half_open}, of one host {seconds.half_open_per_host}; one more, and the oldest is closed",
        ),
        ("Asynchronous operations", "One operation at a time in each direction"),
        ("Implementation class UID", f"`{IMPLEMENTATION_CLASS_UID}`"),
        ("Implementation version name", f"`{IMPLEMENTATION_VERSION_NAME}`"),
        ("Largest PDU received", f"{seconds.longest_pdu} bytes"),
        ("Largest data set received", f"{seconds.largest_data_set >> 30} GiB"),
        ("Time to the A-ASSOCIATE-RQ (ARTIM)", f"{seconds.association_seconds:g} s"),
        ("Rest between two messages", f"{seconds.idle_seconds:g} s, then A-ABORT"),
        (
            "Rate within a message",
            f"{seconds.minimum_rate} bytes/s in every {seconds.transfer_seconds:g} s, else A-ABORT",
        ),
        ("Time for a peer to read or to answer us", f"{seconds.answer_seconds:g} s, then A-ABORT"),
    ]
    return table(("Policy", "Value"), rows)


def _media() -> str:
    return section(
        "## 4 Media Interchange",
        "Durchblick is a File-set Creator of the application profile STD-GEN-CD (PS3.11 annex D): what patients take "
        "along is such a file-set in the layout of IHE PDI, as a ZIP archive (PS3.12 annex V). Images are uncompressed "
        "in Explicit VR Little Endian; videos, and images that cannot be decoded, are in it as they are kept. Copies "
        "without names follow the Basic Application Level Confidentiality Profile (PS3.15 annex E) without options; "
        "pixels are not cleaned.\n\n"
        "`durchblick import` reads Part 10 files, also from folders with a DICOMDIR and from ZIP archives.",
    )


def _character_sets() -> str:
    return section(
        "## 5 Support of Character Sets",
        "Data sets are kept as they come. Read are all defined terms of Specific Character Set, with and without "
        "code "
        f"extensions: {', '.join(filter(None, python_encoding))}. Answers to queries and reports are written in the "
        "character set of the "
        f"request where that can hold them, else in {UNICODE}.",
    )


def _security() -> str:
    return section(
        "## 6 Security",
        "Secure transport connection profile: BCP 195 RFC 8996, 9325 TLS (PS3.15 B.12). TLS 1.2 and 1.3; older "
        "versions, "
        "compression and renegotiation are refused. Certificates are verified on both sides; that of the caller "
        "unless "
        "the operator says otherwise. Cipher suites of TLS 1.2:",
        listed(f"`{suite}`" for suite in CIPHER_SUITES),
        "Association level: AE title and address must be those of an entered AE, which may be restricted to "
        "operations, "
        "SOP classes, transfer syntaxes and a number of associations. Application level: logs hold no patient data. "
        "Audit trail: an own one in the database; no Audit Trail Message Format Profile is claimed.",
    )
