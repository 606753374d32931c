"""The kinds of metrics: the name of each, its labels with all their possible values, and how it is counted."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from service.operations.board import Board

OTHER = "other"
"""Replaces a label's value that is not one of those known at the start."""

Labels = tuple[str, ...]


class Family:
    """The series of one name: one for each combination of the values of its labels, `width` numbers each."""

    type = "gauge"
    width = 1

    def __init__(self, name: str, help: str, /, **labels: Sequence[str]) -> None:
        self.name = name
        self.help = help
        self.labels = tuple(labels)
        self._known = [frozenset(values) for values in labels.values()]
        combinations = product(*(dict.fromkeys((*values, OTHER)) for values in labels.values()))
        self.series: dict[Labels, int] = {labels: number * self.width for number, labels in enumerate(combinations)}
        """The position at which the numbers of each series begin."""
        self._here = memoryview(bytearray(8 * self.size)).cast("d")
        self._first = 0

    @property
    def size(self) -> int:
        """The total number of numbers in all series."""
        return len(self.series) * self.width

    def lie_at(self, first: int) -> None:
        """Place the family on a board, starting at this position."""
        self._first = first

    def write_to(self, place: memoryview[float]) -> None:
        """Count in this place of a board from now on."""
        self._here = place[self._first : self._first + self.size]

    def numbers(self, board: Board) -> Iterator[tuple[Labels, list[float]]]:
        """The numbers of each series, over all places."""
        for labels, start in self.series.items():
            first = self._first + start
            yield labels, [board.sum(index) for index in range(first, first + self.width)]

    def _start(self, labels: Labels) -> int:
        start = self.series.get(labels)
        if start is not None:
            return start
        known = zip(labels, self._known, strict=True)
        return self.series[tuple(label if label in values else OTHER for label, values in known)]


class Counter(Family):
    """A number that only grows."""

    type = "counter"

    def add(self, *labels: str, amount: float = 1) -> None:
        """Count one more, or `amount`."""
        self._here[self._start(labels)] += amount


class Gauge(Family):
    """A current number in each process; the total is their sum."""

    def set(self, number: float, *labels: str) -> None:
        """Set the number of this process."""
        self._here[self._start(labels)] = number

    unset = 0.0

    def forget(self, place: memoryview[float]) -> None:
        """Clear the numbers of this place: they no longer apply, or not yet."""
        for start in self.series.values():
            place[self._first + start] = self.unset

    def at_here(self) -> float:
        """The number of this process, for a gauge without labels."""
        return self._here[0]

    def at(self, place: memoryview[float]) -> float:
        """The number of this place, for a gauge without labels."""
        return place[self._first]


class Least(Gauge):
    """1 if something is true in every process that knows, else 0. A process that does not know reports nothing."""

    unset = math.nan

    def numbers(self, board: Board) -> Iterator[tuple[Labels, list[float]]]:
        """The least number among the places that have reported; series without any report are left out."""
        for labels, start in self.series.items():
            least = board.least(self._first + start)
            if least is not None:
                yield labels, [least]


class Histogram(Family):
    """Durations in seconds: how many up to each bound, how many above, and their sum."""

    type = "histogram"
    bounds = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.45, 1.0, 2.5, 5.0, 10.0)
    """0.45 is the time that reading from FHIR servers may take unless a site sets another (deadline_ms)."""
    width = len(bounds) + 2

    def observe(self, seconds: float, *labels: str) -> None:
        """Count one duration."""
        start = self._start(labels)
        self._here[start + bisect_left(self.bounds, seconds)] += 1
        self._here[start + self.width - 1] += seconds


def laid_out(families: Mapping[str, Family]) -> int:
    """Place the families on a board, one after the other, and return how many numbers they have in all."""
    first = 0
    for family in families.values():
        family.lie_at(first)
        first += family.size
    return first
