"""What speaks against duloxetine, for its own card and for the options that pain-regimen lists (D44)."""

from __future__ import annotations

from cards.findings.measurements import clearance, pregnancy
from cards.findings.prescribing import (
    ANTITHROMBOTIC,
    NSAIDS,
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

DULOXETINE_READS = reads_of(
    clearance,
    pregnancy,
    unmeasured_kidney_disease,
    "patient",
    "condition.cirrhosis",
    "condition.angle-closure-glaucoma",
    DULOXETINE,
    *CONTRAINDICATED_WITH,
    *BLEEDING,
    *SEROTONERGIC,
    "allergy",
)


def duloxetine_hazards(chart: Chart, draft: Draft | None) -> list[Hazard]:
    """Why not duloxetine: MAO and CYP1A2 inhibitors, liver, kidney, bleeding, serotonin, glaucoma, age, pregnancy."""
    critical, allergies = Indicator.CRITICAL, chart.allergies(DULOXETINE)
    hazards = recorded(critical, "allergy", "allergy to duloxetine", allergies)
    if barred := beside(chart, draft, *CONTRAINDICATED_WITH):
        hazards.append(Hazard.critical("interaction", barred.names, *barred.facts))
    hazards += recorded(critical, "liver", "cirrhosis", chart.problems("condition.cirrhosis"))
    known = clearance(chart)
    if known is not None and known.at_least(LEAST_CLEARANCE) is False:
        hazards.append(Hazard.critical("kidney", str(known), *known.facts))
    for risk, keys in (("bleeding", BLEEDING), ("serotonin", SEROTONERGIC)):
        if taken := beside(chart, draft, *keys):
            hazards.append(Hazard.warning(risk, taken.names, *taken.facts))
    glaucomas = chart.problems("condition.angle-closure-glaucoma")
    hazards += recorded(Indicator.WARNING, "eye", "angle-closure glaucoma", glaucomas)
    if chart.age is not None and chart.age < YOUNG:
        hazards.append(Hazard.warning("mood", f"age under {YOUNG}"))
    if expecting := pregnancy(chart):
        hazards.append(Hazard.warning("pregnancy", "pregnancy", expecting.problem))
    return hazards + unmeasured_kidneys(chart)
