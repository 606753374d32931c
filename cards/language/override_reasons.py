"""Why a clinician may set a card aside: our own reasons, beside the HL7 non-adherence codes that lack them."""

from __future__ import annotations

from collections.abc import Mapping

SYSTEM = "https://foot-drop-cds.example/fhir/CodeSystem/override-reasons"

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
