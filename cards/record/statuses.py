"""What the status elements of Conditions and allergies say, as records really hold them."""

from __future__ import annotations

from cards.record.elements import CodeableConcept, codings

ACTIVE = frozenset({"active", "recurrence", "relapse"})
ACTIVE_ALLERGY = frozenset({"active"})
OVER = frozenset({"inactive", "remission", "resolved"})
_NOT_TRUE = frozenset({"refuted", "entered-in-error"})


def is_active(status: CodeableConcept | None, active: frozenset[str]) -> bool:
    """Whether a clinicalStatus says active; one that is missing does."""
    said = _codes(status)
    return not said or bool(said & active)


def is_over(status: CodeableConcept | None) -> bool:
    """Whether a clinicalStatus says that it was so once, and no longer is."""
    return bool(_codes(status) & OVER)


def is_untrue(verification: CodeableConcept | None) -> bool:
    """Whether a verificationStatus says that it was never so."""
    return bool(_codes(verification) & _NOT_TRUE)


def _codes(status: CodeableConcept | None) -> set[str]:
    """The codes of a status; without any, its words."""
    if status is None:
        return set()
    codes = {(coding.code or "").strip().lower() for coding in codings(status)} - {""}
    return codes or {(status.text or "").strip().lower()} - {""}
