"""Changes to the requests of drawn patients: the same in another order, and records that must change nothing."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC
from random import Random
from typing import Any

from hypothesis import strategies as st

from cards.language.verdict import Card
from cards.record.chart import BUILT_IN_CODES
from cards.value_sets.systems import ICD10CM, LOINC
from service.evaluation import Evaluator
from service.wire.request import read
from tests.support import cases, facts, vignettes
from tests.support.charts import Patient
from tests.support.encodings import Json
from tests.support.facts import MRI, Facts, fact, together

_EVALUATOR = Evaluator(BUILT_IN_CODES, None, UTC, 0.1, cases.NOW)
_SUBJECT = {"subject": {"reference": "Patient/p1"}}
_VOID = ("entered-in-error", "cancelled", "unknown")

# Two medicines of one card, each with its own reason.
TWO_DRAFTS = Patient(
    {
        "patient": {"age": 58, "sex": "female"},
        "conditions": [{"code": "radicular-pain", "side": "right", "onsetDaysAgo": 0}],
        "allergies": [{"code": "gabapentin"}],
        "draftOrders": [
            {"resourceType": "MedicationRequest", "code": "gabapentin", "id": "d0"},
            {"resourceType": "MedicationRequest", "code": "pregabalin", "dailyDoseMg": 601, "id": "d1"},
        ],
    },
    "order-select",
)


def asked(patient: Facts, hook: str, encoding: int | None = None) -> Json:
    """The request about a patient, encoded as plainly as possible, or as drawn from that number."""
    return vignettes.request(patient, hook, cases.NOW, choose=None if encoding is None else Random(encoding))


def decided(request: Json) -> list[tuple[str, Card]]:
    """The cards that a request's own data leads to, by rule id."""
    decision = _EVALUATOR.evaluate(read(json.dumps(request).encode())).decision
    return [(shown.rule.id, shown.card) for shown in decision.shown]


# ---- the same in another order ----


def joined(request: Json, random: Random) -> Json:
    """The request in which some concepts also hold the codings of another record of the same key."""
    request = deepcopy(request)
    for bundle in request["prefetch"].values():
        concepts = [
            code for entry in bundle.get("entry", ()) if (code := entry["resource"].get("code", {})).get("coding")
        ]
        for concept in concepts:
            if random.random() < 0.1:
                concept["coding"] += deepcopy(random.choice(concepts)["coding"])
    return request


def reordered(value: Any, random: Random, *, codings: bool) -> Any:
    """The same JSON with the entries of its Bundles, and if asked the codings of every concept, in another order."""
    lists = ("coding", "bodySite", "interpretation", "component", "contained", "conclusionCode") if codings else ()
    if isinstance(value, dict):
        changed = {name: reordered(each, random, codings=codings) for name, each in value.items()}
        for name in ("entry", *lists):
            if isinstance(changed.get(name), list):
                changed[name] = random.sample(changed[name], len(changed[name]))
        return changed
    return [reordered(each, random, codings=codings) for each in value] if isinstance(value, list) else value


# ---- what changes nothing ----


def _coded(system: str, code: str, display: str) -> Json:
    return {"code": {"coding": [{"system": system, "code": code, "display": display}], "text": display}}


def _unrelated(day: str) -> dict[str, list[Json]]:
    """Records of one day that no rule reads."""
    xray = _coded(LOINC, "24972-2", "XR Lumbar spine Views") | _SUBJECT
    pulse = _coded(LOINC, "8867-4", "Heart rate") | _SUBJECT
    metformin = {"medicationCodeableConcept": {"text": "Metformin 500 mg oral tablet"}, "intent": "order"} | _SUBJECT
    words = {"text": "foot drop, saddle numbness, cannot walk: MRI"}
    return {
        "conditions": [
            {"resourceType": "Condition", "onsetDateTime": day} | _SUBJECT
            | _coded(ICD10CM, "M21.331", "Wrist drop, right wrist"),
            {"resourceType": "Condition", "code": words, "onsetDateTime": day} | _SUBJECT,
        ],
        "observations": [
            {"resourceType": "Observation", "status": "final", "effectiveDateTime": day, "valueInteger": 2} | pulse,
            {"resourceType": "Observation", "status": "final", "effectiveDateTime": day, "code": words} | _SUBJECT,
        ],
        "reports": [{"resourceType": "DiagnosticReport", "status": "final", "effectiveDateTime": day} | xray],
        "orders": [
            {"resourceType": "ServiceRequest", "status": "active", "intent": "order", "priority": "stat",
             "authoredOn": day} | xray,
        ],
        "medications": [{"resourceType": "MedicationRequest", "status": "active"} | metformin],
        "procedures": [{"resourceType": "Procedure", "status": "completed", "performedDateTime": day} | xray],
    }  # fmt: skip


