"""Records as hospitals really wrote them (odd_data.md) are read as a careful human would read them."""

import pytest
from flask.testing import FlaskClient

from tests.support import odd_records
from tests.support.patients import NOW


@pytest.mark.parametrize("file", odd_records.files())
def test_a_record_is_read_as_a_careful_human_would(client: FlaskClient, file: str) -> None:
    case = odd_records.read(file)
    hook = case["request"]["hook"]
    services = {service["hook"]: service for service in client.get("/cds-services").get_json()["services"]}
    body = odd_records.request(case, services[hook]["prefetch"], NOW)
    answer = client.post(f"/cds-services/{services[hook]['id']}", json=body)
    assert odd_records.faults(case["expect"], answer.status_code, (answer.get_json() or {}).get("cards", [])) == []
