"""The simulator on a real FHIR server: an accepted order is filed there, is not advised again, and can be revoked."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

from playwright.sync_api import Browser, Page, expect

from service import examples
from service.command import demo
from tests.hapi.hapi import Hapi, Json
from tests.support.browsing import LAPTOP, Visit, card, settled

NAME = "new-l5-foot-drop"
PATIENT = f"{NAME}-of-today"


def load_today(hapi: Hapi) -> None:
    """The example at this moment, as a patient separate from those of the other tests."""
    bundle = json.dumps(examples.load(NAME).at(datetime.now(UTC)).bundle)
    hapi.load(json.loads(bundle.replace(NAME, PATIENT)))


def orders(hapi: Hapi, kind: str) -> list[Json]:
    """The patient's orders on the server."""
    found = hapi.ask("GET", f"{kind}?patient={PATIENT}-patient&_count=50")
    return [entry["resource"] for entry in found.get("entry", [])]


def revoke_after_another(hapi: Hapi, page: Page) -> None:
    """Another client changes the orders: to revoke one is refused until the chart is opened again."""
    for order in orders(hapi, "ServiceRequest"):
        hapi.ask("PUT", f"ServiceRequest/{order['id']}", {**order, "priority": "stat"})
    page.get_by_role("button", name=re.compile("Revoke MRI")).click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("somebody changed it")
    assert {order["status"] for order in orders(hapi, "ServiceRequest")} == {"active"}
    settled(page)
    with page.expect_navigation():
        alert.get_by_role("button", name="Open the chart again").click()
    settled(page)


def test_what_is_accepted_is_filed_there_and_can_be_revoked(hapi: Hapi, browser: Browser) -> None:
    load_today(hapi)
    with demo.started() as address:
        visit = Visit(browser, address, LAPTOP, "light")
        page = visit.open(f"/patient?server={hapi.base}&id={PATIENT}-patient")
        settled(page)
        card(page, "lumbar-mri").get_by_role("button", name=re.compile("Urgent lumbar MRI")).click()
        expect(card(page, "lumbar-mri")).to_contain_text("Drafted: Urgent lumbar MRI")
        settled(page)
        assert [(each["status"], each["priority"]) for each in orders(hapi, "ServiceRequest")] == [("draft", "urgent")]
        card(page, "afo").get_by_role("button", name=re.compile("orthosis")).first.click()
        expect(card(page, "afo")).to_contain_text("Drafted: ")
        settled(page)
        assert len(orders(hapi, "DeviceRequest")) == 1
        page.get_by_role("button", name="Sign orders").click()
        settled(page)
        if page.get_by_role("button", name="Sign anyway").is_visible():
            page.get_by_role("button", name="Sign anyway").click()
        expect(page.locator("#drafts li.unsigned")).to_have_count(0)
        settled(page)
        assert {each["status"] for each in orders(hapi, "ServiceRequest")} == {"active"}
        revoke_after_another(hapi, page)
        (refused,) = visit.said
        assert "412" in refused
        visit.said.clear()
        page.get_by_role("button", name=re.compile("Revoke MRI")).click()
        expect(card(page, "lumbar-mri")).to_have_count(1)
        settled(page)
        assert "revoked" in {each["status"] for each in orders(hapi, "ServiceRequest")}
        visit.check_quiet()
        page.context.close()
