"""Records to facts: which records count, what they mean, when and on which side.

The conventions are those of bindings.toml. Everything that belongs to another patient is refused, what
belongs to nobody is left out and counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from cards.record import medicines
from cards.record import records as fhir
from cards.record import reports as linked
from cards.record.coded import Coded
from cards.record.codes import Codes, Meaning
from cards.record.decoding import CLINICAL_STATUS, CODE, VERIFICATION_STATUS, Defect
from cards.record.elements import NOTHING, Answer, CodeableConcept, Period, codings, texts
from cards.record.facts import Allergy, Implant, Order, Problem, Procedure, Report
from cards.record.moments import Clock, Moment
from cards.record.readings import Answers
from cards.record.records import Resource, reference, reference_id
from cards.record.side import Side, together
from cards.record.statuses import ACTIVE, ACTIVE_ALLERGY, is_active, is_untrue
from cards.value_sets.value_set import VALUE_SETS

REQUEST_STATUS_REASON = "http://hl7.org/fhir/StructureDefinition/request-statusReason"

_FINAL_REPORT = frozenset({"final", "amended", "corrected", "appended"})
_WORST_SAFETY = ("unsafe", "unknown", "conditional", "safe")


class OtherPatientError(ValueError):
    """A record is another patient's; the message holds nothing of it."""


