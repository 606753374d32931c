"""The cases of the rules and the findings: read from TOML, turned into FHIR, and decided with the real chart.

docs/cases.md says how to write them.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from cards.record.chart import BUILT_IN_CODES, Chart
from cards.record.decoding import read_resource
from cards.record.defects import Defect
from cards.record.drafts import read_draft_orders
from cards.record.moments import Clock
from cards.record.records import Bundle, Resource
from tests.support import vignettes
from tests.support.places import ROOT

RULES = ROOT / "cards" / "rules"
FINDINGS = ROOT / "cards" / "findings"
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)

FACTS = frozenset(
    {
        "patient", "encounter", "conditions", "observations", "procedures", "serviceRequests", "deviceRequests",
        "devices", "medications", "allergies", "reports", "draftOrders", "selections", "newConditions",
    }
)  # fmt: skip
_OWN = frozenset({"name", "like", "hook", "unseen", "card", "silent", "finding", "is", "dates-only"})
# How a fact may give its time, the name of that time in days, and how many of the unit make a day.
_TIMES = {
    member: (in_days, per_day)
    for in_days, names in (
        ("daysAgo", ("daysAgo", "hoursAgo", "minutesAgo")),
        ("onsetDaysAgo", ("onsetDaysAgo", "onsetHoursAgo", "onsetMinutesAgo")),
    )
    for member, per_day in zip(names, (1, 24, 24 * 60), strict=True)
}

Case = Mapping[str, Any]


@cache
def read(path: Path) -> tuple[Case, ...]:
    """The cases of one file; the facts of the `[like.NAME]` tables that a case names come before its own.

    A file is read once. Times are in days, whatever their unit was. Raises ValueError for a member that no case has,
    so that a misspelt fact cannot pass for an absent one, and for a fact that says twice when it was.
    """
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    templates = document.get("like", {})
    return tuple(_whole(case, templates) for case in document["case"])


def _whole(case: Case, templates: Mapping[str, Case]) -> Case:
    whole: dict[str, Any] = {}
    for part in (*(templates[name] for name in _names(case.get("like"))), case):
        for member, value in part.items():
            if member not in FACTS | _OWN:
                raise ValueError(f"{case.get('name')}: there is no fact {member!r}")
            if member in FACTS and isinstance(value, list):
                whole[member] = [*whole.get(member, []), *(_in_days(fact) for fact in value)]
            else:
                whole[member] = value
    return whole


def _in_days(fact: Any) -> Any:
    """The fact with its time in days; a selection, which is no table, is returned unchanged."""
    if not isinstance(fact, Mapping):
        return fact
    times = [member for member in fact if member in _TIMES]
    if len({_TIMES[member][0] for member in times}) < len(times):
        raise ValueError(f"{fact.get('code')} says twice when it was: {', '.join(times)}")
    whole = dict(fact)
    for member in times:
        in_days, per_day = _TIMES[member]
        if per_day > 1:
            whole[in_days] = whole.pop(member) / per_day
    return whole


def _names(like: Any) -> list[str]:
    return [] if like is None else [like] if isinstance(like, str) else list(like)


def files(folder: Path = RULES) -> Iterator[tuple[str, Path]]:
    """The case files of the rules, by rule id, or of the findings, by module."""
    for path in sorted(folder.glob("*.toml")):
        if path.name not in ("sources.toml", "appraisals.toml", "departures.toml", "precedence.toml"):
            yield path.stem.replace("_", "-"), path


def chart(case: Case, hook: str, *, now: datetime = NOW, declared: frozenset[str] | None = None) -> Chart:
    """The chart of a case, from the FHIR that an EHR would send."""
    facts = {member: case[member] for member in FACTS if member in case}
    request = vignettes.request(facts, hook, now, dates_only=bool(case.get("dates-only")))
    defects: list[Defect] = []
    records: list[Resource] = []
    added = list(_records(request["context"].get("conditions", {"resourceType": "Bundle"}), "conditions", defects))
    for key, value in request["prefetch"].items():
        if key not in case.get("unseen", ()):
            records += _records(value, key, defects)
    drafts = read_draft_orders(json.dumps(request["context"].get("draftOrders")).encode()).drafts(
        request["context"].get("selections"),
        BUILT_IN_CODES,
        Clock(now),
        defects,
        patient_id="p1",
        records=records,
    )
    return Chart(
        "p1",
        now,
        records,
        hook=hook,
        unseen=case.get("unseen", ()),
        drafts=drafts,
        defects=defects,
        added=[resource for resource in added if resource.resourceType == "Condition"],
        declared=declared,
    )


def _records(value: Any, key: str, defects: list[Defect]) -> Iterator[Resource]:
    resource = read_resource(json.dumps(value).encode(), key, defects)
    if resource is None:
        return
    if not isinstance(resource, Bundle):
        yield resource
        return
    for entry in resource.entry or []:
        if entry.resource is not None:
            yield entry.resource
