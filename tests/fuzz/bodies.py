"""The requests that are mutated: the examples of every hook, odd records, and eight small ones for every path."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from cards.record.chart import BUILT_IN_CODES
from cards.rule_book import rule_book
from service.examples import load, names
from service.fhir.templates import templates
from tests.fuzz.values import PATIENT
from tests.support import odd_records, vignettes
from tests.support.patients import FOOT_DROP, NOW

Json = dict[str, Any]

SMALL = [
    "cauda-equina-compression-on-mri",
    "stable-spine-inpatient",
    "sudden-foot-drop",
    "gabapentin-chosen-for-sciatica",
    "mri-for-unsafe-pacemaker",
    "lumbar-mri-with-cord-signs",
    "foot-drop-added-despite-full-strength",
]


@cache
def requests() -> dict[str, Json]:
    """Every request by its name, all of one patient."""
    all_of_them = {name: _ours(load(name).at(NOW).request) for name in names()}
    for file in odd_records.files():
        case = odd_records.read(file)
        hook = case["request"]["hook"]
        asked = odd_records.request(case, templates(rule_book().read_by(hook), BUILT_IN_CODES), NOW)
        all_of_them[file] = _ours(asked)
    return all_of_them


def eight() -> list[tuple[str, Json]]:
    """A small request of each hook, and three more."""
    discharge = vignettes.request(FOOT_DROP, "encounter-discharge", NOW)
    return [*((name, requests()[name]) for name in SMALL), ("foot drop at discharge", _ours(discharge))]


def _ours(request: Json) -> Json:
    """The request with a patient whose id is not part of any other word."""
    identity = request["context"]["patientId"].rpartition("/")[2]
    text = json.dumps(request)
    text = text.replace(f'"{identity}"', f'"{PATIENT}"').replace(f'Patient/{identity}"', f'Patient/{PATIENT}"')
    ours: Json = json.loads(text)
    return ours
