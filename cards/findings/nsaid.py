"""What speaks against an NSAID, for its own card and for the options that pain-regimen lists (D43, D91)."""

from __future__ import annotations

from math import floor

from cards.findings.measurements import clearance, pregnancy
from cards.findings.prescribing import (
    ANTITHROMBOTIC,
    NSAIDS,
    OLD,
    SSRIS,
    Hazard,
    beside,
    recorded,
    unmeasured_kidney_disease,
    unmeasured_kidneys,
)
from cards.language.finding import reads_of
from cards.language.verdict import Indicator
from cards.record.chart import Chart
from cards.record.facts import Draft

INTERACTIONS = (
    *ANTITHROMBOTIC,
    "medication.corticosteroid",
    *SSRIS,
    "medication.duloxetine",
    "medication.venlafaxine",
)
CIRRHOSIS = "condition.cirrhosis"
PROTECTION = "medication.gastroprotection"
ALLERGENS = (*NSAIDS, "medication.aspirin", "allergy.aspirin")
UNSAFE_CLEARANCE, LOW_CLEARANCE = 30, 60  # mL/min (E53: cut-offs by convention)
AVOID_FROM, NEVER_FROM = 20, 30  # weeks of gestation (E52)

NSAID_READS = reads_of(
    clearance,
    pregnancy,
    unmeasured_kidney_disease,
    "patient",
    CIRRHOSIS,
    "condition.peptic-ulcer-history",
    "condition.heart-failure",
    *INTERACTIONS,
    *ALLERGENS,
    PROTECTION,
)


def nsaid_hazards(chart: Chart, draft: Draft | None) -> list[Hazard]:
    """Why not an NSAID: hypersensitivity, cirrhosis, bleeding, stomach, heart, kidney, pregnancy."""
    critical, warning = Indicator.CRITICAL, Indicator.WARNING
    hazards = recorded(critical, "allergy", "NSAID or aspirin hypersensitivity", chart.allergies(*ALLERGENS))
    hazards += recorded(critical, "liver", "cirrhosis", chart.problems(CIRRHOSIS))
    if interacting := beside(chart, draft, *INTERACTIONS):
        hazards.append(Hazard.warning("bleeding", interacting.names, *interacting.facts))
    ulcers = chart.problems("condition.peptic-ulcer-history")
    hazards += recorded(warning, "stomach", "previous peptic ulcer", ulcers)
    hazards += recorded(warning, "heart", "heart failure", chart.problems("condition.heart-failure"))
    if chart.age is not None and chart.age >= OLD and not beside(chart, draft, PROTECTION):
        hazards.append(Hazard.warning("stomach", f"age {OLD} or over without gastroprotection"))
    return hazards + _kidney(chart) + _expecting(chart)


def _kidney(chart: Chart) -> list[Hazard]:
    known = clearance(chart)
    if known is None:
        return unmeasured_kidneys(chart)
    if known.at_least(LOW_CLEARANCE) is not False:
        return unmeasured_kidneys(chart)  # empty unless a bound leaves open whether the clearance is low
    indicator = Indicator.CRITICAL if known.at_least(UNSAFE_CLEARANCE) is False else Indicator.WARNING
    return [Hazard(indicator, "kidney", str(known), known.facts)]


def _expecting(chart: Chart) -> list[Hazard]:
    """D43: gestation of 20 to under 30 weeks, or unknown, is a warning; from 30 weeks never give it."""
    expecting = pregnancy(chart)
    if expecting is None:
        return []
    if expecting.weeks is None:
        return [Hazard.warning("pregnancy", "pregnancy of unknown gestation", expecting.problem)]
    if expecting.weeks < AVOID_FROM:
        return []
    indicator = Indicator.CRITICAL if expecting.weeks >= NEVER_FROM else Indicator.WARNING
    return [Hazard(indicator, "pregnancy", f"pregnancy, {floor(expecting.weeks)} weeks", (expecting.problem,))]
