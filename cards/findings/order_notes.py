"""What radiology would call back about, and the emergency that is an order's first reason (D97)."""

from __future__ import annotations

from collections.abc import Iterable
from math import floor

from cards.findings.foot_drop import foot_drop
from cards.findings.measurements import LABORATORY, newest_number, pregnancy
from cards.findings.mr_safety import PACEMAKER, implants
from cards.findings.prescribing import ANTITHROMBOTIC
from cards.findings.red_flags import CODED_SYNDROME, red_flags
from cards.findings.signs import UMN_PROBLEMS, umn_signs
from cards.language.escaping import listed, name
from cards.language.finding import finding
from cards.language.verdict import Reason
from cards.record.chart import Chart
from cards.record.facts import Fact, Problem, Reading
from cards.value_sets.systems import EXAM
from cards.value_sets.value_set import VALUE_SETS

LOW_EGFR = 60  # mL/min/1.73 m2: radiology asks about a lower value whether or not contrast is given (D97)
MOST_NAMES = 6
_SAFETY = {
    "unsafe": "MR unsafe",
    "unknown": "MR safety not recorded",
    "conditional": "MR conditional",
    "safe": "MR safe",
}


@finding(implants, pregnancy, *ANTITHROMBOTIC, "observation.egfr")
def for_radiology(chart: Chart) -> tuple[str, str]:
    """The sentences for radiology: for a scan without contrast, and for one with contrast. Plain text."""
    known = [_implants(chart), *_pregnancy(chart), _blood_thinners(chart)]
    plain, contrast = (f"For radiology: {'; '.join([*known, *kidney])}." for kidney in _kidneys(chart))
    return plain, contrast


def _implants(chart: Chart) -> str:
    stated = [f"{_named(implant.fact)}, {_SAFETY[implant.level]}" for implant in implants(chart) if implant.fact]
    if stated:
        return f"implant: {'; '.join(_few(stated))}"
    return "no implant on record" if chart.has_seen(PACEMAKER) else "implants could not be read"


def _pregnancy(chart: Chart) -> list[str]:
    expecting = pregnancy(chart)
    if expecting is None:
        return []
    return ["pregnant, weeks not recorded" if expecting.weeks is None else f"pregnant, {floor(expecting.weeks)} weeks"]


def _blood_thinners(chart: Chart) -> str:
    if taken := chart.medicines(*ANTITHROMBOTIC):
        return f"takes {listed(_few(map(_named, taken)))}"
    has_seen = chart.has_seen(*ANTITHROMBOTIC)
    return "no anticoagulant or antiplatelet on record" if has_seen else "medicines could not be read"


def _kidneys(chart: Chart) -> tuple[list[str], list[str]]:
    """The newest eGFR within a year: for a scan without contrast only if it is low, for one with contrast always."""
    egfr = newest_number(chart, "egfr", LABORATORY)
    if egfr is None:
        return [], ["no eGFR in a year"]
    words = [f"eGFR {egfr.value:g} mL/min/1.73 m2 on {egfr.when}"]
    return words if egfr.value < LOW_EGFR else [], words


def _few(words: Iterable[str]) -> list[str]:
    """The words without repeats, and only the first if there are very many: a note has to end."""
    once = list(dict.fromkeys(words))
    return once[:MOST_NAMES] + [f"{len(once) - MOST_NAMES} more"] * (len(once) > MOST_NAMES)


def _named(fact: Fact) -> str:
    """The fact in the record's words, or in those of its value set if the record has none."""
    keys: tuple[str, ...] = getattr(fact, "keys", ())
    return name(fact.text or (VALUE_SETS[keys[0]].title if keys else "device"), 60)


@finding(foot_drop, red_flags, umn_signs)
def emergencies(chart: Chart) -> tuple[Reason, ...]:
    """Suspected cauda equina syndrome, then each cord sign: an order gives these as reasons before the foot drop."""
    if not foot_drop(chart):
        return ()
    suspected = [Reason(CODED_SYNDROME, "Suspected cauda equina syndrome")] if red_flags(chart) else []
    return tuple(dict.fromkeys([*suspected, *map(_cord_sign, umn_signs(chart))]))


def _cord_sign(sign: Fact) -> Reason:
    """A sign with the code of the condition of the same name, if there is one; no code for the others is verified."""
    if isinstance(sign, Problem):
        key = next(key for key in sign.keys if key in UMN_PROBLEMS)
        return Reason(key, VALUE_SETS[key].title)
    assert isinstance(sign, Reading)
    key = f"condition.{sign.code}"
    if key in UMN_PROBLEMS:
        return Reason(key, VALUE_SETS[key].title)
    return Reason("", VALUE_SETS["observation.signs"].codes[EXAM][sign.code])
