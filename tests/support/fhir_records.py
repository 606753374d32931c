"""A chart from a few FHIR records written out, for tests of how records are read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from cards.record.chart import Chart
from cards.record.decoding import read_resource
from cards.record.defects import Defect
from cards.value_sets.systems import EXAM, LOINC
from cards.value_sets.value_set import VALUE_SETS

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
SUBJECT = {"reference": "Patient/p1"}
Json = dict[str, Any]


def chart(*records: Json, **how: Any) -> Chart:
    """The chart of patient p1 at NOW; anything that cannot be read is among its defects."""
    defects: list[Defect] = []
    found = [read_resource(json.dumps(each).encode(), "records", defects) for each in records]
    return Chart("p1", NOW, [each for each in found if each is not None], defects=defects, **how)


def coded(system: str, *codes: str) -> Json:
    """A CodeableConcept of these codes."""
    return {"coding": [{"system": system, "code": code} for code in codes]}


def measured(measurement: str, **value: Any) -> Json:
    """An Observation of yesterday."""
    key = "pvr-ml" if measurement == "post-void-residual" else measurement
    codes = VALUE_SETS[f"observation.{key}"].codes
    system = EXAM if EXAM in codes else LOINC
    core = {"resourceType": "Observation", "id": "o1", "status": "final", "subject": SUBJECT}
    return core | {"code": coded(system, next(iter(codes[system]))), "effectiveDateTime": "2026-03-01"} | value


def examined(code: str, **value: Any) -> Json:
    """An Observation of yesterday, of a finding of the exam."""
    core = {"resourceType": "Observation", "id": "o1", "status": "final", "subject": SUBJECT}
    return core | {"code": coded(EXAM, code), "effectiveDateTime": "2026-03-01"} | value
