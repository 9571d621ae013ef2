"""TLS of both sides, after the profile of PS3.15 B.12: BCP 195 with RFC 8996 and RFC 9325.

TLS 1.2 with the four cipher suites that RFC 9325 section 4.2 recommends, and TLS 1.3. Contexts come from
`TlsSettings`; whatever is wrong with a certificate, ours or the peer's, becomes a sentence that says how to mend it.
"""

import ssl
from datetime import datetime
from pathlib import Path
from typing import Final, NoReturn

from dimse.certificates import certificate_problem
from dimse.settings import TlsSettings

CIPHER_SUITES: Final = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
)
"""Of TLS 1.2, by OpenSSL's names (RFC 9325 section 4.2); those of TLS 1.3 are all permitted."""

# Codes of X509_verify_cert: what is wrong with the certificate that the other side showed, and how to mend it.
_VERIFICATION: Final = {
    9: "its certificate is not valid yet; compare the clocks of both machines, or have it issued anew",
    10: "its certificate has expired; have it renewed on the peer",
    18: "its certificate is self-signed and not trusted; add that certificate to the file dimse.tls.trusted",
    19: "its certificate comes from a CA that is not trusted; add that CA to the file dimse.tls.trusted",
    20: "its certificate comes from a CA that is not trusted, or the peer does not send the certificates in between; "
    "add that CA to the file dimse.tls.trusted, or let the peer send its whole chain",
    21: "its certificate comes alone and its CA is not known; add that CA to the file dimse.tls.trusted",
    23: "its certificate was revoked; have a new one issued for the peer",
    26: "its certificate was not issued for this purpose (extended key usage); have it issued for TLS servers and "
    "clients",
    62: "its certificate does not name the host {host}; have it issued with that name (subjectAltName), call the "
    "peer by a name that is in it, or set dimse.tls.check_host_name = false",
    64: "its certificate does not name the address {host}; have it issued with that address (subjectAltName), call "
    "the peer by a name that is in it, or set dimse.tls.check_host_name = false",
    66: "the key of its certificate is too short; have it issued anew with at least 2048 bits (RSA) or 256 bits (EC)",
    68: "its certificate is signed with an outdated hash; have it issued anew with SHA-256",
}

NOT_LIKED: Final = (
    "it wants a certificate from us that it trusts; set dimse.tls.certificate and dimse.tls.key, and enter the CA of "
    "our certificate among those that the peer trusts"
)

# What the reason of an ssl.SSLError contains: alerts are what the other side thinks of us.
_REASONS: Final = {
    "CERTIFICATE_REQUIRED": "it wants a certificate from us; set dimse.tls.certificate and dimse.tls.key",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "it shows no certificate; give it one that a CA in dimse.tls.trusted issued, "
    "or set dimse.tls.require_client_certificate = false",
    "UNKNOWN_CA": "it does not trust the CA of our certificate; enter that CA among those that the peer trusts",
    "CERTIFICATE_EXPIRED": "it says that our certificate has expired; renew the file dimse.tls.certificate",
    "CERTIFICATE_REVOKED": "it says that our certificate was revoked; renew the file dimse.tls.certificate",
    "BAD_CERTIFICATE": "it does not accept our certificate; see its log, and whether it knows the CA of ours",
    "CERTIFICATE_UNKNOWN": "it does not accept our certificate; see its log, and whether it knows the CA of ours",
    "UNSUPPORTED_CERTIFICATE": "our certificate was not issued for this purpose, or with a key it does not know",
    "ACCESS_DENIED": "it accepts our certificate but denies access; enter us in its access list",
    "HANDSHAKE_FAILURE": "no common cipher suite, or it wants a certificate from us; it must offer TLS 1.3, or "
    "TLS 1.2 with ECDHE and AES-GCM (PS3.15 B.12), and dimse.tls.certificate must be set if it wants one",
    "NO_SHARED_CIPHER": "no common cipher suite; it must offer TLS 1.3, or TLS 1.2 with ECDHE and AES-GCM (PS3.15 "
    "B.12)",
    "PROTOCOL_VERSION": "no common version of TLS; it must offer 1.2 or 1.3",
    "UNSUPPORTED_PROTOCOL": "no common version of TLS; it must offer 1.2 or 1.3",
    "WRONG_VERSION_NUMBER": "it does not speak TLS on this port; use its TLS port, or set tls = false for it",
    "ConnectionResetError": "it closed the connection within the handshake; it may not speak TLS on this port: use its "
    "TLS port, or set tls = false for it",
    "TimeoutError": "it does not answer the handshake; it may not speak TLS on this port: use its TLS port, or set "
    "tls = false for it",
    "HTTP_REQUEST": "it speaks HTTP; use the port of its DICOM node",
    "UNEXPECTED_EOF": "it closed the connection within the handshake; it may not speak TLS on this port, or not "
    "accept our certificate: see its log",
}


