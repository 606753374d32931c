"""Drafts of context.draftOrders, written out and read, for tests of how drafts are read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from cards.record.chart import BUILT_IN_CODES
from cards.record.defects import Defect
from cards.record.drafts import read_draft_orders
from cards.record.facts import Draft
from cards.record.moments import Clock
from cards.value_sets.systems import LOINC

CLOCK = Clock(datetime(2026, 3, 2, 10, 0, tzinfo=UTC))
Json = dict[str, Any]


def order(identity: str | None = "d1", kind: str = "ServiceRequest", **elements: Any) -> Json:
    """A draft of an MRI of the lumbar spine, for patient p1."""
    core = {"resourceType": kind, "id": identity, "status": "draft", "intent": "order"}
    subject = {"subject": {"reference": "Patient/p1"}}
    return core | subject | {"code": {"coding": [{"system": LOINC, "code": "30679-5"}]}} | elements


def bundle(*resources: Any) -> Json:
    """A Bundle of these drafts."""
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": resource} for resource in resources]}


def read(drafts: Any, selections: list[str] | None = None, defects: list[Defect] | None = None) -> tuple[Draft, ...]:
    """The drafts of patient p1 as read from a Bundle, or from JSON; their defects are added to the given ones."""
    raw = drafts if isinstance(drafts, bytes) else json.dumps(drafts).encode()
    into: list[Defect] = [] if defects is None else defects
    return read_draft_orders(raw).drafts(selections, BUILT_IN_CODES, CLOCK, into, patient_id="p1")
