"""Reasons against an NSAID and against duloxetine, for the drug cards and for the options of pain-regimen."""

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
    names,
    unmeasured_kidney_disease,
)
from cards.language.finding import reads_of
from cards.language.verdict import Indicator
from cards.record.chart import Chart
from cards.record.facts import Draft

NSAID_INTERACTIONS = (
    *ANTITHROMBOTIC,
    "medication.corticosteroid",
    *SSRIS,
    "medication.duloxetine",
    "medication.venlafaxine",
)
PROTECTION = "medication.gastroprotection"
NSAID_ALLERGENS = (*NSAIDS, "medication.aspirin", "allergy.aspirin")
UNSAFE_CLEARANCE, LOW_CLEARANCE = 30, 60  # mL/min (E53: cut-offs by convention)
AVOID_FROM, NEVER_FROM = 20, 30  # weeks of gestation (E52)

DULOXETINE = "medication.duloxetine"
CONTRAINDICATED_WITH = (
    "medication.maoi",
    "medication.linezolid",
    "medication.methylene-blue",
    "medication.fluvoxamine",
    "medication.ciprofloxacin",
    "medication.enoxacin",
)
BLEEDING = (*ANTITHROMBOTIC, *NSAIDS)
SEROTONERGIC = ("medication.tramadol", "medication.ssri", "medication.venlafaxine")
LEAST_CLEARANCE = 30  # mL/min (E50, E51)
YOUNG = 25  # years

_PATIENT = reads_of(clearance, pregnancy, unmeasured_kidney_disease, "patient")
NSAID_READS = reads_of(
    _PATIENT,
    "condition.peptic-ulcer-history",
    "condition.heart-failure",
    *NSAID_INTERACTIONS,
    *NSAID_ALLERGENS,
    PROTECTION,
)
DULOXETINE_READS = reads_of(
    _PATIENT,
    "condition.cirrhosis",
    "condition.angle-closure-glaucoma",
    DULOXETINE,
    *CONTRAINDICATED_WITH,
    *BLEEDING,
    *SEROTONERGIC,
)


def nsaid_hazards(chart: Chart, draft: Draft | None) -> list[Hazard]:
    """Why not an NSAID: hypersensitivity, bleeding, stomach, heart, kidney, pregnancy."""
    allergies = chart.allergies(*NSAID_ALLERGENS)
    found = [Hazard(Indicator.CRITICAL, "NSAID or aspirin hypersensitivity", (each,), "allergy") for each in allergies]
    if interacting := beside(chart, draft, *NSAID_INTERACTIONS):
        found.append(Hazard(Indicator.WARNING, names(interacting), tuple(interacting), "bleeding"))
    ulcers = chart.problems("condition.peptic-ulcer-history")
    found += [Hazard(Indicator.WARNING, "previous peptic ulcer", (each,), "stomach") for each in ulcers]
    failures = chart.problems("condition.heart-failure")
    found += [Hazard(Indicator.WARNING, "heart failure", (each,), "heart") for each in failures]
    if chart.age is not None and chart.age >= OLD and not beside(chart, draft, PROTECTION):
        found.append(Hazard(Indicator.WARNING, "age 65 or over without gastroprotection", risk="stomach"))
    return found + _kidney(chart) + _expecting(chart)


def _kidney(chart: Chart) -> list[Hazard]:
    known = clearance(chart)
    if known is not None and known.value < LOW_CLEARANCE:
        grave = known.value < UNSAFE_CLEARANCE
        return [Hazard(Indicator.CRITICAL if grave else Indicator.WARNING, str(known), known.facts, "kidney")]
    kidney = unmeasured_kidney_disease(chart)
    return [Hazard(Indicator.WARNING, "kidney disease without a clearance", (kidney,), "kidney")] if kidney else []


def _expecting(chart: Chart) -> list[Hazard]:
    """D43: gestation 20 to under 30 weeks, or unknown, warns; from 30 weeks never."""
    expecting = pregnancy(chart)
    if expecting is None:
        return []
    if expecting.weeks is None:
        return [Hazard(Indicator.WARNING, "pregnancy of unknown gestation", (expecting.problem,), "pregnancy")]
    if expecting.weeks < AVOID_FROM:
        return []
    grave = expecting.weeks >= NEVER_FROM
    words = f"pregnancy, {floor(expecting.weeks)} weeks"
    return [Hazard(Indicator.CRITICAL if grave else Indicator.WARNING, words, (expecting.problem,), "pregnancy")]


def duloxetine_hazards(chart: Chart, draft: Draft | None) -> list[Hazard]:
    """Why not duloxetine: MAO and CYP1A2 inhibitors, liver, kidney, bleeding, serotonin, glaucoma, age, pregnancy."""
    found = [
        Hazard(Indicator.CRITICAL, "allergy to duloxetine", (each,), "allergy") for each in chart.allergies(DULOXETINE)
    ]
    if barred := beside(chart, draft, *CONTRAINDICATED_WITH):
        found.append(Hazard(Indicator.CRITICAL, names(barred), tuple(barred), "interaction"))
    found += [
        Hazard(Indicator.CRITICAL, "cirrhosis", (each,), "liver") for each in chart.problems("condition.cirrhosis")
    ]
    known = clearance(chart)
    if known is not None and known.value < LEAST_CLEARANCE:
        found.append(Hazard(Indicator.CRITICAL, str(known), known.facts, "kidney"))
    for risk, keys in (("bleeding", BLEEDING), ("serotonin", SEROTONERGIC)):
        if taken := beside(chart, draft, *keys):
            found.append(Hazard(Indicator.WARNING, names(taken), tuple(taken), risk))
    glaucoma = chart.problems("condition.angle-closure-glaucoma")
    found += [Hazard(Indicator.WARNING, "angle-closure glaucoma", (each,), "eye") for each in glaucoma]
    if chart.age is not None and chart.age < YOUNG:
        found.append(Hazard(Indicator.WARNING, "age under 25", risk="mood"))
    if expecting := pregnancy(chart):
        found.append(Hazard(Indicator.WARNING, "pregnancy", (expecting.problem,), "pregnancy"))
    if kidney := unmeasured_kidney_disease(chart):
        found.append(Hazard(Indicator.WARNING, "kidney disease without a clearance", (kidney,), "kidney"))
    return found
