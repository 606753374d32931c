"""Hook requests of any size: a chart as Synthea writes it, without foot drop or with it.

Conditions, procedures and prescriptions are those of tests/data/synthea_10; the other types are written in
the same manner. The same size and moment give the same bytes.
"""

import gzip
import json
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from functools import cache
from itertools import count, cycle, islice
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from cards.value_sets.systems import LOINC
from tests.support import vignettes
from tests.support.places import DATA

Json = dict[str, Any]

SIZES = (10, 100, 1_000, 10_000)
BYTES_A_RESOURCE = 1_200  # including its entry; performance.md measured its floors at 1,150

WITHOUT: Json = {"patient": {"age": 52, "sex": "male"}, "encounter": {"class": "AMB"}}
WITH: Json = WITHOUT | {
    "conditions": [
        {"code": "foot-drop", "clinical": "active", "side": "left", "onsetDaysAgo": 5},
        {"code": "radicular-pain", "clinical": "active", "side": "left", "onsetDaysAgo": 8},
    ],
    "observations": [
        {"code": "mrc-ankle-dorsiflexion", "value": 2, "daysAgo": 0, "side": "left"},
        {"code": "mrc-inversion", "value": 4, "daysAgo": 0, "side": "left"},
        {"code": "ambulatory", "value": "yes", "daysAgo": 0},
    ],
}

_HL7 = "http://terminology.hl7.org/CodeSystem"
_US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition"
_SYNTHEA = DATA / "synthea_10"
SUBJECT = {"reference": "Patient/p1"}
# The types of twenty successive resources; the one Encounter is the request's own.
_ROW = (
    "Observation", "Condition", "Observation", "Procedure", "Observation", "MedicationRequest", "Observation",
    "DiagnosticReport", "Observation", "Procedure", "Observation", "ServiceRequest", "Observation",
    "MedicationRequest", "Observation", "Condition", "Observation", "Procedure", "MedicationRequest",
    "DiagnosticReport",
)  # fmt: skip
_KEYS = {
    "Observation": "observations", "Condition": "conditions", "Procedure": "procedures",
    "MedicationRequest": "medications", "DiagnosticReport": "reports", "ServiceRequest": "orders",
    "DocumentReference": "documents", "FamilyMemberHistory": "observations",
}  # fmt: skip
_BESIDE = frozenset({"FamilyMemberHistory"})  # a type that nobody searched for
# Of fifteen, as in Synthea, rules may read four: weight, blood pressure, pain and creatinine.
_HEIGHT = ("8302-2", "Body height", 176.4, "cm")
_HEART_RATE = ("8867-4", "Heart rate", 71, "/min")
_VITALS = (
    *(_HEIGHT, _HEART_RATE, ("29463-7", "Body weight", 81.3, "kg"), _HEIGHT, _HEART_RATE),
    *(_HEIGHT, ("85354-9", "Blood pressure panel with all children optional", None, "mm[Hg]"), _HEART_RATE),
    *(_HEART_RATE, _HEIGHT, ("72514-3", "Pain severity - 0-10 verbal numeric rating [Score] - Reported", 2, "{score}")),
    *(_HEIGHT, _HEART_RATE, ("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", 0.9, "mg/dL"), _HEIGHT),
)
_PRESSURES = (("8480-6", "Systolic blood pressure", 121), ("8462-4", "Diastolic blood pressure", 78))
_CANCER = '"254837009"'
_LENGTHS = (930, 1_010, 890, 960, 1_040, 950)  # narrative fills a resource, without its entry, to this size
_WORDS = "Recorded at the visit. "


def body(size: int, now: datetime, *, foot_drop: bool, records: Callable[[], Iterator[Json]] | None = None) -> bytes:
    """A patient-view request whose prefetch holds `size` resources, as compact JSON."""
    request = vignettes.request(WITH if foot_drop else WITHOUT, "patient-view", now)
    prefetch = request["prefetch"]
    bundles = {key: value for key, value in prefetch.items() if value["resourceType"] == "Bundle"}
    for one in resources_of(request):
        _dress(one, _LENGTHS[0])
    for one in islice((records or chart)(), size - sum(1 for _ in resources_of(request))):
        address = f"https://ehr.example/fhir/{one['resourceType']}/{one['id']}"
        mode = "include" if one["resourceType"] in _BESIDE else "match"
        entry = {"fullUrl": address, "resource": one, "search": {"mode": mode}}
        key = _KEYS[one["resourceType"]]
        if key not in bundles:
            bundles[key] = prefetch[key] = {"resourceType": "Bundle", "type": "searchset", "entry": []}
        bundles[key]["entry"].append(entry)
    for bundle in bundles.values():
        bundle["total"] = sum(entry.get("search") != {"mode": "include"} for entry in bundle["entry"])
    return _compact(request).encode()


def fewest(now: datetime, *, foot_drop: bool) -> int:
    """How many resources a request has at any size."""
    return sum(1 for _ in resources_of(vignettes.request(WITH if foot_drop else WITHOUT, "patient-view", now)))


