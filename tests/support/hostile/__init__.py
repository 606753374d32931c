"""Requests that cost more than they weigh: one kind of thing repeated, or made long, up to any size.

The records are written like those of the vignettes, so that rules read them; what is hostile is their number,
their length, or that they do not fit.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.bench import bodies
from tests.support.hostile import charts, drafts, misfits, texts
from tests.support.patients import NOW

_SHAPES = charts.SHAPES | drafts.SHAPES | misfits.SHAPES | texts.SHAPES


def shapes() -> dict[str, Callable[[int], bytes]]:
    """Every shape by its name: what makes a request body of about so many bytes."""
    return {name: shape.body for name, shape in _SHAPES.items()}


def hook_of(name: str) -> str:
    """The hook that a shape is a request of."""
    return _SHAPES[name].hook


def ordinary(size: int) -> bytes:
    """A chart with foot drop as EHRs send it, of about so many bytes."""
    return bodies.body(max(10, size // bodies.BYTES_A_RESOURCE), NOW, foot_drop=True)
