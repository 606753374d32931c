"""For whom, where, when and by whom orders are suggested: what all the orders of an answer share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from secrets import token_bytes
from struct import Struct
from types import MappingProxyType

from cards.record.codes import Overlay
from cards.record.records import FHIR_ID

_REQUESTERS = {
    "ServiceRequest": re.compile(r"(Practitioner|PractitionerRole|Patient|RelatedPerson)/[A-Za-z0-9\-.]{1,64}"),
    "DeviceRequest": re.compile(r"(Practitioner|PractitionerRole)/[A-Za-z0-9\-.]{1,64}"),
    "MedicationRequest": re.compile(r"(Practitioner|PractitionerRole|Patient|RelatedPerson)/[A-Za-z0-9\-.]{1,64}"),
}
_UUID = Struct(">IHHHIH")
_AT_A_TIME = 40  # an answer with five cards holds about as many


class OrderContext:
    """For whom, in which encounter, by whom and when orders are suggested; ids as the request had them.

    `overlay` holds the codes that the site adds: they are sent beside ours, the first of each system. `requesters`
    says who asks, by type of the request: not every type may name everybody. `new_id` gives the next temporary id.
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
        # an odd id of the request is left out rather than sent
        self.encounter = {"reference": f"Encounter/{encounter_id}"} if FHIR_ID.fullmatch(encounter_id or "") else None
        who = requester or ""
        self.requesters = {kind: {"reference": who} for kind, allowed in _REQUESTERS.items() if allowed.fullmatch(who)}
        self.authored = now.isoformat(timespec="seconds")
        self.overlay = overlay
        self.new_id = _new_ids().__next__


def _new_ids() -> Iterator[str]:
    """UUIDs, version 4, of which the machine gives the random part of many at once: uuid4 asks it for every one."""
    while True:
        for a, b, c, d, e, f in _UUID.iter_unpack(token_bytes(_AT_A_TIME * _UUID.size)):
            yield f"{a:08x}-{b:04x}-4{c & 0xFFF:03x}-{d & 0x3FFF | 0x8000:04x}-{e:08x}{f:04x}"
