"""Whose is it? Every shape of a subject, in every kind of record and in drafts, through HTTP."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tests.support import vignettes
from tests.support.fhir_server import FhirServer
from tests.support.patients import FOOT_DROP, NOTHING, NOW, Ask
from tests.support.sampling import one_in
from tests.support.whose_shapes import ANOTHERS, INNER, NOBODYS, OURS, SHAPES, UNSTATED, written

Json = dict[str, Any]

_ACTIVE = {"clinical": "active", "verification": "confirmed"}
_DROP = {"code": "foot-drop", "side": "right", "onsetDaysAgo": 3, **_ACTIVE}
_PAIN = {"code": "back-pain", "onsetDaysAgo": 9, **_ACTIVE}
_WEAK = {"code": "mrc-ankle-dorsiflexion", "value": 2, "daysAgo": 1, "side": "right"}
_SADDLE = {"code": "saddle-sensation", "value": "reduced", "daysAgo": 0}
_INJURED = {"conditions": [_DROP, {"code": "spinal-cord-injury", "onsetDaysAgo": 1, **_ACTIVE}]}
_STABLE = {"observations": [{"code": "spine-stability", "value": "stable", "daysAgo": 0}]}
_NAPROXEN = {"draftOrders": [{"id": "d1", "resourceType": "MedicationRequest", "code": "naproxen"}]}
_WARFARIN = {"medications": [{"code": "anticoagulant"}]}

# prefetch key: the hook, and facts of which the one record of that key changes the cards
RECORDS: dict[str, tuple[str, Json]] = {
    "conditions": ("patient-view", {"conditions": [_DROP]}),
    "observations": ("patient-view", {"observations": [_WEAK]}),
    "reports": ("patient-view", FOOT_DROP | {"reports": [{"code": "mri-lumbar", "daysAgo": 1, "lesions": []}]}),
    "orders": ("patient-view", FOOT_DROP | {"serviceRequests": [{"code": "mri-lumbar", "daysAgo": 1}]}),
    "deviceOrders": ("patient-view", FOOT_DROP | {"deviceRequests": [{"code": "afo", "daysAgo": 1}]}),
    "devices": ("patient-view", FOOT_DROP | {"devices": [{"code": "cardiac-pacemaker"}]}),
    "procedures": ("patient-view", FOOT_DROP | {"procedures": [{"code": "lumbar-decompression", "daysAgo": 1}]}),
    "medications": ("order-sign", FOOT_DROP | _NAPROXEN | _WARFARIN),
    "allergies": ("order-sign", FOOT_DROP | _NAPROXEN | {"allergies": [{"code": "naproxen"}]}),
    "encounter": ("patient-view", FOOT_DROP | _INJURED | _STABLE | {"encounter": {"class": "IMP"}}),
}
_READ = ("patient", "encounter")
_SOON = ("conditions", "observations", "medications", "allergies")  # the others take as long, and are no different


def cards(ask: Ask, request: Json) -> list[tuple[str, ...]] | str:
    """What the cards say; or, when the request is refused, whose the refusal says that it is."""
    reply = ask(request)
    if reply.status_code == 422:
        assert "p2" not in reply.text
        return ANOTHERS
    assert reply.status_code == 200, reply.text
    shown = reply.get_json()["cards"]
    return [(card["source"]["topic"]["code"], card["indicator"], card["summary"], card["detail"]) for card in shown]


def holding(request: Json, key: str, *records: Json) -> Json:
    """The request with these records under a prefetch key."""
    entries = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in records]}
    held = (records[0] if records else None) if key in _READ else entries
    return request | {"prefetch": request["prefetch"] | {key: held}}


@pytest.mark.parametrize("key", [key if key in _SOON else pytest.param(key, marks=pytest.mark.long) for key in RECORDS])
def test_a_record_counts_only_if_it_is_ours_and_anothers_refuses_everything(ask: Ask, key: str) -> None:
    hook, facts = RECORDS[key]
    request = vignettes.request(facts, hook, NOW)
    held = request["prefetch"][key]
    (record,) = [held] if key in _READ else [entry["resource"] for entry in held["entry"]]
    with_it, without = cards(ask, request), cards(ask, holding(request, key))
    assert with_it != without, "the record changes the cards"
    answers = {OURS: with_it, NOBODYS: without, UNSTATED: without, ANOTHERS: ANOTHERS}
    asked = [(answer, shape, holding(request, key, written(record, shape))) for answer, shape in SHAPES]
    assert [shape for answer, shape, told in asked if cards(ask, told) != answers[answer]] == []


def test_a_statement_and_a_record_that_no_rule_reads_are_judged_alike(ask: Ask) -> None:
    """Of another's everything is refused, whatever it is; what is ours or nobody's changes nothing here."""
    request = vignettes.request(NOTHING | {"conditions": [_PAIN]}, "patient-view", NOW)
    for kind, key in (("MedicationStatement", "statements"), ("CarePlan", "conditions"), ("Medication", "medications")):
        beside = [entry["resource"] for entry in request["prefetch"][key]["entry"]]
        for answer, shape in SHAPES:
            stranger = written({"resourceType": kind, "id": "s1", "status": "active"}, shape)
            seen = cards(ask, holding(request, key, *beside, stranger))
            assert seen == (ANOTHERS if answer is ANOTHERS else []), (kind, shape)


@pytest.mark.parametrize("identity", [None, "", 5, ["p1"]])
def test_a_patient_without_an_id_is_nobody(ask: Ask, identity: Any) -> None:
    """The age that it states would decide over doses and imaging."""
    request = vignettes.request(FOOT_DROP, "patient-view", NOW)
    unseen = copy.deepcopy(request)
    del unseen["prefetch"]["patient"]
    anyone = request["prefetch"]["patient"] | {"id": identity}
    assert cards(ask, holding(request, "patient", anyone)) == cards(ask, unseen) != cards(ask, request)
    beside = [entry["resource"] for entry in request["prefetch"]["conditions"]["entry"]]
    assert cards(ask, holding(request, "conditions", *beside, anyone)) == cards(ask, request)


@pytest.mark.parametrize("identity", ["p2", "P1", "p1 ", "Patient/p1"])
def test_a_patient_of_another_id_refuses_everything(ask: Ask, identity: str) -> None:
    request = vignettes.request(FOOT_DROP, "patient-view", NOW)
    assert cards(ask, holding(request, "patient", {"resourceType": "Patient", "id": identity})) == ANOTHERS


# ---- drafts ----

_CAUDA = FOOT_DROP | {"observations": [*FOOT_DROP["observations"], _SADDLE]}
_MRI = {"id": "d1", "resourceType": "ServiceRequest", "code": "mri-lumbar", "priority": "routine"}
_KIDNEYS = [{"code": "egfr", "value": 25, "daysAgo": 5}]
_GABAPENTIN = {"id": "d1", "resourceType": "MedicationRequest", "code": "gabapentin", "dailyDoseMg": 3600}
DRAFTS: dict[str, Json] = {
    "another priority": _CAUDA | {"draftOrders": [_MRI]},
    "a lower dose": FOOT_DROP | {"observations": _KIDNEYS, "draftOrders": [_GABAPENTIN]},
}


def updates(ask: Ask, request: Json) -> tuple[list[tuple[str, str]] | str, list[Json]]:
    """What the cards say, or whose the refusal says that they are; and the drafts that are sent back."""
    reply = ask(request)
    if reply.status_code == 422:
        assert "p2" not in reply.text
        return ANOTHERS, []
    assert reply.status_code == 200, reply.text
    shown = reply.get_json()["cards"]
    actions = [action for card in shown for part in card.get("suggestions", ()) for action in part["actions"]]
    echoes = [action["resource"] for action in actions if action["type"] == "update"]
    return [(card["indicator"], card["summary"]) for card in shown], echoes


@pytest.mark.parametrize("facts", DRAFTS.values(), ids=DRAFTS)
@pytest.mark.parametrize("hook", one_in(2, ["order-select", "order-sign"]))
def test_a_draft_is_judged_sent_back_if_it_is_ours_and_refused_if_it_is_anothers(
    ask: Ask, facts: Json, hook: str
) -> None:
    request = vignettes.request(facts, hook, NOW)
    draft = request["context"]["draftOrders"]["entry"][0]["resource"]
    judged, echoes = updates(ask, request)
    assert [echo["id"] for echo in echoes] == ["d1"]
    for answer, shape in SHAPES:
        drafted = {"resourceType": "Bundle", "entry": [{"resource": written(draft, shape)}]}
        seen = updates(ask, request | {"context": request["context"] | {"draftOrders": drafted}})
        if answer is ANOTHERS:
            assert seen[0] == ANOTHERS, shape
            continue
        assert seen[0] == judged, f"judged as ever: {shape}"
        if answer is NOBODYS:
            assert seen[1] == [], shape
        elif not shape.keys() & {"other", "contained"}:  # R4 knows no such element there: what is invalid is not sent
            assert [echo["subject"] for echo in seen[1]] == [shape.get("own") or {"reference": "Patient/p1"}], shape


@pytest.mark.parametrize(
    "beside",
    [
        {"resourceType": "Patient", "id": "p2"},
        {"resourceType": "NutritionOrder", "id": "n1", "patient": {"reference": "Patient/p2"}},
        {"resourceType": "Medication", "id": "m1", "subject": {"reference": "Patient/p2"}},
        {"resourceType": "ServiceRequest", "id": "x", "status": "revoked", "subject": {"reference": "Patient/p2"}},
    ],
)
def test_whatever_stands_beside_a_draft_is_judged_alike(ask: Ask, beside: Json) -> None:
    request = vignettes.request(DRAFTS["another priority"], "order-sign", NOW)
    request["context"]["draftOrders"]["entry"].append({"resource": beside})
    assert updates(ask, request)[0] == ANOTHERS


# ---- a new problem ----


def test_a_new_problem_is_judged_alike(ask: Ask) -> None:
    request = vignettes.request({"newConditions": [_DROP]}, "problem-list-item-create", NOW)
    (entry,) = request["context"]["conditions"]["entry"]
    with_it = cards(ask, request)
    assert with_it != []
    answers = {OURS: with_it, NOBODYS: [], UNSTATED: [], ANOTHERS: ANOTHERS}
    for answer, shape in SHAPES:
        new = {"resourceType": "Bundle", "entry": [{"resource": written(entry["resource"], shape)}]}
        seen = cards(ask, request | {"context": request["context"] | {"conditions": new}})
        assert seen == answers[answer], shape


# ---- the result behind a reported lesion: contained, or read from the FHIR server ----


def lesion_request() -> tuple[Json, Json, Json]:
    """A request, a report of a root lesion on the right that has no result yet, and the result that gives the side."""
    scan = {"code": "mri-lumbar", "daysAgo": 1, "lesion": "root-compression", "lesionSide": "right"}
    request = vignettes.request(FOOT_DROP | {"reports": [scan]}, "patient-view", NOW)
    (report,) = [entry["resource"] for entry in request["prefetch"]["reports"]["entry"]]
    (result,) = report.pop("contained")
    return request, report, result


def test_a_contained_result_gives_the_side_only_if_it_is_ours(ask: Ask) -> None:
    request, report, result = lesion_request()

    def told(*inner: Json) -> Json:
        return holding(request, "reports", report | {"contained": list(inner)})

    with_side, without = cards(ask, told(result)), cards(ask, told())
    assert with_side != without
    answers = {OURS: with_side, NOBODYS: without, UNSTATED: with_side, ANOTHERS: ANOTHERS}
    asked = [(answer, pointer, told(result | {"subject": pointer})) for answer in INNER for pointer in INNER[answer]]
    assert [pointer for answer, pointer, telling in asked if cards(ask, telling) != answers[answer]] == []


@pytest.mark.parametrize(
    ("answer", "subject"),
    [
        (OURS, {"reference": "Patient/p1"}),
        (NOBODYS, None),
        (NOBODYS, {"reference": "Patient/p1", "type": "Group"}),
        (NOBODYS, {"reference": "Patient/other/Patient/p1"}),
        (ANOTHERS, {"reference": "Patient/p2"}),
    ],
)
def test_a_result_from_the_fhir_server_is_judged_alike(ask: Ask, answer: str, subject: Json | None) -> None:
    request, report, result = lesion_request()
    pointed = report | {"result": [{"reference": f"Observation/{result['id']}"}]}
    request = holding(request, "reports", pointed)
    without = cards(ask, request)
    held = [entry["resource"] for entry in request["prefetch"]["observations"]["entry"]]
    answers = {OURS: cards(ask, holding(request, "observations", *held, result)), NOBODYS: without, ANOTHERS: ANOTHERS}
    with FhirServer([result]) as server:
        server.misbehave("Observation", body=json.dumps(result | {"subject": subject}).encode())
        assert cards(ask, request | {"fhirServer": server.base}) == answers[answer]
        assert server.requests
