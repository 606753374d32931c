"""Two browsers on one patient: a FHIR server that counts versions refuses to change what was changed meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.filing_server import FilingServer
from tests.support.refusals import refusal

ORDER = {"resourceType": "ServiceRequest", "id": "17", "status": "draft", "subject": {"reference": "Patient/1"}}
OWN = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture(params=[412, 409])
def server(request: pytest.FixtureRequest) -> Iterator[FilingServer]:
    """A server that counts versions; some answer 412 to a change of another version, and some 409."""
    with FilingServer([ORDER], versions=request.param) as filing:
        yield filing


def write(client: FlaskClient, server: FilingServer, method: str, status: str, version: str = "1") -> TestResponse:
    """The answer to a change of the order by a page that has read this version."""
    resource: dict[str, Any] = {**ORDER, "status": status, "meta": {"versionId": version}}
    asked = {"server": server.base, "method": method, "resource": resource, "version": version}
    return client.post("/simulator/write", json=asked, headers=OWN)


def there(server: FilingServer) -> list[str]:
    """The statuses of the orders on the server."""
    return [order["status"] for order in server.of("ServiceRequest")]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_what_was_changed_elsewhere_is_neither_replaced_nor_removed(
    client: FlaskClient, server: FilingServer, method: str
) -> None:
    server.change({**ORDER, "status": "on-hold"})
    reply = write(client, server, method, "active")
    assert "somebody changed it after" in refusal(reply, 412)["diagnostics"]
    assert there(server) == ["on-hold"]


def test_what_was_removed_elsewhere_is_not_put_back(client: FlaskClient, server: FilingServer) -> None:
    server.resources.clear()
    assert "somebody removed it after" in refusal(write(client, server, "PUT", "active"), 412)["diagnostics"]
    assert write(client, server, "DELETE", "draft").status_code == 200  # it is gone, as it should be
    assert there(server) == []


def test_the_newest_version_is_changed_again_and_again(client: FlaskClient, server: FilingServer) -> None:
    for version, status in enumerate(("active", "on-hold", "revoked"), 1):
        stored = write(client, server, "PUT", status, str(version))
        assert stored.status_code == 200
        assert stored.get_json()["meta"]["versionId"] == str(version + 1)
    assert write(client, server, "DELETE", "revoked", "4").status_code == 200
    assert there(server) == []


@pytest.mark.parametrize(("method", "left"), [("PUT", ["active"]), ("DELETE", [])])
def test_a_change_whose_answer_was_lost_is_done_once(
    client: FlaskClient, server: FilingServer, method: str, left: list[str]
) -> None:
    server.after = 500
    assert write(client, server, method, "active").status_code == 502
    server.after = 0
    assert write(client, server, method, "active").status_code == 200
    assert there(server) == left


def test_a_conflict_of_another_kind_is_told_as_what_it_is(client: FlaskClient, server: FilingServer) -> None:
    server.before = 409  # other records refer to it
    assert "answered 409 to DELETE" in refusal(write(client, server, "DELETE", "draft"), 502)["diagnostics"]
    assert there(server) == ["draft"]


@pytest.mark.parametrize("version", ["", "a version", 'W/"1"\r\nX-Other: 1', None])
def test_a_server_that_counts_no_versions_is_written_to_as_before(client: FlaskClient, version: str | None) -> None:
    with FilingServer([ORDER]) as server:
        asked = {"server": server.base, "method": "PUT", "resource": {**ORDER, "status": "active"}, "version": version}
        assert client.post("/simulator/write", json=asked, headers=OWN).status_code == 200
        assert there(server) == ["active"]
        assert all("If-Match" not in asked.headers for asked in server.asked)
