"""The few SVG elements in the pictures of a chart. Values are escaped; classes give the colours."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup


def picture(width: int, height: int, title: str, parts: Iterable[Markup], kind: str) -> Markup:
    """A drawing of `kind` that a screen reader calls by its title. The text next to it says what it shows."""
    head = Markup('<svg class="picture {}" viewBox="0 0 {} {}" role="img" aria-label="{}">')
    return head.format(kind, width, height, title) + Markup().join(parts) + Markup("</svg>")


def words(x: float, y: float, text: str, kind: str = "", anchor: str = "middle") -> Markup:
    """A text at a point."""
    return Markup('<text class="{}" x="{:g}" y="{:g}" text-anchor="{}">{}</text>').format(kind, x, y, anchor, text)


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    """A straight line."""
    return Markup('<line class="{}" x1="{:g}" y1="{:g}" x2="{:g}" y2="{:g}"/>').format(kind, x1, y1, x2, y2)


def box(x: float, y: float, width: float, height: float, kind: str) -> Markup:
    """A rectangle."""
    return Markup('<rect class="{}" x="{:g}" y="{:g}" width="{:g}" height="{:g}"/>').format(kind, x, y, width, height)


def dot(x: float, y: float, radius: float, kind: str) -> Markup:
    """A circle."""
    return Markup('<circle class="{}" cx="{:g}" cy="{:g}" r="{:g}"/>').format(kind, x, y, radius)


def path(points: str, kind: str) -> Markup:
    """A shape from the commands of an SVG path."""
    return Markup('<path class="{}" d="{}"/>').format(kind, points)


def polyline(points: Iterable[tuple[float, float]], kind: str) -> Markup:
    """A line from point to point."""
    told = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return Markup('<polyline class="{}" points="{}"/>').format(kind, told)
