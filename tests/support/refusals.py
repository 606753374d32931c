"""How to read a reply that refuses."""

from __future__ import annotations

from typing import Any

from fhir.resources.R4B.operationoutcome import OperationOutcome
from werkzeug.test import TestResponse


def refusal(reply: TestResponse, status: int) -> dict[str, Any]:
    """The first issue of a reply that refuses, after a check of the whole reply."""
    assert reply.status_code == status, reply.get_data(as_text=True)
    assert reply.mimetype == "application/json"
    OperationOutcome.model_validate(reply.get_json())
    issue: dict[str, Any] = reply.get_json()["issue"][0]
    assert issue["severity"]
    assert issue["code"]
    assert issue["diagnostics"]
    return issue
