"""Duloxetine being prescribed: contraindications first, bleeding and serotonin next."""

from __future__ import annotations

from cards import findings
from cards.language import (
    SOURCES,
    Card,
    Indicator,
    Plan,
    Remove,
    Source,
    Suggestion,
    Verdict,
    not_applicable,
    rule,
    summary,
)
from cards.record import Chart, Draft


@rule(
    "duloxetine-safety",
    hooks=["order-select", "order-sign"],
    reads=[findings.in_scope, findings.unknown_clearance, findings.DULOXETINE_READS, findings.may_have_paracetamol],
    strength="strong",
    quality="moderate: labels, of which the stricter is used",
    reviewed="2026-11-28",
    version="2.0.0",
    suggests=["medication.acetaminophen"],
    overrides=["already-arranged", "findings-disagree", "contraindicated", "patient-declined"],
    needs_foot_drop=False,
)
def duloxetine_safety(chart: Chart) -> Verdict:
    """Duloxetine: not with an MAO or CYP1A2 inhibitor, liver disease or a clearance under 30; mind bleeding."""
    drafts = chart.drafted(findings.DULOXETINE)
    if not drafts:
        return not_applicable("no duloxetine is being prescribed")
    if not findings.in_scope(chart):
        return findings.OUT_OF_SCOPE
    hazards = findings.hazards_of(chart, drafts, findings.duloxetine_hazards)
    if hazards:
        return _card(chart, drafts, hazards)
    return findings.not_checked(chart) or not_applicable(
        "none of the contraindications and warnings checked is recorded"
    )


AVOID = "Duloxetine contraindicated/avoid: {words}. Choose another analgesic."
CONTRAINDICATED = dict.fromkeys(("allergy", "interaction", "liver", "kidney"), AVOID)
RISKY = {
    "bleeding": "Duloxetine with {words}: bleeding risk; review need.",
    "serotonin": "Duloxetine with {words}: serotonin syndrome risk; review need.",
    "eye": "Duloxetine with {words}: it may raise the eye pressure; review need.",
    "kidney": f"Duloxetine with {{words}}: measure the clearance first, avoid below {findings.LEAST_CLEARANCE} mL/min.",
    "pregnancy": "Duloxetine in {words}: weigh benefit and risk with the patient; review need.",
    "mood": "Duloxetine at {words}: warn of suicidal thoughts and watch for them; review need.",
}


def _card(chart: Chart, drafts: list[Draft], hazards: list[findings.Hazard]) -> Card:
    indicator = findings.loudest(hazards)
    is_critical = indicator is Indicator.CRITICAL
    unknown = findings.unknown_clearance(chart)
    ask = f"{unknown}.".replace("?.", "?") if unknown else ""
    text = summary(findings.spoken(hazards, CONTRAINDICATED if is_critical else RISKY))
    return Card(
        indicator=indicator,
        summary=text,
        detail=f"{findings.other_hazards(hazards, text)}Duloxetine is not licensed for sciatica; the "
        "evidence there is of very low certainty.",
        ask=ask,
        source=_source(hazards, is_critical=is_critical),
        because=findings.hazard_evidence(drafts, hazards),
        suggestions=_suggestions(chart, drafts) if is_critical else (),
        one_suggestion_only=False,
    )


def _source(hazards: list[findings.Hazard], *, is_critical: bool) -> Source | None:
    """The source for the hazard that the summary names (D93); None for the label's contraindications."""
    risk = findings.spoken_risk(hazards, CONTRAINDICATED if is_critical else RISKY)
    if risk in ("interaction", "liver", "kidney"):
        return None
    return SOURCES[f"duloxetine-safety.{'warnings' if risk in ('bleeding', 'eye') else 'other'}"]


def _suggestions(chart: Chart, drafts: list[Draft]) -> tuple[Suggestion, ...]:
    """Removal alone and, if paracetamol may be given, removal with paracetamol instead."""
    removal = tuple(Remove(draft=draft) for draft in drafts)
    remove = Suggestion(label="Remove duloxetine", plans=removal, is_recommended=True)
    if not findings.may_have_paracetamol(chart):
        return (remove,)
    paracetamol = Plan(key="medication.acetaminophen", indication="condition.radicular-pain")
    return remove, Suggestion(label="Paracetamol instead of duloxetine", plans=(*removal, paracetamol))
