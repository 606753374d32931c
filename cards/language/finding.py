"""Shared clinical definitions: each is computed once per chart and declares what it reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import update_wrapper
from typing import Any, Protocol, TypeVar, cast, runtime_checkable

from cards.record.chart import Chart

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_NOT_YET: Any = object()


@runtime_checkable
class Finding(Protocol[T_co]):
    """A definition of clinical.md 2.1: a function of a Chart; `reads` are the keys of bindings.toml that it uses."""

    reads: frozenset[str]

    def __call__(self, chart: Chart, /) -> T_co: ...


def reads_of(*parts: str | frozenset[str] | Finding[Any]) -> frozenset[str]:
    """The keys of bindings.toml that these keys and findings stand for, as a rule's `reads`."""
    return frozenset(key for part in parts for key in _keys(part))


def finding(*reads: str | frozenset[str] | Finding[Any]) -> Callable[[Callable[[Chart], T]], Finding[T]]:
    """Make the decorated function a shared definition that reads these keys and uses these other definitions."""

    def make(define: Callable[[Chart], T]) -> Finding[T]:
        def value(chart: Chart) -> T:  # a function, not a callable object: it is called hundreds of times per answer
            known: T = chart.memo.get(value, _NOT_YET)
            if known is _NOT_YET:
                known = chart.memo[value] = define(chart)
            return known

        shared = cast("Finding[T]", update_wrapper(value, define))
        shared.reads = reads_of(*reads)
        return shared

    return make


def _keys(part: str | frozenset[str] | Finding[Any]) -> Iterable[str]:
    if isinstance(part, frozenset):
        return part
    return (part,) if isinstance(part, str) else part.reads
