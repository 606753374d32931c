"""Whether the records behind a verdict were drafted, ordered or done; these are easily confused."""

from __future__ import annotations

from collections.abc import Iterable

from cards.record.records import Resource
from service.evaluation import Evaluation

_ASKED_FOR = frozenset({"ServiceRequest", "DeviceRequest", "MedicationRequest"})
_HAPPENED = frozenset({"DiagnosticReport", "Procedure"})
_ORDERED = frozenset({"active", "on-hold"})
_STATES = ("drafted", "ordered", "done")


def standings(evaluation: Evaluation) -> dict[str, str]:
    """Drafted, ordered or done, by reference; a record that is none of these is left out."""
    drafts = {draft.reference: "drafted" for draft in evaluation.chart.drafts}
    stated = {f"{type(record).__name__}/{record.id}": _state(record) for record in evaluation.gathered.records}
    return {reference: state for reference, state in {**stated, **drafts}.items() if state}


def standing(references: Iterable[str], known: dict[str, str]) -> str:
    """The most advanced state of these records; empty if none is an order, a report or an operation."""
    states = {known[reference] for reference in references if reference in known}
    return next((state for state in reversed(_STATES) if state in states), "")


def _state(record: Resource) -> str:
    kind, status = type(record).__name__, str(getattr(record, "status", None) or "").strip().lower()
    if kind in _ASKED_FOR:
        return "drafted" if status == "draft" else "ordered" if status in _ORDERED else _done(status)
    return "done" if kind in _HAPPENED and status in ("final", "amended", "corrected", "completed") else ""


def _done(status: str) -> str:
    return "done" if status == "completed" else ""
