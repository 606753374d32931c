"""Small counts are hidden, and so many beside them that they cannot be worked out from a sum.

A count of a few people may tell who they are. What is hidden is None, whether it is small itself or stands beside one
that is; a zero tells of nobody, and is hidden only beside others.
"""

from __future__ import annotations

from collections.abc import Sequence

Count = int | None
"""A number of rows, or None: hidden."""


def shown(count: int, least: int) -> Count:
    """A count by itself: hidden when it is above zero and below `least`."""
    return None if 0 < count < least else count


def split(total: int, parts: Sequence[int], least: int, *, is_hidden: bool = False) -> tuple[Count, list[Count]]:
    """A sum and its parts, of which so much is hidden that no small part can be worked out.

    Of hidden parts there are at least two, and together they are at least `least`, else they would be as good as seen;
    of a small sum all parts are hidden. `is_hidden`: the sum is hidden elsewhere, so it may not be that of what is
    seen either.
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
