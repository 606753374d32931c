"""Small counts are hidden, along with enough others that they cannot be worked out from a sum.

A count of a few people may reveal who they are. A hidden count is None, whether it is small itself or is hidden to
protect one that is. A zero reveals nobody and is hidden only to protect others.
"""

from __future__ import annotations

from collections.abc import Sequence

Count = int | None
"""A number of rows, or None: hidden."""


def shown(count: int, least: int) -> Count:
    """A count by itself, hidden if it is above zero and below `least`."""
    return None if 0 < count < least else count


def split(total: int, parts: Sequence[int], least: int, *, is_hidden: bool = False) -> tuple[Count, list[Count]]:
    """A sum and its parts, with enough hidden that no small part can be worked out.

    At least two parts are hidden, and together they are at least `least`; otherwise they could be worked out. If the
    sum is small, all parts are hidden. `is_hidden` means that the sum is hidden elsewhere, so that the visible parts
    must not add up to it either.
    """
    if 0 < total < least:
        return None, [None] * len(parts)
    hidden = {place for place, part in enumerate(parts) if 0 < part < least}
    rest = sorted(set(range(len(parts))) - hidden, key=lambda place: (not parts[place], parts[place]))
    if is_hidden and not hidden:
        hidden.update(rest[:1])
    while hidden and rest and (len(hidden) < 2 or sum(parts[place] for place in hidden) < least):
        hidden.add(rest.pop(0))
    return None if is_hidden else total, _without(parts, hidden)


def _without(parts: Sequence[int], hidden: set[int]) -> list[Count]:
    return [None if place in hidden else part for place, part in enumerate(parts)]
