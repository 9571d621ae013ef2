"""Which callers count as one: an IPv4 address, or an IPv6 /64, which is the least that a household is given."""

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

_HOST_BITS: Final = 64


def network_of(address: str) -> str:
    """The network of a caller's address, as text; one and the same for everything that is no address."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return f"{IPv6Address(int(parsed) >> _HOST_BITS << _HOST_BITS)}/{_HOST_BITS}"
