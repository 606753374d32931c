"""Each rule's verdict and the reason for it: as JSON for tools, in colour for people."""

from __future__ import annotations

from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from cards.language.escaping import plain
from cards.language.verdict import Card, Verdict, outcome
from cards.record.facts import Evidence
from cards.record.unknown_codes import unknown_codes
from cards.record.words import printable
from service.evaluation import Evaluation

STYLES = {"critical": "bold white on red", "warning": "bold black on yellow", "info": "bold white on blue"}
_OUTCOME_STYLES = {"suppressed": "yellow", "could-not-evaluate": "bold magenta", "not-applicable": "dim"}


def as_json(hook: str, evaluation: Evaluation) -> dict[str, Any]:
    """The verdicts for tools, in the shape that docs/connecting.md shows."""
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
        "notUnderstood": _not_understood(evaluation),
    }


def _not_understood(evaluation: Evaluation) -> dict[str, Any]:
    """The codes that no value set knows, by prefetch key; `setting` is the line that would map one like ours."""
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
    """What one prefetch key holds that is not understood, in the words of the command line and the simulator."""
    sentences = []
    for one in unknown["codes"]:
        shown = f"{one['code']} {one['display']}".strip() + f" ({one['system'] or 'no system'})"
        times = "once" if one["times"] == 1 else f"{one['times']} times"
        alike = f"; looks like {one['looksLike']}, to map it add to the settings: {one['setting']}"
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


def show(console: Console, hook: str, evaluation: Evaluation) -> None:
    """Print each rule with its outcome and evidence; then what could not be read, and why."""
    console.print(Text(f"{hook} at {evaluation.now.isoformat(timespec='seconds')}", style="bold"))
    for rule, verdict in evaluation.decision.verdicts.items():
        console.print(_paragraph(rule, verdict))
    for key in sorted(evaluation.chart.unseen):
        note = evaluation.gathered.notes.get(key, "")
        console.print(Text.assemble(("not seen ", "magenta"), key, printable(f": {note}" if note else "")))
    for key in sorted(evaluation.gathered.notes.keys() - evaluation.chart.unseen):
        console.print(Text.assemble(("not read ", "magenta"), key, printable(f": {evaluation.gathered.notes[key]}")))
    for defect in evaluation.chart.defects:
        where = " ".join(part for part in (defect.where, defect.element) if part)
        ending = " (left out)" if defect.dropped else ""
        console.print(Text.assemble(("unreadable ", "magenta"), printable(f"{where} {defect.why}{ending}")))
    for key, unknown in _not_understood(evaluation).items():
        console.print(Text.assemble(("not understood ", "magenta"), f"{key}: {NOT_UNDERSTOOD.lower()}"))
        for sentence in unknown_sentences(unknown):
            console.print(Padding(Text(printable(sentence)), (0, 0, 0, 4), expand=False))


def _paragraph(rule: str, verdict: Verdict) -> RenderableType:
    if isinstance(verdict, Card):
        label = verdict.indicator.value
        head = Text.assemble(
            (f" {label.upper()} ", STYLES[label]), " ", (rule, "bold"), " ", printable(verdict.summary)
        )
        return Group(head, *facts(verdict.because))
    kind = outcome(verdict)
    head = Text.assemble((kind, _OUTCOME_STYLES[kind]), " ", (rule, "bold"), " ", printable(verdict.why))
    return Group(head, *facts(verdict.because))


def facts(because: tuple[Evidence, ...]) -> list[RenderableType]:
    """The evidence, one line for each fact."""
    return [Padding(_fact(fact), (0, 0, 0, 4), expand=False) for fact in because]


def _fact(fact: Evidence) -> Text:
    side = f" {fact.side}" if fact.side not in ("", "unknown") else ""
    return Text.assemble((fact.date or "no date", "cyan"), f"{side} {fact.text} ", (fact.reference, "dim"))
