"""Gabapentin or pregabalin being prescribed: renal dose, breathing, and evidence that disagrees."""

from __future__ import annotations

from msgspec import Struct

from cards import findings
from cards.language import Card, Indicator, Plan, Redose, Remove, Suggestion, Verdict, not_applicable, rule, summary
from cards.language.escaping import listed, markdown, name
from cards.record import Chart, Draft


@rule(
    "gabapentinoid-safety",
    hooks=["order-select", "order-sign"],
    reads=[findings.in_scope, findings.clearance, findings.unknown_clearance, findings.pregnancy,
           findings.unmeasured_kidney_disease, "patient",
           "condition.copd", "condition.sleep-apnoea", "condition.substance-use-disorder", "condition.heart-failure",
           "medication.gabapentin", "medication.pregabalin", "medication.opioid", "medication.sedative", "allergy"],
    strength="strong for renal dose and breathing; contested for benefit in sciatica",
    quality="moderate: regulator warnings and labels; one negative trial",
    reviewed="2026-11-25", version="1.0.0", needs_foot_drop=False,
    suggests=["order.creatinine"],
    overrides=["already-arranged", "findings-disagree", "contraindicated", "patient-declined"],
)  # fmt: skip
def gabapentinoid_safety(chart: Chart) -> Verdict:
    """A gabapentinoid: within the renal dose, not with breathing risks unseen, and with a date to stop."""
    drafts = chart.drafted(*(drug.key for drug in DRUGS))
    if not drafts:
        return not_applicable("no gabapentin or pregabalin is being prescribed")
    if not findings.in_scope(chart):
        return findings.OUT_OF_SCOPE
    return _card(chart, drafts, findings.hazards_of(chart, drafts, _hazards))


class Band(Struct, frozen=True):
    """A band of the US label as it is printed: clearance from and to (mL/min), milligrams a day."""

    lowest: int
    highest: int | None
    least: int
    most: int

    def __str__(self) -> str:
        upper = f"<{self.highest}" if not self.lowest else f"{self.lowest}-{self.highest}"
        return f"{f'>={self.lowest}' if self.highest is None else upper} {self.least}-{self.most}"


class Drug(Struct, frozen=True):
    """A gabapentinoid, the bands of its label from the highest clearance down, and its smallest capsule in mg."""

    key: str
    name: str
    bands: tuple[Band, ...]
    step_mg: int


# US labels (E48, E49); a band begins at its lower number (D42)
DRUGS = (
    Drug(
        "medication.gabapentin",
        "gabapentin",
        (Band(60, None, 900, 3600), Band(30, 59, 400, 1400), Band(15, 29, 200, 700), Band(0, 15, 100, 300)),
        step_mg=100,
    ),
    Drug(
        "medication.pregabalin",
        "pregabalin",
        (Band(60, None, 150, 600), Band(30, 60, 75, 300), Band(15, 30, 25, 150), Band(0, 15, 25, 75)),
        step_mg=25,
    ),
)
LABEL = "; ".join(f"{drug.name} {', '.join(map(str, drug.bands))}" for drug in DRUGS)
NORMAL = DRUGS[0].bands[0].lowest  # mL/min: from here on the dose needs no adjustment


def _drug(draft: Draft) -> Drug:
    return next(drug for drug in DRUGS if drug.key in draft.keys)


def _label_range(chart: Chart, drug: Drug) -> Band:
    """The label's band for the patient's clearance; the widest that it may be when it is unknown or bounded."""
    known = findings.clearance(chart)
    if known is None:
        return drug.bands[0]
    return next((band for band in drug.bands if known.at_least(band.lowest) is not False), drug.bands[-1])


def _is_over(chart: Chart, draft: Draft) -> bool:
    return draft.daily_mg is not None and draft.daily_mg > _label_range(chart, _drug(draft)).most


RISKS = {
    "condition.copd": "COPD",
    "condition.sleep-apnoea": "sleep apnoea",
    "condition.substance-use-disorder": "opioid dependence",
}


