"""The order catalogue: what a suggestion orders, as FHIR R4 that an EHR can file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from msgspec import Struct

from cards.language.verdict import Plan, Reason
from cards.orders.context import OrderContext
from cards.orders.validity import Json
from cards.value_sets.systems import EXAM, RXNORM, SNOMED
from cards.value_sets.value_set import VALUE_SETS

_IMAGING, _DEVICE, _SERVICE, _MEDICINE, _FINDING, _MESSAGE = (
    "imaging",
    "device",
    "service",
    "medicine",
    "finding",
    "message",
)


class Entry(Struct, frozen=True):
    """One line of the catalogue: the words on the order, its kind, and the body site by value set."""

    text: str
    kind: str = _SERVICE
    site: str = ""
    takes_side: bool = False


# Signs that belong to one foot; the cauda equina screen has no side.
_SIDED_SIGNS = ("babinski", "sensation-dorsum-foot")

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
    "order.emg-ncs": Entry("EMG and nerve conduction studies", takes_side=True),
    "order.spine-surgery-consult": Entry("Spinal surgery consult"),
    "order.neurology-referral": Entry("Neurology referral"),
    "order.orthotist-referral": Entry("Referral to orthotist", takes_side=True),
    "order.afo": Entry("Ankle-foot orthosis", _DEVICE, takes_side=True),
    "order.bladder-scan": Entry("Bladder scan for post-void residual volume"),
    "order.spinal-precautions": Entry("Full spinal precautions"),
    "order.pressure-care-plan": Entry("Turning and pressure-care plan"),
    "order.skin-assessment": Entry("Daily skin assessment"),
    "order.physiotherapy-referral": Entry("Physiotherapy"),
    "order.creatinine": Entry("Creatinine in serum or plasma"),
    # No code for it is verified, so only the words are sent.
    "order.mr-safety-consult": Entry("MR safety consultation"),
    "medication.acetaminophen": Entry("Paracetamol (acetaminophen)", _MEDICINE),
    "medication.naproxen": Entry("Naproxen", _MEDICINE),
    "medication.duloxetine": Entry("Duloxetine", _MEDICINE),
    "medication.gabapentin": Entry("Gabapentin", _MEDICINE),
    # No RxNorm code for it is verified, so only the words are sent and the prescriber chooses the product.
    "medication.gastroprotection": Entry("Proton pump inhibitor", _MEDICINE),
    "communication.spinal-team": Entry("Message to the spinal surgery team", _MESSAGE),
    **{
        f"exam.{code}": Entry(name, _FINDING, takes_side=code.startswith("mrc-") or code in _SIDED_SIGNS)
        for key in ("observation.mrc", "observation.signs")
        for code, name in VALUE_SETS[key].codes[EXAM].items()
    },
}
# How many codes of one system, and how many in all: EMG and NCS are sent together; a HCPCS code would choose the
# orthosis, which is up to the orthotist.
_SENT: Mapping[str, tuple[int, int | None]] = {"order.emg-ncs": (2, 2), "order.afo": (1, 1)}
_CODED_AS = {"order.creatinine": "observation.creatinine"}
_SIDE_WORDS = {"left": ", left", "right": ", right", "both": ", both feet"}

MOST_REASONS = 10  # references to the record that one order carries


def order_resource(plan: Plan, context: OrderContext) -> Json:
    """The draft resource of a plan, under a temporary id."""
    entry = CATALOGUE[plan.key]
    return _MAKERS[entry.kind](plan, entry, context)


def is_imaging(key: str) -> bool:
    """Whether an order with this key is a scan."""
    return key in CATALOGUE and CATALOGUE[key].kind == _IMAGING


def order_words(plan: Plan) -> str:
    """What a plan orders, in words: `Ankle-foot orthosis, left`."""
    return CATALOGUE[plan.key].text + _SIDE_WORDS.get(plan.side, "")


def _service(plan: Plan, entry: Entry, context: OrderContext) -> Json:
    resource: Json = {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "order",
        "priority": plan.priority,
    }
    if entry.kind == _IMAGING:
        resource["category"] = [_concept("category.imaging")]
    resource["code"] = _code(plan.key, order_words(plan), context)
    if site := entry.site or (f"side.{plan.side}" if plan.side else ""):
        resource["bodySite"] = [_concept(site)]
    return resource | _frame(plan, context, "ServiceRequest")


def _device(plan: Plan, entry: Entry, context: OrderContext) -> Json:
    """A device order. A DeviceRequest in R4 has no element for the side: a parameter and the text state it."""
    resource: Json = {
        "resourceType": "DeviceRequest",
        "status": "draft",
        "intent": "order",
        "priority": plan.priority,
    }
    resource["codeCodeableConcept"] = _code(
        plan.key, entry.text + _SIDE_WORDS.get(plan.side, ", side to be confirmed"), context
    )
    if plan.side:
        resource["parameter"] = [{"code": {"text": "Side"}, "valueCodeableConcept": _concept(f"side.{plan.side}")}]
    return resource | _frame(plan, context, "DeviceRequest")


def _medicine(plan: Plan, entry: Entry, context: OrderContext) -> Json:
    """A medicine as an option without a dose: the prescriber chooses the dose."""
    resource: Json = {"resourceType": "MedicationRequest", "status": "draft", "intent": "order"}
    resource["medicationCodeableConcept"] = _code(plan.key, entry.text, context)
    return resource | _frame(plan, context, "MedicationRequest")


def _finding(plan: Plan, entry: Entry, context: OrderContext) -> Json:
    """An examination item to fill in: it has no value, so it states nothing until somebody has examined the patient."""
    resource: Json = {"resourceType": "Observation", "id": context.new_id(), "status": "registered"}
    code = plan.key.removeprefix("exam.")
    resource["code"] = {"coding": [{"system": EXAM, "code": code, "display": entry.text}], "text": entry.text}
    resource["subject"] = context.subject
    if context.encounter is not None:
        resource["encounter"] = context.encounter
    resource["effectiveDateTime"] = context.authored
    if plan.side in ("left", "right"):
        resource["bodySite"] = _concept(f"side.{plan.side}")
    return resource


def _message(plan: Plan, entry: Entry, context: OrderContext) -> Json:
    resource: Json = {"resourceType": "Communication", "id": context.new_id(), "status": "preparation"}
    resource |= {"priority": plan.priority, "topic": {"text": entry.text}}
    resource["subject"] = context.subject
    if context.encounter is not None:
        resource["encounter"] = context.encounter
    resource["payload"] = [{"contentString": plan.note}]
    if plan.reasons:
        resource["reasonReference"] = [{"reference": reference} for reference in plan.reasons[:MOST_REASONS]]
    return resource


def _frame(plan: Plan, context: OrderContext, resource_type: str) -> Json:
    """The elements that every order has: for whom, where, when, by whom and why."""
    elements: Json = {
        "id": context.new_id(),
        "subject": context.subject,
        "authoredOn": context.authored,
    }
    reasons = [*map(_reason, plan.emergencies), *([_concept(plan.indication)] if plan.indication else [])]
    if reasons:
        elements["reasonCode"] = reasons
    if context.encounter is not None:
        elements["encounter"] = context.encounter
    if requester := context.requesters.get(resource_type):
        elements["requester"] = requester
    if plan.occurrence:
        elements["occurrenceDateTime"] = plan.occurrence
    if plan.reasons:
        elements["reasonReference"] = [{"reference": reference} for reference in plan.reasons[:MOST_REASONS]]
    if plan.note:
        elements["note"] = [{"text": plan.note}]
    return elements


_MAKERS: Mapping[str, Callable[[Plan, Entry, OrderContext], Json]] = {
    _IMAGING: _service,
    _SERVICE: _service,
    _DEVICE: _device,
    _MEDICINE: _medicine,
    _FINDING: _finding,
    _MESSAGE: _message,
}


def _code(key: str, text: str, context: OrderContext) -> Json:
    """The first code of each system of the key, which is the one sent, and the site's own codes."""
    sites = context.overlay.get(key, {})
    coding = _codings(key) + [{"system": system, "code": codes[0]} for system, codes in sites.items() if codes]
    return {"coding": coding, "text": text} if coding else {"text": text}


@lru_cache
def _codings(key: str) -> list[Json]:
    value_set = VALUE_SETS.get(_CODED_AS.get(key, key))
    of_a_system, in_all = _SENT.get(key, (1, None))
    return [
        {"system": system, "code": code, "display": display}
        for system, codes in (value_set.codes.items() if value_set else ())
        if system == RXNORM or not key.startswith("medication.")  # its other codes only serve to recognise it
        for code, display in list(codes.items())[:of_a_system]
    ][:in_all]


@lru_cache
def _concept(key: str) -> Json:
    """The concept that a value set is sent as; the same object every time, so it must not be changed."""
    value_set = VALUE_SETS[key]
    code, display = next(iter(value_set.codes[SNOMED].items()))
    return {"coding": [{"system": SNOMED, "code": code, "display": display}], "text": value_set.title}


def _reason(reason: Reason) -> Json:
    return {**(_concept(reason.key) if reason.key else {}), "text": reason.text}
