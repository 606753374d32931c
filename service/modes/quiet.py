"""What is quiet for a client: the rules whose cards are not shown to it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct


class Mode(StrEnum):
    """What becomes of the cards of a rule. `pilot` and `live` also need a sign-off."""

    OFF = "off"
    SHADOW = "shadow"
    PILOT = "pilot"
    LIVE = "live"


class Change(Struct, frozen=True, kw_only=True):
    """Since when (seconds since 1970) a rule is in a mode for a client, and who set it.

    The pilots are the `users`, and anybody in an encounter at one of the `locations` (Location/7).
    """

    rule: str
    client: str
    mode: Mode
    users: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()
    who: str
    at: int


class Quiet(Struct, frozen=True):
    """The rules whose cards are not shown to a client: those that are off, in shadow, or in pilot.

    `pilots` holds each rule in pilot with its users and its locations, as references.
    """

    off: frozenset[str] = frozenset()
    shadow: frozenset[str] = frozenset()
    pilots: tuple[tuple[str, frozenset[str], frozenset[str]], ...] = ()

    def hidden(self, user: str, places: frozenset[str] = frozenset()) -> frozenset[str]:
        """The rules that are not shown to a user (Practitioner/1) in an encounter at these locations (Location/7)."""
        if not self.pilots:
            return self.off | self.shadow
        others = (rule for rule, users, locations in self.pilots if user not in users and not places & locations)
        return self.off | self.shadow | frozenset(others)

    def mode(self, rule: str) -> Mode:
        """The mode of a rule."""
        if rule in self.off:
            return Mode.OFF
        if rule in self.shadow:
            return Mode.SHADOW
        return Mode.PILOT if any(rule == piloted for piloted, _, _ in self.pilots) else Mode.LIVE

    @property
    def asks_places(self) -> bool:
        """Whether it matters where the encounter is."""
        return any(locations for _, _, locations in self.pilots)


NOTHING_QUIET = Quiet()
"""For a client for which every rule is live."""


def in_force(changes: Iterable[Change]) -> dict[tuple[str, str], Change]:
    """The last change for each client and rule; `changes` are in the order in which they were made."""
    return {(change.client, change.rule): change for change in changes}


def by_client(changes: Iterable[Change]) -> dict[str, Quiet]:
    """What is in force for each client, according to the last change of each rule."""
    changed: dict[str, list[Change]] = {}
    for (client, _), change in in_force(changes).items():
        changed.setdefault(client, []).append(change)
    return {
        client: Quiet(
            off=frozenset(one.rule for one in ones if one.mode is Mode.OFF),
            shadow=frozenset(one.rule for one in ones if one.mode is Mode.SHADOW),
            pilots=tuple(
                (one.rule, frozenset(one.users), frozenset(one.locations)) for one in ones if one.mode is Mode.PILOT
            ),
        )
        for client, ones in changed.items()
    }
