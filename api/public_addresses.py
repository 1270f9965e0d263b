"""Addresses of the internet that this system may send requests to, and exceptions by setting.

A request to an address that somebody else has chosen must not reach what is inside: the machine
itself, its neighbours, the metadata service of a cloud.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

HOST = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# What `is_global` accepts or has accepted in some version of Python: the protocol assignments of
# 192.0.0.0/24, the relays of 6to4, benchmarks, multicast.
_MORE_IPV4 = tuple(
    map(IPv4Network, ("192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "224.0.0.0/3"))
)
# For documentation (RFC 9637): newer than some version of Python.
_DOCUMENTATION = IPv6Network("3fff::/20")
# Only these are global unicast addresses (RFC 4291, section 2.4). IPv4-mapped addresses and those
# of NAT64 lie outside.
_GLOBAL_IPV6 = IPv6Network("2000::/3")


def is_public(text: str) -> bool:
    """Whether an IP address is one of the internet.

    False for private, loopback, link-local, shared (CGNAT), multicast, reserved and documentation
    addresses, for IPv6 addresses that contain an IPv4 address, and for text that is no address.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in _MORE_IPV4)
    return (
        address in _GLOBAL_IPV6
        and address.is_global
        and address not in _DOCUMENTATION
        and not address.scope_id
        and address.sixtofour is None
        and address.teredo is None
    )


@dataclass(frozen=True)
class Exceptions:
    """Hosts and networks inside that may be called all the same."""

    hosts: frozenset[str]
    networks: tuple[Network, ...]

    def allow(self, host: str, address: str) -> bool:
        """Whether a request to `host`, which has the IP address `address`, may be sent."""
        if is_public(address) or host.lower() in self.hosts:
            return True
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self.networks)


def parse(texts: Iterable[str]) -> Exceptions:
    """Host names, IP addresses and networks such as 10.1.0.0/16. Raises ValueError for others."""
    hosts, networks = set(), []
    for text in texts:
        if "/" in text or _is_address(text):
            networks.append(ip_network(text))
        elif HOST.fullmatch(text):
            hosts.add(text.lower())
        else:
            raise ValueError(text)
    return Exceptions(frozenset(hosts), tuple(networks))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
