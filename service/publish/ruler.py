"""A ruler of the time windows that a rule uses: a drawing (SVG), and the same in words."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from datetime import timedelta
from math import log

from markupsafe import Markup
from msgspec import Struct

_NOT_OF_A_RULE = "cards.record."  # windows for reading records, the same for every rule
_WIDTH, _LABEL, _ROW, _TOP = 300, 62, 18, 22  # units of the drawing
_FIRST_DAY, _LAST_DAY = 0.2, 400.0
_TICKS = ((1, "1 d"), (7, "7 d"), (30, "30 d"), (90, "90 d"), (365, "1 y"))


class Window(Struct, frozen=True):
    """A length of time in words, and the thresholds with that length, each with its remark in the source."""

    days: float
    said: str
    names: tuple[tuple[str, str], ...]


def windows(thresholds: Mapping[str, str], lines: Iterable[tuple[str, str]]) -> tuple[Window, ...]:
    """The windows among a rule's thresholds, shortest first; `lines` give the remark of each by name."""
    remarks = {name: line.partition("#")[2].strip() for name, line in lines}
    named: dict[float, dict[str, str]] = {}
    for path, value in thresholds.items():
        length = _length(value)
        if length and not path.startswith(_NOT_OF_A_RULE):
            name = path.rpartition(".")[2].strip("_").replace("_", " ").lower()
            named.setdefault(length / timedelta(days=1), {}).setdefault(name, remarks.get(path, ""))
    return tuple(Window(days, _said(days), tuple(names.items())) for days, names in sorted(named.items()))


def _length(value: str) -> timedelta | None:
    """The timedelta that `timedelta(days=14)` stands for; None for any other text."""
    try:
        call = ast.parse(value, mode="eval").body
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "timedelta":
            return timedelta(**{str(one.arg): ast.literal_eval(one.value) for one in call.keywords})
    except (SyntaxError, ValueError, TypeError):
        pass
    return None


def _said(days: float) -> str:
    if days < 2 and days != 1:
        return f"{days * 24:g} hours"
    return f"{days:g} day{'' if days == 1 else 's'}"


def drawn(told: tuple[Window, ...]) -> Markup:
    """The ruler: now is at the left, each length is a bar, and the scale is logarithmic. The words are next to it."""
    height = _TOP + _ROW * len(told) + 4
    ticks = (_tick(_x(day), height, said) for day, said in _TICKS)
    bars = (_bar(_TOP + _ROW * row, window) for row, window in enumerate(told))
    return Markup('<svg class="ruler" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}</svg>').format(
        _WIDTH,
        height,
        f"Back from now: {', '.join(window.said for window in told)}",
        Markup().join(ticks),
        Markup().join(bars),
    )


def _tick(x: float, height: int, said: str) -> Markup:
    line = Markup('<line x1="{0:.0f}" y1="{1}" x2="{0:.0f}" y2="{2}"/>').format(x, _TOP - 6, height)
    return line + Markup('<text x="{:.0f}" y="12" text-anchor="middle">{}</text>').format(x, said)


def _bar(top: int, window: Window) -> Markup:
    bar = Markup('<rect class="bar" x="{}" y="{}" width="{:.0f}" height="8" rx="2"/>')
    words = Markup('<text x="0" y="{}">{}</text>').format(top + 11, window.said)
    return words + bar.format(_LABEL, top + 3, _x(window.days) - _LABEL)


def _x(days: float) -> float:
    """The horizontal position of a number of days ago."""
    share = log(max(days, _FIRST_DAY) / _FIRST_DAY) / log(_LAST_DAY / _FIRST_DAY)
    return _LABEL + min(share, 1) * (_WIDTH - _LABEL - 8)
