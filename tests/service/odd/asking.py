"""A patient with a new left foot drop, whose record is written oddly in one place."""

from collections.abc import Iterable
from copy import deepcopy
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient

from cards.value_sets.systems import EXAM, ICD10CM, LOINC, RXNORM, SNOMED
from tests.support.patients import NOW

Json = dict[str, Any]
SUBJECT = {"reference": "Patient/p1"}
TYPES = {
    "patient": "Patient", "conditions": "Condition", "observations": "Observation", "reports": "DiagnosticReport",
    "orders": "ServiceRequest", "deviceOrders": "DeviceRequest", "devices": "Device", "procedures": "Procedure",
    "medications": "MedicationRequest", "statements": "MedicationStatement", "allergies": "AllergyIntolerance",
    "encounter": "Encounter",
}  # fmt: skip


def ago(**span: float) -> str:
    return (NOW - timedelta(**span)).isoformat()


def concept(system: str, code: str, **more: Any) -> Json:
    return {"coding": [{"system": system, "code": code} | more]}


def status(code: str) -> Json:
    return concept("http://terminology.hl7.org/CodeSystem/condition-clinical", code)


def record(kind: str, id: str, **elements: Any) -> Json:
    whose = {"patient": SUBJECT} if kind in ("AllergyIntolerance", "Device") else {"subject": SUBJECT}
    return {"resourceType": kind, "id": id} | whose | elements


PATIENT: Json = {"resourceType": "Patient", "id": "p1", "gender": "male", "birthDate": "1974-02-25"}
DROP = record(
    "Condition", "drop", clinicalStatus=status("active"), code=concept(ICD10CM, "M21.372"), onsetDateTime=ago(days=5)
)
PAIN = record(
    "Condition", "pain", clinicalStatus=status("active"), code=concept(ICD10CM, "M54.32"), onsetDateTime=ago(days=8)
)


def grade(muscle: str = "mrc-ankle-dorsiflexion", **value: Any) -> Json:
    site = {"bodySite": concept(SNOMED, "7771000")}
    exam = {"status": "final", "code": concept(EXAM, muscle), "effectiveDateTime": ago(days=2)}
    return record("Observation", muscle, **exam, **site, **value)


def finding(code: str, hours: float = 5, **value: Any) -> Json:
    return record(
        "Observation", code, status="final", code=concept(EXAM, code), effectiveDateTime=ago(hours=hours), **value
    )


def laboratory(loinc: str, **quantity: Any) -> Json:
    when = {"status": "final", "effectiveDateTime": ago(days=3)}
    return record("Observation", f"lab-{loinc}", code=concept(LOINC, loinc), valueQuantity=quantity, **when)


def draft(rxnorm: str = "25480", text: str = "Gabapentin", id: str = "gaba", dosage: Any = None) -> Json:
    order = record("MedicationRequest", id, status="draft", intent="order")
    order["medicationCodeableConcept"] = concept(RXNORM, rxnorm) | {"text": text}
    return order | {"dosageInstruction": dosage or [dose(300, frequency=3, period=1, periodUnit="d")]}


def dose(milligrams: float, sequence: int | None = None, code: str | None = None, **repeat: Any) -> Json:
    timing: Json = ({"repeat": repeat} if repeat else {}) | ({"code": {"coding": [{"code": code}]}} if code else {})
    amount = {"value": milligrams, "unit": "mg", "code": "mg"}
    stated = {"timing": timing, "doseAndRate": [{"doseQuantity": amount}]}
    return stated | ({"sequence": sequence} if sequence is not None else {})


def taken(**elements: Any) -> Json:
    return record("MedicationRequest", "taken", **({"status": "active", "intent": "order"} | elements))


def bundle(resources: Iterable[Json]) -> Json:
    entries = [{"resource": one} for one in resources]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries}


def body(*records: Json, hook: str = "patient-view", drafts: Iterable[Json] = (), **more: Any) -> Json:
    """The request of a hook with these records; `prefetch` of `more` stands in place of what they give."""
    context: Json = {"userId": "Practitioner/d1", "patientId": "p1"}
    if drafts:
        hook = hook if hook != "patient-view" else "order-select"
        context["draftOrders"] = {"resourceType": "Bundle", "entry": [{"resource": one} for one in drafts]}
    if "selections" in more:
        context["selections"] = more["selections"]
    prefetch: Json = {}
    for key, kind in TYPES.items():
        held = [deepcopy(one) for one in records if one["resourceType"] == kind]
        if key in ("patient", "encounter"):
            prefetch[key] = held[0] if held else PATIENT if key == "patient" else None
        else:
            prefetch[key] = bundle(held)
    instance = "00000000-0000-4000-8000-000000000000"
    return {"hook": hook, "hookInstance": instance, "context": context, "prefetch": prefetch | more.get("prefetch", {})}


def cards(client: FlaskClient, request: Json | bytes, hook: str = "patient-view") -> dict[str, Json]:
    """The cards of an answer, by topic."""
    if isinstance(request, dict):
        answer = client.post(f"/cds-services/foot-drop-{request['hook']}", json=request)
    else:
        answer = client.post(f"/cds-services/foot-drop-{hook}", data=request, content_type="application/json")
    assert answer.status_code == 200, answer.text
    return {card["source"]["topic"]["code"]: card for card in answer.get_json()["cards"]}


def said(client: FlaskClient, *records: Json, **more: Any) -> dict[str, str]:
    """The indicator of each card."""
    return {topic: card["indicator"] for topic, card in cards(client, body(*records, **more)).items()}


# What many of the tests put beside the odd record.
WALKS = finding("ambulatory", 48, valueBoolean=True)
BLADDER = finding("bladder-dysfunction", valueBoolean=True)
WEIGHT = laboratory("29463-7", value=60, unit="kg", code="kg")
KIDNEY = record("Condition", "ckd", code=concept(ICD10CM, "N18.9"), onsetDateTime=ago(days=900))
