"""The order catalogue: what a suggestion orders, as FHIR R4 that an EHR can file.

The first resource of every shape is validated with fhir.resources (R4B); later ones of the same shape
differ only in text, dates and references. That package accepts any code in a bound element, so the
required bindings are checked here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import msgspec
from msgspec import Struct
from pydantic import ValidationError

from cards.language.facts import Draft
from cards.language.rule import Plan
from cards.value_sets import SNOMED, VALUE_SETS

Json = dict[str, Any]

_IMAGING, _DEVICE, _REFERRAL = "imaging", "device", "referral"


class Entry(Struct, frozen=True):
    """One line of the catalogue: the words on the order, its kind, and the body site by value set."""

    text: str
    kind: str = _REFERRAL
    site: str = ""
    takes_side: bool = False


CATALOGUE: Mapping[str, Entry] = {
    "order.mri-lumbar": Entry("MRI of the lumbar spine without contrast", _IMAGING, "site.lumbar-spine"),
    "order.mri-lumbar-contrast": Entry(
        "MRI of the lumbar spine without and with contrast", _IMAGING, "site.lumbar-spine"
    ),
    "order.mri-whole-spine": Entry("MRI of the whole spine without contrast", _IMAGING, "site.spine"),
    "order.mri-whole-spine-contrast": Entry("MRI of the whole spine without and with contrast", _IMAGING, "site.spine"),
    "order.mri-brain": Entry("MRI of the brain", _IMAGING),
    "order.ct-lumbar": Entry("CT of the lumbar spine", _IMAGING, "site.lumbar-spine"),
    "order.ct-myelogram-lumbar": Entry("CT myelogram of the lumbar spine", _IMAGING, "site.lumbar-spine"),
    "order.emg-ncs": Entry("EMG and nerve conduction studies"),
    "order.spine-surgery-consult": Entry("Spinal surgery consult"),
    "order.neurology-referral": Entry("Neurology referral"),
    "order.orthotist-referral": Entry("Referral to orthotist", takes_side=True),
    "order.afo": Entry("Ankle-foot orthosis", _DEVICE, takes_side=True),
    "order.bladder-scan": Entry("Bladder scan for post-void residual volume"),
    # No code for it is verified: the words stand alone.
    "order.mr-safety-consult": Entry("MR safety consultation"),
}
_SIDE_WORDS = {"left": ", left", "right": ", right", "both": ", both feet"}

# R4 required bindings of the elements that drafts and suggestions hold.
REQUEST_STATUS = frozenset({"draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"})
REQUEST_INTENT = frozenset(
    {
        "proposal", "plan", "directive", "order", "original-order", "reflex-order", "filler-order", "instance-order",
        "option",
    }
)  # fmt: skip
REQUEST_PRIORITY = frozenset({"routine", "urgent", "asap", "stat"})
MEDICATION_STATUS = frozenset(
    {"active", "on-hold", "cancelled", "completed", "entered-in-error", "stopped", "draft", "unknown"}
)
_BINDINGS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "ServiceRequest": (REQUEST_STATUS, REQUEST_INTENT),
    "DeviceRequest": (REQUEST_STATUS, REQUEST_INTENT),
    "MedicationRequest": (MEDICATION_STATUS, REQUEST_INTENT - {"directive"}),
}
_REQUESTERS = {
    "ServiceRequest": re.compile(r"(Practitioner|PractitionerRole|Patient|RelatedPerson)/[A-Za-z0-9\-.]+"),
    "DeviceRequest": re.compile(r"(Practitioner|PractitionerRole)/[A-Za-z0-9\-.]+"),
}


class OrderContext(Struct, frozen=True):
    """For whom, in which encounter, by whom and when an order is suggested; ids as the request had them."""

    patient_id: str
    encounter_id: str | None
    requester: str | None
    now: datetime


def order_resource(plan: Plan, context: OrderContext) -> Json:
    """The draft ServiceRequest or DeviceRequest of a plan, valid R4, under a temporary id."""
    entry = CATALOGUE[plan.key]
    made = _device(plan, entry) if entry.kind == _DEVICE else _service(plan, entry)
    made |= _frame(plan, context, made["resourceType"])
    _check_shape(msgspec.json.encode(_shape(made)), msgspec.json.encode(made))
    return made


def _service(plan: Plan, entry: Entry) -> Json:
    made: Json = {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "order",
        "priority": plan.priority,
    }
    if entry.kind == _IMAGING:
        made["category"] = [_concept("category.imaging")]
    made["code"] = _code(plan.key, entry.text + _SIDE_WORDS.get(plan.side, ""))
    if entry.site:
        made["bodySite"] = [_concept(entry.site)]
    return made


def _device(plan: Plan, entry: Entry) -> Json:
    """R4 gives a DeviceRequest no side: it stands in a parameter and in the text."""
    made: Json = {
        "resourceType": "DeviceRequest",
        "status": "draft",
        "intent": "order",
        "priority": plan.priority,
    }
    made["codeCodeableConcept"] = _code(plan.key, entry.text + _SIDE_WORDS.get(plan.side, ", side to be confirmed"))
    if plan.side:
        made["parameter"] = [{"code": {"text": "Side"}, "valueCodeableConcept": _concept(f"side.{plan.side}")}]
    return made


def _frame(plan: Plan, context: OrderContext, resource_type: str) -> Json:
    """What every order carries: whose, where, when, by whom and why."""
    made: Json = {
        "id": str(uuid4()),
        "subject": {"reference": f"Patient/{context.patient_id}"},
        "authoredOn": context.now.isoformat(timespec="seconds"),
        "reasonCode": [_concept("condition.foot-drop")],
    }
    if context.encounter_id:
        made["encounter"] = {"reference": f"Encounter/{context.encounter_id}"}
    if context.requester and _REQUESTERS[resource_type].fullmatch(context.requester):
        made["requester"] = {"reference": context.requester}
    if plan.occurrence:
        made["occurrenceDateTime"] = plan.occurrence
    if plan.reasons:
        made["reasonReference"] = [{"reference": reference} for reference in plan.reasons]
    if plan.note:
        made["note"] = [{"text": plan.note}]
    return made


def _code(key: str, text: str) -> Json:
    """The first code of each system of the key, which is the one sent out; EMG and NCS are sent together."""
    value_set = VALUE_SETS.get(key)
    if value_set is None:
        return {"text": text}
    coding = [
        {"system": system, "code": code, "display": display}
        for system, codes in value_set.codes.items()
        for code, display in list(codes.items())[: 2 if key == "order.emg-ncs" else 1]
    ]
    if key == "order.afo":
        coding = coding[:1]  # a HCPCS code would choose the product: that is the orthotist's
    if key == "order.emg-ncs":
        coding = coding[:2]
    return {"coding": coding, "text": text}


def _concept(key: str) -> Json:
    value_set = VALUE_SETS[key]
    code, display = next(iter(value_set.codes[SNOMED].items()))
    return {"coding": [{"system": SNOMED, "code": code, "display": display}], "text": value_set.title}


def _shape(value: object) -> object:
    """The resource with every text that does not decide its validity left out."""
    if isinstance(value, dict):
        return {
            name: item if name in ("resourceType", "status", "intent", "priority") else _shape(item)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_shape(value[0])] if value else []
    return None


_seen_shapes: set[bytes] = set()


def _check_shape(shape: bytes, made: bytes) -> None:
    if shape not in _seen_shapes:
        resource = msgspec.json.decode(made)
        fault = r4_fault(resource)
        if fault is not None:
            raise AssertionError(f"a suggested {resource['resourceType']} is not valid R4: {fault}")
        if len(_seen_shapes) < 1000:
            _seen_shapes.add(shape)


def r4_fault(resource: Json) -> str | None:
    """Why the request resource is not valid R4 (model and required bindings); None when it is."""
    from fhir.resources.R4B import get_fhir_model_class

    kind = resource.get("resourceType")
    bindings = _BINDINGS.get(kind or "")
    if kind is None or bindings is None:
        return "it is no request"
    statuses, intents = bindings
    if resource.get("status", "draft" if kind == "DeviceRequest" else None) not in statuses:
        return "status is not in its required binding"
    if resource.get("intent") not in intents:
        return "intent is missing or not in its required binding"
    if resource.get("priority", "routine") not in REQUEST_PRIORITY:
        return "priority is not in its required binding"
    try:
        get_fhir_model_class(kind).model_validate(resource)
    except (ValidationError, ValueError, TypeError) as error:
        return type(error).__name__
    return None


_decode_exactly = msgspec.json.Decoder(float_hook=Decimal).decode
_encode_exactly = msgspec.json.Encoder(decimal_format="number").encode


def echo(draft: Draft, priority: str) -> bytes | None:
    """The whole draft as it came, but for its priority; None when it is no valid R4 resource with an id.

    Decimals keep their text: FHIR's precision is significant.
    """
    resource = _decode_exactly(draft.raw)
    if not isinstance(resource, dict) or not isinstance(resource.get("id"), str):
        return None
    resource["priority"] = priority
    if r4_fault(msgspec.json.decode(msgspec.json.encode(resource, enc_hook=float))) is not None:
        return None
    return _encode_exactly(resource)
