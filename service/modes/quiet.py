"""What is quiet for a client: the rules whose cards it is not shown."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct


class Mode(StrEnum):
    """What becomes of the cards of a rule. A sign-off is needed beside `pilot` and `live`."""

    OFF = "off"
    SHADOW = "shadow"
    PILOT = "pilot"
    LIVE = "live"


class Change(Struct, frozen=True, kw_only=True):
    """Since when (seconds of the epoch) and by whose word a rule is in a mode for a client; `users` are its pilots."""

    rule: str
    client: str
    mode: Mode
    users: tuple[str, ...] = ()
    who: str
    at: int


class Quiet(Struct, frozen=True):
    """The rules whose cards a client is not shown: those that are off, in shadow, and by rule the pilots of others."""

    off: frozenset[str] = frozenset()
    shadow: frozenset[str] = frozenset()
    pilots: tuple[tuple[str, frozenset[str]], ...] = ()

    def hidden(self, user: str) -> frozenset[str]:
        """The rules that are not shown to a user, a reference such as Practitioner/1."""
        others = (rule for rule, users in self.pilots if user not in users)
        return self.off | self.shadow | frozenset(others) if self.pilots else self.off | self.shadow


NOTHING_QUIET = Quiet()


def in_force(changes: Iterable[Change]) -> dict[tuple[str, str], Change]:
    """The last change of each client and rule; the changes stand in their order."""
    return {(change.client, change.rule): change for change in changes}


def by_client(changes: Iterable[Change]) -> dict[str, Quiet]:
    """What is quiet for each client by the last change of each rule."""
    changed: dict[str, list[Change]] = {}
    for (client, _), change in in_force(changes).items():
        changed.setdefault(client, []).append(change)
    return {
        client: Quiet(
            off=frozenset(one.rule for one in ones if one.mode is Mode.OFF),
            shadow=frozenset(one.rule for one in ones if one.mode is Mode.SHADOW),
            pilots=tuple((one.rule, frozenset(one.users)) for one in ones if one.mode is Mode.PILOT),
        )
        for client, ones in changed.items()
    }
