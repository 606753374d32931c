"""A chart that is opened: the record with which the page starts, and what its example was about to do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from msgspec import Struct, field

from service.examples import load
from service.simulator.elements import Json, at, each, text
from service.simulator.fhir_store import FhirStore

_OTHERS = frozenset({"Practitioner", "PractitionerRole", "Organization"})


class Opening(Struct):
    """What the page's script starts from.

    `hook` is what the example is written for: it is played once the chart is open, with its `drafts` or new
    `conditions`. `faults` say which resource types the FHIR server did not give.
    """

    title: str
    story: str
    patient: str
    encounter: str | None
    user: str
    records: list[Json]
    server: str = ""
    hook: str = "patient-view"
    drafts: list[Json] = field(default_factory=list)
    conditions: list[Json] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)


def of_example(name: str) -> Opening:
    """An example, moved to this moment. Raises UnknownExampleError."""
    example = load(name).at(datetime.now(UTC))
    context: dict[str, Any] = example.request["context"]
    resources = [entry["resource"] for entry in example.bundle["entry"]]
    return Opening(
        title=example.title,
        story=example.story,
        patient=context["patientId"],
        encounter=context.get("encounterId"),
        user=context["userId"],
        records=[each for each in resources if each["resourceType"] not in _OTHERS],
        hook=example.request["hook"],
        drafts=_inside(context.get("draftOrders")),
        conditions=_inside(context.get("conditions")),
    )


def of_patient(store: FhirStore, patient: str) -> Opening:
    """A patient of a FHIR server, with the newest encounter. Raises StoreError."""
    opened = store.open(patient)
    encounters = [record for record in opened.records if record.get("resourceType") == "Encounter"]
    newest = max(encounters, key=lambda record: text(at(record, "period", "start")), default={})
    kept = [record for record in opened.records if record.get("resourceType") != "Encounter" or record is newest]
    return Opening(
        title=f"Patient {patient}",
        story=f"Read from {store.base}. Orders and answers are written there.",
        patient=patient,
        encounter=text(newest.get("id")) or None,
        # An order names who asks for it, and a server that checks references refuses somebody whom it does not know.
        user=store.practitioner() or f"Patient/{patient}",
        records=kept,
        server=store.base,
        faults=opened.faults,
    )


def _inside(bundle: Any) -> list[Json]:
    entries = each(bundle.get("entry")) if isinstance(bundle, dict) else []
    return [entry["resource"] for entry in entries]
