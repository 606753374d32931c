"""Duloxetine being prescribed: contraindications first, bleeding and serotonin next."""

from __future__ import annotations

from cards.language.chart import Chart
from cards.language.facts import Draft
from cards.language.finding import reads_of
from cards.language.findings.measurements import clearance, pregnancy
from cards.language.findings.prescribing import (
    ANTITHROMBOTIC,
    NSAIDS,
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
from cards.language.text import listed, markdown

DRUG = "medication.duloxetine"
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


@rule(
    "duloxetine-safety",
    hooks=["order-select", "order-sign"],
    reads=reads_of(
        in_scope,
        clearance,
        pregnancy,
        unmeasured_kidney_disease,
        "patient",
        "condition.cirrhosis",
        "condition.angle-closure-glaucoma",
        DRUG,
        *CONTRAINDICATED_WITH,
        *BLEEDING,
        *SEROTONERGIC,
        "medication.acetaminophen",
    ),
    strength="strong",
    quality="moderate: labels, of which the stricter is used",
    reviewed="2026-11-25",
    version="1.0.0",
    overrides=["already-arranged", "findings-disagree", "contraindicated", "patient-declined"],
    needs_foot_drop=False,
)
def duloxetine_safety(chart: Chart) -> Verdict:
    """Duloxetine: not with an MAO or CYP1A2 inhibitor, liver disease or a clearance under 30; mind bleeding."""
    drafts = judged(chart, DRUG)
    if not drafts:
        return silent("no duloxetine is being prescribed")
    if not in_scope(chart):
        return silent("neither foot drop nor radicular pain is recorded")
    hazards = [hazard for draft in drafts for hazard in _hazards(chart, draft)]
    indicator = loudest(hazards)
    if indicator is None:
        return silent("none of the contraindications and warnings that are checked is recorded")
    return _card(chart, drafts, hazards, indicator)


def _hazards(chart: Chart, draft: Draft) -> list[Hazard]:
    found = [Hazard(Indicator.CRITICAL, "allergy to duloxetine", (each,)) for each in chart.allergies(DRUG)]
    if barred := beside(chart, draft, *CONTRAINDICATED_WITH):
        found.append(Hazard(Indicator.CRITICAL, names(barred), tuple(barred)))
    found += [Hazard(Indicator.CRITICAL, "cirrhosis", (each,)) for each in chart.problems("condition.cirrhosis")]
    known = clearance(chart)
    if known is not None and known.value < LEAST_CLEARANCE:
        found.append(Hazard(Indicator.CRITICAL, str(known), known.facts))
    if bleeding := beside(chart, draft, *BLEEDING):
        found.append(Hazard(Indicator.WARNING, names(bleeding), tuple(bleeding)))
    if serotonergic := beside(chart, draft, *SEROTONERGIC):
        found.append(Hazard(Indicator.WARNING, names(serotonergic), tuple(serotonergic)))
    glaucoma = chart.problems("condition.angle-closure-glaucoma")
    found += [Hazard(Indicator.WARNING, "angle-closure glaucoma", (each,)) for each in glaucoma]
    return found + _patient_hazards(chart)


def _patient_hazards(chart: Chart) -> list[Hazard]:
    found = []
    if chart.age is not None and chart.age < YOUNG:
        found.append(Hazard(Indicator.WARNING, "age under 25 (suicidality)"))
    if expecting := pregnancy(chart):
        found.append(Hazard(Indicator.WARNING, "pregnancy", (expecting.problem,)))
    if kidney := unmeasured_kidney_disease(chart):
        found.append(Hazard(Indicator.WARNING, "kidney disease without a clearance", (kidney,)))
    return found


def _card(chart: Chart, drafts: list[Draft], hazards: list[Hazard], indicator: Indicator) -> Card:
    words = hazard_words(hazards, indicator)
    risk = "bleeding risk; review need" if beside(chart, drafts[0], *BLEEDING) else "review risk and need"
    text = (
        f"Duloxetine contraindicated/avoid: {listed(words[:3])}. Choose another analgesic."
        if indicator is Indicator.CRITICAL
        else f"Duloxetine with {listed(words[:3])}: {risk}."
    )
    everything = listed(list(dict.fromkeys(hazard.words for hazard in hazards)))
    ask = "" if clearance(chart) else "Renal function is not recorded within a year. "
    removals = [Suggestion(label="Remove this order", plans=(Remove(draft=draft),)) for draft in drafts]
    instead = Suggestion(
        label="Paracetamol (acetaminophen) instead",
        plans=(Plan(key="medication.acetaminophen", indication="condition.radicular-pain"),),
    )
    return Card(
        indicator=indicator,
        summary=summary(text),
        detail=f"Found: {markdown(everything, 300)}. {ask}EU contraindications and US statements differ a little; "
        "the stricter is used. Duloxetine is licensed for diabetic neuropathy and musculoskeletal pain, not for "
        "sciatica; the evidence there is of very low certainty. Not checked, for want of codes: an MAO inhibitor "
        "stopped within 14 days, blood pressure, alcohol, bipolar disorder, seizures.",
        because=hazard_evidence(drafts, hazards),
        changes="The interacting medicine stopped; a clearance of 30 or more.",
        suggestions=(*removals, instead) if indicator is Indicator.CRITICAL else (),
    )
