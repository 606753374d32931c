"""Duloxetine being prescribed: contraindications first, bleeding and serotonin next."""

from __future__ import annotations

from cards.findings.hazards import DULOXETINE, DULOXETINE_READS, duloxetine_hazards
from cards.findings.measurements import clearance
from cards.findings.prescribing import (
    Hazard,
    found_words,
    hazard_evidence,
    in_scope,
    judged,
    loudest,
    may_have_paracetamol,
    not_checked,
    spoken,
)
from cards.language.escaping import markdown
from cards.language.finding import reads_of
from cards.language.rule import Card, Indicator, Plan, Remove, Suggestion, Verdict, rule, silent, summary, unknown
from cards.record.chart import Chart
from cards.record.facts import Draft


@rule(
    "duloxetine-safety",
    hooks=["order-select", "order-sign"],
    reads=reads_of(in_scope, DULOXETINE_READS, may_have_paracetamol),
    strength="strong",
    quality="moderate: labels, of which the stricter is used",
    reviewed="2026-11-25",
    version="1.0.0",
    suggests=["medication.acetaminophen"],
    overrides=["already-arranged", "findings-disagree", "contraindicated", "patient-declined"],
    needs_foot_drop=False,
)
def duloxetine_safety(chart: Chart) -> Verdict:
    """Duloxetine: not with an MAO or CYP1A2 inhibitor, liver disease or a clearance under 30; mind bleeding."""
    drafts = judged(chart, DULOXETINE)
    if not drafts:
        return silent("no duloxetine is being prescribed")
    if not in_scope(chart):
        return silent("neither foot drop nor radicular pain is recorded")
    hazards = [hazard for draft in drafts for hazard in duloxetine_hazards(chart, draft)]
    indicator = loudest(hazards)
    if indicator is None:
        gap = not_checked(chart, "medication", "allergy", "patient")
        return unknown(gap) if gap else silent("none of the contraindications and warnings checked is recorded")
    return _card(chart, drafts, hazards, indicator)


AVOID = "Duloxetine contraindicated/avoid: {words}. Choose another analgesic."
CONTRAINDICATED = dict.fromkeys(("allergy", "interaction", "liver", "kidney"), AVOID)
RISKY = {
    "bleeding": "Duloxetine with {words}: bleeding risk; review need.",
    "serotonin": "Duloxetine with {words}: serotonin syndrome risk; review need.",
    "eye": "Duloxetine with {words}: it may raise the eye pressure; review need.",
    "kidney": "Duloxetine with {words}: measure the clearance first, avoid below 30.",
    "pregnancy": "Duloxetine in {words}: weigh benefit and risk with the patient; review need.",
    "mood": "Duloxetine at {words}: warn of suicidal thoughts and watch for them; review need.",
}


def _card(chart: Chart, drafts: list[Draft], hazards: list[Hazard], indicator: Indicator) -> Card:
    ask = "" if clearance(chart) else "Renal function is not recorded within a year. "
    is_critical = indicator is Indicator.CRITICAL
    return Card(
        indicator=indicator,
        summary=summary(spoken(hazards, CONTRAINDICATED if is_critical else RISKY, indicator)),
        detail=f"Found: {markdown(found_words(hazards), 300)}. {ask}EU contraindications and US statements differ a "
        "little; the stricter is used. Duloxetine is licensed for diabetic neuropathy and musculoskeletal pain, not "
        "for sciatica; the evidence there is of very low certainty. Not checked, for want of codes: an MAO inhibitor "
        "stopped within 14 days, blood pressure, alcohol, bipolar disorder, seizures.",
        because=hazard_evidence(drafts, hazards),
        changes="The interacting medicine stopped; a clearance of 30 or more.",
        suggestions=_suggestions(chart, drafts) if is_critical else (),
        one_suggestion_only=False,
    )


def _suggestions(chart: Chart, drafts: list[Draft]) -> tuple[Suggestion, ...]:
    """Removal alone and, where it may be given, removal with paracetamol instead."""
    removal = tuple(Remove(draft=draft) for draft in drafts)
    remove = Suggestion(label="Remove duloxetine", plans=removal, is_recommended=True)
    if not may_have_paracetamol(chart):
        return (remove,)
    paracetamol = Plan(key="medication.acetaminophen", indication="condition.radicular-pain")
    return remove, Suggestion(label="Paracetamol instead of duloxetine", plans=(*removal, paracetamol))
