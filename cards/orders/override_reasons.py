"""Why a clinician may set a card aside (D60, D95). "Other", with a comment, is the client's to offer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

SYSTEM = "https://foot-drop-cds.example/fhir/CodeSystem/override-reasons"
MOST_REASONS = 6  # on one card: nobody reads a longer list (D95)

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


class Reason(Struct, frozen=True):
    """One reason that is offered."""

    system: str
    code: str
    display: str


def offered(codes: Iterable[str]) -> tuple[Reason, ...]:
    """The reasons for a card, at most six, in the order in which its rule names them."""
    return tuple(Reason(SYSTEM, code, OVERRIDE_REASONS[code]) for code in codes)[:MOST_REASONS]
