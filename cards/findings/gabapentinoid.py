"""What speaks against a gabapentinoid, and the dose that the kidneys allow (D41, D42, D90, D92)."""

from __future__ import annotations

from msgspec import Struct

from cards.findings.measurements import clearance, pregnancy
from cards.findings.prescribing import (
    OLD,
    Hazard,
    beside,
    recorded,
    unknown_clearance,
    unmeasured_kidney_disease,
    unmeasured_kidneys,
)
from cards.language.finding import reads_of
from cards.language.verdict import Indicator, Redose
from cards.record.chart import Chart
from cards.record.facts import Draft


class Band(Struct, frozen=True):
    """A band of the US label, as the page of the rule prints it: clearance from and to (mL/min), milligrams a day.

    `dose` (milligrams) and `times` (a day) are what is offered within the band (D90); neither is set for normal
    kidneys, where the label's maximum is offered.
    """

    lowest: int
    highest: int | None
    least: int
    most: int
    dose: int = 0
    times: int | None = None


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
        (
            Band(60, None, 900, 3600),
            Band(30, 59, 400, 1400, dose=300, times=2),
            Band(15, 29, 200, 700, dose=300, times=1),
            Band(0, 15, 100, 300, dose=100, times=1),
        ),
        step_mg=100,
    ),
    Drug(
        "medication.pregabalin",
        "pregabalin",
        (
            Band(60, None, 150, 600),
            Band(30, 60, 75, 300, dose=75, times=2),
            Band(15, 30, 25, 150, dose=25, times=2),
            Band(0, 15, 25, 75, dose=25, times=1),
        ),
        step_mg=25,
    ),
)
GABAPENTINOIDS = tuple(drug.key for drug in DRUGS)
DEPRESSANTS = ("medication.opioid", "medication.sedative")
GABAPENTINOID_READS = reads_of(
    clearance,
    unknown_clearance,
    pregnancy,
    unmeasured_kidney_disease,
    "patient",
    "condition.copd",
    "condition.sleep-apnoea",
    "condition.substance-use-disorder",
    "condition.heart-failure",
    *GABAPENTINOIDS,
    *DEPRESSANTS,
    "allergy",
)
NORMAL = DRUGS[0].bands[0].lowest  # mL/min: from this clearance up the dose needs no adjustment


def gabapentinoid(draft: Draft) -> Drug | None:
    """The gabapentinoid that a draft prescribes; None for another medicine."""
    return next((drug for drug in DRUGS if drug.key in draft.keys), None)


def _drug(draft: Draft) -> Drug:
    drug = gabapentinoid(draft)
    assert drug is not None
    return drug


def _label_range(chart: Chart, drug: Drug) -> Band:
    """The label's band for the patient's clearance; if that is unknown or only bounded, the widest band possible."""
    known = clearance(chart)
    if known is None:
        return drug.bands[0]
    return next((band for band in drug.bands if known.at_least(band.lowest) is not False), drug.bands[-1])


def renal_dose(chart: Chart, draft: Draft) -> Redose:
    """D90: the dose for this clearance; the label's maximum if kidney function is normal or unknown."""
    drug = _drug(draft)
    band = _label_range(chart, drug)
    daily = band.dose * band.times if band.times else band.most
    return Redose(draft=draft, daily_mg=daily, step_mg=drug.step_mg, times_a_day=band.times)


def is_over_label(chart: Chart, draft: Draft) -> bool:
    """Whether a gabapentinoid's stated dose exceeds the label's maximum for the patient's clearance."""
    if gabapentinoid(draft) is None:
        return False
    return draft.daily_mg is not None and draft.daily_mg > _label_range(chart, _drug(draft)).most


RISKS = {
    "condition.copd": "COPD",
    "condition.sleep-apnoea": "sleep apnoea",
    "condition.substance-use-disorder": "opioid dependence",
}


def gabapentinoid_hazards(chart: Chart, draft: Draft) -> list[Hazard]:
    """Why not a gabapentinoid: allergy, dose, breathing, heart, kidney, pregnancy."""
    drug, warning = _drug(draft), Hazard.warning
    allergies = chart.allergies(drug.key)
    hazards = recorded(Indicator.CRITICAL, "allergy", f"allergy to {drug.name}", allergies)
    if is_over_label(chart, draft):
        hazards.append(Hazard.critical("dose", _over(chart, draft)))
    if depressants := beside(chart, draft, *DEPRESSANTS, *_other_gabapentinoids(draft)):
        hazards.append(warning("breathing", depressants.names, *depressants.facts))
    for condition, words in RISKS.items():
        hazards += recorded(Indicator.WARNING, "breathing", words, chart.problems(condition))
    if drug.key == "medication.pregabalin":
        failures = chart.problems("condition.heart-failure")
        hazards += recorded(Indicator.WARNING, "heart", "heart failure", failures)
    if chart.age is not None and chart.age >= OLD:
        hazards.append(warning("breathing", f"age {OLD} or over"))
    known, expecting = clearance(chart), pregnancy(chart)
    if known is not None and known.at_least(NORMAL) is False:
        hazards.append(warning("kidney", str(known), *known.facts))
    hazards += unmeasured_kidneys(chart)
    return [*hazards, warning("pregnancy", "pregnancy", expecting.problem)] if expecting is not None else hazards


def _other_gabapentinoids(draft: Draft) -> tuple[str, ...]:
    """D92: the other gabapentinoid."""
    return tuple(key for key in GABAPENTINOIDS if key not in draft.keys)


def beside_gabapentinoid(chart: Chart) -> list[Draft]:
    """D92: drafts of opioids and sedatives next to a gabapentinoid that is taken or is in another draft."""
    drafts = chart.drafted(*DEPRESSANTS)
    return [draft for draft in drafts if beside(chart, draft, *GABAPENTINOIDS)]


def depressant_hazards(chart: Chart, draft: Draft) -> list[Hazard]:
    """The hazard of the same pair, reported on the draft of the opioid or sedative."""
    taken = beside(chart, draft, *GABAPENTINOIDS)
    return [Hazard.warning("breathing", taken.names, *taken.facts)]


def _over(chart: Chart, draft: Draft) -> str:
    known, drug = clearance(chart), _drug(draft)
    limit, dose = _label_range(chart, drug), f"{drug.name.capitalize()} {draft.daily_mg:g} mg/day"
    if known is None:
        return f"{dose} exceeds the label maximum of {limit.most} mg/day even with normal kidneys"
    return f"{dose} exceeds the {limit.least}-{limit.most} mg/day label range for {known}"
