"""Ranges of addresses: public ones, a hospital's private ones, this machine, and those where no server can be."""

from __future__ import annotations

import ipaddress
from enum import Enum

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_SHARED = ipaddress.ip_network("100.64.0.0/10")  # of a provider's customers (RFC 6598): neither public nor private
_THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")  # some systems take its addresses to mean this machine
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # its last four bytes are the intended IPv4 address (RFC 6052)
# Where clouds give out credentials, besides 169.254.169.254: AWS over IPv6, Alibaba, Azure, Oracle.
_METADATA = frozenset(
    map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")),
)


class Range(Enum):
    """The kind of an address."""

    PUBLIC = "public"
    PRIVATE = "private"
    LOOPBACK = "loopback"
    NOWHERE = "nowhere"
    """Link-local, multicast, reserved, unspecified, or where a cloud gives out credentials: not a FHIR server."""


def range_of(address: IPAddress) -> Range:
    """The range of an address; if it stands for an IPv4 address, the range of that."""
    meant = _meant(address)
    if meant.is_loopback:
        return Range.LOOPBACK
    if meant in _METADATA or meant in _THIS_NETWORK or meant.is_reserved:
        return Range.NOWHERE
    if meant.is_link_local or meant.is_multicast or meant.is_unspecified:
        return Range.NOWHERE
    if not meant.is_global or meant in _SHARED or (meant.version == 6 and meant.is_site_local):
        return Range.PRIVATE
    return Range.PUBLIC


def _meant(address: IPAddress) -> IPAddress:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
