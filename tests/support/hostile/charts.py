"""Hostile shapes of charts: many records of one kind, or of several kinds that rules compare with each other."""

from __future__ import annotations

from typing import Any

from tests.support.hostile.growing import HOLE, MOMENT, NUMBER, Json, Shape, inside, listed, many, record


def _seen(code: str, value: object, *, when: str = MOMENT, side: str | None = None) -> Json:
    """A reading at its own moment, or at `when`; without a date when that is empty."""
    one = record("observations", code=code, value=value, daysAgo=1, side=side)
    one.pop("effectiveDateTime")
    return one | ({"effectiveDateTime": when} if when else {})


def _coded(code: str, *, when: str = MOMENT, **fact: Any) -> Json:
    one = record("conditions", code=code, onsetDaysAgo=1, **fact)
    one.pop("onsetDateTime", None)
    return one | ({"onsetDateTime": when} if when else {})


def _ordered(code: str, *, when: str = MOMENT, **fact: Any) -> Json:
    return record("serviceRequests", code=code, daysAgo=1, **fact) | {"authoredOn": when}


def _reported(code: str, *, when: str = MOMENT, **fact: Any) -> Json:
    return record("reports", code=code, daysAgo=1, **fact) | {"effectiveDateTime": when}


DAY, LAST_MONTH, OLD = "2026-03-01", "2026-02-10", "2025-01-01"
DROP = "mrc-ankle-dorsiflexion"
GRADE_2, GRADE_4 = _seen(DROP, 2, side="left"), _seen(DROP, 4, side="left")
REFUSED = _ordered("mri-lumbar", status="revoked", reason="patient-declined")
LESION = _reported("mri-lumbar", lesion="l5-root-compression", lesionSide="left")
OTHER_SIDE = _reported("mri-lumbar", lesion="l5-root-compression", lesionSide="right")
RESULT = {"reference": f"Observation/ob{NUMBER}"}
PART: Json = {key: GRADE_2[key] for key in ("code", *(key for key in GRADE_2 if key.startswith("value")))}
STRANGE: Json = {"system": "http://snomed.info/sct", "code": f"x{NUMBER}"}


def _all(key: str, *templates: Json) -> Shape:
    return Shape(((key, many(*templates)),))


