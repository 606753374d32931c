"""Addresses of FHIR servers, parsed so strictly that no two programs can read them differently."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from cards.record.words import printable

_PORTS = {"http": 80, "https": 443}
_LONGEST_LINK = 64 * 1024  # characters: some servers repeat the whole search in the link to its next page
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})

# Anything that browsers and HTTP libraries repair, each in its own way, is refused instead.
_VISIBLE = re.compile(r"[\x21-\x5b\x5d-\x7e]+")
_NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,30}://", re.IGNORECASE)
# Dots, slashes, semicolons, percent signs and control characters in another encoding, and dots that lead to another
# folder: Tomcat takes `..;` for `..`.
_TRICKY_PATH = re.compile(r"%(?:2[5ef]|3b|5c|[01].|7f|c[01])|//|(?:^|/)\.\.?(?:[/;%]|$)", re.IGNORECASE)


class Address(NamedTuple):
    """The base of a FHIR server, normalised: two equal addresses are the same place."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def url(self) -> str:
        """The address as used in calls, without a trailing slash."""
        port = "" if _PORTS[self.scheme] == self.port else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}{self.path}"

    @property
    def is_loopback(self) -> bool:
        """Whether it is a service on this machine."""
        return self.host in LOOPBACK

    def below(self, link: str) -> str | None:
        """The URL of a relative or absolute link; None if it leads away from this server or this base."""
        if len(link) > _LONGEST_LINK or not _VISIBLE.fullmatch(link) or "#" in link:
            return None
        path, mark, query = link.partition("?")
        if _TRICKY_PATH.search(path.partition("://")[2] or path):
            return None
        url = urljoin(f"{self.url}/", path)
        there = read_address(url)
        if there is None or there[:3] != self[:3]:
            return None
        if there.path != self.path and not there.path.startswith(f"{self.path}/"):
            return None
        return f"{url}{mark}{query}"


def read_address(url: str) -> Address | None:
    """The address that a base URL names; None if it is not a plain http or https base.

    User information, query, fragment, backslashes, encoded dots and slashes, path segments of dots, and any but the
    usual spelling of an IP address are refused.
    """
    if not _VISIBLE.fullmatch(url) or any(mark in url for mark in "?#@"):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    host = _host(parts.netloc.lower())
    if parts.scheme not in _PORTS or host is None or port == 0 or _TRICKY_PATH.search(parts.path):
        return None
    return Address(parts.scheme, host, port or _PORTS[parts.scheme], parts.path.removesuffix("/"))


def without_secrets(url: str) -> str:
    """An address in a form that may be shown, on one line: without user, password and query, which may hold a token."""
    scheme = _SCHEME.match(url)
    start = scheme[0] if scheme else ""
    before, at, after = url[len(start) :].rpartition("@")
    if "?" in before:  # it is unclear what is the password and what is the query
        return printable(f"{start}***")
    place, mark, _ = after.partition("?")
    return printable(f"{start}{'***@' if at else ''}{place}{'?***' if mark else ''}")


def read_origin(origin: str) -> str:
    """An origin of pages, normalised. Raises ValueError."""
    address = read_address(origin)
    if address is None or address.path:
        raise ValueError(f"{without_secrets(origin)} is not an origin such as https://ehr.example")
    return address.url


def read_host(header: str) -> str | None:
    """The host that a Host header names, normalised and without the port; None if it names none."""
    address = read_address(f"http://{header}")
    return None if address is None or address.path or header.endswith("/") else address.host


def _host(netloc: str) -> str | None:
    if netloc.startswith("["):
        return _ipv6(netloc)
    name = netloc.partition(":")[0]
    if not _NAME.fullmatch(name):
        return None
    if not _NUMBER.fullmatch(name.rpartition(".")[2]):
        return name
    try:  # a name that ends in a number is an IPv4 address, accepted only in four decimal parts
        return str(ipaddress.IPv4Address(name))
    except ValueError:
        return None


def _ipv6(netloc: str) -> str | None:
    inside, _, port = netloc[1:].partition("]")
    if port and not port.startswith(":"):
        return None
    try:
        address = ipaddress.IPv6Address(inside)
    except ValueError:
        return None
    # an IPv4 address written as IPv6, or an address with a zone (network card), is not one of a FHIR server
    return None if address.ipv4_mapped or address.scope_id or "." in inside else f"[{address.compressed}]"


def allow_list(urls: Iterable[str], allow_loopback: bool) -> Callable[[str], bool]:
    """The predicate that says whether a base URL is one of `urls`, or on loopback if that is allowed.

    Trailing slash, default port and the case of scheme and host make no difference; everything else must be equal.
    Raises ValueError for a URL in `urls` that cannot be the base of a FHIR server.
    """
    listed = set()
    for url in urls:
        address = read_address(url)
        if address is None:
            raise ValueError(
                f"'{without_secrets(url)}' is not the base URL of a FHIR server: http(s)://host[:port][/path]"
            )
        listed.add(address)

    def is_allowed(base: str) -> bool:
        address = read_address(base)
        return address is not None and (address in listed or (allow_loopback and address.is_loopback))

    return is_allowed
