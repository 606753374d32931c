"""Hostile shapes of texts and lists inside one record: endless blanks, digits, quotes and labels."""

from __future__ import annotations

from tests.support.hostile.charts import GRADE_2, LESION, REFUSED
from tests.support.hostile.drafts import GABAPENTIN, POINTING
from tests.support.hostile.growing import HOLE, NUMBER, Grow, Json, Shape, inside, listed, long, many, record

_STRANGE = {"system": "http://snomed.info/sct", "code": f"x{NUMBER}", "display": "x"}
_ICD = "http://hl7.org/fhir/sid/icd-10-cm"
_DROP, _DEVICE = record("conditions", code="foot-drop"), record("devices", code="cardiac-pacemaker")
_BARE: Json = {key: value for key, value in GRADE_2.items() if not key.startswith("value")}
_ALLERGY = record("allergies", code="ibuprofen")
_SIGN = record("observations", code="babinski", value="present")


def _in(key: str, template: Json, grow: Grow, hook: str = "patient-view") -> Shape:
    return Shape(((key, inside(template, grow)),), hook)


def _words(grow: Grow) -> Shape:
    return _in("medications", POINTING | {"medicationCodeableConcept": {"text": HOLE}}, grow)


def _coded(grow: Grow, key: str = "conditions", template: Json = _DROP, member: str = "code") -> Shape:
    return _in(key, template | {member: {"coding": HOLE}}, grow)


SHAPES: dict[str, Shape] = {
    # One text
    "a grade of blanks": _in("observations", _BARE | {"valueString": HOLE}, long(" ", "4", "x")),
    "a grade after blanks": _in("observations", _BARE | {"valueString": HOLE}, long(" ")),
    "a grade of digits": _in("observations", _BARE | {"valueString": HOLE}, long("4")),
    "a grade of signs": _in("observations", _BARE | {"valueString": HOLE}, long("4 - / 5 ")),
    "a date of blanks": _in("observations", GRADE_2 | {"effectiveDateTime": HOLE}, long(" ")),
    "a date of digits": _in("observations", GRADE_2 | {"effectiveDateTime": HOLE}, long("1", "2026-02-01T10:00:00.")),
    "a unit of blanks": _in("observations", _BARE | {"valueQuantity": {"value": 2, "code": HOLE}}, long(" ")),
    "a name of blanks": _words(long(" ")),
    "a name of letters": _words(long("a")),
    "a name of names": _words(long("ibuprofen ")),
    "a name of halves": _words(long("methylene ")),
    "a name of marks": _words(long("\u202e\u0301")),
    "a name beside an allergy": _in("allergies", _ALLERGY | {"code": {"text": HOLE}}, long("aspirin* ")),
    "a code of blanks": _coded(lambda room: f'[{{"system":"{_ICD}","code":{long(" ")(room)}}}]'),
    "a code of letters": _coded(lambda room: f'[{{"system":"{_ICD}","code":{long("C")(room)}}}]'),
    "a system of blanks": _coded(lambda room: f'[{{"code":"C61","system":{long(" ")(room)}}}]'),
    "a conclusion of quotes": _in("reports", LESION | {"conclusion": HOLE}, long('"')),
    "a conclusion of backslashes": _in("reports", LESION | {"conclusion": HOLE}, long("\\")),
    "a conclusion of labels": _in("reports", LESION | {"conclusion": HOLE}, long("www.[x](http://x)<b>")),
    "a reference of slashes": _in("reports", LESION | {"result": [{"reference": HOLE}]}, long("/")),
    "a pointer of slashes": _in("medications", POINTING | {"medicationReference": {"reference": HOLE}}, long("/")),
    "an implant of words": _in("devices", _DEVICE | {"type": {"text": HOLE}}, long("device ")),
    "an id of letters": _in("observations", GRADE_2 | {"id": HOLE}, long("a")),
    "a birth date of blanks": Shape((("prefetch.patient.birthDate", long(" ")),)),
    "a class of blanks": Shape((("prefetch.encounter.class.code", long(" ")),)),
    "a user of letters": Shape((("context.userId", long("Practitioner/")),)),
    "an encounter of letters": Shape((("context.encounterId", long("e")),)),
    "an instance of letters": Shape((("hookInstance", long("i")),)),
    "a narrative": _in("conditions", _DROP | {"text": {"status": "generated", "div": HOLE}}, long("words ")),
    "a draft of words": _in(
        "draftOrders", GABAPENTIN | {"medicationCodeableConcept": {"text": HOLE}}, long("gabapentin "), "order-sign"
    ),
    "a draft dated with blanks": _in("draftOrders", GABAPENTIN | {"authoredOn": HOLE}, long(" "), "order-sign"),
    # Many texts
    "grades of blanks": Shape((("observations", many(_BARE | {"valueString": "4" + " " * 900 + f"x{NUMBER}"})),)),
    "names of blanks": Shape((
        ("medications", many(POINTING | {"medicationCodeableConcept": {"text": f"{NUMBER} ibupro" + " " * 900}})),
    )),
    # One list
    "codings": _coded(listed(_STRANGE)),
    "codings of cancer": _coded(listed({"system": _ICD, "code": f"C{NUMBER}"})),
    "codings of an order": _coded(listed(_STRANGE), "orders", REFUSED),
    "codings of a medicine": _coded(listed(_STRANGE), "medications", POINTING, "medicationCodeableConcept"),
    "codings of a site": _coded(listed(_STRANGE), "observations", GRADE_2, "bodySite"),
    "sites": _in("observations", GRADE_2 | {"bodySite": HOLE}, listed({"coding": [_STRANGE]})),
    "interpretations": _in(
        "observations",
        {key: value for key, value in _SIGN.items() if not key.startswith("value")} | {"interpretation": HOLE},
        listed({"coding": [_STRANGE]}),
    ),
    "extensions": _in(
        "orders", REFUSED | {"extension": HOLE}, listed({"url": "x", "valueCodeableConcept": {"text": f"x{NUMBER}"}})
    ),
    "reasons": _in("orders", REFUSED | {"reasonCode": HOLE}, listed({"text": f"not declared {NUMBER}"})),
    "statuses": _coded(listed({"code": f"s{NUMBER}"}), "conditions", _DROP, "clinicalStatus"),
    "safeties": _in("devices", _DEVICE | {"safety": HOLE}, listed({"coding": [_STRANGE]})),
    "types of a device": _in("devices", _DEVICE | {"type": HOLE}, listed(_DEVICE["type"])),
    "conclusion codes": _in("reports", LESION | {"conclusionCode": HOLE}, listed({"coding": [_STRANGE]})),
    "links of a patient": Shape((("prefetch.patient.link", listed({"type": "seealso"})),)),
}  # fmt: skip
