"""Radicular and back pain (decision D14): a pain score is not evidence of radicular pain."""

from __future__ import annotations

from datetime import timedelta

from cards.language.finding import finding
from cards.record.chart import Chart
from cards.record.facts import Problem

RADICULAR_PAIN = ("condition.radicular-pain", "condition.lumbar-radiculopathy")
BACK_PAIN = ("condition.back-pain",)
NEW_PAIN = timedelta(days=42)


@finding(*RADICULAR_PAIN)
def radicular_pain(chart: Chart) -> list[Problem]:
    """Radicular pain on record, on any side."""
    return chart.problems(*RADICULAR_PAIN)


@finding(radicular_pain)
def new_radicular_pain(chart: Chart) -> list[Problem]:
    """Radicular pain with onset <=42 d or unknown."""
    return [pain for pain in radicular_pain(chart) if pain.when is None or chart.within(pain.when, NEW_PAIN)]


@finding(*BACK_PAIN)
def back_pain(chart: Chart) -> list[Problem]:
    """Back pain on record."""
    return chart.problems(*BACK_PAIN)


@finding(radicular_pain, back_pain)
def spinal_pain(chart: Chart) -> list[Problem]:
    """Radicular or back pain on record."""
    return [*radicular_pain(chart), *back_pain(chart)]