def resources_of(request: Json) -> Iterator[Json]:
    """Every resource in the prefetch of a request, without the Bundles around them."""
    for value in request["prefetch"].values():
        if value["resourceType"] == "Bundle":
            yield from (entry["resource"] for entry in value["entry"])
        else:
            yield value


def chart() -> Iterator[Json]:
    """An endless series of resources."""
    lengths = cycle(_LENGTHS)
    of_kind = {kind: cycle(recorded(kind)) for kind in ("Condition", "Procedure", "MedicationRequest")}
    for number, kind in zip(count(), cycle(_ROW)):
        one = dict(next(of_kind[kind])) if kind in of_kind else _WRITTEN[kind](number)
        yield placed(one, number, next(lengths))


def placed(one: Json, number: int, length: int = _LENGTHS[0]) -> Json:
    """A record of the chart with an id, a visit, and narrative to `length` bytes."""
    one["id"] = _identity(one["resourceType"], number)
    one["encounter"] = {"reference": f"Encounter/{_identity('Encounter', number // 20)}"}
    _dress(one, length)
    return one


@cache
def recorded(kind: str) -> tuple[Json, ...]:
    """The records of one type in synthea_10, given to our patient, without the cancer that would change the cards."""
    with gzip.open(_SYNTHEA / f"{kind}.ndjson.gz", "rt", encoding="utf-8") as lines:
        return tuple(json.loads(line) | {"subject": SUBJECT} for line in lines if _CANCER not in line)


def _dress(resource: Json, length: int) -> None:
    """Give a resource the version and narrative that servers add; the narrative fills it to `length` bytes."""
    meta = {"versionId": "1", "lastUpdated": "2025-11-20T08:15:30.123+00:00"}
    resource["meta"] = meta | resource.get("meta", {})
    around = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'
    resource["text"] = {"status": "generated", "div": around.format("")}
    room = max(len(_WORDS), length - len(_compact(resource)))
    resource["text"]["div"] = around.format((_WORDS * (room // len(_WORDS) + 1))[:room])


def _identity(kind: str, number: int) -> str:
    return str(uuid5(NAMESPACE_URL, f"{kind}/{number}"))


def _compact(value: Json) -> str:
    return json.dumps(value, separators=(",", ":"))


def _moment(number: int) -> str:
    return f"{date(2015, 3, 1) + timedelta(days=number * 7 % 3_500)}T10:{number % 60:02}:16-04:00"


def _concept(code: str, display: str) -> Json:
    return {"coding": [{"system": LOINC, "code": code, "display": display}], "text": display}


def quantity(value: float, unit: str) -> Json:
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}


def _category(system: str, code: str, display: str) -> Json:
    return {"coding": [{"system": f"{_HL7}/{system}", "code": code, "display": display}]}


def observation(number: int) -> Json:
    code, display, value, unit = _VITALS[number // 2 % len(_VITALS)]
    observation = {
        "resourceType": "Observation",
        "meta": {"profile": [f"{_US_CORE}/us-core-vital-signs"]},
        "status": "final",
        "category": [_category("observation-category", "vital-signs", "Vital signs")],
        "code": _concept(code, display),
        "subject": SUBJECT,
        "effectiveDateTime": _moment(number),
        "issued": _moment(number).replace("-04:00", ".123-04:00"),
    }
    if value is not None:
        return observation | {"valueQuantity": quantity(value, unit)}
    parts = [
        {"code": _concept(code, display), "valueQuantity": quantity(value, unit)} for code, display, value in _PRESSURES
    ]
    return observation | {"component": parts}


def report(number: int) -> Json:
    results = [{"reference": f"Observation/{_identity('Observation', number - step)}"} for step in (1, 3, 5)]
    return {
        "resourceType": "DiagnosticReport",
        "meta": {"profile": [f"{_US_CORE}/us-core-diagnosticreport-note"]},
        "status": "final",
        "category": [_category("v2-0074", "LAB", "Laboratory")],
        "code": _concept("11488-4", "Consult note"),
        "subject": SUBJECT,
        "effectiveDateTime": _moment(number),
        "issued": _moment(number).replace("-04:00", ".123-04:00"),
        "performer": [{"reference": "Practitioner/d1", "display": "Dr. Marine542 Ai120"}],
        "result": results,
    }


def _order(number: int) -> Json:
    procedures = recorded("Procedure")
    return {
        "resourceType": "ServiceRequest",
        "meta": {"profile": [f"{_US_CORE}/us-core-servicerequest"]},
        "status": "completed",
        "intent": "order",
        "priority": "routine",
        "code": procedures[number % len(procedures)]["code"],
        "subject": SUBJECT,
        "occurrenceDateTime": _moment(number),
        "authoredOn": _moment(number),
        "requester": {"reference": "Practitioner/d1", "display": "Dr. Marine542 Ai120"},
    }


_WRITTEN: dict[str, Callable[[int], Json]] = {
    "Observation": observation,
    "DiagnosticReport": report,
    "ServiceRequest": _order,
}
