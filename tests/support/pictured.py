"""The pictures of a patient, drawn from facts as the case files write them."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from service.simulator.pictures import Pictures, pictures
from tests.support import vignettes
from tests.support.patients import NOW


def drawn(facts: dict[str, Any]) -> Pictures:
    """The pictures of a patient with these facts."""
    records = [one for some in vignettes.records(facts, NOW).values() for one in some]
    told = pictures(records, NOW.date())
    assert told is not None
    ElementTree.fromstring(told.exam.drawing)
    if told.course:
        ElementTree.fromstring(told.course.drawing)
    return told


def grade(
    days: float, value: float | str, side: str | None = "left", code: str = "ankle-dorsiflexion"
) -> dict[str, Any]:
    """A grade of a muscle, this many days ago."""
    return {"code": f"mrc-{code}", "value": value, "daysAgo": days} | ({"side": side} if side else {})
