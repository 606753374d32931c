"""Plots for pages: inline SVG in the colours of the page, with a text that describes the plot.

They are drawn by matplotlib, which is loaded with the first plot, since serving hooks does not need it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from service.errors import ServiceError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MISSING = "plots need more packages: pip install 'foot-drop-cds[reports]'"
COLOURS = {
    "ink": "#010203",
    "grid": "#010204",
    "one": "#010205",
    "two": "#010206",
    "three": "#010207",
    "bad": "#010208",
}
"""The CSS custom properties (`--plot-ink`, ...) that the page sets, and their placeholders while drawing."""
_SERIES = ("one", "two", "three")
_HATCHES = ("", "////", "\\\\\\\\")  # dots would take 250 kB
_INCHES = 7.2
_ROW = 0.3  # inches per bar
_MOST_TICKS = 8
_IDS = re.compile(r' id="(?:figure|axes|patch|line2d|text|xtick|ytick|matplotlib\.axis|legend|PathCollection|\w+)_\d+"')
_VIEW_BOX = re.compile(r'viewBox="[^"]*"')

Values = Sequence[float | None]
"""One value for each label; None is a gap."""


class PlotsMissingError(ServiceError):
    """The plotting package is not installed."""

    def __init__(self) -> None:
        super().__init__(MISSING)


class Lines(Struct, frozen=True, kw_only=True):
    """Values over time with a mean and limits, if there are any; `marked` are the positions of alarms."""

    values: Values
    lower: Values = ()
    upper: Values = ()
    mean: float | None = None
    marked: frozenset[int] = frozenset()


def bars(title: str, text: str, labels: Sequence[str], series: Mapping[str, Values], unit: str) -> str:
    """Horizontal bars, one row per label, with the series of a row end to end; at most three series.

    `title` and `text` are for people who cannot see the plot. Raises PlotsMissingError.
    """
    with _drawn(title, len(labels) * _ROW + 1.1) as (axes, written):
        starts = [0.0] * len(labels)
        for (name, values), role, hatch in zip(series.items(), _SERIES, _HATCHES, strict=False):
            widths = [value or 0.0 for value in values]
            look: dict[str, Any] = {
                "color": COLOURS[role],
                "hatch": hatch,
                "edgecolor": COLOURS["ink"],
                "linewidth": 0.5,
            }
            axes.barh(range(len(labels)), widths, 0.65, starts, label=name, **look)
            starts = [start + width for start, width in zip(starts, widths, strict=True)]
        axes.set_yticks(range(len(labels)), labels)
        axes.invert_yaxis()
        axes.set_xlabel(unit)
        axes.grid(axis="x", color=COLOURS["grid"], linewidth=0.5)
        axes.legend(ncols=len(series), loc="lower left", bbox_to_anchor=(0, 1), frameon=False)
    return _inline(written, title, text)


def lines(title: str, text: str, labels: Sequence[str], shown: Lines, unit: str) -> str:
    """A line over time, one point per label; alarms are squares in another colour, and limits are a band.

    `title` and `text` are for people who cannot see the plot. Raises PlotsMissingError.
    """
    with _drawn(title, 2.4) as (axes, written):
        places = list(range(len(labels)))
        if shown.lower and shown.upper:
            edges: list[Any] = [[_number(value) for value in of] for of in (shown.lower, shown.upper)]
            axes.fill_between(
                places, edges[0], edges[1], step="mid", color=COLOURS["grid"], alpha=0.5, linewidth=0, label="limits"
            )
        if shown.mean is not None:
            axes.axhline(shown.mean, color=COLOURS["ink"], linewidth=1, linestyle="--", label="mean")
        values = [_number(value) for value in shown.values]
        axes.plot(places, values, color=COLOURS["one"], linewidth=1.4, marker="o", markersize=3, label=unit)
        marked = sorted(shown.marked)
        if any(shown.values[place] is not None for place in marked):
            height = [values[place] for place in marked]
            axes.plot(marked, height, "s", color=COLOURS["bad"], markersize=7, label="outside the limits")
        step = -(-len(labels) // _MOST_TICKS)
        axes.set_xticks(places[::step], labels[::step])
        axes.set_ylim(bottom=0)
        axes.grid(axis="y", color=COLOURS["grid"], linewidth=0.5)
        axes.legend(ncols=4, loc="lower left", bbox_to_anchor=(0, 1), frameon=False)
    return _inline(written, title, text)


@contextmanager
def _drawn(title: str, height: float) -> Iterator[tuple[Axes, io.StringIO]]:
    """Axes to draw on, and where the SVG is written afterwards; ids in the SVG depend on the title."""
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        raise PlotsMissingError from None
    written = io.StringIO()
    ink = COLOURS["ink"]
    look: dict[str, Any] = {"svg.fonttype": "none", "svg.hashsalt": title, "font.size": 9, "hatch.linewidth": 0.6}
    look |= dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), ink)
    with rc_context(look):
        figure = Figure(figsize=(_INCHES, height), layout="constrained")
        axes = figure.add_subplot()
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_axisbelow(True)
        yield axes, written
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None, "Creator": None})


def _inline(written: io.StringIO, title: str, text: str) -> str:
    """The SVG for use inside a page: named and described, in the page's colours and fonts."""
    svg = written.getvalue()
    before, _, rest = svg[svg.index("<svg") :].partition("<metadata>")
    svg = before + rest.partition("</metadata>")[2]
    for name, colour in COLOURS.items():
        svg = svg.replace(colour, f"var(--plot-{name})")
    svg = _IDS.sub("", svg)
    start, end = svg.index("<svg"), svg.index(">")
    size = _VIEW_BOX.search(svg, start, end)
    opened = f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" {size.group() if size else ""} role="img"'
    return f'{opened} aria-label="{escape(f"{title}. {text}")}">{svg[end + 1 :]}'


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
