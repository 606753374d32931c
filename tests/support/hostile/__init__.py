"""Requests that cost more than their size suggests: one kind of thing repeated, or made long, up to any size.

The records are written like those of the vignettes, so that rules read them; they are hostile in their number,
their length, or because they do not fit.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.bench import bodies
from tests.support.hostile import charts, drafts, misfits, texts
from tests.support.patients import NOW

_SHAPES = charts.SHAPES | drafts.SHAPES | misfits.SHAPES | texts.SHAPES


def shapes() -> dict[str, Callable[[int], bytes]]:
    """Every shape by its name: a function that makes a request body of about a given number of bytes."""
    return {name: shape.body for name, shape in _SHAPES.items()}


def hook_of(name: str) -> str:
    """The hook that a shape is a request of."""
    return _SHAPES[name].hook


def ordinary(size: int) -> bytes:
    """A chart with foot drop as EHRs send it, of about this many bytes."""
    return bodies.body(max(10, size // bodies.BYTES_A_RESOURCE), NOW, foot_drop=True)
