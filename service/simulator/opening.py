"""Opens a chart: the records with which the page starts, and the hook that its example calls."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from msgspec import Struct, field

from service import case_examples
from service.examples import Example, load, names
from service.simulator.elements import Json, at, objects, text
from service.simulator.fhir_store import FhirStore

_OTHERS = frozenset({"Practitioner", "PractitionerRole", "Organization"})


class Opening(Struct):
    """The state from which the page's script starts.

    `hook` is the hook of the example: it is called once the chart is open, with the `drafts` or new
    `conditions`. `faults` says, by resource type, why the FHIR server did not return the records.
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
    """An example, shifted to now. Raises UnknownExampleError."""
    example = load(name).at(datetime.now(UTC))
    context: dict[str, Any] = example.request["context"]
    resources = [entry["resource"] for entry in example.bundle["entry"]]
    return Opening(
        title=example.title,
        story=example.story,
        patient=context["patientId"],
        encounter=context.get("encounterId"),
        user=context["userId"],
        records=[resource for resource in resources if resource["resourceType"] not in _OTHERS],
        hook=example.request["hook"],
        drafts=_inside(context.get("draftOrders")),
        conditions=_inside(context.get("conditions")),
    )


def examples_of(wanted: str) -> list[tuple[str, Example]]:
    """The examples with all these words in their name, title or story, in any case; without words, all examples."""
    words = wanted.lower().split()
    loaded = ((name, load(name)) for name in names())
    return [
        (name, example)
        for name, example in loaded
        if all(word in f"{name} {example.title} {example.story}".lower() for word in words)
    ]


def of_case(rule: str, number: str) -> Opening | None:
    """A case of a rule, shifted to now; None if there is no such case."""
    case = case_examples.at(rule, number, datetime.now(UTC))
    if case is None:
        return None
    context = case.request["context"]
    bundles = case.request["prefetch"].values()
    return Opening(
        title=f"A case of {rule}",
        story=case.name,
        patient=context["patientId"],
        encounter=context.get("encounterId"),
        user=context["userId"],
        records=[one for bundle in bundles for one in (_inside(bundle) if "entry" in bundle else [bundle])],
        hook=case.request["hook"],
        drafts=_inside(context.get("draftOrders")),
        conditions=_inside(context.get("conditions")),
    )


def of_patient(store: FhirStore, patient: str) -> Opening:
    """A patient on a FHIR server, with the newest encounter. Raises StoreError."""
    opened = store.open(patient)
    encounters = [record for record in opened.records if record.get("resourceType") == "Encounter"]
    newest = max(encounters, key=lambda record: text(at(record, "period", "start")), default={})
    kept = [record for record in opened.records if record.get("resourceType") != "Encounter" or record is newest]
    return Opening(
        title=f"Patient {patient}",
        story=f"Read from {store.base}. Orders and changes are written there.",
        patient=patient,
        encounter=text(newest.get("id")) or None,
        # An order names its requester, and a server that checks references refuses a requester that it does not know.
        user=store.practitioner() or f"Patient/{patient}",
        records=kept,
        server=store.base,
        faults=opened.faults,
    )


def _inside(bundle: Any) -> list[Json]:
    entries = objects(bundle.get("entry")) if isinstance(bundle, dict) else []
    return [entry["resource"] for entry in entries]