SHAPES: dict[str, Shape] = {
    # One kind
    "codes of foot drop": _all("conditions", _coded("foot-drop", side="left"), _coded("foot-drop")),
    "undated codes of foot drop": _all("conditions", _coded("foot-drop", side="right", when="")),
    "strange conditions": _all("conditions", _coded("foot-drop") | {"code": {"coding": [STRANGE]}}),
    "radicular pains": _all("conditions", _coded("radicular-pain", side="left"), _coded("back-pain")),
    "cancers with back pain": _all("conditions", _coded("cancer-active"), _coded("back-pain")),
    "cauda equina syndromes": _all("conditions", _coded("cauda-equina-syndrome"), _coded("bladder-dysfunction")),
    "strokes": _all("conditions", _coded("stroke-leg-weakness", side="left", when=OLD)),
    "spinal injuries": _all("conditions", _coded("spinal-cord-injury"), _coded("spinal-trauma-suspected")),
    "neuropathies": _all("conditions", _coded("polyneuropathy", when=OLD), _coded("peroneal-neuropathy")),
    "grades": _all("observations", GRADE_2, GRADE_4, _seen(DROP, 3, side="right")),
    "grades of one moment": _all("observations", _seen(DROP, 2, when=f"{DAY}T08:00:00Z", side="left")),
    "grades of one day": _all("observations", _seen(DROP, 4, when=DAY, side="left"), _seen(DROP, 2, when=DAY)),
    "undated grades": _all("observations", _seen(DROP, 2, when="", side="left")),
    "other muscles": _all("observations", _seen("mrc-inversion", 4, side="left"), _seen("mrc-hip-abduction", 5)),
    "signs": _all("observations", _seen("babinski", "present"), _seen("clonus", "absent"), _seen("slr", "present")),
    "undated signs": _all("observations", _seen("saddle-sensation", "reduced", when="")),
    "answers about walking": _all("observations", _seen("ambulatory", "yes"), _seen("ambulatory", "no")),
    "kidneys": _all("observations", _seen("egfr", 40), _seen("creatinine", 1.4), _seen("body-weight", 71)),
    "pressures": _all("observations", _seen("sbp", 121), _seen("dbp", 78), _seen("map", 90)),
    "readings without value": _all("observations", _seen(DROP, None)),
    "components": Shape((("observations", inside(GRADE_2 | {"component": HOLE}, listed(PART))),)),
    "reports": _all("reports", _reported("mri-lumbar", when=LAST_MONTH), _reported("ct-lumbar")),
    "lesions": _all("reports", LESION, OTHER_SIDE),
    "reports of nerves": _all("reports", _reported("emg-ncs", finding="common-peroneal-neuropathy-fibular-head")),
    "orders": _all("orders", _ordered("mri-lumbar"), _ordered("emg-ncs"), _ordered("spine-surgery-consult")),
    "orders of something else": _all("orders", _ordered("emg-ncs") | {"code": {"coding": [STRANGE]}}),
    "refusals": _all("orders", REFUSED, _ordered("spine-surgery-consult", status="revoked", reason="patient-declined")),
    "orders of a device": _all("deviceOrders", record("deviceRequests", code="afo", daysAgo=900, status="completed")),
    "implants": _all(
        "devices",
        record("devices", code="cardiac-pacemaker", mrSafety="conditional"),
        record("devices", code="cardiac-pacemaker"),
    ),
    "operations": _all("procedures", record("procedures", code="lumbar-decompression", daysAgo=400)),
    "medicines": _all(
        "medications", record("medications", code="oxycodone"), record("medications", code="ibuprofen")
    ),
    "allergies": _all("allergies", record("allergies", code="ibuprofen"), record("allergies", code="gabapentin")),
    # Several, which rules compare with each other
    "lesions, refusals and grades": Shape((
        ("reports", many(_reported("mri-lumbar", lesion="l5-root-compression", when=LAST_MONTH))),
        ("orders", many(_ordered("spine-surgery-consult", status="revoked", reason="patient-declined"))),
        ("observations", many(GRADE_2, GRADE_4)),
    )),
    "refusals and grades": Shape((("orders", many(REFUSED)), ("observations", many(GRADE_2, GRADE_4)))),
    "reports and grades": Shape((
        ("reports", many(_reported("mri-lumbar"))),
        ("observations", many(GRADE_2, GRADE_4)),
    )),
    "orders and reports": Shape((
        ("orders", many(_ordered("mri-lumbar", status="completed"))),
        ("reports", many(_reported("mri-lumbar", when=OLD))),
    )),
    "lesions and consults": Shape((
        ("reports", many(_reported("mri-lumbar", lesion="cauda-equina-compression"))),
        ("orders", many(_ordered("spine-surgery-consult", status="draft", priority="routine"))),
    )),
    "lesions and operations": Shape((
        ("reports", many(LESION)),
        ("procedures", many(record("procedures", code="lumbar-decompression", daysAgo=400))),
    )),
    "operations and grades": Shape((
        ("procedures", many(record("procedures", code="lumbar-decompression", daysAgo=3))),
        ("observations", many(_seen(DROP, 2, when=f"{LAST_MONTH}T08:00:00Z", side="left"))),
    )),
    "chronic codes and answers": Shape((
        ("conditions", many(_coded("bladder-dysfunction", when="2026-02-01"), _coded("saddle-sensory-loss", when=OLD))),
        ("observations", many(_seen("bladder-dysfunction", "absent", when="2025-06-01"))),
    )),
    "injuries and reports": Shape((
        ("conditions", many(_coded("spinal-trauma-suspected"))),
        ("reports", many(_reported("ct-lumbar", when=OLD))),
        ("orders", many(_ordered("mri-lumbar", status="completed", when=OLD))),
    )),
    "codes and grades of full strength": Shape((
        ("conditions", many(_coded("foot-drop", side="right"))),
        ("observations", many(_seen(DROP, 5, side="right"))),
    )),
    "results of one report": Shape((
        ("reports", inside(LESION | {"result": HOLE}, listed(RESULT))),
        ("observations", many(_seen(DROP, 2) | {"code": LESION["conclusionCode"][0]})),
    )),
    "conclusions and results of one report": Shape((
        ("reports", inside(LESION | {"conclusionCode": HOLE}, listed(LESION["conclusionCode"][0]))),
        ("reports", inside(LESION | {"result": HOLE}, listed(*LESION["result"]))),
    )),
    "contained in one report": Shape((
        ("reports", inside(LESION | {"contained": HOLE}, listed(LESION["contained"][0] | {"id": f"c{NUMBER}"}))),
    )),
}  # fmt: skip
