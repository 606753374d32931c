"""What was counted of an export: what could not be read, and what had to be assumed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from service.backtest.lines import Fate

if TYPE_CHECKING:
    from service.backtest.export import Export
    from service.backtest.sorting import Read


class Summary(Struct, kw_only=True):
    """How much was read and judged, what became of every line, and what to bear in mind.

    `absent` are the resource types of which the export holds nothing: they count as not seen.
    """

    patients: int
    moments: int
    lines: dict[str, int]
    types: dict[str, int]
    absent: list[str]
    counts: dict[str, int]
    notes: list[str]


def summed(export: Export, reads: Iterable[Read], parts: Iterable[dict[str, int]], absent: frozenset[str]) -> Summary:
    """The summary of all that was read and judged."""
    lines, types, counts = Counter[str](), Counter[str](), Counter[str]()
    for read in reads:
        lines.update(read.counts)
        types.update(read.kinds)
        counts.update(read.odd)
    for part in parts:
        counts.update(part)
    notes = list(export.notes)
    held = lines.total()
    if export.expected is not None and export.expected != held:
        notes.append(f"the manifest says that there are {export.expected:,} lines, and the files hold {held:,}")
    if lines[Fate.CUT_OFF]:
        notes.append("a file is cut off: nobody knows how many records were lost with it")
    return Summary(
        patients=counts.pop("patients", 0),
        moments=counts.pop("moments", 0),
        lines={fate: lines[fate] for fate in Fate if lines[fate]},
        types=dict(sorted(types.items())),
        absent=sorted(absent),
        counts={name: number for name, number in sorted(counts.items()) if number},
        notes=notes,
    )


def sentences(summary: Summary) -> Iterator[str]:
    """The summary for people, line by line."""
    yield f"{summary.patients:,} patients judged at {summary.moments:,} moments"
    for fate, number in summary.lines.items():
        yield f"  {number:,} {'lines kept' if fate == Fate.KEPT else fate}"
    if summary.absent:
        yield f"  Not seen, since the export holds none: {', '.join(summary.absent)}"
    for name, number in summary.counts.items():
        yield f"  {number:,} {name}"
    for note in summary.notes:
        yield f"  Note: {note}"
