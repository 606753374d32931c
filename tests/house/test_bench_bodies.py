"""The benchmarks' bodies: they hold what they claim, and the service answers them as the benchmarks expect."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.bench import bodies
from tests.support.patients import NOW

CARDS = ["lumbar-mri", "afo", "emg-ncs"]  # among them, whatever other rules say


def _cards(client: FlaskClient, body: bytes) -> list[str]:
    answer = client.post("/cds-services/foot-drop-patient-view", data=body, content_type="application/json")
    assert answer.status_code == 200
    cards: list[dict[str, Any]] = answer.get_json()["cards"]
    return [card["source"]["topic"]["code"] for card in cards]


@pytest.mark.parametrize("foot_drop", [False, True])
@pytest.mark.parametrize("size", bodies.SIZES)
def test_a_body_has_its_size_and_its_answer(client: FlaskClient, size: int, foot_drop: bool) -> None:
    body = bodies.body(size, NOW, foot_drop=foot_drop)
    assert sum(1 for _ in bodies.resources_of(json.loads(body))) == size
    assert len(body) / size == pytest.approx(bodies.BYTES_A_RESOURCE, rel=0.08)
    cards = _cards(client, body)
    assert [card for card in cards if card in CARDS] == (CARDS if foot_drop else [])
    assert bool(cards) is foot_drop


def test_the_same_size_and_moment_give_the_same_bytes() -> None:
    assert bodies.body(100, NOW, foot_drop=True) == bodies.body(100, NOW, foot_drop=True)
