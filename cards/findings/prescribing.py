"""What the three drug cards share: their scope, the drafts they judge, and what is taken beside them (D41 to D45)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from cards.findings.foot_drop import foot_drop
from cards.findings.measurements import clearance
from cards.findings.pain import radicular_pain
from cards.language.escaping import listed, name
from cards.language.finding import finding
from cards.language.verdict import Indicator
from cards.record.chart import Chart
from cards.record.facts import Draft, Evidence, Fact, Medicine

KIDNEY = "condition.chronic-kidney-disease"
OLD = 65  # years
ADULT = 18
PARACETAMOL = "medication.acetaminophen"
NSAIDS = ("medication.ibuprofen", "medication.naproxen", "medication.other-nsaid")
ANTITHROMBOTIC = ("medication.anticoagulant", "medication.antiplatelet", "medication.aspirin")
SSRIS = ("medication.ssri", "medication.fluvoxamine")


class Hazard(Struct, frozen=True):
    """One reason against a draft: how grave, in a word or two, what is feared, and the records behind it.

    `risk` is a word that the cards know: allergy, dose, breathing, kidney, bleeding, serotonin, stomach, heart,
    pregnancy, liver, eye, mood or interaction. `draft` is the one that it speaks of.
    """

    indicator: Indicator
    words: str
    facts: tuple[Fact, ...] = ()
    risk: str = ""
    draft: Draft | None = None


@finding(foot_drop, radicular_pain)
def in_scope(chart: Chart) -> bool:
    """D41: foot drop or radicular pain on record."""
    return bool(foot_drop(chart) or radicular_pain(chart))


def judged(chart: Chart, *keys: str) -> list[Draft]:
    """The drafts of these medicines that the card speaks of."""
    return [draft for draft in chart.drafts if draft.selected and set(keys) & set(draft.keys)]


def beside(chart: Chart, draft: Draft | None, *keys: str) -> list[Medicine | Draft]:
    """Active medicines and other drafts of these keys."""
    others = [other for other in chart.drafts if other is not draft and set(keys) & set(other.keys)]
    itself = draft.reference if draft is not None else None
    taken = [each for each in chart.medicines(*keys) if each.reference != itself]
    return [*taken, *others]


def names(facts: Iterable[Fact]) -> str:
    """The medicines in a line, as recorded; plain text."""
    return ", ".join(sorted({name(fact.text) for fact in facts}, key=str.lower))


@finding(clearance, KIDNEY)
def unmeasured_kidney_disease(chart: Chart) -> Fact | None:
    """D42: chronic kidney disease on record while the clearance is unknown."""
    return chart.problem(KIDNEY) if clearance(chart) is None else None


def loudest(hazards: Iterable[Hazard]) -> Indicator | None:
    """The gravest of several hazards."""
    return max((hazard.indicator for hazard in hazards), key=lambda each: each.rank, default=None)


def spoken(hazards: Iterable[Hazard], sentences: Mapping[str, str], indicator: Indicator) -> str:
    """The sentence of the first risk that is present at this gravity, filled with its words."""
    grave = [hazard for hazard in hazards if hazard.indicator is indicator]
    for risk, sentence in sentences.items():
        words = list(dict.fromkeys(hazard.words for hazard in grave if hazard.risk == risk))
        if words:
            return sentence.format(words=listed(words[:3]))
    return ""


def found_words(hazards: Iterable[Hazard]) -> str:
    """Every hazard in words, the gravest first; plain text."""
    ranked = sorted(hazards, key=lambda hazard: -hazard.indicator.rank)
    return listed(list(dict.fromkeys(hazard.words for hazard in ranked)))


@finding("patient")
def is_child(chart: Chart) -> bool:
    """Known to be under 18: no drug is suggested to a child."""
    return chart.age is not None and chart.age < ADULT


@finding(is_child, PARACETAMOL)
def may_have_paracetamol(chart: Chart) -> bool:
    """Paracetamol may be offered: no child, no allergy to it, not taken already."""
    return not (is_child(chart) or chart.allergies(PARACETAMOL) or chart.medicines(PARACETAMOL))


def not_checked(chart: Chart, *keys: str) -> str:
    """What was neither supplied nor to be had, or has no date, where a hazard may hide; empty when nothing."""
    unread = [
        name
        for name, key in (("medicines", "medication"), ("allergies", "allergy"), ("the patient", "patient"))
        if any(each.startswith(key) for each in keys) and not chart.has_seen(key)
    ]
    if unread:
        return f"{listed(unread)} could not be read: hazards may be missed"
    undated = [
        name
        for code, name in (("egfr", "eGFR"), ("creatinine", "creatinine"))
        if any(r.when is None for r in chart.readings(code))
    ]
    return f"{undated[0]} is recorded without a date" if undated and clearance(chart) is None else ""


def hazard_evidence(drafts: Iterable[Draft], hazards: Iterable[Hazard]) -> tuple[Evidence, ...]:
    """The drafts and the records behind the hazards."""
    facts = (*drafts, *(fact for hazard in hazards for fact in hazard.facts))
    return tuple(dict.fromkeys(Evidence.of(fact, _being_ordered(fact)) for fact in facts))


def _being_ordered(fact: Fact) -> str:
    return f"{fact.text}, being ordered" if isinstance(fact, Draft) else ""
