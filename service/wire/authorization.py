"""fhirAuthorization: the access token for the FHIR server of a request, and what the client says of it."""

from __future__ import annotations

import math
from typing import Any

import msgspec
from msgspec import Raw, Struct

from cards.record.words import printable
from service.wire.identity import bare_id
from service.wire.refusal import OtherPatientRefusedError

_LONGEST_SCOPE = 300  # characters of it that are shown


class FhirAuthorization(Struct):
    """The access token for fhirServer. Its repr never shows it.

    Whatever stands beside the token, and of whatever type, the token counts.
    """

    access_token: str | None = None
    subject: Any = None
    patient: Any = None
    expires_in: Raw = Raw(b"null")  # of any size
    scope: Any = None

    def __repr__(self) -> str:
        return "FhirAuthorization()"

    @property
    def lifetime(self) -> float | None:
        """Seconds from the sending of the request for which the token is good; None when that is not said."""
        try:
            seconds = float(msgspec.json.decode(self.expires_in, type=int | float | str))
        except (msgspec.DecodeError, ValueError, OverflowError):
            return None
        return None if math.isnan(seconds) else seconds

    @property
    def scopes(self) -> str:
        """What it may be used for, as the client says it: to be shown to an engineer, never to decide by."""
        said = printable(self.scope).strip() if isinstance(self.scope, str) else ""
        return f"{said[:_LONGEST_SCOPE]} ..." if len(said) > _LONGEST_SCOPE else said

    def check_patient(self, patient_id: str) -> None:
        """Raises OtherPatientRefusedError when the token is confined to another patient than that of the request."""
        if not isinstance(self.patient, str) or not self.patient.strip():
            return
        if bare_id(self.patient, "Patient") != patient_id:
            raise OtherPatientRefusedError(
                "the access token is for a patient other than context.patientId", "fhirAuthorization.patient"
            )
