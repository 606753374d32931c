"""What the three drug cards share: their scope, the drafts they judge, and what is taken beside them (D41 to D45)."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from cards.language.chart import Chart
from cards.language.facts import Draft, Evidence, Fact, Medicine
from cards.language.finding import finding
from cards.language.findings.foot_drop import foot_drop
from cards.language.findings.measurements import clearance
from cards.language.findings.pain import radicular_pain
from cards.language.rule import Indicator
from cards.language.text import plain

KIDNEY = "condition.chronic-kidney-disease"
OLD = 65  # years
NSAIDS = ("medication.ibuprofen", "medication.naproxen", "medication.other-nsaid")
ANTITHROMBOTIC = ("medication.anticoagulant", "medication.antiplatelet", "medication.aspirin")
SSRIS = ("medication.ssri", "medication.fluvoxamine")


class Hazard(Struct, frozen=True):
    """One reason against a draft: how grave, in a word or two, and the records behind it."""

    indicator: Indicator
    words: str
    facts: tuple[Fact, ...] = ()


@finding(foot_drop, radicular_pain)
def in_scope(chart: Chart) -> bool:
    """D41: foot drop or radicular pain on record."""
    return bool(foot_drop(chart) or radicular_pain(chart))


def judged(chart: Chart, *keys: str) -> list[Draft]:
    """The drafts of these medicines that the card speaks of."""
    return [draft for draft in chart.drafts if draft.selected and set(keys) & set(draft.keys)]


def beside(chart: Chart, draft: Draft, *keys: str) -> list[Medicine | Draft]:
    """Active medicines and other drafts of these keys."""
    others = [other for other in chart.drafts if other is not draft and set(keys) & set(other.keys)]
    taken = [each for each in chart.medicines(*keys) if each.reference != draft.reference]
    return [*taken, *others]


def names(facts: Iterable[Fact]) -> str:
    """The medicines in a line, as recorded; plain text."""
    return ", ".join(dict.fromkeys(plain(fact.text, 40) for fact in facts))


@finding(clearance, KIDNEY)
def unmeasured_kidney_disease(chart: Chart) -> Fact | None:
    """D42: chronic kidney disease on record while the clearance is unknown."""
    return chart.problem(KIDNEY) if clearance(chart) is None else None


def loudest(hazards: Iterable[Hazard]) -> Indicator | None:
    """The gravest of several hazards."""
    return max((hazard.indicator for hazard in hazards), key=lambda each: each.rank, default=None)


def hazard_words(hazards: Iterable[Hazard], indicator: Indicator) -> list[str]:
    """The hazards of one gravity in words, each once."""
    return list(dict.fromkeys(hazard.words for hazard in hazards if hazard.indicator is indicator))


def hazard_evidence(drafts: Iterable[Draft], hazards: Iterable[Hazard]) -> tuple[Evidence, ...]:
    """The drafts and the records behind the hazards."""
    facts = (*drafts, *(fact for hazard in hazards for fact in hazard.facts))
    return tuple(dict.fromkeys(Evidence.of(fact) for fact in facts))
