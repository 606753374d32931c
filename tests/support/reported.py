"""A store with many evaluations of two rules, for a report on them, and how to make a report from a store."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from msgspec import structs
from sqlalchemy import URL

from service.memory.rows import Answered, Feedback, Verdict
from service.memory.tables import Tables
from service.reporting.asking import asked
from service.reporting.making import report
from service.reporting.report import OfRule, Report
from service.store.database import Database, prepare
from tests.support.remembered import AT, TENANTS, answered, event

DAY = 86_400_000
SINCE = datetime.fromtimestamp(AT / 1000, UTC)
TITLES = {"lumbar-mri": "Lumbar MRI", "afo": "Orthosis"}


def evaluation(
    number: int,
    *,
    day: int = 0,
    card: bool = True,
    shown: bool = True,
    mode: str = "live",
    patient: str = "p",
    encounter: str = "e",
    asker: str = "u",
    silent: tuple[str, str] = ("not-applicable", "no foot drop"),
    version: str = "2.0.0",
    missing: str = "",
    milliseconds: float = 4.25,
) -> Answered:
    """An evaluation of `afo`, with a card or silent, and of `lumbar-mri`, which is silent."""
    outcome, reason = ("card", "") if card else silent
    name = f"{outcome} {reason} {version}"
    one = answered(f"{day}-{number}", name, AT + day * DAY + number)
    who = {"patient": patient, "encounter": encounter, "asker": asker}
    changed = structs.replace(one.evaluation, **who, missing=missing, milliseconds=milliseconds)
    verdicts = (
        Verdict(name, "afo", version, outcome, reason),
        Verdict(name, "lumbar-mri", "1.0.0", "not-applicable", "no foot drop"),
    )
    cards = tuple(structs.replace(sent, version=version, shown=shown, mode=mode) for sent in one.cards) if card else ()
    return Answered(changed, verdicts, cards)


def keep(url: URL, evaluations: Iterable[Answered], feedback: Iterable[Feedback] = ()) -> None:
    """Put them into a store, and create its tables."""
    prepare(url)
    tables = Tables(Database(url), Database(url, is_durable=True))
    tables.write(list(evaluations))
    if events := list(feedback):
        tables.take(events, TENANTS)
    tables.close()


def set_aside(one: Answered, reason: str, name: str = "1") -> Feedback:
    """An override of the card of an evaluation."""
    return event(one.cards[0].uuid, name, reason=reason)


def accepted(one: Answered, name: str = "2", at: int = AT) -> Feedback:
    """An acceptance of the card of an evaluation."""
    return event(one.cards[0].uuid, name, outcome="accepted", suggestions="s1", at=at)


def reported(url: URL, *, days: int = 30, least: int = 1, rule: str = "", client: str = "") -> Report:
    """The report on this many days since the first evaluation."""
    end = SINCE + timedelta(days=days)
    return report(url, asked(SINCE, end, UTC, rule, client), least, TITLES, UTC, end)


def of_rule(told: Report, rule: str = "afo", version: str = "2.0.0") -> OfRule:
    """A version of a rule in a report."""
    (one,) = [one for one in told.rules if (one.rule, one.version) == (rule, version)]
    return one