class TlsUnusable(Exception):
    """The files of [dimse.tls] cannot be used; the message says which and why."""


def server_context(settings: TlsSettings) -> ssl.SSLContext:
    """What the TLS listener needs. Raises `TlsUnusable`."""
    if settings.certificate is None:
        raise TlsUnusable("dimse.tls.certificate: a TLS listener needs a certificate and its key.")
    context = _restricted(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    _load_own(context, settings)
    if settings.require_client_certificate:
        _load_trusted(context, settings, ssl.Purpose.CLIENT_AUTH)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(settings: TlsSettings) -> ssl.SSLContext:
    """What calling a peer over TLS needs; our certificate is shown to peers that want one. Raises `TlsUnusable`."""
    context = _restricted(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    context.check_hostname = settings.check_host_name
    _load_trusted(context, settings, ssl.Purpose.SERVER_AUTH)
    _load_own(context, settings)
    return context


def explained(error: OSError, host: str = "") -> str:
    """What went wrong between us and a peer (called by `host`) and how to mend it, without a full stop."""
    if isinstance(error, ssl.SSLCertVerificationError):
        unknown = f"its certificate cannot be verified ({error.verify_message}); have it issued anew"
        return _VERIFICATION.get(error.verify_code, unknown).format(host=host)
    reason = getattr(error, "reason", None) or type(error).__name__
    for known, sentence in _REASONS.items():
        if known in reason:
            return sentence
    return f"the TLS handshake failed ({reason}); see the log of the peer"


def certificate_problems(settings: TlsSettings, now: datetime) -> list[str]:
    """Sentences on what is wrong with the files of [dimse.tls]; none when everything is well."""
    if settings.certificate is None and settings.trusted is None:
        return []
    try:
        client_context(settings)
        if settings.port:
            server_context(settings)
    except TlsUnusable as unusable:
        return [str(unusable)]
    problem = certificate_problem(settings.certificate, now) if settings.certificate else None
    return [f"dimse.tls.certificate: {problem}"] if problem else []


def _restricted(context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(":".join(CIPHER_SUITES))
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    # A certificate may be trusted by itself, without the CA that issued it.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _load_own(context: ssl.SSLContext, settings: TlsSettings) -> None:
    certificate, key = settings.certificate, settings.key
    if certificate is None or key is None:
        return
    _readable("certificate", certificate)
    _readable("key", key)
    try:
        context.load_cert_chain(certificate, key, password=_no_passphrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise TlsUnusable(f"dimse.tls.key: {key} is not the key of the certificate {certificate}.") from error
        text = certificate.read_text(encoding="ascii", errors="replace")
        wrong = "key" if "-----BEGIN CERTIFICATE-----" in text else "certificate"
        file = key if wrong == "key" else certificate
        what = "no key in PEM form" if wrong == "key" else "no certificate in PEM form"
        raise TlsUnusable(f"dimse.tls.{wrong}: {file} holds {what}; convert it with openssl.") from error


def _load_trusted(context: ssl.SSLContext, settings: TlsSettings, purpose: ssl.Purpose) -> None:
    if settings.trusted is None:
        context.load_default_certs(purpose)
        return
    _readable("trusted", settings.trusted)
    try:
        context.load_verify_locations(settings.trusted)
    except ssl.SSLError as error:
        sentence = f"dimse.tls.trusted: {settings.trusted} holds no certificate in PEM form; convert it with openssl."
        raise TlsUnusable(sentence) from error


def _readable(key: str, file: Path) -> None:
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise TlsUnusable(f"dimse.tls.{key}: {file} cannot be read ({error.strerror}).") from error


def _no_passphrase() -> NoReturn:
    raise TlsUnusable("dimse.tls.key: the key has a passphrase; remove it: openssl pkey -in KEY -out NEW.")
