"""An NSAID being prescribed, perhaps days before spinal surgery: bleeding, kidney, stomach, pregnancy."""

from __future__ import annotations

from cards.language.chart import Chart
from cards.language.facts import Draft
from cards.language.finding import reads_of
from cards.language.findings.measurements import clearance, pregnancy
from cards.language.findings.prescribing import (
    ANTITHROMBOTIC,
    NSAIDS,
    OLD,
    SSRIS,
    Hazard,
    beside,
    hazard_evidence,
    hazard_words,
    in_scope,
    judged,
    loudest,
    names,
    unmeasured_kidney_disease,
)
from cards.language.rule import Card, Indicator, Plan, Remove, Suggestion, Verdict, rule, silent, summary
from cards.language.text import listed, markdown, plain

INTERACTING = (
    *ANTITHROMBOTIC,
    "medication.corticosteroid",
    *SSRIS,
    "medication.duloxetine",
    "medication.venlafaxine",
)
PROTECTION = "medication.gastroprotection"
ALLERGENS = (*NSAIDS, "medication.aspirin", "allergy.aspirin")
UNSAFE_CLEARANCE, LOW_CLEARANCE = 30, 60  # mL/min (E53: cut-offs by convention)
AVOID_FROM, NEVER_FROM = 20, 30  # weeks of gestation (E52)


@rule(
    "nsaid-safety",
    hooks=["order-select", "order-sign"],
    reads=reads_of(
        in_scope,
        clearance,
        pregnancy,
        unmeasured_kidney_disease,
        "patient",
        "condition.peptic-ulcer-history",
        "condition.heart-failure",
        *INTERACTING,
        *ALLERGENS,
        PROTECTION,
        "medication.acetaminophen",
    ),
    strength="strong",
    quality="moderate: regulator communication and labels; renal cut-offs by convention",
    reviewed="2026-11-25",
    version="1.0.0",
    overrides=["already-arranged", "findings-disagree", "contraindicated", "patient-declined"],
    needs_foot_drop=False,
)
def nsaid_safety(chart: Chart) -> Verdict:
    """An NSAID: not with hypersensitivity, a clearance under 30 or late pregnancy; mind bleeding and the stomach."""
    drafts = judged(chart, *NSAIDS)
    if not drafts:
        return silent("no NSAID is being prescribed")
    if not in_scope(chart):
        return silent("neither foot drop nor radicular pain is recorded")
    hazards = [hazard for draft in drafts for hazard in _hazards(chart, draft)]
    indicator = loudest(hazards)
    if indicator is None:
        return silent("none of the hazards that are checked is recorded")
    return _card(chart, drafts, hazards, indicator)


def _hazards(chart: Chart, draft: Draft) -> list[Hazard]:
    found = [Hazard(Indicator.CRITICAL, "NSAID or aspirin hypersensitivity", (e,)) for e in chart.allergies(*ALLERGENS)]
    if interacting := beside(chart, draft, *INTERACTING):
        found.append(Hazard(Indicator.WARNING, names(interacting), tuple(interacting)))
    ulcers = chart.problems("condition.peptic-ulcer-history")
    found += [Hazard(Indicator.WARNING, "previous peptic ulcer", (each,)) for each in ulcers]
    failures = chart.problems("condition.heart-failure")
    found += [Hazard(Indicator.WARNING, "heart failure", (each,)) for each in failures]
    if chart.age is not None and chart.age >= OLD and not beside(chart, draft, PROTECTION):
        found.append(Hazard(Indicator.WARNING, "age 65 or over without gastroprotection"))
    return found + _kidney(chart) + _expecting(chart)


def _kidney(chart: Chart) -> list[Hazard]:
    known = clearance(chart)
    if known is not None and known.value < LOW_CLEARANCE:
        grave = known.value < UNSAFE_CLEARANCE
        return [Hazard(Indicator.CRITICAL if grave else Indicator.WARNING, str(known), known.facts)]
    kidney = unmeasured_kidney_disease(chart)
    return [Hazard(Indicator.WARNING, "kidney disease without a clearance", (kidney,))] if kidney else []


def _expecting(chart: Chart) -> list[Hazard]:
    """D43: gestation 20 to under 30 weeks, or unknown, warns; from 30 weeks never."""
    expecting = pregnancy(chart)
    if expecting is None:
        return []
    if expecting.weeks is None:
        return [Hazard(Indicator.WARNING, "pregnancy of unknown gestation", (expecting.problem,))]
    if expecting.weeks < AVOID_FROM:
        return []
    grave = expecting.weeks >= NEVER_FROM
    words = f"pregnancy, {expecting.weeks:.0f} weeks"
    return [Hazard(Indicator.CRITICAL if grave else Indicator.WARNING, words, (expecting.problem,))]


def _card(chart: Chart, drafts: list[Draft], hazards: list[Hazard], indicator: Indicator) -> Card:
    words = listed(hazard_words(hazards, indicator)[:3])
    bleeds = bool(beside(chart, drafts[0], *ANTITHROMBOTIC))
    risk = "bleeding risk before possible spinal surgery; prefer" if bleeds else "weigh the risk; prefer"
    text = (
        f"NSAID unsafe: {words}. Do not prescribe."
        if indicator is Indicator.CRITICAL
        else f"NSAID with {words}: {risk} paracetamol or discuss."
    )
    everything = listed(list(dict.fromkeys(hazard.words for hazard in hazards)))
    ask = "Ask for the weeks of gestation. " if "unknown gestation" in everything else ""
    removals = [
        Suggestion(label=f"Remove {plain(draft.text, 40)}", plans=(Remove(draft=draft),))
        for draft in drafts
        if indicator is Indicator.CRITICAL
    ]
    instead = Suggestion(
        label="Paracetamol (acetaminophen) instead",
        plans=(Plan(key="medication.acetaminophen", indication="condition.radicular-pain"),),
    )
    return Card(
        indicator=indicator,
        summary=summary(text),
        detail=f"Found: {markdown(everything, 300)}. {ask}Lowest dose, shortest time; NICE: limited evidence. "
        "Not checked, for want of codes: gastrointestinal bleeding, cardiovascular disease but heart failure, an ACE "
        "inhibitor with a diuretic, booked surgery.",
        because=hazard_evidence(drafts, hazards),
        changes="The interacting medicine stopped, gastroprotection added, or a measured clearance of 60 or more.",
        suggestions=(*removals, instead),
    )
