"""Records to facts: which records count, what they mean, when and on which side.

The conventions are those of bindings.toml. Everything that belongs to another patient is refused, what
belongs to nobody is left out and counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Set
from typing import Any

from cards.record import records as fhir
from cards.record.codes import Codes, Meaning, RecordCodes
from cards.record.decoding import CLINICAL_STATUS, CODE, VERIFICATION_STATUS
from cards.record.defects import Defects
from cards.record.elements import NOTHING, CodeableConcept, Valued, codings, texts
from cards.record.errors import OtherPatientError
from cards.record.facts import Allergy, Implant, Order, Problem, Procedure, Report
from cards.record.medicines import medicine_keys, medicine_name, medicines
from cards.record.moments import Clock
from cards.record.newest import MOST_OF_A_KIND, by_key, clocked
from cards.record.reader import Reader, ends
from cards.record.readings import Readings
from cards.record.records import Resource, reference
from cards.record.reports import VOID_OBSERVATION, reports
from cards.record.side import Side, together
from cards.record.statuses import ACTIVE, ACTIVE_ALLERGY, is_active, is_untrue
from cards.record.whose import PATIENT_TYPES, Whose, whose
from cards.value_sets.value_set import VALUE_SETS

REQUEST_STATUS_REASON = "http://hl7.org/fhir/StructureDefinition/request-statusReason"

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
        self.allergies: list[Allergy] = []
        self._medicines: list[fhir.MedicationRequest] = []
        self._medications: dict[str, fhir.Medication] = {}
        self._reports: list[tuple[fhir.DiagnosticReport, tuple[str, ...]]] = []
        self._lesion_sides: dict[str, tuple[set[str], Side]] = {}
        self._ours: set[str | None] = set()  # ways of writing this patient's reference

        self.lost: Set[str] = reader.lost
        self._take(records)
        for report in reports(self._reports, self._lesion_sides, reader):
            for key in report.keys:
                self.reports[key].append(report)
        self.medicines = list(medicines(self._medicines, self._medications.get, reader))
        self._bound()

    def _bound(self) -> None:
        """Keep the newest of each kind where there are more than anybody has."""
        bounds: tuple[tuple[dict[str, list[Any]], Callable[[Any], list[Hashable]]], ...] = (
            (self.problems, _kind_of_problem),
            (self.orders, _kind_of_order),
            (self.reports, _kinds_of_report),
            (self.procedures, _kind_of_procedure),
        )
        for facts, kinds in bounds:
            for key, of_key in facts.items():
                if len(of_key) > MOST_OF_A_KIND:
                    facts[key] = by_key(of_key, kinds)
        self.medicines = by_key(self.medicines, lambda fact: fact.keys)
        self.allergies = by_key(self.allergies, lambda fact: fact.keys)
        self.implants = by_key(self.implants, lambda fact: [(key, fact.safety) for key in (*fact.keys, "")])

    @property
    def defects(self) -> Defects:
        """What could not be read of what was looked at so far."""
        return self._reader.defects

    def all_defects(self) -> Defects:
        """Everything that could not be read, also of what no rule has asked for."""
        self.readings.read_all()
        return self._reader.defects

    def _take(self, records: Iterable[Any]) -> None:
        ours = f"Patient/{self.patient_id}"
        is_meaningless = self._record_codes.is_meaningless
        for record in records:
            kind = type(record)
            subject = record.subject
            # Nearly every record names the patient in just these words; one that does not is looked at closely.
            if (
                subject is None
                or subject.reference != ours
                or (subject.type is not None and subject.type != "Patient")
                or record.patient is not None
                or record.contained is not None
            ) and not self._is_ours(record, kind in _HANDLERS):
                continue
            if kind in _CODED and is_meaningless(record.code) and not (kind is fhir.Observation and record.component):
                continue
            if kind in _HANDLERS:
                try:
                    _HANDLERS[kind](self, record)
                except Exception as error:  # it costs itself, whatever it is
                    self._reader.lose(record, error)

    def _is_ours(self, record: Resource, is_read: bool) -> bool:
        subject = record.subject
        if record.patient is None and record.contained is None:  # quickly, what most charts hold
            if subject is None and type(record) is fhir.Patient and record.id == self.patient_id:
                return True
            if subject is not None and subject.reference in self._ours and subject.type in PATIENT_TYPES:
                return True  # all records of a chart are written in the same way
        # a Medication is nobody's by nature: what is prescribed refers to it
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
        self.patient = record

    def _take_encounter(self, record: fhir.Encounter) -> None:
        kinds = record.encounterClass
        kind = kinds[0] if isinstance(kinds, list) and kinds else kinds
        self.encounter_class = None if kind is None or isinstance(kind, list) else kind.code

    def _take_condition(self, record: fhir.Condition) -> None:
        keys = self._record_codes.keys(record, record.code, "condition")
        if not keys or not self._holds(record):
            return
        when = self._reader.first(record.onsetDateTime, *ends(record.onsetPeriod)[1:], record.recordedDate)
        coded = codings(CODE.read(record.code, record, []))  # what cannot be read of it has been counted
        problem = Problem(
            reference=reference(record),
            when=self._reader.dated(record, when, "onset"),
            side=together(self._codes.side_of(coded)).or_else(self._codes.side(record.bodySite)),
            text=VALUE_SETS[min(keys)].name,
            keys=keys,
        )
        for key in keys:
            self.problems[key].append(problem)

    def _holds(self, record: fhir.Condition | fhir.AllergyIntolerance, active: frozenset[str] = ACTIVE) -> bool:
        """Whether it is so, and still: active by its status, and not refuted."""
        verification = VERIFICATION_STATUS.read(record.verificationStatus, record, self._reader.defects)
        status = CLINICAL_STATUS.read(record.clinicalStatus, record, self._reader.defects)
        return is_active(status, active) and not is_untrue(verification)

    def _take_observation(self, record: fhir.Observation) -> None:
        if record.component is None and not self._record_codes.meanings(record, record.code):
            return  # nearly every Observation of a chart: nothing that a rule reads
        if record.status in VOID_OBSERVATION:
            return
        for meaning, valued in self._meanings(record):
            domain = meaning.key.partition(".")[0]
            if domain == "lesion":
                keys, side = self._lesion_sides.get(reference(record), (set(), Side.UNKNOWN))
                site = together((side, self._codes.side(record.bodySite)))
                self._lesion_sides[reference(record)] = keys | {meaning.key}, site
            elif domain == "observation":
                self.readings.add(meaning, record, valued)

    def _meanings(self, record: fhir.Observation) -> Iterator[tuple[Meaning, Valued]]:
        for valued in (record, *(record.component or ())):
            for meaning in self._record_codes.meanings(record, valued.code):
                yield meaning, valued

    def _take_request(self, record: fhir.ServiceRequest) -> None:
        keys = self._record_codes.keys(record, record.code, "order")
        if not keys and record.codeCodeableConcept is not NOTHING:
            keys = self._record_codes.keys(record, record.codeCodeableConcept, "order")
        if not keys or record.doNotPerform:
            return
        when = self._reader.first(record.authoredOn, *_occurrence(record))
        order = Order(
            reference=reference(record),
            when=self._reader.dated(record, when, "authoredOn"),
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
            "reason.refusal" in self._codes.keys(reason, "reason") or "declined" in (reason.text or "").lower()
            for reason in reasons
        )

    def _take_procedure(self, record: fhir.Procedure) -> None:
        keys = self._record_codes.keys(record, record.code, "procedure")
        if not keys or record.status != "completed":
            return
        when = self._reader.first(record.performedDateTime, *ends(record.performedPeriod))
        procedure = Procedure(
            reference=reference(record),
            when=self._reader.dated(record, when, "performed"),
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
            key for concept in concepts for domain in ("device", "order") for key in self._codes.keys(concept, domain)
        )
        said = {
            VALUE_SETS["device.mr-safety"].meanings.get(meaning.code, "unknown")
            for safety in record.safety or []
            for meaning in self._codes.meanings(safety)
            if meaning.key == "device.mr-safety"
        }
        safety = next((level for level in _WORST_SAFETY if level in said), "unknown")
        if keys or safety == "unsafe":
            name = VALUE_SETS[keys[0]].name if keys else next(iter(texts(concepts)), "implanted device")
            self.implants.append(Implant(reference=reference(record), text=name, keys=keys, safety=safety))

    def _keep_report(self, record: fhir.DiagnosticReport) -> None:
        keys = self._record_codes.keys(record, record.code, "report") if record.status in _FINAL_REPORT else ()
        if keys:
            self._reports.append((record, keys))

    def _keep_medicine(self, record: fhir.MedicationRequest) -> None:
        if record.status == "active" and not record.doNotPerform:
            self._medicines.append(record)

    def _keep_medication(self, record: fhir.Medication) -> None:
        if record.id:
            self._medications[record.id] = record

    def _take_allergy(self, record: fhir.AllergyIntolerance) -> None:
        if not self._holds(record, ACTIVE_ALLERGY):
            return
        keys = (*self._codes.keys(record.code, "allergy"), *medicine_keys(record.code, self._codes))
        if keys:
            name = medicine_name(record.code)
            self.allergies.append(Allergy(reference=reference(record), text=f"Allergy: {name}", keys=keys))


def _another(record: Resource) -> str:
    if isinstance(record, fhir.Patient):
        return "the Patient is not the one in context.patientId"
    what = "record" if isinstance(record, fhir.Other) else record.resourceType
    return f"a {what} belongs to a patient other than context.patientId"


def _kind_of_problem(problem: Problem) -> list[Hashable]:
    return [(problem.side, clocked(problem))]


def _kinds_of_report(report: Report) -> list[Hashable]:
    return [(lesion, clocked(report)) for lesion in report.lesions or ("",)]


def _kind_of_order(order: Order) -> list[Hashable]:
    """What of an order, beside its key and date, decides what it answers."""
    urgency = order.priority if order.priority in ("stat", "asap", "urgent") else ""
    return [(order.is_pending, order.is_placed, order.declined, urgency, clocked(order))]


def _kind_of_procedure(procedure: Procedure) -> list[Hashable]:
    return [clocked(procedure)]


def priority(record: fhir.ServiceRequest | fhir.MedicationRequest) -> str | None:
    """A request's priority code; None when it has none, which means routine."""
    return record.priority.strip().lower() if isinstance(record.priority, str) else None


def _occurrence(record: fhir.ServiceRequest) -> tuple[str | None, str | None]:
    return record.occurrenceDateTime, ends(record.occurrencePeriod)[1]


# Of these, one whose code means nothing says nothing, but for the components of an Observation.
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
    fhir.AllergyIntolerance: Extraction._take_allergy,
}
