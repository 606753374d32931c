"""Shared clinical definitions: computed once a chart, each naming what it reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from cards.record.chart import Chart

T = TypeVar("T")

_NOT_YET: Any = object()


class Finding(Generic[T]):
    """A definition of clinical.md 2.1: called with a Chart it gives its value, and `reads` what it asks."""

    def __init__(self, define: Callable[[Chart], T], reads: frozenset[str]) -> None:
        self._define = define
        self.reads = reads
        self.module = define.__module__
        self.__doc__ = define.__doc__
        self.__name__ = define.__name__

    def __call__(self, chart: Chart) -> T:
        value: T = chart.memo.get(self, _NOT_YET)
        if value is _NOT_YET:
            value = chart.memo[self] = self._define(chart)
        return value


def reads_of(*parts: str | frozenset[str] | Finding[Any]) -> frozenset[str]:
    """The keys of bindings.toml behind keys and findings, for a rule's `reads`."""
    return frozenset(key for part in parts for key in _keys(part))


def finding(*reads: str | frozenset[str] | Finding[Any]) -> Callable[[Callable[[Chart], T]], Finding[T]]:
    """Make the function below a shared definition that reads these keys and uses these other definitions."""

    def make(define: Callable[[Chart], T]) -> Finding[T]:
        return Finding(define, reads_of(*reads))

    return make


def _keys(part: str | frozenset[str] | Finding[Any]) -> Iterable[str]:
    if isinstance(part, Finding):
        return part.reads
    return (part,) if isinstance(part, str) else part
