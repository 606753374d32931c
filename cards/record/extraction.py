"""Turns records into facts: which records count, what they mean, when and on which side.

The conventions are those of bindings.toml. Anything that belongs to another patient is refused; anything
that belongs to nobody is left out and counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence, Set
from datetime import timedelta
from functools import cached_property, lru_cache
from typing import Any

from cards.record import records as fhir
from cards.record.codes import CANCER, CANCER_HISTORY, NEW, OLD, Codes, Meaning, RecordCodes, keys_of
from cards.record.defects import Defects
from cards.record.elements import NOTHING, CodeableConcept, Component, Valued, texts
from cards.record.encounters import encounter_class, is_void
from cards.record.errors import OtherPatientError
from cards.record.facts import Allergy, Implant, LeftOut, Medicine, Order, Problem, Procedure, Report
from cards.record.kinds import bound, kind_of_order, kind_of_problem, kind_of_procedure, kinds_of_report
from cards.record.medicines import allergy_keys, allergy_name, may_be_taken, medicines
from cards.record.moments import Clock, Moment
from cards.record.newest import by_key
from cards.record.reader import Reader, ends
from cards.record.readings import Readings
from cards.record.records import Resource, reference
from cards.record.reports import PLAIN_OBSERVATION, VOID_OBSERVATION, Located, located_by, reports
from cards.record.requests import is_declined, is_ordered, occurrence, priority
from cards.record.side import Side
from cards.record.sites import side as site_side
from cards.record.statuses import ACTIVE, NOT_TRUE, OVER, UNREADABLE, clinical_status, verification_status
from cards.record.whose import PATIENT_TYPES, Whose, whose
from cards.value_sets.value_set import VALUE_SETS

_bytes = b"".join  # of one Raw: three times as fast as bytes()
RECENT_EVENT = timedelta(days=14)  # D75: a diagnosis known to be no older is the event, not a known disease
_FINAL_REPORT = frozenset({"final", "amended", "corrected", "appended"})
_NAMES_NO_PATIENT = ("subject", "names no patient by reference")
_NAMES_NOBODY = ("id", "is missing: this may be any patient")
_WORST_SAFETY = ("unsafe", "unknown", "conditional", "safe")


class Extraction:
    """The facts of one patient's records, kind by kind.

    Raises OtherPatientError when a record is another patient's.
    """

    def __init__(self, patient_id: str, records: Iterable[Resource], clock: Clock, codes: Codes) -> None:
        self.patient_id = patient_id
        self._reader = reader = Reader(codes, clock, patient_id)
        self._codes = codes
        self._record_codes = RecordCodes(codes, reader.defects)
        self.patient: fhir.Patient | None = None
        self.encounter_class: str | None = None
        self.problems: defaultdict[str, list[Problem]] = defaultdict(list)
        self.readings = Readings(reader)
        self.orders: defaultdict[str, list[Order]] = defaultdict(list)
        self.reports: defaultdict[str, list[Report]] = defaultdict(list)
        self.procedures: defaultdict[str, list[Procedure]] = defaultdict(list)
        self.implants: list[Implant] = []
        self._allergies: list[fhir.AllergyIntolerance] = []
        self._medicines: list[fhir.MedicationRequest] = []
        self._medications: dict[str, fhir.Medication] = {}
        self._reports: list[tuple[fhir.DiagnosticReport, tuple[str, ...]]] = []
        self._located: dict[str, Located] = {}
        self._ours: set[str | None] = set()  # ways of writing this patient's reference

        self.lost: Set[str] = reader.lost
        self.left_out: Sequence[LeftOut] = reader.left_out
        """The records that would have mattered but cannot be read."""
        self._take(records)
        if self._reports:
            self._take_reports()
        self._bound()

    @cached_property
    def medicines(self) -> list[Medicine]:
        """The active medicines; their names are looked for when a rule first asks."""
        every = list(medicines(self._medicines, self._medications.get, self._reader))
        return by_key(every, lambda fact: fact.keys)

    @cached_property
    def allergies(self) -> list[Allergy]:
        """The active allergies; their names are looked for when a rule first asks."""
        every = [allergy for record in self._allergies if (allergy := self._allergy(record)) is not None]
        return by_key(every, lambda fact: fact.keys)

    def _take_reports(self) -> None:
        for report in reports(self._reports, self._located, self._reader):
            for key in report.keys:
                self.reports[key].append(report)

    def _bound(self) -> None:
        """Keep the newest of each kind where there are more than anybody has."""
        bound(self.problems, kind_of_problem)
        bound(self.orders, kind_of_order)
        bound(self.reports, kinds_of_report)
        bound(self.procedures, kind_of_procedure)
        if self.implants:
            self.implants = by_key(self.implants, lambda fact: [(key, fact.safety) for key in (*fact.keys, "")])

    @property
    def defects(self) -> Defects:
        """The defects in the data that was examined so far."""
        return self._reader.defects

    def all_defects(self) -> Defects:
        """Everything that could not be read, including data that no rule has asked for."""
        self.readings.read_all()
        _ = self.medicines, self.allergies
        return self._reader.defects

    def _take(self, records: Iterable[Any]) -> None:
        ours = f"Patient/{self.patient_id}"
        meaningless = self._record_codes.meaningless
        for record in records:
            kind = type(record)
            subject = record.subject
            # Nearly every record names the patient in exactly this form; one that does not is examined closely.
            if (
                subject is None
                or subject.reference != ours
                or (subject.type is not None and subject.type != "Patient")
                or record.patient is not None
                or record.contained is not None
            ) and not self._is_ours(record, kind in _HANDLERS):
                continue
            if (
                kind in _CODED
                and _bytes((record.code,)) in meaningless
                and not (kind is fhir.Observation and record.component)
            ):
                continue
            handler = _HANDLERS.get(kind)
            if handler is not None:
                try:
                    handler(self, record)
                except Exception as error:  # whatever the error, only this record is lost
                    self._reader.lose(record, error)

    def _is_ours(self, record: Resource, is_read: bool) -> bool:
        subject = record.subject
        if record.patient is None and record.contained is None:  # the quick way, for what most charts hold
            if subject is None and type(record) is fhir.Patient and record.id == self.patient_id:
                return True
            if subject is not None and subject.reference in self._ours and subject.type in PATIENT_TYPES:
                return True  # all records of a chart refer to the patient in the same way
        # a Medication belongs to nobody by itself: a prescription refers to it
        unstated = Whose.OURS if isinstance(record, fhir.Medication) else Whose.NOBODYS
        belongs = whose(record, self.patient_id, unstated)
        if belongs is Whose.ANOTHERS:
            raise OtherPatientError(_another(record))
        if belongs is Whose.NOBODYS and is_read:
            element, why = _NAMES_NOBODY if isinstance(record, fhir.Patient) else _NAMES_NO_PATIENT
            self._reader.defect(record, element, why, dropped=True)
        if belongs is Whose.OURS and subject is not None:
            self._ours.add(subject.reference)
        return belongs is Whose.OURS

    def _take_patient(self, record: fhir.Patient) -> None:
        if not self._reader.is_modified(record, ("patient",)):
            self.patient = record

    def _take_encounter(self, record: fhir.Encounter) -> None:
        if not self._reader.is_modified(record, ("encounter",)) and not is_void(record.status):
            self.encounter_class = encounter_class(record.encounterClass)

    def _take_condition(self, record: fhir.Condition) -> None:
        meanings = [m for m in self._record_codes.meanings(record, record.code) if m.key.startswith("condition.")]
        if not meanings:
            return
        onset = self._reader.first(record.onsetDateTime, *ends(record.onsetPeriod)[1:])
        when = onset or self._reader.first(record.recordedDate)
        keys = self._condition_keys(record, meanings, when)
        if not keys:
            return
        problem = Problem(
            reference=reference(record),
            when=self._reader.dated(record, when, "onset"),
            side=self._condition_side(record),
            text=VALUE_SETS[min(keys)].name,
            keys=keys,
            codes=tuple((meaning.key, meaning.code) for meaning in meanings if meaning.key in keys),
            is_recorded=onset is None,
        )
        for key in keys:
            self.problems[key].append(problem)

    def _condition_keys(
        self, record: fhir.Condition, meanings: Iterable[Meaning], when: Moment | None
    ) -> tuple[str, ...]:
        """What a Condition means now, by its onset and its status; a cancer that is over is history of cancer (D74)."""
        age = NEW if self._reader.clock.within(when, RECENT_EVENT) else OLD
        keys = tuple(dict.fromkeys(meaning.key for meaning in meanings if meaning.when in ("", age)))
        status = self._holds(record, keys) if keys else None
        if status in ACTIVE:
            return keys
        return (CANCER_HISTORY,) if CANCER in keys and status in OVER else ()

    def _holds(self, record: fhir.Condition | fhir.AllergyIntolerance, keys: tuple[str, ...]) -> str | None:
        """The clinicalStatus of a record that is true (`active` if missing); None if it is not true, or is left out."""
        clinical, verification = clinical_status(record.clinicalStatus), verification_status(record.verificationStatus)
        if verification in NOT_TRUE:
            return None
        for element, said in (("clinicalStatus", clinical), ("verificationStatus", verification)):
            if said == UNREADABLE:
                self._reader.leave_out(record, keys, element, "cannot be read", decides=True)
                return None
        return None if self._reader.is_modified(record, keys, decides=True) else clinical or "active"

    def _condition_side(self, record: fhir.Condition) -> Side:
        side, has_no_other = self._record_codes.side(record, record.code)
        return side if has_no_other or side is not Side.UNKNOWN else site_side(record, self._codes)

    def _take_observation(self, record: fhir.Observation) -> None:
        meanings = self._meanings(record)
        if not meanings or record.status in VOID_OBSERVATION:
            return  # nearly every Observation of a chart: no rule reads it
        if (record.modifierExtension is not NOTHING or record.status not in PLAIN_OBSERVATION) and self._is_void(
            record, tuple({meaning.key: None for meaning, _ in meanings})
        ):
            return
        lesions = []
        for meaning, valued in meanings:
            if meaning.key.startswith("lesion."):
                lesions.append(meaning)
            else:
                self.readings.add(meaning, record, valued)
        if lesions:
            self._located[reference(record)] = located_by(tuple(lesions), record, self._codes)

    def _is_void(self, record: fhir.Observation, keys: tuple[str, ...]) -> bool:
        """Whether an Observation of these keys says nothing, because of a modifier or its status."""
        return self._reader.is_modified(record, keys) or self._reader.status(record, keys) in VOID_OBSERVATION

    def _meanings(self, record: fhir.Observation) -> list[tuple[Meaning, Valued]]:
        """What an Observation and its components mean, as findings, measurements or lesions."""
        said = self._record_codes.meanings(record, record.code)
        meanings: list[tuple[Meaning, Valued]] = [(meaning, record) for meaning in _observed(said)] if said else []
        for part in record.component or ():
            said = self._record_codes.meanings(record, part.code)
            of_part = _observed(said) if said else ()
            if not of_part or (part.modifierExtension is not NOTHING and self._is_modified(record, of_part, part)):
                continue
            meanings += [(meaning, part) for meaning in of_part]
        return meanings

    def _is_modified(self, record: fhir.Observation, meanings: Sequence[Meaning], part: Component) -> bool:
        keys = tuple(dict.fromkeys(meaning.key for meaning in meanings))
        return self._reader.is_modified(record, keys, part=part)

    def _take_request(self, record: fhir.ServiceRequest) -> None:
        keys = self._record_codes.keys(record, record.code, "order")
        if not keys and record.codeCodeableConcept is not NOTHING:
            keys = self._record_codes.keys(record, record.codeCodeableConcept, "order")
        if not keys or record.doNotPerform or not is_ordered(record.intent) or self._reader.is_modified(record, keys):
            return
        status = self._reader.status(record, keys)
        if status == UNREADABLE:
            return
        when = self._reader.first(record.authoredOn, *occurrence(record))
        order = Order(
            reference=reference(record),
            when=self._reader.dated(record, when, "authoredOn"),
            text=VALUE_SETS[keys[0]].name,
            keys=keys,
            status=status or "unknown",
            priority=priority(record),
            declined=status == "revoked" and is_declined(record, self._codes),
        )
        for key in keys:
            self.orders[key].append(order)

    def _take_procedure(self, record: fhir.Procedure) -> None:
        keys = self._record_codes.keys(record, record.code, "procedure")
        if not keys or self._reader.is_modified(record, keys) or self._reader.status(record, keys) != "completed":
            return
        written = record.performedDateTime, *ends(record.performedPeriod)
        when = self._reader.first(*written, record.occurrenceDateTime, *ends(record.occurrencePeriod))
        procedure = Procedure(
            reference=reference(record),
            when=self._reader.dated(record, when, "performed"),
            text=VALUE_SETS[keys[0]].name,
            keys=keys,
        )
        for key in keys:
            self.procedures[key].append(procedure)

    def _take_device(self, record: fhir.Device) -> None:
        kinds = record.type if isinstance(record.type, list) else [record.type]
        concepts = [kind for kind in kinds if isinstance(kind, CodeableConcept)]
        meant = [self._codes.meanings(concept) for concept in concepts]
        keys = tuple([key for said in meant for domain in ("device", "order") for key in keys_of(domain, said)])
        said = {
            VALUE_SETS["device.mr-safety"].meanings.get(meaning.code, "unknown")
            for safety in record.safety or []
            for meaning in self._codes.meanings(safety)
            if meaning.key == "device.mr-safety"
        }
        safety = next((level for level in _WORST_SAFETY if level in said), "unknown")
        if keys or safety == "unsafe":
            known = keys or ("device.mr-safety",)
            if self._reader.is_modified(record, known) or self._reader.status(record, known) not in (None, "active"):
                return
            name = VALUE_SETS[keys[0]].name if keys else next(iter(texts(concepts)), "implanted device")
            self.implants.append(Implant(reference=reference(record), text=name, keys=keys, safety=safety))

    def _keep_report(self, record: fhir.DiagnosticReport) -> None:
        keys = self._record_codes.keys(record, record.code, "report")
        if keys and not self._reader.is_modified(record, keys) and self._reader.status(record, keys) in _FINAL_REPORT:
            self._reports.append((record, keys))

    def _keep_medicine(self, record: fhir.MedicationRequest) -> None:
        if not record.doNotPerform and may_be_taken(record):
            self._medicines.append(record)

    def _keep_medication(self, record: fhir.Medication) -> None:
        if record.id:
            self._medications[record.id] = record

    def _keep_allergy(self, record: fhir.AllergyIntolerance) -> None:
        self._allergies.append(record)

    def _allergy(self, record: fhir.AllergyIntolerance) -> Allergy | None:
        keys = allergy_keys(record.code, self._codes)
        if not keys or self._holds(record, keys) != "active":
            return None
        name = allergy_name(record.code, keys)
        return Allergy(reference=reference(record), text=f"Allergy: {name}", keys=keys)


@lru_cache(maxsize=1000)
def _observed(meanings: tuple[Meaning, ...]) -> tuple[Meaning, ...]:
    """The meanings that an Observation may have."""
    return tuple(meaning for meaning in meanings if meaning.key.startswith(_OBSERVED))


def _another(record: Resource) -> str:
    if isinstance(record, fhir.Patient):
        return "the Patient is not the one in context.patientId"
    what = "record" if isinstance(record, fhir.Other) else record.resourceType
    return f"a {what} belongs to a patient other than context.patientId"


_OBSERVED = ("observation.", "lesion.")
# A record of these types whose code means nothing says nothing, except in the components of an Observation.
_CODED = frozenset({fhir.Condition, fhir.Observation, fhir.DiagnosticReport, fhir.Procedure})
_HANDLERS: dict[type, Callable[[Extraction, Any], None]] = {
    fhir.Patient: Extraction._take_patient,
    fhir.Encounter: Extraction._take_encounter,
    fhir.Condition: Extraction._take_condition,
    fhir.Observation: Extraction._take_observation,
    fhir.ServiceRequest: Extraction._take_request,
    fhir.DeviceRequest: Extraction._take_request,
    fhir.DiagnosticReport: Extraction._keep_report,
    fhir.Procedure: Extraction._take_procedure,
    fhir.Device: Extraction._take_device,
    fhir.MedicationRequest: Extraction._keep_medicine,
    fhir.MedicationStatement: Extraction._keep_medicine,
    fhir.Medication: Extraction._keep_medication,
    fhir.AllergyIntolerance: Extraction._keep_allergy,
}