def _hazards(chart: Chart, draft: Draft) -> list[findings.Hazard]:
    drug, warning = _drug(draft), findings.Hazard.warning
    allergies = chart.allergies(drug.key)
    hazards = [findings.Hazard.critical("allergy", f"allergy to {drug.name}", allergy) for allergy in allergies]
    if _is_over(chart, draft):
        hazards.append(findings.Hazard.critical("dose", _over(chart, draft)))
    if depressants := findings.beside(chart, draft, "medication.opioid", "medication.sedative"):
        hazards.append(warning("breathing", depressants.names, *depressants.facts))
    for condition, words in RISKS.items():
        hazards += [warning("breathing", words, problem) for problem in chart.problems(condition)]
    if drug.key == "medication.pregabalin":
        failures = chart.problems("condition.heart-failure")
        hazards += [warning("heart", "heart failure", failure) for failure in failures]
    if chart.age is not None and chart.age >= findings.OLD:
        hazards.append(warning("breathing", f"age {findings.OLD} or over"))
    known, expecting = findings.clearance(chart), findings.pregnancy(chart)
    if known is not None and known.at_least(NORMAL) is False:
        hazards.append(warning("kidney", str(known), *known.facts))
    hazards += findings.unmeasured_kidneys(chart)
    return [*hazards, warning("pregnancy", "pregnancy", expecting.problem)] if expecting is not None else hazards


def _over(chart: Chart, draft: Draft) -> str:
    known, drug = findings.clearance(chart), _drug(draft)
    limit, dose = _label_range(chart, drug), f"{drug.name.capitalize()} {draft.daily_mg:g} mg/day"
    if known is None:
        return f"{dose} exceeds the label maximum of {limit.most} mg/day even with normal kidneys"
    return f"{dose} exceeds the {limit.least}-{limit.most} mg/day label range for {known}"


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
    ask = f"{unknown}: measure creatinine first. ".replace("?:", "? So") if unknown else ""
    surrogate = "eGFR stands in for the clearance (age, sex, weight or creatinine is missing). "
    depend = surrogate if known is not None and known.is_surrogate else ""
    return Card(
        indicator=findings.loudest(hazards),
        summary=summary(_summary(hazards)),
        detail=(f"Found: {markdown(findings.hazard_words(hazards), 300)}. " if hazards else "")
        + f"{ask}{depend}Label, mg/day by CrCl: {LABEL}. Sedation with foot drop means falls. Taper, never stop "
        "abruptly. The source page offers gabapentinoids for radicular pain; NICE NG59 says not to for sciatica.",
        because=findings.hazard_evidence(drafts, hazards),
        changes="A dose within the label's range; a measured clearance; the interacting medicine stopped.",
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
    drugs = dict.fromkeys(_drug(hazard.draft).name for hazard in speaking if hazard.draft)
    return findings.spoken(speaking, RISKY, drug=listed(list(drugs)).capitalize())


def _suggestions(chart: Chart, drafts: list[Draft]) -> tuple[Suggestion, ...]:
    """A lower dose, never of a drug that the patient is allergic to; removal; a creatinine when none is known."""
    suggestions: list[Suggestion] = []
    for draft in drafts:
        drug, written = _drug(draft), name(draft.text)
        is_over, is_allergic = _is_over(chart, draft), bool(chart.allergies(drug.key))
        if is_over and not is_allergic:
            most = _label_range(chart, drug).most
            change = Redose(draft=draft, daily_mg=most, step_mg=drug.step_mg)
            label = f"Reduce {written} to at most {most} mg a day"
            suggestions.append(Suggestion(label=label, plans=(change,), is_recommended=True))
        if is_over or is_allergic:
            remove = Remove(draft=draft)
            suggestions.append(Suggestion(label=f"Remove {written}", plans=(remove,), is_recommended=is_allergic))
    if findings.clearance(chart) is None:
        creatinine = Plan(key="order.creatinine", indication="")
        suggestions.append(Suggestion(label="Measure creatinine", plans=(creatinine,)))
    return tuple(suggestions)
