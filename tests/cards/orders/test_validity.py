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
