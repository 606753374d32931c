"""Each rule's verdict and its reason as JSON, and the words that the command line and the simulator share."""

from __future__ import annotations

from typing import Any

from cards.language.escaping import plain
from cards.language.verdict import Card, Verdict, outcome
from cards.record.unknown_codes import unknown_codes
from service.evaluation import Evaluation

STYLES = {"critical": "bold white on red", "warning": "bold black on yellow", "info": "bold white on blue"}


def as_json(hook: str, evaluation: Evaluation) -> dict[str, Any]:
    """The verdicts for tools, in the form that docs/connecting.md shows."""
    chart = evaluation.chart
    return {
        "hook": hook,
        "now": evaluation.now.isoformat(),
        "verdicts": [_verdict(rule, verdict) for rule, verdict in evaluation.decision.verdicts.items()],
        "unreadable": [
            {"where": defect.where, "element": defect.element, "why": defect.why, "dropped": defect.dropped}
            for defect in chart.defects
        ],
        "notSeen": sorted(chart.unseen),
        "notes": dict(sorted(evaluation.gathered.notes.items())),
        "notUnderstood": not_understood(evaluation),
    }


def not_understood(evaluation: Evaluation) -> dict[str, Any]:
    """The codes that no value set contains, by prefetch key; `setting` is the line that would map a code to ours."""
    return {
        key: {
            "codes": [
                {
                    "system": plain(one.system),
                    "code": plain(one.code),
                    "display": plain(one.display),
                    "times": one.times,
                    "looksLike": one.looks_like or None,
                    "setting": one.setting or None,
                }
                for one in unknown.codes
            ],
            "more": unknown.more,
        }
        for key, unknown in unknown_codes(evaluation.gathered.records, evaluation.codes).items()
    }


NOT_UNDERSTOOD = "Codes that no value set knows"


def unknown_sentences(unknown: dict[str, Any]) -> list[str]:
    """What is not understood under one prefetch key, in the words of the command line and the simulator."""
    sentences = []
    for one in unknown["codes"]:
        shown = f"{one['code']} {one['display']}".strip() + f" ({one['system'] or 'no system'})"
        times = "once" if one["times"] == 1 else f"{one['times']} times"
        alike = f"; looks like {one['looksLike']}; to map it, add to the settings: {one['setting']}"
        sentences.append(f"{shown}: {times}{alike if one['looksLike'] else ''}")
    return [*sentences, f"and {unknown['more']} more"] if unknown["more"] else sentences


def _verdict(rule: str, verdict: Verdict) -> dict[str, Any]:
    card = verdict if isinstance(verdict, Card) else verdict.card
    because = verdict.because or (card.because if card else ())
    return {
        "rule": rule,
        "outcome": outcome(verdict),
        "indicator": card.indicator.value if card else None,
        "summary": card.summary if card else None,
        "why": None if isinstance(verdict, Card) else verdict.why,
        "because": [
            {"reference": fact.reference, "date": fact.date, "side": fact.side, "text": fact.text} for fact in because
        ],
    }
