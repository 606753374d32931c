"""Requests of the public CDS Hooks sandbox, as recorded, and the status that each one gets."""

from __future__ import annotations

from tests.support.places import DATA

RECORDED = sorted((DATA / "client_requests").glob("*.json"))


def expected_status(name: str) -> int:
    """The status of a recorded request: the sandbox's prefetch is not what we ask for, and its FHIR server is gone."""
    if name.startswith("preflight"):
        return 204
    if name == "discovery" or name.startswith("feedback"):
        return 200
    if name == "order-select-rx-reclick-NO-draftOrders":
        return 400
    if name.startswith("fhir-smart-launch"):
        return 404
    return 412
