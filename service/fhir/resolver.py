"""Server names to addresses, looked up in separate threads: a name that hangs does not delay any other."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Collection
from typing import Any

from msgspec import Struct, field

from service.errors import ServiceError
from service.fhir.ranges import Range, range_of

FRESH = 60.0  # seconds that an answer is used as it is; the operating system does not say how long it is valid
STALE = 600.0  # seconds that it is used while it is looked up again
_NOWHERE = "leads to an address where no FHIR server can be"
_PRIVATE = "leads to a private address: if that is intended, set private = true for its base"
_MOST_LOOKUPS = 8
_MOST_KNOWN = 256

Place = tuple[socket.AddressFamily, tuple[Any, ...]]
"""An address family, and an address of it as sockets take it, without a meaningful port."""


class UnresolvedError(ServiceError):
    """A name that leads nowhere, not in time, or to where no FHIR server may be; the message says which."""


class _Lookup(Struct):
    done: threading.Event = field(default_factory=threading.Event)
    places: list[Place] = field(default_factory=list)


class Resolver:
    """Looks up names in at most eight threads of its own, one per name, and remembers where they led.

    A name may not lead to loopback unless `allow_loopback`, nor to a link-local, multicast or unspecified
    address: no FHIR server is there, but a cloud's credentials are. This machine's own name (localhost) and literal
    addresses are unambiguous, and exempt from that.

    With `private`, only the hosts that it names may be on a private address or on loopback, whether by name
    or as a literal address.
    """

    def __init__(self, *, allow_loopback: bool, private: Collection[str] | None = None) -> None:
        self._allow_loopback = allow_loopback
        self._private = private
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, list[Place]]] = {}
        self._running: dict[str, _Lookup] = {}

    def places(self, host: str, seconds: float, *, is_proxy: bool = False) -> list[Place]:
        """The addresses of a host, found within `seconds`; a proxy may be anywhere. Raises UnresolvedError."""
        literal = _literal(host)
        places = [literal] if literal else self._looked_up(host, seconds)
        if is_proxy or (self._private is None and (literal or host == "localhost")):
            return places
        ranges = [range_of(ipaddress.ip_address(place[1][0].partition("%")[0])) for place in places]
        allowed = self._allowed(host)
        kept = [place for place, its in zip(places, ranges, strict=True) if its in allowed]
        if not kept:
            raise UnresolvedError(_PRIVATE if Range.PRIVATE in ranges else _NOWHERE)
        return kept

    def _allowed(self, host: str) -> set[Range]:
        """The ranges in which a host may be."""
        if self._private is None:
            return {Range.PUBLIC, Range.PRIVATE, *([Range.LOOPBACK] if self._allow_loopback else [])}
        return {Range.PUBLIC, *([Range.PRIVATE, Range.LOOPBACK] if host in self._private else [])}

    def _looked_up(self, host: str, seconds: float) -> list[Place]:
        with self._lock:
            since, places = self._known.get(host, (0.0, []))
            age = time.monotonic() - since
            if places and age < FRESH:
                return places
            lookup = self._running.get(host) or self._start(host)
        if places and age < STALE:
            return places
        if lookup is None or not lookup.done.wait(max(seconds, 0)):
            raise UnresolvedError("could not be looked up in time")
        if not lookup.places:
            raise UnresolvedError("is not known")
        return lookup.places

    def _start(self, host: str) -> _Lookup | None:
        if len(self._running) >= _MOST_LOOKUPS:
            return None
        lookup = self._running[host] = _Lookup()
        # A daemon: the system's resolver cannot be aborted, and must not delay the end of the process.
        threading.Thread(target=self._look_up, args=(host, lookup), name="resolver", daemon=True).start()
        return lookup

    def _look_up(self, host: str, lookup: _Lookup) -> None:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            lookup.places = [(family, address) for family, _, _, _, address in found]
        except (OSError, UnicodeError):
            pass  # no places
        finally:
            with self._lock:
                self._running.pop(host, None)
                if lookup.places:
                    self._known.pop(host, None)
                    self._known[host] = time.monotonic(), lookup.places
                    while len(self._known) > _MOST_KNOWN:
                        del self._known[next(iter(self._known))]
            lookup.done.set()


def _literal(host: str) -> Place | None:
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
    if address.version == 4:
        return socket.AF_INET, (str(address), 0)
    return socket.AF_INET6, (str(address), 0, 0, 0)
