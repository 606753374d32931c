"""Left, right, both or unknown: every finding has a side from the start."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Side(StrEnum):
    """A side of the body. Unknown never matches a side."""

    LEFT = "left"
    RIGHT = "right"
    BOTH = "both"
    UNKNOWN = "unknown"

    def covers(self, other: Side) -> bool:
        """Whether a finding of this side is one of `other`; both sides cover any, unknown covers none."""
        return self is Side.BOTH or (self is other and self is not Side.UNKNOWN)

    def or_else(self, other: Side) -> Side:
        """This side, or the other one when this is unknown."""
        return other if self is Side.UNKNOWN else self

    @property
    def feet(self) -> tuple[Side, ...]:
        """The series that a finding of this side belongs to: both feet, one foot, or those of no known side."""
        return FEET if self is Side.BOTH else (self,)


FEET = (Side.LEFT, Side.RIGHT)


def opposite(foot: Side) -> Side:
    """The other foot."""
    return Side.LEFT if foot is Side.RIGHT else Side.RIGHT


def together(sides: Iterable[Side]) -> Side:
    """One side for several: left and right together are both; without any known side it is unknown."""
    known = Side.UNKNOWN
    for side in sides:
        if side is known or side is Side.UNKNOWN:
            continue
        if known is not Side.UNKNOWN:
            return Side.BOTH
        known = side
    return known