class Extraction:
    """The facts of one patient's records, kind by kind.

    Raises OtherPatientError when a record's subject resolves to another Patient.
    """

    def __init__(self, patient_id: str, records: Iterable[Resource], clock: Clock, codes: Codes) -> None:
        self.patient_id = patient_id
        self.clock = clock
        self.codes = codes
        self.patient: fhir.Patient | None = None
        self.encounter_class: str | None = None
        self.problems: defaultdict[str, list[Problem]] = defaultdict(list)
        self.answers = Answers(self)
        self.orders: defaultdict[str, list[Order]] = defaultdict(list)
        self.reports: defaultdict[str, list[Report]] = defaultdict(list)
        self.procedures: defaultdict[str, list[Procedure]] = defaultdict(list)
        self.implants: list[Implant] = []
        self.allergies: list[Allergy] = []
        self.defects: list[Defect] = []
        self._medicines: list[fhir.MedicationRequest] = []
        self._medications: dict[str, fhir.Medication] = {}
        self._reports: list[tuple[fhir.DiagnosticReport, tuple[str, ...]]] = []
        self._coded = Coded(codes, self.defects)
        self._lesion_sides: dict[str, tuple[set[str], Side]] = {}
        self._take(records)
        for found in linked.reports(self._reports, self._lesion_sides, self):
            for key in found.keys:
                self.reports[key].append(found)
        self.medicines = list(linked.medicines(self._medicines, self))

    def _take(self, records: Iterable[Any]) -> None:
        ours = f"Patient/{self.patient_id}"
        is_silent = self._coded.is_silent
        for record in records:
            kind = type(record)
            subject = record.subject
            # Nearly every record names the patient in just these words; one that does not is looked at closely.
            if (subject is None or subject.reference != ours) and not self._is_ours(record, kind in _HANDLERS):
                continue
            if kind in _CODED and is_silent(record.code):
                continue
            if kind in _HANDLERS:
                _HANDLERS[kind](self, record)

    def _is_ours(self, record: Resource, is_read: bool) -> bool:
        if isinstance(record, fhir.Patient):
            return self._is_this_patient(record)
        subject = record.subject or record.patient
        named = reference_id(subject.reference if subject else None, "Patient")
        if named == self.patient_id:
            return True
        if named is not None:
            what = "record" if isinstance(record, fhir.Other) else record.resourceType
            raise OtherPatientError(f"a {what} belongs to another patient than context.patientId")
        if isinstance(record, fhir.Medication):
            return True  # it is nobody's: what is prescribed refers to it
        if is_read:
            self.defect(record, "subject", "names no patient by reference", dropped=True)
        return False

    def _is_this_patient(self, record: fhir.Patient) -> bool:
        if record.id is not None and record.id != self.patient_id:
            raise OtherPatientError("the Patient is another one than context.patientId")
        return True

    def defect(self, record: Resource, element: str, why: str, *, dropped: bool = False) -> None:
        self.defects.append(Defect(reference(record), element, why, dropped))

    def _take_patient(self, record: fhir.Patient) -> None:
        self.patient = record

    def _take_encounter(self, record: fhir.Encounter) -> None:
        kinds = record.encounterClass
        kind = kinds[0] if isinstance(kinds, list) and kinds else kinds
        self.encounter_class = None if kind is None or isinstance(kind, list) else kind.code

    def _take_condition(self, record: fhir.Condition) -> None:
        keys = self._coded.keys(record, record.code, "condition")
        if not keys or not self._holds(record):
            return
        onset = self.clock.read(record.onsetDateTime) or self.first(*_ends(record.onsetPeriod)[1:])
        when = onset or self.dated(record, self.first(record.recordedDate), "onset")
        coded = codings(CODE.read(record.code, record, []))  # what cannot be read of it has been counted
        problem = Problem(
            reference=reference(record),
            when=when,
            side=together(self.codes.side_of(coded)).or_else(self.codes.side(record.bodySite)),
            text=VALUE_SETS[min(keys)].name,
            keys=keys,
            is_recorded_date=onset is None and when is not None,
        )
        for key in keys:
            self.problems[key].append(problem)

    def _holds(self, record: fhir.Condition | fhir.AllergyIntolerance, active: frozenset[str] = ACTIVE) -> bool:
        """Whether it is so, and still: active by its status, and not refuted."""
        verification = VERIFICATION_STATUS.read(record.verificationStatus, record, self.defects)
        status = CLINICAL_STATUS.read(record.clinicalStatus, record, self.defects)
        return is_active(status, active) and not is_untrue(verification)

    def _take_observation(self, record: fhir.Observation) -> None:
        if record.component is None and not self._coded.meanings(record, record.code):
            return  # nearly every Observation of a chart: nothing that a rule reads
        if record.status in linked.VOID_OBSERVATION:
            return
        for meaning, answer in self._answers(record):
            domain = meaning.key.partition(".")[0]
            if domain == "lesion":
                keys, side = self._lesion_sides.get(reference(record), (set(), Side.UNKNOWN))
                site = together((side, self.codes.side(record.bodySite)))
                self._lesion_sides[reference(record)] = keys | {meaning.key}, site
            elif domain == "observation":
                self.answers.add(meaning, record, answer)

    def _answers(self, record: fhir.Observation) -> Iterator[tuple[Meaning, Answer]]:
        for answer in (record, *(record.component or ())):
            for meaning in self._coded.meanings(record, answer.code):
                yield meaning, answer

    def all_defects(self) -> list[Defect]:
        """Everything that could not be read, also of what no rule has asked for."""
        self.answers.read_all()
        return self.defects

    def _take_request(self, record: fhir.ServiceRequest) -> None:
        keys = self._coded.keys(record, record.code, "order")
        if not keys and record.codeCodeableConcept is not NOTHING:
            keys = self._coded.keys(record, record.codeCodeableConcept, "order")
        if not keys or record.doNotPerform:
            return
        order = Order(
            reference=reference(record),
            when=self.dated(record, self.first(record.authoredOn, *_occurrence(record)), "authoredOn"),
            text=VALUE_SETS[keys[0]].name,
            keys=keys,
            status=record.status or "unknown",
            priority=priority(record),
            declined=record.status == "revoked" and self._is_declined(record),
        )
        for key in keys:
            self.orders[key].append(order)

    def _is_declined(self, record: fhir.ServiceRequest) -> bool:
        reasons: list[CodeableConcept] = list(record.reasonCode or [])
        status_reason = record.statusReason
        reasons += status_reason if isinstance(status_reason, list) else [status_reason] if status_reason else []
        reasons += [
            extension.valueCodeableConcept
            for extension in record.extension or []
            if extension.url == REQUEST_STATUS_REASON and extension.valueCodeableConcept
        ]
        return any(
            "reason.refusal" in self.codes.keys(reason, "reason") or "declined" in (reason.text or "").lower()
            for reason in reasons
        )

    def _take_procedure(self, record: fhir.Procedure) -> None:
        keys = self._coded.keys(record, record.code, "procedure")
        if not keys or record.status != "completed":
            return
        when = self.first(record.performedDateTime, *_ends(record.performedPeriod))
        procedure = Procedure(
            reference=reference(record),
            when=self.dated(record, when, "performed"),
            text=VALUE_SETS[keys[0]].name,
            keys=keys,
        )
        for key in keys:
            self.procedures[key].append(procedure)

    def _take_device(self, record: fhir.Device) -> None:
        if record.status not in (None, "active"):
            return
        kinds = record.type if isinstance(record.type, list) else [record.type]
        concepts = [kind for kind in kinds if isinstance(kind, CodeableConcept)]
        keys = tuple(
            key for concept in concepts for domain in ("device", "order") for key in self.codes.keys(concept, domain)
        )
        said = {
            VALUE_SETS["device.mr-safety"].meanings.get(meaning.code, "unknown")
            for safety in record.safety or []
            for meaning in self.codes.meanings(safety)
            if meaning.key == "device.mr-safety"
        }
        safety = next((level for level in _WORST_SAFETY if level in said), "unknown")
        if keys or safety == "unsafe":
            name = VALUE_SETS[keys[0]].name if keys else next(iter(texts(concepts)), "implanted device")
            self.implants.append(Implant(reference=reference(record), text=name, keys=keys, safety=safety))

    def _keep_report(self, record: fhir.DiagnosticReport) -> None:
        keys = self._coded.keys(record, record.code, "report") if record.status in _FINAL_REPORT else ()
        if keys:
            self._reports.append((record, keys))

    def _keep_medicine(self, record: fhir.MedicationRequest) -> None:
        if record.status == "active" and not record.doNotPerform:
            self._medicines.append(record)

    def _keep_medication(self, record: fhir.Medication) -> None:
        if record.id:
            self._medications[record.id] = record

    def find_medication(self, identity: str) -> fhir.Medication | None:
        """The Medication of this id among the records."""
        return self._medications.get(identity)

    def _take_allergy(self, record: fhir.AllergyIntolerance) -> None:
        if not self._holds(record, ACTIVE_ALLERGY):
            return
        keys = (*self.codes.keys(record.code, "allergy"), *medicines.medicine_keys(record.code, self.codes))
        if keys:
            name = medicines.medicine_name(record.code)
            self.allergies.append(Allergy(reference=reference(record), text=f"Allergy: {name}", keys=keys))

    def effective(self, record: fhir.Observation | fhir.DiagnosticReport) -> Moment | None:
        when = self.clock.read(record.effectiveDateTime)
        if when is None:
            when = self.first(*_ends(record.effectivePeriod), record.effectiveInstant, record.issued)
        return when

    def first(self, *written: str | None) -> Moment | None:
        for text in written:
            if text is not None and (moment := self.clock.read(text)) is not None:
                return moment
        return None

    def dated(self, record: Resource, when: Moment | None, element: str) -> Moment | None:
        if when is None:
            self.defect(record, element, "gives no date: it lies in no window and is never the newest")
        return when


def priority(record: fhir.ServiceRequest | fhir.MedicationRequest) -> str | None:
    """A request's priority code; None when it has none, which means routine."""
    return record.priority.strip().lower() if isinstance(record.priority, str) else None


def _occurrence(record: fhir.ServiceRequest) -> tuple[str | None, str | None]:
    return record.occurrenceDateTime, _ends(record.occurrencePeriod)[1]


def _ends(period: Period | None) -> tuple[str | None, str | None]:
    """End and start: a finding and a procedure are as recent as their end."""
    return (period.end, period.start) if period else (None, None)


# Of these, one whose code means nothing says nothing.
_CODED = frozenset({fhir.Condition, fhir.DiagnosticReport, fhir.Procedure})
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
    fhir.AllergyIntolerance: Extraction._take_allergy,
}
