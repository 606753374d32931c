"""fhirAuthorization: the access token for the FHIR server of a request, and what the client says about it."""

from __future__ import annotations

import math
from typing import Any

import msgspec
from msgspec import Raw, Struct

from cards.record.words import printable
from service.wire.identity import bare_id
from service.wire.refusal import OtherPatientRefusedError

_LONGEST_SCOPE = 300  # characters that are shown


class FhirAuthorization(Struct):
    """The access token for fhirServer. Its repr never shows it.

    The token counts whatever the other members are, and whatever types they have.
    """

    access_token: str | None = None
    subject: Any = None
    patient: Any = None
    expires_in: Raw = Raw(b"null")  # a number of any size
    scope: Any = None

    def __repr__(self) -> str:
        return "FhirAuthorization()"

    @property
    def lifetime(self) -> float | None:
        """Seconds that the token is valid after the request was sent; None if that is not stated."""
        try:
            seconds = float(msgspec.json.decode(self.expires_in, type=int | float | str))
        except (msgspec.DecodeError, ValueError, OverflowError):
            return None
        return None if math.isnan(seconds) else seconds

    @property
    def scopes(self) -> str:
        """What the token may be used for, in the client's words: shown to an engineer, never used for a decision."""
        said = printable(self.scope).strip() if isinstance(self.scope, str) else ""
        return f"{said[:_LONGEST_SCOPE]} ..." if len(said) > _LONGEST_SCOPE else said

    def check_patient(self, patient_id: str) -> None:
        """Raise OtherPatientRefusedError if the token is restricted to a patient other than that of the request."""
        if not isinstance(self.patient, str) or not self.patient.strip():
            return
        if bare_id(self.patient, "Patient") != patient_id:
            raise OtherPatientRefusedError(
                "the access token is for a patient other than context.patientId", "fhirAuthorization.patient"
            )
