"""Addresses that are not a client's, however they are written: `off_list(own, decoy)`, by the trick.

`own` is the base that the client may name, such as http://127.0.0.1:4711/fhir; `decoy` is the host and port of a server
that would notice a call. A careless program takes each address for `own`, and calls `decoy`.
"""

from __future__ import annotations

import tomllib
from urllib.parse import urlsplit

from tests.support.places import DATA

PARTS: dict[str, list[str]] = tomllib.loads((DATA / "off_list.toml").read_text(encoding="utf-8"))


def off_list(own: str, decoy: str) -> dict[str, list[str]]:
    """The addresses, by the trick that each one tries; no address occurs twice."""
    tricks = {
        "other hosts": _other_hosts(decoy),
        "metadata of clouds": [f"http://{host}{path}" for host in PARTS["metadata"] for path in ("/", "/latest")],
        "this machine": [f"http://{host}:{decoy.rpartition(':')[2]}/fhir" for host in PARTS["loopback"]],
        "private networks": [f"{start}{host}/fhir" for start in ("http://", "https://") for host in PARTS["private"]],
        "user information": _users(own, decoy),
        "two hosts": _two_hosts(own, decoy),
        "paths": _paths(own),
        "ports": _ports(own),
        "schemes": [f"{scheme}://{own.partition('://')[2]}" for scheme in PARTS["schemes"]],
        "before and behind": [*(mark + own for mark in PARTS["before"]), *(own + mark for mark in PARTS["behind"])],
        "no address": PARTS["others"],
    }
    first = {url: trick for trick, urls in reversed(tricks.items()) for url in urls if url != own}
    return {trick: [url for url in dict.fromkeys(urls) if first.get(url) == trick] for trick, urls in tricks.items()}


def _other_hosts(decoy: str) -> list[str]:
    names = [*PARTS["names"], decoy, f"{'a' * 300}.example", f"{'a.' * 200}example"]
    return [f"{scheme}://{name}/fhir" for scheme in ("http", "https") for name in names]


def _users(own: str, decoy: str) -> list[str]:
    place = urlsplit(own).netloc
    users = [*(f"{place}{end}" for end in PARTS["user_ends"]), *PARTS["users"]]
    return [f"http://{user}@{host}/fhir" for user in users for host in (decoy, "evil.example", place)]


def _two_hosts(own: str, decoy: str) -> list[str]:
    place = urlsplit(own).netloc
    pairs = [(place, decoy), (decoy, place)]
    between = [f"http://{one}{mark}{other}/fhir" for one, other in pairs for mark in PARTS["between"]]
    before = [f"{start}{decoy}/fhir" for start in PARTS["starts"]]
    return [*before, *between, *(f"http://{decoy}{mark}{own}" for mark in "#?;&")]


def _paths(own: str) -> list[str]:
    up = [f"{own}/{dots}{end}" for dots in PARTS["dots"] for end in ("", "/admin")]
    return [*up, *(f"{own.removesuffix('fhir')}{place}" for place in PARTS["places"])]


def _ports(own: str) -> list[str]:
    root, port = own.removesuffix("/fhir").rsplit(":", 1)
    odd = [*(f"{start}{port}" for start in PARTS["port_starts"]), *(f"{port}{end}" for end in PARTS["port_ends"])]
    return [f"{root}:{one}/fhir" for one in (*odd, *PARTS["ports"])]
