"""Gabapentin or pregabalin being prescribed: renal dose, breathing, and evidence that disagrees."""

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
from cards.language.escaping import listed, markdown, name
from cards.record import Chart, Draft


@rule(
    "gabapentinoid-safety",
    hooks=["order-select", "order-sign"],
    reads=[findings.in_scope, findings.GABAPENTINOID_READS],
    strength="strong for renal dose and breathing; contested for benefit in sciatica",
    quality="moderate: regulator warnings and labels; one negative trial",
    reviewed="2026-11-28", version="2.0.0", needs_foot_drop=False,
    suggests=["order.creatinine"],
    overrides=["already-arranged", "findings-disagree", "contraindicated", "patient-declined"],
)  # fmt: skip
def gabapentinoid_safety(chart: Chart) -> Verdict:
    """A gabapentinoid: within the renal dose, not with breathing risks unseen, and with a date to stop."""
    drafts, others = chart.drafted(*findings.GABAPENTINOIDS), findings.beside_gabapentinoid(chart)
    if not drafts and not others:
        return not_applicable("no gabapentin or pregabalin is being prescribed, nor an opioid or a sedative beside one")
    if not findings.in_scope(chart):
        return findings.OUT_OF_SCOPE
    hazards = findings.hazards_of(chart, drafts, findings.gabapentinoid_hazards)
    return _card(chart, [*drafts, *others], hazards or findings.hazards_of(chart, others, findings.depressant_hazards))


GRAVE = {
    "allergy": "An {words} is recorded: do not prescribe before it is clarified.",
    "dose": "{words}: reduce before signing.",
}
RISKY = {
    "breathing": "{drug} + {words}: respiratory depression risk (FDA 2019); lowest dose, monitor, or choose another.",
    "kidney": "{drug} with {words}: it accumulates; keep within the label's renal dose and monitor.",
    "heart": "{drug} with {words}: may worsen it; monitor, or choose another.",
    "pregnancy": "{drug} in {words}: avoid unless clearly necessary; discuss with the patient.",
}
DISPUTED = (
    "Gabapentinoid: NICE NG59 advises against it for sciatica; if agreed with the patient set a stop/review date."
)


def _card(chart: Chart, drafts: list[Draft], hazards: list[findings.Hazard]) -> Card:
    known = findings.clearance(chart)
    unknown = findings.unknown_clearance(chart)
    ask = f"{unknown}: measure creatinine first.".replace("?:", "? So") if unknown else ""
    surrogate = "eGFR stands in for the clearance. " if known is not None and known.is_surrogate else ""
    text = summary(_summary(hazards))
    return Card(
        indicator=findings.loudest(hazards),
        summary=text,
        detail=f"{findings.other_hazards(hazards, text)}{_renal(chart, drafts)}{surrogate}"
        "Sedation with foot drop means falls.",
        ask=ask,
        source=_source(hazards),
        because=findings.hazard_evidence(drafts, hazards),
        suggestions=_suggestions(chart, drafts),
        one_suggestion_only=False,
    )


def _summary(hazards: list[findings.Hazard]) -> str:
    if not hazards:
        return DISPUTED
    if findings.loudest(hazards) is Indicator.CRITICAL:
        return findings.spoken(hazards, GRAVE)
    first = next(risk for risk in RISKY if any(hazard.risk == risk for hazard in hazards))
    speaking = [hazard for hazard in hazards if hazard.risk == first]
    drugs = dict.fromkeys(_called(hazard.draft) for hazard in speaking if hazard.draft)
    return findings.spoken(speaking, RISKY, drug=listed(list(drugs)).capitalize())


def _source(hazards: list[findings.Hazard]) -> Source | None:
    """The source for the hazard that the summary names (D93); None for breathing, covered by the rule's own source."""
    is_critical = findings.loudest(hazards) is Indicator.CRITICAL
    risk = findings.spoken_risk(hazards, GRAVE if is_critical else RISKY)
    if risk == "breathing":
        return None
    branch = {"": "sciatica", "dose": "dose", "kidney": "dose"}.get(risk, "other")
    drugs = {key for hazard in hazards if hazard.risk == risk and hazard.draft for key in hazard.draft.keys}
    if risk == "pregnancy" and "medication.pregabalin" in drugs:
        branch = "pregnancy"
    return SOURCES[f"gabapentinoid-safety.{branch}"]


def _renal(chart: Chart, drafts: list[Draft]) -> str:
    """The dose that the button sets, in the same words."""
    over = [draft for draft in drafts if findings.is_over_label(chart, draft) and not chart.allergies(*draft.keys)]
    doses = dict.fromkeys(f"{name(draft.text)} {findings.renal_dose(chart, draft).words}" for draft in over)
    return f"For this clearance: {markdown(listed(list(doses)), 200)}. " if doses else ""


def _called(draft: Draft) -> str:
    """A gabapentinoid by its name, any other medicine as written."""
    drug = findings.gabapentinoid(draft)
    return drug.name if drug is not None else name(draft.text, 30)


def _suggestions(chart: Chart, drafts: list[Draft]) -> tuple[Suggestion, ...]:
    """A lower dose (never if the patient is allergic to the drug), removal, and a creatinine if none is known."""
    suggestions: list[Suggestion] = []
    for draft in drafts:
        drug, written = findings.gabapentinoid(draft), name(draft.text)
        if drug is None:
            continue
        is_over, is_allergic = findings.is_over_label(chart, draft), bool(chart.allergies(drug.key))
        if is_over and not is_allergic:
            change = findings.renal_dose(chart, draft)
            label = f"Reduce {written} to {change.words}"
            suggestions.append(Suggestion(label=label, plans=(change,), is_recommended=True))
        if is_over or is_allergic:
            remove = Remove(draft=draft)
            suggestions.append(Suggestion(label=f"Remove {written}", plans=(remove,), is_recommended=is_allergic))
    if findings.clearance(chart) is None:
        creatinine = Plan(key="order.creatinine", indication="")
        suggestions.append(Suggestion(label="Measure creatinine", plans=(creatinine,)))
    return tuple(suggestions)
