"""The table: each number with its limit, for a terminal or for docs/performance.md."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from rich.table import Table

from tests.bench.bodies import SIZES


class Number(Struct, frozen=True):
    """One measured number as it is printed, and its limit if it has one."""

    value: float
    digits: int
    limit: float | None = None

    @property
    def is_met(self) -> bool | None:
        """Whether the number as printed keeps its limit; None if it has no limit."""
        return None if self.limit is None else round(self.value, self.digits) <= self.limit

    def __str__(self) -> str:
        written = f"{self.value:,.{self.digits}f}"
        if self.limit is None:
            return written
        return f"{written} {'≤' if self.is_met else '>'} {self.limit:g}"


class Row(Struct):
    """One kind of number at each size; a size at which it is not measured is missing."""

    name: str
    numbers: dict[int, Number]

    @property
    def verdict(self) -> str:
        """Whether every limit of the row is kept; empty if the row has none."""
        said = [number.is_met for number in self.numbers.values() if number.is_met is not None]
        return "" if not said else "yes" if all(said) else "no"


class Section(Struct):
    """Rows measured in the same way."""

    title: str
    rows: list[Row]


HEADINGS = ("", *(f"{size:,}" for size in SIZES), "met")


def row(name: str, values: dict[int, float], digits: int, limits: dict[int, float] | None = None) -> Row:
    """A row of values by size, with their limits by size."""
    limits = limits or {}
    return Row(name, {size: Number(value, digits, limits.get(size)) for size, value in values.items()})


def for_terminal(sections: Iterable[Section], title: str) -> Table:
    """The table in colour, for a terminal."""
    table = Table(title=title, title_justify="left")
    for number, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="right" if 0 < number < len(HEADINGS) - 1 else "left", no_wrap=number > 0)
    for section in sections:
        table.add_section()
        table.add_row(f"[bold]{section.title}[/bold]")
        for each in section.rows:
            table.add_row(each.name, *(_coloured(each.numbers.get(size)) for size in SIZES), _said(each.verdict))
    return table


def for_readme(sections: Iterable[Section], title: str) -> str:
    """The table in GitHub Markdown."""
    lines = [title, "", _line(HEADINGS), _line(["---", *["---:"] * len(SIZES), "---"])]
    for section in sections:
        lines.append(_line([f"**{section.title}**", *[""] * (len(HEADINGS) - 1)]))
        for each in section.rows:
            lines.append(_line([each.name, *(str(each.numbers.get(size, "")) for size in SIZES), each.verdict]))
    return "\n".join(lines)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _coloured(number: Any) -> str:
    if number is None:
        return ""
    colour = {None: "default", True: "green", False: "red"}[number.is_met]
    return f"[{colour}]{number}[/{colour}]"


def _said(verdict: str) -> str:
    return {"yes": "[green]yes[/green]", "no": "[red]no[/red]"}.get(verdict, "")
