"""Where a fact comes from changes nothing: an empty key or none found, prefetch or the FHIR server."""

from __future__ import annotations

import json
import re
from typing import Any

from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from tests.support.charts import Patient, fixed, patients
from tests.support.drawn import asked
from tests.support.fhir_server import FhirServer
from tests.support.r4 import UUID
from tests.support.vignettes import PREFETCH_KEYS

Json = dict[str, Any]


def cards(client: FlaskClient, request: Json) -> Any:
    """The cards of the answer, with every uuid masked."""
    reply = client.post(f"/cds-services/foot-drop-{request['hook']}", json=request)
    assert reply.status_code == 200, reply.text
    return json.loads(re.sub(UUID, "uuid", reply.text))["cards"]


@fixed(60)
@given(patient=patients(), chosen=st.sets(st.sampled_from(PREFETCH_KEYS)))
def test_a_null_key_equals_an_empty_bundle(client: FlaskClient, patient: Patient, chosen: set[str]) -> None:
    request = asked(patient.facts, patient.hook)
    empty = {"resourceType": "Bundle", "type": "searchset", "total": 0}
    nulls = {**request["prefetch"], **dict.fromkeys(chosen)}
    bundles = {**request["prefetch"], **dict.fromkeys(chosen, empty)}
    assert cards(client, {**request, "prefetch": nulls}) == cards(client, {**request, "prefetch": bundles})


@fixed(20)
@given(patient=patients(), moved=st.sets(st.sampled_from(PREFETCH_KEYS), min_size=1))
def test_a_fact_moved_to_the_fhir_server_changes_nothing(
    client: FlaskClient, patient: Patient, moved: set[str]
) -> None:
    request = asked(patient.facts, patient.hook)
    held = [resource for key in moved for resource in _resources(request["prefetch"].get(key, {}))]
    kept = {key: value for key, value in request["prefetch"].items() if key not in moved}
    with FhirServer(held) as server:
        found = cards(client, {**request, "prefetch": kept, "fhirServer": server.base})
    assert found == cards(client, request)


def _resources(value: Json) -> list[Json]:
    if value.get("resourceType") == "Bundle":
        return [entry["resource"] for entry in value["entry"]]
    return [value] if value else []
