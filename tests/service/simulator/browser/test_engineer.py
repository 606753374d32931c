"""What the simulator shows whoever connects an EHR: the request, to be changed and sent again, and other services."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browsing import LAPTOP, NARROWEST, Visit, card, check_accessible, settled
from tests.support.http_server import Asked, HttpServer, Reply

LONG = "A very long word on a very long card. " * 140  # over 5,000 characters
JSON = {"Content-Type": "application/json"}


def other_service(asked: Asked) -> Reply:
    """A service of somebody else, with a card that is longer than any of ours, and lacks what ours have."""
    if asked.method == "GET":
        hooks = [{"hook": "patient-view", "id": "other", "title": "Other", "description": "Other", "prefetch": {}}]
        return Reply(headers=JSON, body=json.dumps({"services": hooks}).encode())
    if asked.target.endswith("/feedback"):
        return Reply(404)
    card: dict[str, Any] = {
        "summary": LONG, "indicator": "warning", "source": {}, "detail": LONG, "uuid": "c1",
        "suggestions": [{"label": LONG, "actions": []}], "overrideReasons": [{"code": str(n)} for n in range(9)],
    }  # fmt: skip
    return Reply(headers=JSON, body=json.dumps({"cards": [card, {}]}).encode())


def opened(visit: Visit, name: str = "new-l5-foot-drop") -> Any:
    """An example's chart with the request unfolded."""
    page = visit.chart(name)
    page.get_by_text("Request: change it").click()
    settled(page)
    return page


@pytest.mark.long
def test_a_request_is_changed_sent_again_and_copied(browser: Browser, address: str) -> None:
    visit = Visit(browser, address, LAPTOP, "light", permissions=["clipboard-read", "clipboard-write"])
    page = opened(visit)
    request = json.loads(page.locator("#request").input_value())
    for key in ("conditions", "observations"):
        request["prefetch"][key]["entry"] = []
    page.locator("#request").fill(json.dumps(request))
    page.get_by_role("button", name="Send this request").click()
    expect(page.locator("#request-cards")).to_contain_text("No cards")
    expect(page.locator("#response")).to_contain_text('"cards": []')
    settled(page)
    expect(card(page, "lumbar-mri").first).to_be_visible()
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.locator("#request-status")).to_have_text("Copied.")
    command = page.evaluate("navigator.clipboard.readText()")
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=30, check=True)
    assert json.loads(done.stdout) == {"cards": []}
    page.locator("#request").fill("{ no JSON")
    page.get_by_role("button", name="Send this request").click()
    expect(page.locator("#request-cards").get_by_role("alert")).to_contain_text("The request is not JSON")
    settled(page)
    page.locator("#request-form [name=hook]").fill("appointment-book")
    page.get_by_role("button", name="Use the request of the cards above").click()
    expect(page.locator("#request")).to_have_value(re.compile('"hook": "patient-view"'))
    check_accessible(page)
    visit.check_quiet()
    page.context.close()


@pytest.mark.long
def test_each_template_is_shown_with_what_it_brought(browser: Browser, address: str) -> None:
    visit = Visit(browser, address, LAPTOP, "dark")
    page = visit.chart("cauda-equina")
    page.get_by_text("Prefetch: each template").click()
    row = page.locator("#prefetch tr").filter(has=page.get_by_role("rowheader", name="conditions"))
    expect(row).to_contain_text("Condition?patient={{context.patientId}}")
    expect(row).to_contain_text("3 Condition")
    page.context.close()


@pytest.mark.long
def test_another_service_on_this_machine_is_asked_whatever_it_answers(browser: Browser, address: str) -> None:
    with HttpServer(other_service) as other:
        services = f"http://{other.address}/cds-services"
        visit = Visit(browser, address, NARROWEST, "light")
        page = visit.open(f"/examples/new-l5-foot-drop?service={services}")
        settled(page)
        expect(page.locator("#cards article")).to_have_count(2)
        assert page.locator("#cards .override select").first.locator("option").count() == 7
        expect(page.locator("#verdicts")).to_contain_text("it gives no verdicts")
        check_accessible(page)
        page.locator("#cards .override summary").first.click()
        settled(page)
        page.locator("#cards").get_by_role("button", name="Override this card").first.click()
        expect(page.locator("#feedback")).to_contain_text("no endpoint for feedback")
        visit.check_quiet()
    settled(page)
    page.get_by_role("button", name="Discharge patient").click()
    expect(page.locator("#cards").get_by_role("alert")).to_contain_text("does not answer this hook")
    page.context.close()


@pytest.mark.long
def test_a_link_leads_to_the_patient_the_hook_and_the_card(browser: Browser, address: str) -> None:
    visit = Visit(browser, address, LAPTOP, "light")
    page = visit.chart("new-l5-foot-drop")
    link = card(page, "afo").get_by_role("link", name="Link to this card").get_attribute("href")
    assert link is not None
    page.goto("about:blank")
    page.goto(link)
    settled(page)
    expect(card(page, "afo")).to_be_focused()
    card(page, "afo").get_by_role("link", name="Rule afo").click()
    page.wait_for_url("**/rules/afo")
    page.goto(f"{address}/simulator/examples/new-l5-foot-drop?hook=order-select&order=order.emg-ncs")
    settled(page)
    expect(page.get_by_role("button", name=re.compile("Order chosen"))).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#drafts li.unsigned")).to_have_count(1)
    visit.check_quiet()
    page.context.close()
