"""The answers of the system's resolver, at the network's edge.

with names_told() as names:
    names.knows["fhir.example"] = ["127.0.0.1"]
    names.hangs = {"slow.example"}
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


class Names:
    """Resolves a name, or hangs on it; a name may resolve to another address each time (`moves`)."""

    def __init__(self) -> None:
        self.knows: dict[str, list[str]] = {}
        self.moves: dict[str, list[str]] = {}
        self.asked: list[str] = []
        self.hangs: set[str] = set()
        self.released = threading.Event()

    def getaddrinfo(self, host: str, port: Any, **_: Any) -> list[Any]:
        """The same as socket.getaddrinfo."""
        self.asked.append(host)
        if host in self.hangs:
            self.released.wait(20)
        if self.moves.get(host):
            self.knows[host] = [self.moves[host].pop(0)]
        if host not in self.knows:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, 0, 0, 0))
            if ":" in address
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))
            for address in self.knows[host]
        ]


@contextmanager
def names_told() -> Iterator[Names]:
    """The system's resolver gives these answers, and reports every other name as unknown."""
    told = Names()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", told.getaddrinfo)
        yield told
    told.released.set()
