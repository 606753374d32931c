"""The first page of the report: what was read, what was not seen, and what had to be assumed, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from cards.record.prefetch_keys import PREFETCH_KEYS
from service.backtest.patient import UNDONE, UNPROVEN
from service.backtest.report.report import Read
from service.backtest.summary import Summary

_STEADY = "charts without a trigger, decided once"


def told_of(summary: Summary) -> Read:
    """What was counted in an export, arranged by what a committee wants to know."""
    supposed = (UNPROVEN, UNDONE, _STEADY)
    return Read(
        lines=summary.lines,
        absent=tuple(_absent(kind) for kind in summary.absent),
        supposed=tuple(_supposed(summary)),
        odd={name: number for name, number in summary.counts.items() if name not in supposed},
        notes=tuple(summary.notes),
    )


def _absent(kind: str) -> str:
    consequence = next((key.unseen for key in PREFETCH_KEYS.values() if key.resource_type == kind), "")
    return f"{kind}: {consequence}" if consequence else kind


def _supposed(summary: Summary) -> Iterator[str]:
    undone, unproven = summary.counts.get(UNDONE, 0), summary.counts.get(UNPROVEN, 0)
    if undone:
        yield (
            f"A record in an export has its latest status. For {_records(undone)} a date proves that the status "
            "was different at the moment that was evaluated: the earlier status was used."
        )
    if unproven:
        yield (
            f"For {_records(unproven)} nothing proves when the status became what it is: it was taken as it is in "
            "the export. A problem that was resolved later may therefore count as resolved too early, and an order "
            "that was cancelled later as never active."
        )
    else:
        yield "No record has a status that may be newer than the moment that was evaluated."
    if steady := summary.counts.get(_STEADY, 0):
        yield (
            f"{steady:,} charts hold nothing that a rule asks for first (no foot drop, weakness or red flag): the "
            "verdicts on them are the same at all moments, and were decided once."
        )


def _records(number: int) -> str:
    return "1 record" if number == 1 else f"{number:,} records"
