"""What the public CDS Hooks sandbox has sent, as it was recorded, and the status that each gets."""

from __future__ import annotations

from tests.support.places import DATA

RECORDED = sorted((DATA / "client_requests").glob("*.json"))


def expected_status(name: str) -> int:
    """What each recorded request gets: the sandbox's prefetch is not what we ask for, its FHIR server gone."""
    if name.startswith("preflight"):
        return 204
    if name == "discovery" or name.startswith("feedback"):
        return 200
    if name == "order-select-rx-reclick-NO-draftOrders":
        return 400
    if name.startswith("fhir-smart-launch"):
        return 404
    return 412
