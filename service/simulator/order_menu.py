"""What can be ordered or added to the problem list in the simulator, as FHIR with codes from the value sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from cards.value_sets.systems import SNOMED
from cards.value_sets.value_set import VALUE_SETS

Json = dict[str, Any]


class Choice(Struct):
    """One line of a menu, and its resource without id, patient and date."""

    key: str
    label: str
    resource: Json


_IMAGING = (
    "order.mri-lumbar",
    "order.mri-lumbar-contrast",
    "order.mri-whole-spine",
    "order.ct-lumbar",
    "order.xray-lumbar",
    "order.mri-brain",
)
_SERVICES = (
    "order.emg-ncs",
    "order.spine-surgery-consult",
    "order.neurology-referral",
    "order.physiotherapy-referral",
    "order.orthotist-referral",
    "order.bladder-scan",
)
# Milligrams per dose, and doses per day.
_MEDICINES: Mapping[str, tuple[float, int]] = {
    "medication.gabapentin": (300, 3),
    "medication.pregabalin": (75, 2),
    "medication.duloxetine": (60, 1),
    "medication.naproxen": (500, 2),
    "medication.ibuprofen": (400, 3),
    "medication.acetaminophen": (1000, 4),
    "medication.amitriptyline": (25, 1),
}
_PROBLEMS = (
    "condition.foot-drop",
    "condition.radicular-pain",
    "condition.back-pain",
    "condition.saddle-sensory-loss",
    "condition.bladder-dysfunction",
    "condition.cauda-equina-syndrome",
    "condition.cancer-active",
)
_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_VERIFIED = "http://terminology.hl7.org/CodeSystem/condition-ver-status"


def orders() -> dict[str, list[Choice]]:
    """The orders by heading."""
    return {
        "Imaging": [_service(key) for key in _IMAGING],
        "Electrodiagnosis, referrals and care": [_service(key) for key in _SERVICES],
        "Orthosis": [_orthosis("order.afo")],
        "Medicines": [_medicine(key, *dose) for key, dose in _MEDICINES.items()],
    }


def problems() -> list[Choice]:
    """The problems that can be added to the problem list."""
    return [_problem(key) for key in _PROBLEMS]


def _draft(kind: str) -> Json:
    return {"resourceType": kind, "status": "draft", "intent": "order", "priority": "routine"}


def _service(key: str) -> Choice:
    resource = _draft("ServiceRequest")
    if key in _IMAGING:
        resource["category"] = [_concept("category.imaging")]
    return Choice(key, VALUE_SETS[key].name, {**resource, "code": _concept(key)})


def _orthosis(key: str) -> Choice:
    return Choice(key, VALUE_SETS[key].name, {**_draft("DeviceRequest"), "codeCodeableConcept": _concept(key)})


def _medicine(key: str, milligrams: float, times: int) -> Choice:
    amount = {"value": milligrams, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}
    instruction = {
        "text": f"{milligrams:g} mg by mouth, {times} times a day",
        "timing": {"repeat": {"frequency": times, "period": 1, "periodUnit": "d"}},
        "doseAndRate": [{"doseQuantity": amount}],
    }
    resource = {**_draft("MedicationRequest"), "medicationCodeableConcept": _concept(key)}
    label = f"{VALUE_SETS[key].name}, {instruction['text']}"
    return Choice(key, label, {**resource, "dosageInstruction": [instruction]})


def _problem(key: str) -> Choice:
    system, code = next(iter(VALUE_SETS[key].codes.items()))
    first, display = next(iter(code.items()))
    resource = {
        "resourceType": "Condition",
        "clinicalStatus": {"coding": [{"system": _CLINICAL, "code": "active"}]},
        "verificationStatus": {"coding": [{"system": _VERIFIED, "code": "confirmed"}]},
        "code": {"coding": [{"system": system, "code": first, "display": display}], "text": VALUE_SETS[key].name},
    }
    return Choice(key, VALUE_SETS[key].name, resource)


def sides() -> dict[str, Json]:
    """Body sites by side, for a problem."""
    return {side: _concept(f"side.{side}") for side in ("left", "right", "both")}


def _concept(key: str) -> Json:
    """The first code of each system, and the name as text."""
    value_set = VALUE_SETS[key]
    coded = {system: next(iter(codes.items())) for system, codes in value_set.codes.items() if codes}
    if key in ("order.afo",) or key.startswith("side."):
        coded = {SNOMED: coded[SNOMED]}  # an HCPCS code would already choose the product
    coding = [{"system": system, "code": code, "display": display} for system, (code, display) in coded.items()]
    return {"coding": coding, "text": value_set.name}
