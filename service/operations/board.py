"""Numbers that all processes of the service share: each writes its own part, and whoever watches reads them all.

The memory is made before the workers are forked, and has room for every series there may be: the label sets are closed.
A worker that replaces another goes on with its numbers, so that no counter falls. Writing a number costs a tenth of a
microsecond, needs no file, and waits for nobody.
"""

from __future__ import annotations

import math
import mmap

_BYTES = 8  # of a number


class Board:
    """`size` numbers in each of several places, all zero. Place 0 is the parent's, the others are the workers'."""

    def __init__(self, places: int, size: int) -> None:
        self._size = size
        self._memory = memoryview(mmap.mmap(-1, max(1, places * size) * _BYTES)).cast("d")
        self.places = [self._memory[place * size : (place + 1) * size] for place in range(places)]

    def sum(self, index: int) -> float:
        """A number, over all places."""
        return sum(place[index] for place in self.places)

    def least(self, index: int) -> float | None:
        """The least of a number over the places that have set it; None when there is none."""
        numbers = [place[index] for place in self.places if not math.isnan(place[index])]
        return min(numbers, default=None)
