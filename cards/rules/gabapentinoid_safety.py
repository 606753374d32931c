"""Gabapentin or pregabalin being prescribed: renal dose, breathing, and evidence that disagrees."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from cards import findings
from cards.language import Card, Indicator, Plan, Redose, Remove, Suggestion, Verdict, not_applicable, rule, summary
from cards.language.escaping import listed, markdown, name
from cards.record import Chart, Draft

DEPRESSANTS = ("medication.opioid", "medication.sedative")


class Band(Struct, frozen=True):
    """A band of the US label: from this clearance (mL/min) on, milligrams a day."""

    from_clearance: float
    least: int
    most: int


# US labels (E48, E49); a band begins at its lower number (D42)
LABEL: Mapping[str, tuple[Band, ...]] = {
    "medication.gabapentin": (Band(60, 900, 3600), Band(30, 400, 1400), Band(15, 200, 700), Band(0, 100, 300)),
    "medication.pregabalin": (Band(60, 150, 600), Band(30, 75, 300), Band(15, 25, 150), Band(0, 25, 75)),
}
STEPS = {"medication.gabapentin": 100, "medication.pregabalin": 25}  # mg: the smallest capsule
RISKS = {
    "condition.copd": "COPD",
    "condition.sleep-apnoea": "sleep apnoea",
    "condition.substance-use-disorder": "opioid dependence",
}


@rule(
    "gabapentinoid-safety",
    hooks=["order-select", "order-sign"],
    reads=[
        findings.in_scope,
        findings.clearance,
        findings.pregnancy,
        findings.unmeasured_kidney_disease,
        "patient",
        *RISKS,
        "condition.heart-failure",
        *LABEL,
        *DEPRESSANTS,
    ],
    strength="strong for renal dose and breathing; contested for benefit in sciatica",
    quality="moderate: regulator warnings and labels; one negative trial",
    reviewed="2026-11-25",
    version="1.0.0",
    suggests=["order.creatinine"],
    overrides=["already-arranged", "findings-disagree", "contraindicated", "patient-declined"],
    needs_foot_drop=False,
)
def gabapentinoid_safety(chart: Chart) -> Verdict:
    """A gabapentinoid: within the renal dose, not with breathing risks unseen, and with a date to stop."""
    drafts = findings.judged(chart, *LABEL)
    if not drafts:
        return not_applicable("no gabapentin or pregabalin is being prescribed")
    if not findings.in_scope(chart):
        return not_applicable("neither foot drop nor radicular pain is recorded")
    hazards = [hazard for draft in drafts for hazard in _hazards(chart, draft)]
    return _card(chart, drafts, hazards)


def band(chart: Chart, key: str) -> Band:
    """The label's band for the patient's clearance; the widest when it is unknown."""
    known = findings.clearance(chart)
    return next((each for each in LABEL[key] if known is None or known.value >= each.from_clearance), LABEL[key][-1])


def _drug(draft: Draft) -> str:
    return next(key for key in LABEL if key in draft.keys)


def _hazards(chart: Chart, draft: Draft) -> list[findings.Hazard]:
    key = _drug(draft)
    name = key.partition(".")[2]
    found = [
        findings.Hazard(Indicator.CRITICAL, f"allergy to {name}", (each,), "allergy", draft)
        for each in chart.allergies(key)
    ]
    limit = band(chart, key)
    if draft.daily_mg is not None and draft.daily_mg > limit.most:
        found.append(findings.Hazard(Indicator.CRITICAL, _over(chart, draft, limit, name), risk="dose", draft=draft))
    if depressants := findings.beside(chart, draft, *DEPRESSANTS):
        found.append(
            findings.Hazard(Indicator.WARNING, findings.names(depressants), tuple(depressants), "breathing", draft)
        )
    for condition, words in RISKS.items():
        problems = chart.problems(condition)
        found += [findings.Hazard(Indicator.WARNING, words, (each,), "breathing", draft) for each in problems]
    if key == "medication.pregabalin":
        failures = chart.problems("condition.heart-failure")
        found += [findings.Hazard(Indicator.WARNING, "heart failure", (each,), "heart", draft) for each in failures]
    return found + _patient_hazards(chart, draft)


def _patient_hazards(chart: Chart, draft: Draft) -> list[findings.Hazard]:
    found, known, expecting = [], findings.clearance(chart), findings.pregnancy(chart)
    if chart.age is not None and chart.age >= findings.OLD:
        found.append(findings.Hazard(Indicator.WARNING, "age 65 or over", risk="breathing", draft=draft))
    if known is not None and known.value < LABEL["medication.gabapentin"][0].from_clearance:
        found.append(findings.Hazard(Indicator.WARNING, str(known), known.facts, "kidney", draft))
    if kidney := findings.unmeasured_kidney_disease(chart):
        found.append(
            findings.Hazard(Indicator.WARNING, "kidney disease without a clearance", (kidney,), "kidney", draft)
        )
    if expecting is not None:
        found.append(findings.Hazard(Indicator.WARNING, "pregnancy", (expecting.problem,), "pregnancy", draft))
    return found


def _over(chart: Chart, draft: Draft, limit: Band, name: str) -> str:
    known = findings.clearance(chart)
    drug = f"{name.capitalize()} {draft.daily_mg:g} mg/day"
    if known is None:
        return f"{drug} exceeds the label maximum of {limit.most} mg/day even with normal kidneys"
    return f"{drug} exceeds the {limit.least}-{limit.most} mg/day label range for {known}"


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
    indicator = findings.loudest(hazards) or Indicator.INFO
    known = findings.clearance(chart)
    ask = "" if known else "Renal function is not recorded within a year: measure creatinine first. "
    surrogate = "eGFR stands in for the clearance (age, sex, weight or creatinine is missing). "
    depend = surrogate if known is not None and known.is_surrogate else ""
    found = findings.found_words(hazards)
    return Card(
        indicator=indicator,
        summary=summary(_summary(hazards, indicator)),
        detail=(f"Found: {markdown(found, 300)}. " if found else "")
        + f"{ask}{depend}Label, mg/day by CrCl: gabapentin "
        ">=60 900-3600, 30-59 400-1400, 15-29 200-700, <15 100-300; pregabalin >=60 150-600, 30-60 75-300, 15-30 "
        "25-150, <15 25-75. Sedation with foot drop means falls. Taper, never stop abruptly. The source page offers "
        "gabapentinoids for radicular pain; NICE NG59 says not to for sciatica.",
        because=findings.hazard_evidence(drafts, hazards),
        changes="A dose within the label's range; a measured clearance; the interacting medicine stopped.",
        suggestions=_suggestions(chart, drafts),
        one_suggestion_only=False,
    )


def _summary(hazards: list[findings.Hazard], indicator: Indicator) -> str:
    if indicator is Indicator.CRITICAL:
        return findings.spoken(hazards, GRAVE, indicator)
    if indicator is Indicator.INFO:
        return DISPUTED
    first = next(risk for risk in RISKY if any(hazard.risk == risk for hazard in hazards))
    speaking = [hazard for hazard in hazards if hazard.risk == first]
    drafts = dict.fromkeys(_drug(hazard.draft).partition(".")[2] for hazard in speaking if hazard.draft)
    sentences = {risk: text.replace("{drug}", listed(list(drafts)).capitalize()) for risk, text in RISKY.items()}
    return findings.spoken(speaking, sentences, indicator)


def _suggestions(chart: Chart, drafts: list[Draft]) -> tuple[Suggestion, ...]:
    """A lower dose, never of a drug that the patient is allergic to; removal; a creatinine when none is known."""
    found: list[Suggestion] = []
    for draft in drafts:
        key = _drug(draft)
        limit, is_allergic = band(chart, key), bool(chart.allergies(key))
        drug = name(draft.text)
        is_over = draft.daily_mg is not None and draft.daily_mg > limit.most
        if is_over and not is_allergic:
            change = Redose(draft=draft, daily_mg=limit.most, step_mg=STEPS[key])
            label = f"Reduce {drug} to at most {limit.most} mg a day"
            found.append(Suggestion(label=label, plans=(change,), is_recommended=True))
        if is_over or is_allergic:
            remove = Remove(draft=draft)
            found.append(Suggestion(label=f"Remove {drug}", plans=(remove,), is_recommended=is_allergic))
    if findings.clearance(chart) is None:
        found.append(Suggestion(label="Measure creatinine", plans=(Plan(key="order.creatinine", indication=""),)))
    return tuple(found)
