"""Blood pressure in acute cord injury: the floor that all guidelines agree on, and where they differ."""

from __future__ import annotations

from datetime import timedelta
from math import floor, inf, nextafter

from cards import findings
from cards.language import SOURCES, Card, Indicator, Verdict, not_applicable, rule, summary
from cards.language.escaping import name
from cards.record import Chart, Evidence, Problem, Reading

MAP_FLOOR, AO_MIN = 70, 75  # mmHg: this source's minimum; AO Spine/Praxis 2024 begins at 75 (E69)


@rule(
    "map-target",
    hooks=["patient-view", "problem-list-item-create"],
    reads=[findings.acute_cord_injury, "observation.map", "observation.sbp", "observation.dbp"],
    strength=f"contested: the target differs between {MAP_FLOOR}, {AO_MIN} to 95 and 85 to 90 mmHg; the floor does not",
    quality="very low: observational; an underpowered trial showed no gain from 85 to 90",
    reviewed="2026-11-28", version="2.0.0",
    overrides=["already-arranged", "findings-disagree", "not-in-goals-of-care"],
    needs_foot_drop=False,
)  # fmt: skip
def map_target(chart: Chart) -> Verdict:
    """Acute cord injury with low pressure: correct it now. Never for a root or nerve lesion."""
    injury = findings.acute_cord_injury(chart)
    if injury is None:
        return _NO_INJURY
    mean, systolic, readings = _pressures(chart)
    if (mean is not None and mean < MAP_FLOOR) or (systolic is not None and systolic < SBP_FLOOR):
        numbers = f"MAP {_whole(mean)}, SBP {_whole(systolic)}"
        text = f"Acute cord injury, {numbers}: below the minimum ({TARGET}); correct hypotension now."
        return _card(injury, readings, Indicator.CRITICAL, text)
    if systolic is not None and systolic <= SBP_TARGET and _is_initial(chart, injury):
        text = (
            f"Cord injury, first {INITIAL_HOURS} h, SBP {_whole(systolic)}: target over {SBP_TARGET} mmHg in the "
            "initial phase; recheck and optimise perfusion."
        )
        return _card(injury, readings, Indicator.WARNING, text)
    if mean is not None and mean < AO_MIN:
        meets = f"meets the floor of {MAP_FLOOR} mmHg, not AO Spine 2024 ({AO_MIN}-80 to 90-95 mmHg)"
        text = f"Cord injury, MAP {_whole(mean)}: {meets}; confirm the unit target."
        return _card(injury, readings, Indicator.INFO, text, is_between=True)
    if mean is None and systolic is None:
        text = f"Acute cord injury {_without(chart)} in the last hour: measure it now ({TARGET})."
        return _card(injury, readings, Indicator.INFO, text)
    because = (Evidence.of(reading) for reading in readings)
    return not_applicable("the pressure of the last hour is not below a limit", *because)


LAST_HOUR = timedelta(hours=1)
INITIAL_HOURS = 24  # "the initial assessment phase" of the source
SBP_FLOOR, SBP_TARGET = 90, 110  # mmHg: below the first every guideline acts (E73); the source asks for over the second
TARGET = f"MAP {MAP_FLOOR} mmHg or more, SBP over {SBP_TARGET} mmHg"

_NO_INJURY = not_applicable(f"no cord injury of the last {findings.ACUTE_INJURY.days} days is recorded")


def _is_initial(chart: Chart, injury: Problem) -> bool:
    """Whether it is in the first 24 h; for an injury without a time, only its own day is certain (D1, D47)."""
    if injury.when is None or injury.when.instant is None:
        return injury.when is not None and injury.when.day == chart.clock.moment.day
    return chart.within(injury.when, timedelta(hours=INITIAL_HOURS))


def _pressures(chart: Chart) -> tuple[float | None, float | None, list[Reading]]:
    """D47: the mean and systolic pressure in mmHg, and the readings behind them.

    MAP = (SBP + 2 DBP) / 3 only when none is charted in that hour.
    """
    mean, systolic, diastolic = (findings.newest_number(chart, name, LAST_HOUR) for name in ("map", "sbp", "dbp"))
    value, upper = _decided(mean, MAP_FLOOR, AO_MIN), _decided(systolic, SBP_FLOOR, SBP_TARGET)
    if mean is None and systolic and diastolic and not (systolic.bound or diastolic.bound):
        value = (systolic.value + 2 * diastolic.value) / 3
    used = [reading for reading in (mean, systolic, None if mean else diastolic) if reading is not None]
    return value, upper, used


def _decided(reading: Reading | None, *limits: int) -> float | None:
    """The value of a reading; for a bounded one, a number on the stated side if that decides the limits (O1)."""
    if reading is None or any(reading.at_least(limit) is None for limit in limits):
        return None
    return nextafter(reading.value, {"<": -inf, ">": inf}.get(reading.bound, reading.value))


def _without(chart: Chart) -> str:
    """Words for a missing pressure: none is recorded, or the recorded one is unreadable (O1)."""
    words = chart.unreadable("map", LAST_HOUR) or chart.unreadable("sbp", LAST_HOUR)
    return f"with an unreadable pressure ({name(words, 20)}?)" if words else "with no MAP or systolic pressure"


def _whole(pressure: float | None) -> str:
    return "not known" if pressure is None else f"{floor(pressure)} mmHg"


def _card(
    injury: Problem, readings: list[Reading], indicator: Indicator, text: str, *, is_between: bool = False
) -> Card:
    is_computed = {"sbp", "dbp"} <= {reading.code for reading in readings}
    return Card(
        indicator=indicator,
        summary=summary(text),
        detail=("MAP computed from systolic and diastolic. " if is_computed else "")
        + "Call critical care; no vasopressor dose is suggested. Uncontrolled haemorrhage: the trauma lead decides.",
        because=(Evidence.of(injury), *(Evidence.of(reading) for reading in readings)),
        source=None if is_between else SOURCES["map-target.floor"],
    )