def unrelated() -> st.SearchStrategy[dict[str, list[Json]]]:
    """Some records that no rule reads, by prefetch key."""
    days = st.sampled_from(["2026-03-02T10:00:00Z", "2026-02-20", "2019"])
    every = _unrelated("").items()
    picked = st.fixed_dictionaries({
        key: st.lists(st.integers(0, len(found) - 1), unique=True) for key, found in every
    })  # fmt: skip
    return st.builds(lambda day, chosen: _numbered(_unrelated(day), chosen), days, picked)


def _numbered(found: dict[str, list[Json]], chosen: dict[str, list[int]]) -> dict[str, list[Json]]:
    return {key: [{**found[key][place], "id": f"more-{place}"} for place in places] for key, places in chosen.items()}


_PROBLEMS = ("foot-drop", "cauda-equina-syndrome", "cancer-active", "comfort-care-only", "polyneuropathy",
             "radicular-pain", "spinal-trauma-suspected", "spinal-cord-injury", "retained-metal",
             "pregnancy")  # fmt: skip
_TIMED = (*MRI, "emg-ncs", "spine-surgery-consult")
_FINDINGS = (("mrc-ankle-dorsiflexion", 5), ("mrc-ankle-dorsiflexion", 1), ("mrc-inversion", 5), ("ambulatory", "yes"),
             ("spine-stability", "stable"), ("spine-stability", "unstable"), ("map", 50), ("egfr", 10), ("pain-nrs", 9),
             *((code, answer(code)) for code in (*facts.RED_FLAGS, *facts.UMN_SIGNS, "progression-rapid")
               for answer in (facts.yes, facts.no)))  # fmt: skip


def without_count() -> st.SearchStrategy[Facts]:
    """Some records that do not count, because of their status, a missing date, or an answer that is not an answer."""
    one, sides = st.sampled_from, st.sampled_from(["right", "left", "bilateral", None])
    days = one([0, 1, 5, 20])
    any_finding = one(_FINDINGS)
    void = st.tuples(any_finding, days, sides, one(_VOID)).map(
        lambda d: {"code": d[0][0], "value": d[0][1], "daysAgo": d[1], "side": d[2], "status": d[3]}
    )
    undated = st.tuples(any_finding, sides).map(lambda d: {"code": d[0][0], "value": d[0][1], "side": d[1]})
    signs = one([*facts.RED_FLAGS, *facts.UMN_SIGNS, "slr", "progression-rapid", "ambulatory", "spine-stability"])
    unanswered = st.tuples(signs, days, one(["garbage", None])).map(
        lambda d: {"code": d[0], "value": d[1 + 1], "daysAgo": d[1]}
    )
    observations = st.one_of(void, undated, unanswered).map(lambda found: [("observations", found)])
    over = one(["cancelled", "entered-in-error", "revoked", "unknown"])
    final = one(["mri-lumbar", "mri-whole-spine", "ct-lumbar", "emg-ncs"])
    lesion = one(["l5-root-compression", "cord-compression", None])
    return st.lists(
        st.one_of(
            observations,
            fact("conditions", code=one(_PROBLEMS), side=sides, onsetDaysAgo=days,
                 verification=one(["refuted", "entered-in-error"])),
            fact("conditions", code=one(_PROBLEMS), side=sides, onsetDaysAgo=days,
                 clinical=one(["resolved", "inactive", "remission"])),
            fact("serviceRequests", code=one([*_TIMED, "spinal-precautions", "physiotherapy-referral"]), daysAgo=days,
                 priority="stat", status=over),
            fact("serviceRequests", code=one([*_TIMED, "spinal-precautions"]), daysAgo=days, priority="stat",
                 status=one(["active", "completed"]), doNotPerform=True),
            fact("serviceRequests", code=one(_TIMED), priority="stat", status=one(["active", "completed"])),
            fact("deviceRequests", code="afo", daysAgo=days, status=over),
            fact("reports", code=final, lesion=lesion, daysAgo=days,
                 status=one(["preliminary", "registered", "partial", "cancelled", "entered-in-error"])),
            fact("reports", code=final, lesion=lesion, status="final"),
            fact("procedures", code="lumbar-decompression", daysAgo=days, status=one(["not-done", "in-progress"])),
            fact("procedures", code="lumbar-decompression"),
            fact("devices", code=one(["cardiac-pacemaker", "afo"]), mrSafety="unsafe",
                 status=one(["inactive", "entered-in-error"])),
            fact("medications", code=one(["gabapentin", "oxycodone", "apixaban"]),
                 status=one(["stopped", "cancelled"])),
            fact("allergies", code=one(["gabapentin", "naproxen", "duloxetine"]), verification="refuted"),
            fact("allergies", code=one(["gabapentin", "naproxen", "duloxetine"]), clinical="resolved"),
        ),
        max_size=4,
    ).map(lambda pieces: together(one for piece in pieces for one in piece))  # fmt: skip
