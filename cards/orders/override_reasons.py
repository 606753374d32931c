"""Why a clinician may set a card aside: our own reasons, and beside them the HL7 codes that mean the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

SYSTEM = "https://foot-drop-cds.example/fhir/CodeSystem/override-reasons"
HL7_SYSTEM = "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes"
MOST_REASONS = 8  # on one card: a longer list is not read

# Code to display; a rule names the codes that make sense for its card.
OVERRIDE_REASONS: Mapping[str, str] = {
    "already-arranged": "Already arranged elsewhere",
    "findings-disagree": "Examined, findings disagree",
    "known-stable-cause": "Known stable cause",
    "patient-declined": "Patient declined",
    "not-in-goals-of-care": "Not in goals of care",
    "contraindicated": "Contraindicated",
    "reassess-within-24-hours": "Will reassess within 24 hours",
}
MEANINGS: Mapping[str, str] = {
    "already-arranged": "What the card advises is ordered, booked or done, here or elsewhere.",
    "findings-disagree": "The patient was examined, and the findings do not support the card.",
    "known-stable-cause": "The weakness has a known cause that has not changed.",
    "patient-declined": "The patient was offered it and does not want it.",
    "not-in-goals-of-care": "It does not serve the goals of care that were agreed.",
    "contraindicated": "The patient must not have it, for a reason that the card does not know.",
    "reassess-within-24-hours": "The question stays open, and the patient is seen again within 24 hours.",
}

# Own code to the HL7 code and display that mean the same; the others have none.
HL7_REASONS: Mapping[str, tuple[str, str]] = {
    "already-arranged": ("indication-order-exists", "Patient has indication/order for intended action"),
    "findings-disagree": ("cds-not-applicable", "PC CDS does not apply to patient"),
    "known-stable-cause": ("patient-ineligible", "Patient does not meet eligibility for recommended action"),
    "patient-declined": ("patient-refuses", "Patient refuses/declines (no context given)*"),
    "contraindicated": ("patient-contraindication", "Patient has contraindication to recommended action"),
}


class Reason(Struct, frozen=True):
    """One reason as it is offered."""

    system: str
    code: str
    display: str


def offered(codes: Iterable[str]) -> tuple[Reason, ...]:
    """The reasons of a card: our own of these codes, then the HL7 ones beside them, at most eight."""
    codes = tuple(codes)
    own = [Reason(SYSTEM, code, OVERRIDE_REASONS[code]) for code in codes]
    hl7 = [Reason(HL7_SYSTEM, *HL7_REASONS[code]) for code in codes if code in HL7_REASONS]
    return (*own, *hl7)[:MOST_REASONS]
