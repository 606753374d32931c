"""`explain` for people: the cards, then the silent rules and why, as a grid that fits the window."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cards.language.verdict import Card, Kind, Silent, Verdict
from cards.record.facts import Evidence
from cards.record.words import printable
from service.evaluation import Evaluation
from service.explain import NOT_UNDERSTOOD, STYLES, not_understood, unknown_sentences

_DATE, _MARK = 10, 10  # columns


def show(console: Console, hook: str, evaluation: Evaluation) -> None:
    """Print the cards, loudest first, then each silent rule and why, then what could not be read."""
    console.print(Text(f"{hook} at {evaluation.now.isoformat(timespec='seconds')}", style="bold"))
    verdicts = evaluation.decision.verdicts
    cards = [(id, verdict) for id, verdict in verdicts.items() if isinstance(verdict, Card)]
    _section(console, "Cards", len(cards), "bold")
    for id, card in sorted(cards, key=lambda one: -one[1].indicator.rank):
        console.print(_card(id, card))
    for kind, title, style in (
        (Kind.COULD_NOT_EVALUATE, "Could not be evaluated", "bold magenta"),
        (Kind.SUPPRESSED, "Suppressed, and by what", "bold yellow"),
    ):
        silent = _silent(verdicts.items(), kind)
        _section(console, title, len(silent), style)
        for id, verdict in silent:
            console.print(_told(id, verdict))
    silent = _silent(verdicts.items(), Kind.NOT_APPLICABLE)
    _section(console, "Not applicable", len(silent), "bold")
    console.print(_one_line_each(silent))
    _unread(console, evaluation)


def _silent(verdicts: Iterable[tuple[str, Verdict]], kind: Kind) -> list[tuple[str, Silent]]:
    return [(id, one) for id, one in verdicts if isinstance(one, Silent) and one.kind is kind]


def _section(console: Console, title: str, count: int, style: str) -> None:
    if count or title == "Cards":
        console.print()
        console.print(Text(f"{title}: {count or 'none'}", style=style))


def _card(id: str, card: Card) -> Table:
    level = card.indicator.value
    return _row(Text(f" {level.upper()} ", STYLES[level]), id, card.summary, *_facts(card.because))


def _told(id: str, verdict: Silent) -> Table:
    """A rule that is silent although it has or might have something to say: why, and the card that it withholds."""
    kept = verdict.card
    parts: list[RenderableType] = [Text(printable(f"Its card: {kept.summary}"), style="dim")] if kept else []
    return _row(Text(kept.indicator.value if kept else "", "dim"), id, verdict.why, *parts, *_facts(verdict.because))


def _row(mark: Text, id: str, sentence: str, *parts: RenderableType) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=_MARK)
    grid.add_column(overflow="fold")
    grid.add_row(mark, Text(id, style="bold"))
    for part in (Text(printable(sentence)), *parts):
        grid.add_row("", part)
    return grid


def _one_line_each(silent: Collection[tuple[str, Silent]]) -> Table:
    """The rules that do not apply, one per line; `--format json` has what a narrow window cuts off."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, min_width=max((len(id) for id, _ in silent), default=0))
    grid.add_column(style="dim")
    for id, verdict in silent:
        grid.add_row(id, Text(printable(verdict.why), no_wrap=True, overflow="ellipsis"))
    return grid


def _facts(because: Collection[Evidence]) -> list[RenderableType]:
    """The evidence: date, side, and the fact with its record; empty if there is none."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(min_width=_DATE, style="cyan")
    grid.add_column(overflow="fold")
    for fact in because:
        side = f"{fact.side} " if fact.side not in ("", "unknown") else ""
        text = Text.assemble(side, printable(fact.text), " ", (printable(fact.reference), "dim"))
        grid.add_row(fact.date or "no date", text)
    return [grid] if because else []


def _unread(console: Console, evaluation: Evaluation) -> None:
    """What was not seen, not read or not understood."""
    notes = evaluation.gathered.notes
    for key in sorted(evaluation.chart.unseen):
        note = notes.get(key, "")
        console.print(Text.assemble(("not seen ", "magenta"), key, printable(f": {note}" if note else "")))
    for key in sorted(notes.keys() - evaluation.chart.unseen):
        console.print(Text.assemble(("not read ", "magenta"), key, printable(f": {notes[key]}")))
    for defect in evaluation.chart.defects:
        where = " ".join(part for part in (defect.where, defect.element) if part)
        ending = " (left out)" if defect.dropped else ""
        console.print(Text.assemble(("unreadable ", "magenta"), printable(f"{where} {defect.why}{ending}")))
    for key, unknown in not_understood(evaluation).items():
        console.print(Text.assemble(("not understood ", "magenta"), f"{key}: {NOT_UNDERSTOOD.lower()}"))
        for sentence in unknown_sentences(unknown):
            console.print(Padding(Text(printable(sentence)), (0, 0, 0, 4), expand=False))
