"""The context that all orders of an answer share: for whom, where, when and by whom they are suggested."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import count
from types import MappingProxyType
from uuid import uuid4

from cards.record.codes import Overlay
from cards.record.records import FHIR_ID

_REQUESTERS = {
    "ServiceRequest": re.compile(r"(Practitioner|PractitionerRole|Patient|RelatedPerson)/[A-Za-z0-9\-.]{1,64}"),
    "DeviceRequest": re.compile(r"(Practitioner|PractitionerRole)/[A-Za-z0-9\-.]{1,64}"),
    "MedicationRequest": re.compile(r"(Practitioner|PractitionerRole|Patient|RelatedPerson)/[A-Za-z0-9\-.]{1,64}"),
}
_COUNTED = 12  # the last digits of a UUID


class OrderContext:
    """For whom, in which encounter, by whom and when orders are suggested; ids are those of the hook request.

    `overlay` holds the codes that the site adds: the first of each system is sent in addition to ours. `requesters`
    gives the requester by resource type, since not every type allows every kind of requester. `new_id` returns the next
    temporary id.
    """

    def __init__(
        self,
        patient_id: str,
        encounter_id: str | None,
        requester: str | None,
        now: datetime,
        overlay: Overlay = MappingProxyType({}),
    ) -> None:
        self.subject = {"reference": f"Patient/{patient_id}"}
        # an id in the request that FHIR does not allow is left out rather than sent
        self.encounter = {"reference": f"Encounter/{encounter_id}"} if FHIR_ID.fullmatch(encounter_id or "") else None
        who = requester or ""
        self.requesters = {kind: {"reference": who} for kind, allowed in _REQUESTERS.items() if allowed.fullmatch(who)}
        self.authored = now.isoformat(timespec="seconds")
        self.overlay = overlay
        self.new_id = _new_ids().__next__


def _new_ids() -> Iterator[str]:
    """Version 4 UUIDs: the first is random, and the others are counted up from it.

    An answer has dozens of them. Drawing every one at random would cost more than writing the orders.
    """
    first = str(uuid4())
    stem, number = first[:-_COUNTED], int(first[-_COUNTED:], 16) >> 1
    return (f"{stem}{number:012x}" for number in count(number))
