"""What could not be read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from msgspec import Struct


class Defect(Struct, frozen=True):
    """What could not be read: where (key and entry), which element, what was done about it."""

    where: str
    element: str
    why: str
    dropped: bool = False


MOST_DEFECTS = 100


class Defects(list[Defect]):
    """The first hundred defects; `total` is how many there were."""

    def __init__(self, defects: Iterable[Defect] = ()) -> None:
        self.total = 0
        if defects:
            self.extend(defects)

    @classmethod
    def beyond_the_first(cls, total: int) -> Self:
        """The defects beyond the first hundred, where one place has so many of one kind: they are only counted."""
        defects = cls()
        defects.total = max(0, total - MOST_DEFECTS)
        return defects

    def into(self, defects: list[Defect], where: str) -> None:
        """Add these to other defects, under this place."""
        if not self.total:
            return
        if isinstance(defects, Defects):
            if len(defects) >= MOST_DEFECTS:  # enough defects are named already
                defects.total += self.total
                return
            defects.total += self.total - len(self)
        for defect in self:
            defects.append(Defect(where, defect.element, defect.why, defect.dropped))

    def append(self, defect: Defect) -> None:
        """Count one more."""
        self.total += 1
        if len(self) < MOST_DEFECTS:
            super().append(defect)

    def extend(self, defects: Iterable[Defect]) -> None:
        """Count more; other Defects count with their whole total."""
        known = list(defects)
        for defect in known:
            self.append(defect)
        if isinstance(defects, Defects):
            self.total += defects.total - len(known)

    def __iadd__(self, defects: Iterable[Defect]) -> Self:  # type: ignore[override, misc]
        self.extend(defects)
        return self
