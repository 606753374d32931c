"""Measurements that the drug cards use: creatinine clearance and gestation (decisions D3 to D5, D42)."""

from __future__ import annotations

from datetime import timedelta
from math import floor

from msgspec import Struct

from cards.language.finding import finding
from cards.record.chart import Chart
from cards.record.facts import Fact, Problem, Reading
from cards.record.moments import newest
from cards.record.quantities import at_least

LABORATORY = timedelta(days=365)
LONGEST_GESTATION = 44  # weeks; a later reading belongs to another pregnancy
WEEK = 7


_TURNED = {"": "", "<": ">", "<=": ">=", ">": "<", ">=": "<="}  # creatinine below a value means clearance above one


class Clearance(Struct, frozen=True):
    """Creatinine clearance in mL/min: by Cockcroft-Gault, or eGFR as its surrogate.

    `bound` is the comparator, if the clearance is known only to lie above or below `value`.
    """

    value: float
    is_surrogate: bool
    facts: tuple[Fact, ...]
    bound: str = ""

    def __str__(self) -> str:
        if self.is_surrogate:
            return f"eGFR {self.bound}{floor(self.value)} mL/min/1.73 m²"
        return f"CrCl {self.bound}{floor(self.value)} mL/min"

    def at_least(self, limit: float) -> bool | None:
        """Whether it is at least the limit; None if its bound leaves that open."""
        return at_least(self.value, self.bound, limit)


class Pregnancy(Struct, frozen=True):
    """An active pregnancy, and the weeks of gestation today if a reading gives them."""

    problem: Problem
    weeks: float | None


def newest_number(chart: Chart, measurement: str, window: timedelta, *, highest: bool = False) -> Reading | None:
    """The newest value in the window; the lowest of several at one moment, or with `highest` the highest."""
    last = newest(chart.recent(measurement, window), lambda reading: reading.when)
    if not last or not chart.within(last[0].when, window):
        return None
    sign = -1 if highest else 1
    return min(last, key=lambda reading: (sign * reading.value, reading.reference))


@finding("patient", "observation.creatinine", "observation.body-weight", "observation.egfr")
def clearance(chart: Chart) -> Clearance | None:
    """Cockcroft-Gault if age, sex, weight and creatinine are known within a year, else the newest eGFR.

    If the birth date cannot be true, no clearance is known: eGFR was computed with that date too (O4).
    """
    if chart.has_impossible_age:
        return None
    creatinine = newest_number(chart, "creatinine", LABORATORY, highest=True)
    weight = newest_number(chart, "body-weight", LABORATORY)
    bounds = {weight.bound, _TURNED[creatinine.bound]} - {""} if creatinine and weight else set()
    is_known = chart.age is not None and chart.sex and creatinine and weight and len(bounds) < 2
    if chart.age is not None and is_known and creatinine and weight and creatinine.value > 0 and weight.value > 0:
        female = 0.85 if chart.sex == "female" else 1.0
        value = (140 - chart.age) * weight.value / (72 * creatinine.value) * female
        return Clearance(round(value, 6), is_surrogate=False, facts=(creatinine, weight), bound=max(bounds, default=""))
    egfr = newest_number(chart, "egfr", LABORATORY)
    return Clearance(egfr.value, is_surrogate=True, facts=(egfr,), bound=egfr.bound) if egfr else None


@finding("condition.pregnancy", "observation.gestation")
def pregnancy(chart: Chart) -> Pregnancy | None:
    """D3: weeks of the newest reading plus the calendar days since; over 44 weeks it belongs to another pregnancy."""
    problem = chart.problem("condition.pregnancy")
    if problem is None:
        return None
    dated = [reading for reading in chart.readings("gestation") if not reading.bound]
    last = newest(dated, lambda reading: reading.when)
    if not last:
        return Pregnancy(problem, None)
    reading = max(last, key=lambda reading: reading.value)
    assert reading.when is not None
    # In whole days if the record gives them: 29 weeks and 5 days, two days ago, are 30 weeks.
    days = round(reading.value * WEEK, 3) + (chart.clock.now.date() - reading.when.day).days
    weeks = days / WEEK
    return Pregnancy(problem, weeks if weeks <= LONGEST_GESTATION else None)
