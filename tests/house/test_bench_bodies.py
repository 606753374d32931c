"""The benchmarks' bodies: they hold what they claim, and the service answers them as the benchmarks expect."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.bench import bodies, shapes
from tests.support.patients import NOW

CARDS = ["lumbar-mri", "afo", "emg-ncs"]  # among others, if other rules add cards


def _cards(client: FlaskClient, body: bytes) -> list[str]:
    answer = client.post("/cds-services/foot-drop-patient-view", data=body, content_type="application/json")
    assert answer.status_code == 200
    cards: list[dict[str, Any]] = answer.get_json()["cards"]
    return [card["source"]["topic"]["code"] for card in cards]


@pytest.mark.parametrize("foot_drop", [False, True])
@pytest.mark.parametrize(
    "size", [pytest.param(size, marks=pytest.mark.long if size == max(bodies.SIZES) else ()) for size in bodies.SIZES]
)
def test_a_body_has_its_size_and_its_answer(client: FlaskClient, size: int, foot_drop: bool) -> None:
    body = bodies.body(size, NOW, foot_drop=foot_drop)
    assert sum(1 for _ in bodies.resources_of(json.loads(body))) == size
    assert len(body) / size == pytest.approx(bodies.BYTES_A_RESOURCE, rel=0.08)
    cards = _cards(client, body)
    assert [card for card in cards if card in CARDS] == (CARDS if foot_drop else [])
    assert bool(cards) is foot_drop


@pytest.mark.parametrize("foot_drop", [False, True])
@pytest.mark.parametrize("shape", shapes.SHAPES)
def test_a_shape_has_about_the_bytes_and_the_answer_of_the_mixed_one(
    client: FlaskClient, shape: str, foot_drop: bool
) -> None:
    body = shapes.body(shape, 200, NOW, foot_drop=foot_drop)
    closely = 0.25 if shape == "laboratory" else 0.08  # results have more bytes than the mixed chart
    assert len(body) / 200 == pytest.approx(bodies.BYTES_A_RESOURCE, rel=closely)
    cards = _cards(client, body)
    assert [card for card in cards if card in CARDS] == (CARDS if foot_drop else [])
    assert bool(cards) is foot_drop


def _resources(shape: str) -> list[dict[str, Any]]:
    return list(bodies.resources_of(json.loads(shapes.body(shape, 1_000, NOW, foot_drop=False))))


def test_a_third_of_the_medicines_shape_are_active_prescriptions() -> None:
    active = [one for one in _resources("medicines") if one.get("status") == "active"]
    names = {one["medicationCodeableConcept"]["text"] for one in active if one["resourceType"] == "MedicationRequest"}
    assert {len(name) for name in names} == {shapes.NAME_LENGTH}
    assert len(names) == pytest.approx(1_000 / 3, rel=0.02)


def test_nine_in_ten_of_the_laboratory_shape_are_observations_of_eighty_codes() -> None:
    observations = [one for one in _resources("laboratory") if one["resourceType"] == "Observation"]
    assert len(observations) == pytest.approx(900, rel=0.02)
    assert len({one["code"]["coding"][0]["code"] for one in observations}) == shapes.CODES
    assert all("referenceRange" in one for one in observations)
    assert sum("component" in one for one in observations) > 80


def test_the_notes_shape_is_reports_and_documents() -> None:
    kinds = [one["resourceType"] for one in _resources("notes")]
    assert min(kinds.count("DiagnosticReport"), kinds.count("DocumentReference")) > 50


def test_the_odd_shape_has_one_unknown_type_and_one_misfit_in_a_hundred() -> None:
    resources = _resources("odd")
    assert [one["resourceType"] for one in resources].count("FamilyMemberHistory") == 1
    assert sum(one.get("status") == 12 for one in resources) == 10


def test_the_same_size_and_moment_give_the_same_bytes() -> None:
    assert bodies.body(100, NOW, foot_drop=True) == bodies.body(100, NOW, foot_drop=True)
