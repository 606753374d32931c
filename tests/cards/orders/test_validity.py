"""What is refused before it is sent: the required bindings of R4, which stand in tests/support/r4.py as well."""

from __future__ import annotations

from typing import Any

import pytest

from cards.orders.validity import r4_fault
from tests.support import r4

Json = dict[str, Any]

CORE: dict[str, Json] = {
    "ServiceRequest": {"status": "draft", "intent": "order"},
    "DeviceRequest": {"status": "draft", "intent": "order", "codeCodeableConcept": {"text": "x"}},
    "MedicationRequest": {"status": "draft", "intent": "order", "medicationCodeableConcept": {"text": "x"}},
    "Observation": {"status": "registered", "code": {"text": "x"}},
    "Communication": {"status": "preparation"},
}
CODES = sorted({code for bound in r4.BINDINGS.values() for codes in bound.values() for code in codes if code})
# Of this list the models of fhir.resources name only the beginning.
NAMED = {("Observation", "status"): {"registered", "preliminary", "final", "amended"}}


@pytest.mark.parametrize(
    ("kind", "element"), [(kind, element) for kind in r4.BINDINGS for element in r4.BINDINGS[kind]]
)
def test_an_element_with_a_required_binding_takes_the_codes_of_r4_and_no_other(kind: str, element: str) -> None:
    core = {"resourceType": kind, "subject": {"reference": "Patient/p1"}} | CORE[kind]
    assert r4_fault(core) is None
    taken = {code for code in [*CODES, "+", "Draft", "", " "] if r4_fault({**core, element: code}) is None}
    missing = {None} if r4_fault({name: value for name, value in core.items() if name != element}) is None else set()
    assert taken | missing == NAMED.get((kind, element), r4.BINDINGS[kind][element])
    for odd in (5, True, ["draft"], {"text": "draft"}):
        assert r4_fault({**core, element: odd}) is not None


@pytest.mark.parametrize("kind", [None, "", "Patient", "Task", ["ServiceRequest"], 5])
def test_a_resource_of_another_type_is_not_sent(kind: Any) -> None:
    assert r4_fault({"resourceType": kind, **CORE["ServiceRequest"]}) is not None


_ORDER = {"resourceType": "ServiceRequest", "subject": {"reference": "Patient/p1"}, **CORE["ServiceRequest"]}


@pytest.mark.parametrize(
    "odd",
    [
        {"authoredOn": 0.0},
        {"doNotPerform": 1},
        {"doNotPerform": "yes"},
        {"quantityQuantity": {"value": "3"}},
        {"occurrenceTiming": {"repeat": {"timeOfDay": [1]}}},
        {"code": {"coding": []}},
        {"code": {"text": " "}},
        {"code": None},
    ],
)
def test_a_value_that_the_model_would_read_as_another_type_or_pass_over_is_not_sent(odd: Json) -> None:
    assert r4_fault(_ORDER | odd) is not None


@pytest.mark.parametrize(
    "right",
    [
        {"authoredOn": "2026"},
        {"authoredOn": "2026-03-02T10:00:00Z", "_authoredOn": {"id": "a"}},
        {"doNotPerform": False},
        {"quantityQuantity": {"value": 3.5}},
        {"occurrenceTiming": {"repeat": {"frequency": 3, "timeOfDay": ["10:00:00"]}}},
        {"contained": [{"resourceType": "Medication", "id": "m", "code": {"text": "x"}}]},
        {"extension": [{"url": "http://x.example/y", "valueBoolean": True}]},
    ],
)
def test_values_of_their_own_type_are_sent(right: Json) -> None:
    assert r4_fault(_ORDER | right) is None
