"""Blood pressure in acute cord injury: the floor that every guideline agrees on, and where they differ."""

from __future__ import annotations

from datetime import timedelta
from math import floor

from msgspec import Struct

from cards import findings
from cards.language import Card, Indicator, Verdict, not_applicable, rule, summary
from cards.record import Chart, Evidence, Problem, Reading

READING = timedelta(hours=1)
FIRST_DAY = timedelta(hours=24)  # "the initial assessment phase" of the source
MAP_FLOOR, MAP_DISPUTED = 70, 75  # mmHg: this source's minimum; AO Spine/Praxis 2024 begins at 75 (E69)
SBP_FLOOR, SBP_TARGET = 90, 110  # mmHg: below the first every guideline acts (E73); the source asks for over the second


class Pressure(Struct, frozen=True):
    """The newest pressures of the last hour in mmHg; `mean` is charted, or computed from the other two."""

    mean: float | None
    systolic: float | None
    readings: tuple[Reading, ...]
    is_computed: bool = False


_NO_INJURY = not_applicable("no cord injury of the last 7 days is recorded")


@rule(
    "map-target",
    hooks=["patient-view", "problem-list-item-create"],
    reads=[findings.acute_cord_injury, "observation.map", "observation.sbp", "observation.dbp"],
    strength="contested: the target differs between 70, 75 to 95 and 85 to 90 mmHg; the floor does not",
    quality="very low: observational; an underpowered trial showed no gain from 85 to 90",
    reviewed="2026-11-25",
    version="1.0.0",
    overrides=["already-arranged", "findings-disagree", "not-in-goals-of-care"],
    needs_foot_drop=False,
)
def map_target(chart: Chart) -> Verdict:
    """Acute cord injury with low pressure: correct it now. Never for a root or nerve lesion."""
    injury = findings.acute_cord_injury(chart)
    if injury is None:
        return _NO_INJURY
    pressure = _pressure(chart)
    low_mean = pressure.mean is not None and pressure.mean < MAP_FLOOR
    low_systolic = pressure.systolic is not None and pressure.systolic < SBP_FLOOR
    if low_mean or low_systolic:
        return _card(injury, pressure, Indicator.CRITICAL, _below(pressure))
    if pressure.systolic is not None and pressure.systolic <= SBP_TARGET and chart.within(injury.when, FIRST_DAY):
        text = (
            f"Cord injury, first 24 h, SBP {floor(pressure.systolic)}: target >110 in the initial phase; recheck and "
            "optimise perfusion."
        )
        return _card(injury, pressure, Indicator.WARNING, text)
    if pressure.mean is not None and pressure.mean < MAP_DISPUTED:
        mean = f"Cord injury, MAP {floor(pressure.mean)}"
        text = f"{mean}: meets >=70 (this source) but not AO Spine 2024 (75-80 to 90-95); confirm the unit target."
        return _card(injury, pressure, Indicator.INFO, text)
    if pressure.mean is None and pressure.systolic is None:
        text = (
            "Acute cord injury with no MAP or systolic pressure in the last hour: measure it now (MAP >=70, SBP >110)."
        )
        return _card(injury, pressure, Indicator.INFO, text)
    return not_applicable(
        "the pressure of the last hour is not below a limit", *(Evidence.of(r) for r in pressure.readings)
    )


def _pressure(chart: Chart) -> Pressure:
    """D47: MAP = (SBP + 2 DBP) / 3 only when none is charted in that hour."""
    mean, systolic, diastolic = (findings.newest_number(chart, name, READING) for name in ("map", "sbp", "dbp"))
    value = mean.value if mean else None
    if mean is None and systolic and diastolic:
        value = (systolic.value + 2 * diastolic.value) / 3
    used = [reading for reading in (mean, systolic, None if mean else diastolic) if reading is not None]
    return Pressure(value, systolic.value if systolic else None, tuple(used), mean is None and value is not None)


def _below(pressure: Pressure) -> str:
    mean = "not known" if pressure.mean is None else f"{floor(pressure.mean)}"
    systolic = "not known" if pressure.systolic is None else f"{floor(pressure.systolic)}"
    return f"Acute cord injury, MAP {mean}/SBP {systolic}: below minimum (MAP >=70, SBP >110); correct hypotension now."


def _card(injury: Problem, pressure: Pressure, indicator: Indicator, text: str) -> Card:
    return Card(
        indicator=indicator,
        summary=summary(text),
        detail=("MAP computed from systolic and diastolic. " if pressure.is_computed else "")
        + "AANS/CNS 2013: MAP 85 to 90 for 7 days. AO Spine/Praxis 2024: 75 to 80 up to 90 to 95 for 3 to 7 days "
        "(weak, very low certainty). A 2025 trial (92 patients, underpowered): over 85 to 90 gave no neurological "
        "gain and more respiratory complications. Call critical care; no vasopressor dose is suggested. "
        "Uncontrolled haemorrhage: the trauma lead decides.",
        because=(
            Evidence.of(injury),
            *(Evidence.of(reading, f"{reading.text} mmHg") for reading in pressure.readings),
        ),
        changes="A newer pressure; pressures over an hour old are not used.",
    )
