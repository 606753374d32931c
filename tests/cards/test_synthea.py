"""Ten synthetic patients whom nobody here made up: none has foot drop, and no card may come for any of them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cards.record.prefetch_keys import PREFETCH_KEYS
from service.hooks import HOOKS
from tests.support.fhir_server import FhirServer
from tests.support.places import DATA
from tests.support.sampling import one_in

Json = dict[str, Any]
FOLDER = DATA / "synthea_10"


@cache
def export() -> Mapping[str, list[Json]]:
    """Every resource of the export, by type."""
    return {path.name.partition(".")[0]: _resources(path) for path in FOLDER.glob("*.ndjson.gz")}


def _resources(path: Path) -> list[Json]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


PATIENTS = [each["id"] for each in _resources(FOLDER / "Patient.ndjson.gz")]


def of(patient: str) -> dict[str, list[Json]]:
    """What the export holds about a patient, by type."""
    whose = f"Patient/{patient}"
    return {
        kind: [
            each for each in found
            if each["id"] == patient or whose in (_reference(each, "subject"), _reference(each, "patient"))
        ]
        for kind, found in export().items()
    }  # fmt: skip


def _reference(resource: Json, element: str) -> str:
    return str(resource.get(element, {}).get("reference", ""))


def request(patient: str, hook: str) -> Json:
    """The call of a hook about a patient, with everything in prefetch."""
    record = of(patient)
    context: Json = {"patientId": patient, "userId": "Practitioner/d1", "encounterId": record["Encounter"][0]["id"]}
    if hook.startswith("order"):
        drafts = [{**each, "status": "draft"} for each in record["MedicationRequest"][:5]]
        context |= {"draftOrders": _bundle(drafts), "selections": []}
    if hook == "problem-list-item-create":
        context["conditions"] = _bundle(record["Condition"][:3])
    prefetch: Json = {key: _bundle(record.get(prefetch.resource_type, [])) for key, prefetch in PREFETCH_KEYS.items()}
    prefetch |= {"patient": record["Patient"][0], "encounter": record["Encounter"][0]}
    return {"hook": hook, "hookInstance": "one", "context": context, "prefetch": prefetch}


def _bundle(resources: list[Json]) -> Json:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": each} for each in resources]}


@pytest.mark.parametrize(
    "hook", [hook if hook == "patient-view" else pytest.param(hook, marks=pytest.mark.long) for hook in HOOKS]
)
@pytest.mark.parametrize("patient", PATIENTS)
def test_no_card_from_prefetch(client: FlaskClient, patient: str, hook: str) -> None:
    reply = client.post(f"/cds-services/foot-drop-{hook}", json=request(patient, hook))
    assert reply.status_code == 200, reply.text
    assert reply.get_json() == {"cards": []}


@pytest.mark.slow
@pytest.mark.parametrize("patient", one_in(8, PATIENTS))
def test_no_card_from_a_fhir_server(client: FlaskClient, patient: str) -> None:
    with FhirServer([each for found in of(patient).values() for each in found]) as server:
        for hook in HOOKS:
            asked = {**request(patient, hook), "fhirServer": server.base, "prefetch": {}}
            reply = client.post(f"/cds-services/foot-drop-{hook}", json=asked)
            assert reply.status_code == 200, reply.text
            assert reply.get_json() == {"cards": []}
        assert server.asked_for("Condition")


def test_the_export_is_whole() -> None:
    assert len(PATIENTS) >= 10
    assert sum(len(found) for patient in PATIENTS for found in of(patient).values()) > 3000
