"""Hostile shapes of orders being written (drafts, selections, new problems) and of medicines and their doses."""

from __future__ import annotations

from tests.support.hostile.growing import HOLE, NUMBER, Grow, Json, Shape, inside, listed, long, many, record

_DRUG = "MedicationRequest"
GABAPENTIN = record("draftOrders", resourceType=_DRUG, code="gabapentin", dailyDoseMg=4000)
IBUPROFEN = record("draftOrders", resourceType=_DRUG, code="ibuprofen")
DULOXETINE = record("draftOrders", resourceType=_DRUG, code="duloxetine")
MRI = record("draftOrders", resourceType="ServiceRequest", code="mri-lumbar", priority="routine")
EMG = record("draftOrders", resourceType="ServiceRequest", code="emg-ncs")
OXYCODONE, WARFARIN = record("medications", code="oxycodone"), record("medications", code="warfarin")
PREGABALIN = record("medications", code="pregabalin") | {"dosageInstruction": GABAPENTIN["dosageInstruction"]}
INSTRUCTION: Json = GABAPENTIN["dosageInstruction"][0]
AMOUNT: Json = INSTRUCTION["doseAndRate"][0]
NEW = record("conditions", code="foot-drop")
POINTING: Json = {key: value for key, value in OXYCODONE.items() if key != "medicationCodeableConcept"}
MEDICATION: Json = {
    "resourceType": "Medication",
    "id": f"m{NUMBER}",
    "code": OXYCODONE["medicationCodeableConcept"],
}


def _drafted(*templates: Json, hook: str = "order-sign") -> Shape:
    return Shape((("draftOrders", many(*templates)),), hook)


def _beside(draft: Json, medicine: Json) -> Shape:
    """Drafts, and as many bytes of medicines that conflict with each of them."""
    return Shape((("draftOrders", many(draft)), ("medications", many(medicine))), "order-sign")


def _in_draft(member: str, grow: Grow, draft: Json = GABAPENTIN) -> Shape:
    return Shape((("draftOrders", inside(draft | {member: HOLE}, grow)),), "order-sign")


def _amounts(room: int) -> str:
    before, after = '[{"doseAndRate":', "}]"
    return before + listed(AMOUNT)(room - len(before) - len(after)) + after


SHAPES: dict[str, Shape] = {
    "drafts of gabapentin": _drafted(GABAPENTIN),
    "drafts of ibuprofen": _drafted(IBUPROFEN),
    "drafts of duloxetine and ibuprofen": _drafted(DULOXETINE, IBUPROFEN),
    "drafts of slow MRI": _drafted(MRI),
    "drafts of nerve studies": _drafted(EMG, hook="order-select"),
    "drafts of one id": _drafted(GABAPENTIN | {"id": "d"}),
    "drafts that do not fit": _drafted(MRI | {"authoredOn": 5, "bodySite": "left"}),
    "gabapentin and opioids": _beside(GABAPENTIN, OXYCODONE),
    "ibuprofen and anticoagulants": _beside(IBUPROFEN, WARFARIN),
    "duloxetine and anticoagulants": _beside(DULOXETINE, WARFARIN),
    "drafts and allergies": Shape(
        (("draftOrders", many(IBUPROFEN)), ("allergies", many(record("allergies", code="ibuprofen")))), "order-sign"
    ),
    "drafts and problems": Shape(
        (("draftOrders", many(GABAPENTIN)), ("conditions", many(record("conditions", code="copd")))), "order-sign"
    ),
    "drafts and orders": Shape(
        (("draftOrders", many(MRI)), ("orders", many(record("serviceRequests", code="mri-lumbar")))), "order-sign"
    ),
    "drafts and selections": Shape(
        (("draftOrders", many(MRI)), ("context.selections", listed(f"ServiceRequest/dr{NUMBER}"))), "order-select"
    ),
    "selections": Shape((("context.selections", listed(f"ServiceRequest/s{NUMBER}")),), "order-select"),
    "instructions of a draft": _in_draft("dosageInstruction", listed(INSTRUCTION)),
    "amounts of a draft": _in_draft("dosageInstruction", _amounts),
    "notes of a draft": _in_draft("note", listed({"text": "As agreed with the patient."}), MRI),
    "a long note of a draft": _in_draft("note", lambda room: f'[{{"text":{long("note ")(room)}}}]', MRI),
    "extensions of a draft": _in_draft("extension", listed({"url": "https://ehr.example/x", "valueString": "x"}), MRI),
    "new problems": Shape((("newConditions", many(NEW)),), "problem-list-item-create"),
    "prescriptions by reference": Shape((
        ("medications", many(POINTING | {"medicationReference": {"reference": f"Medication/m{NUMBER}"}})),
        ("statements", many(MEDICATION)),
    )),
    "prescriptions that lead nowhere": Shape((
        ("medications", many(POINTING | {"medicationReference": {"reference": f"Medication/n{NUMBER}"}})),
    )),
    "prescriptions of a named medicine": Shape((
        ("medications", many(POINTING | {"medicationCodeableConcept": {"text": f"Drug {NUMBER} retard 10 mg"}})),
    )),
    "instructions of a prescription": Shape((
        ("medications", inside(PREGABALIN | {"dosageInstruction": HOLE}, listed(INSTRUCTION))),
    )),
    "contained in one prescription": Shape((
        ("medications", inside(
            POINTING | {"contained": HOLE, "medicationReference": {"reference": "#none"}}, listed(MEDICATION)
        )),
    )),
}  # fmt: skip
