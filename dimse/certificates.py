"""From when until when a certificate is valid: the one thing of X.509 that Python's ssl does not tell of our own."""

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_SEQUENCE: Final = 0x30
_VERSION: Final = 0xA0
_UTC_TIME: Final = 0x17
_BEFORE_VALIDITY: Final = 3
"""Serial number, signature algorithm and issuer stand before it (RFC 5280 section 4.1)."""


def validity(pem: str) -> tuple[datetime, datetime]:
    """The first and the last moment of the first certificate in `pem`. Raises ValueError when there is none."""
    begin, end = pem.find(ssl.PEM_HEADER), pem.find(ssl.PEM_FOOTER)
    if begin < 0 or end < begin:
        raise ValueError("no certificate in PEM form")
    der = ssl.PEM_cert_to_DER_cert(pem[begin : end + len(ssl.PEM_FOOTER)])
    position, _ = _inside(der, _inside(der, 0, _SEQUENCE)[0], _SEQUENCE)
    if der[position] == _VERSION:
        position = _inside(der, position, _VERSION)[1]
    for _ in range(_BEFORE_VALIDITY):
        position = _inside(der, position, der[position])[1]
    first, _ = _inside(der, position, _SEQUENCE)
    last = _inside(der, first, der[first])[1]
    return _moment(der, first), _moment(der, last)


def certificate_problem(file: Path, now: datetime) -> str | None:
    """Why nobody will accept the certificate in `file` at the moment, or None."""
    try:
        first, last = validity(file.read_text(encoding="ascii", errors="replace"))
    except (OSError, ValueError, IndexError) as error:
        return f"{file} holds no certificate that can be read ({error})."
    if now < first:
        return f"{file} is valid only from {first:%Y-%m-%d %H:%M} UTC on; compare the clock, or have it issued anew."
    if now > last:
        return f"{file} has expired on {last:%Y-%m-%d %H:%M} UTC; renew it."
    return None


def _inside(der: bytes, position: int, tag: int) -> tuple[int, int]:
    """Where the content of the element at `position` begins and ends (X.690 8.1)."""
    if der[position] != tag:
        raise ValueError("not an X.509 certificate")
    length, begin = der[position + 1], position + 2
    if length & 0x80:
        begin += length & 0x7F
        length = int.from_bytes(der[position + 2 : begin], "big")
    return begin, begin + length


def _moment(der: bytes, position: int) -> datetime:
    begin, end = _inside(der, position, der[position])
    text = der[begin:end].decode("ascii")
    if der[position] == _UTC_TIME:
        # RFC 5280 section 4.1.2.5.1: years 50 to 99 are of the last century.
        text = ("19" if text[:2] >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
