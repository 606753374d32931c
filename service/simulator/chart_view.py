"""The chart as an EHR displays it: problems, examination by side, results, orders, reports and medicines."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from msgspec import Struct, field

from service.simulator import elements
from service.simulator.elements import Json
from service.simulator.pictures import Pictures, pictures

_ENCOUNTERS = {
    "AMB": "Outpatient",
    "EMER": "Emergency department",
    "IMP": "Inpatient",
    "ACUTE": "Inpatient, acute",
    "NONAC": "Inpatient",
    "OBSENC": "Observation",
}
_ORDERED = ("ServiceRequest", "DeviceRequest", "Communication")
_PRESCRIBED = ("MedicationRequest", "MedicationStatement")
_OPEN = frozenset({"draft", "active", "on-hold"})
_DRAFTED = "drafted, not signed"  # a draft does not answer a critical card (D100)


class Row(Struct):
    """One line of a section: what, on which side, when, and in what state."""

    reference: str
    name: str
    side: str
    moment: str
    date: str
    ago: str
    state: str
    note: str = ""
    priority: str = ""
    is_open: bool = False
    is_reading: bool = False
    is_changed: bool = False


class Reading(Struct):
    """The newest value of one finding on one side, and the earlier ones."""

    value: str
    date: str
    ago: str
    is_changed: bool
    earlier: list[str] = field(default_factory=list)


class Finding(Struct):
    """One examination finding: its readings by side. The key is empty if no side is stated."""

    name: str
    sides: dict[str, Reading] = field(default_factory=dict)


class Banner(Struct):
    """Who the patient is."""

    name: str
    identity: str
    age: str
    sex: str
    born: str
    encounter: str
    allergies: str


class ChartView(Struct):
    """Everything that the chart page shows of a patient; `unread` are the resource types that could not be read."""

    banner: Banner
    problems: list[Row]
    findings: list[Finding]
    results: list[Row]
    orders: list[Row]
    reports: list[Row]
    medicines: list[Row]
    others: list[Row]
    pictures: Pictures | None = None
    unread: frozenset[str] = frozenset()

    def lacks(self, *kinds: str) -> bool:
        """Whether some of these resource types could not be read: if none is shown, that then means nothing."""
        return not self.unread.isdisjoint(kinds)


def chart_view(records: Iterable[Json], changed: Iterable[str], today: date, unread: Iterable[str] = ()) -> ChartView:
    """The records, newest first in each section; `changed` holds the references of those that just changed."""
    records = [record for record in records if isinstance(record, dict)]
    marked, lacking = frozenset(changed), frozenset(unread)

    def rows(*kinds: str) -> list[Row]:
        chosen = [record for record in records if record.get("resourceType") in kinds]
        return [_row(record, marked, today) for record in _newest(chosen)]

    observed = [record for record in records if record.get("resourceType") == "Observation"]
    measured = [record for record in observed if not elements.is_exam(record)]
    return ChartView(
        banner=_banner(records, today),
        problems=rows("Condition"),
        findings=_findings(filter(elements.is_exam, observed), marked, today),
        results=[_row(record, marked, today) for record in _newest(measured)],
        orders=rows(*_ORDERED),
        reports=rows("DiagnosticReport"),
        medicines=rows(*_PRESCRIBED),
        others=rows("Device", "Procedure"),
        pictures=pictures(records, today) if "Observation" not in lacking else None,
        unread=lacking,
    )


def _newest(records: list[Json]) -> list[Json]:
    return sorted(records, key=lambda record: elements.when(record)[:19], reverse=True)


def _reference(record: Json) -> str:
    return f"{record.get('resourceType')}/{record.get('id')}"


def _row(record: Json, changed: frozenset[str], today: date) -> Row:
    moment = elements.when(record)
    status = elements.text(record.get("status"))
    kind = record["resourceType"]
    state = elements.words(record.get("clinicalStatus")) if kind == "Condition" else status
    state = "" if state == "final" else state  # nearly every result is final
    is_request = kind in (*_ORDERED, *_PRESCRIBED)
    state = _DRAFTED if is_request and status == "draft" else state
    return Row(
        reference=_reference(record),
        name=elements.name(record),
        side=elements.side(record),
        moment=moment,
        date=elements.shown_date(moment),
        ago=elements.ago(moment, today),
        state=state,
        note=_note(record),
        priority=elements.text(record.get("priority")),
        is_open=is_request and status in _OPEN,
        is_reading=kind == "Observation",
        is_changed=_reference(record) in changed,
    )


def _note(record: Json) -> str:
    match record.get("resourceType"):
        case "Observation":
            return elements.value(record)
        case "DiagnosticReport":
            conclusion = elements.text(record.get("conclusion"))
            return conclusion or elements.words(record.get("conclusionCode"))
        case "MedicationRequest" | "MedicationStatement":
            return elements.dose(record)
        case "Communication":
            return elements.text(elements.at(record, "payload", "contentString"))
        case "DeviceRequest":
            return elements.words(elements.at(record, "parameter", "valueCodeableConcept"))
        case _:
            return ""


def _findings(observed: Iterable[Json], changed: frozenset[str], today: date) -> list[Finding]:
    findings: dict[str, Finding] = {}
    for record in _newest(list(observed)):
        name = elements.name(record).removeprefix("MRC grade, ")
        finding = findings.setdefault(name, Finding(name[:1].upper() + name[1:]))
        side, moment = elements.side(record), elements.when(record)
        day, value = elements.shown_date(moment), elements.value(record)
        if side in finding.sides:
            finding.sides[side].earlier.append(f"{value} on {day}")
        else:
            is_changed = _reference(record) in changed
            finding.sides[side] = Reading(value, day, elements.ago(moment, today), is_changed)
    return sorted(findings.values(), key=lambda finding: not _is_strength(finding))  # strength first


def _is_strength(finding: Finding) -> bool:
    return any("/5" in reading.value for reading in finding.sides.values())


def _banner(records: list[Json], today: date) -> Banner:
    def first(kind: str) -> Json:
        return next((record for record in records if record.get("resourceType") == kind), {})

    patient, encounter = first("Patient"), first("Encounter")
    setting = elements.text(elements.at(encounter, "class", "code"))
    allergies = [elements.name(record) for record in records if record.get("resourceType") == "AllergyIntolerance"]
    return Banner(
        name=elements.person(patient) or "No name",
        identity=elements.text(patient.get("id")),
        age=elements.age(patient, today),
        sex=elements.text(patient.get("gender")) or "sex unknown",
        born=elements.shown_date(elements.text(patient.get("birthDate"))) or "unknown",
        encounter=_ENCOUNTERS.get(setting, setting) or "No encounter",
        allergies=", ".join(allergies),
    )
