"""Whatever fails while a chart is open is said, with what to do and a Retry; it never looks like an all-clear."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from service import examples
from tests.support.between import Between
from tests.support.browsing import PHONE, Visit, card, settled
from tests.support.fhir_server import FHIR_JSON, FhirServer
from tests.support.http_server import Asked, Gateway, HangUp, Reply

EXAMPLE = "/examples/new-l5-foot-drop"
HOOK = "/cds-services/foot-drop-"
MINUTE = 60.0  # seconds


def refused(status: int, why: str) -> Reply:
    """An OperationOutcome, as the service answers it."""
    issue = {"severity": "error", "code": "processing", "diagnostics": why}
    outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
    return Reply(status, {"Content-Type": "application/json"}, json.dumps(outcome).encode())


FAULTS: dict[str, tuple[Reply | HangUp, str]] = {
    "away": (HangUp(), "The service did not answer"),
    "500": (Reply(500, {}, b"Traceback"), "The service failed"),
    "412": (refused(412, "observations: the FHIR server did not answer in time"), "observations: the FHIR server"),
    "422": (refused(422, "a Condition is another patient's"), "a Condition is another patient's"),
    "a web page": (Reply(200, {"Content-Type": "text/html"}, b"<p>Sign in</p>"), "A web page came"),
    "nothing": (Reply(200, {"Content-Type": "application/json"}, b""), "The answer is empty"),
    "no list of cards": (Reply(200, {"Content-Type": "application/json"}, b'{"cards": 7}'), "no list of cards"),
}


def open_chart(page: Page, between: Between, path: str = EXAMPLE) -> None:
    """The chart, whether its cards come or not."""
    page.goto(f"http://{between.address}/simulator{path}")
    expect(page.locator("body")).to_have_attribute("aria-busy", "false")


def failure(page: Page) -> Any:
    """The error card among the cards."""
    return page.locator("#cards").get_by_role("alert")


@pytest.mark.long
@pytest.mark.parametrize("kind", FAULTS)
def test_a_hook_that_fails_is_an_error_card_and_is_tried_again(page: Page, between: Between, kind: str) -> None:
    fault, words = FAULTS[kind]
    between.faulty = {HOOK: fault}
    open_chart(page, between)
    expect(failure(page)).to_contain_text(words)
    expect(failure(page)).to_contain_text("this is not an all-clear")
    expect(page.locator("body")).not_to_contain_text("nothing to say")
    between.faulty = {}
    expect(page.locator("body")).to_have_attribute("data-steady", "true")
    failure(page).get_by_role("button", name="Retry").click()
    expect(card(page, "lumbar-mri")).to_be_visible()
    expect(failure(page)).to_have_count(0)


@pytest.mark.long
def test_an_answer_after_a_minute_is_waited_for_in_sight_and_then_given_up(page: Page, between: Between) -> None:
    page.clock.install()
    between.faulty = {HOOK: MINUTE}
    page.goto(f"http://{between.address}/simulator{EXAMPLE}")
    expect(page.locator(".skeleton").first).to_be_visible()
    expect(page.locator("body")).not_to_contain_text("nothing to say")
    page.clock.fast_forward(int(MINUTE * 1000))
    expect(failure(page)).to_contain_text("did not answer in time")
    expect(page.locator(".skeleton")).to_have_count(0)


@pytest.mark.long
def test_the_service_is_stopped_while_a_card_is_answered(page: Page, between: Between) -> None:
    open_chart(page, between)
    settled(page)
    mri = card(page, "lumbar-mri")
    between.faulty = {"/": HangUp()}
    mri.get_by_role("button", name=re.compile("Urgent lumbar MRI")).click()
    expect(mri.get_by_role("alert")).to_contain_text("The service did not answer")
    between.faulty = {}
    settled(page)
    mri.get_by_role("button", name="Retry").click()
    expect(mri).to_contain_text("Drafted: Urgent lumbar MRI")
    expect(mri.get_by_role("alert")).to_have_count(0)
    settled(page)
    expect(page.locator("#drafts li.unsigned")).to_have_count(1)
    between.faulty = {HOOK: HangUp()}
    page.get_by_role("button", name="Sign orders").click()
    signing = page.get_by_role("region", name="Before signing")
    expect(signing.get_by_role("alert")).to_contain_text("this is not an all-clear")
    expect(signing.get_by_role("button", name="Sign without the check")).to_be_visible()
    expect(page.locator("#drafts li.unsigned")).to_have_count(1)
    between.faulty = {}
    settled(page)
    signing.get_by_role("button", name="Retry").click()
    expect(signing.get_by_role("button", name="Retry")).to_have_count(0)


@pytest.mark.long
def test_what_was_looked_at_has_to_be_known_before_silence_is_called_one(page: Page, between: Between) -> None:
    between.faulty = {"/simulator/verdicts": HangUp()}
    open_chart(page, between, "/examples/resolved-foot-drop")
    expect(failure(page)).to_contain_text("What was looked at is not known")
    expect(page.locator("body")).not_to_contain_text("nothing to say")
    between.faulty = {}
    expect(page.locator("body")).to_have_attribute("data-steady", "true")
    failure(page).get_by_role("button", name="Retry").click()
    expect(page.locator("#cards .silence")).to_contain_text("there is nothing to say")


@pytest.mark.long
def test_feedback_that_is_not_taken_is_said_and_what_was_done_stands(page: Page, between: Between) -> None:
    open_chart(page, between)
    settled(page)
    between.faulty = {f"{HOOK}patient-view/feedback": Reply(503)}
    afo = card(page, "afo")
    afo.get_by_role("button", name=re.compile("orthosis")).first.click()
    expect(page.locator("#cards").get_by_role("alert")).to_contain_text("did not learn")
    expect(afo).to_contain_text("Drafted: ")
    between.faulty = {f"{HOOK}patient-view/feedback": Reply(404)}
    settled(page)
    page.locator("#cards").get_by_role("button", name="Retry").click()
    expect(page.locator("#feedback")).to_contain_text("no endpoint for feedback")
    expect(failure(page)).to_have_count(0)


class OnceStored(Gateway):
    """A FHIR server that stores an order and answers 500; it knows it again by its identifier."""

    def __init__(self, server: FhirServer) -> None:
        self.stored: dict[str, Any] = {}
        self.server = server
        super().__init__(int(server.address.rpartition(":")[2]), self._manner)

    def _manner(self, asked: Asked) -> Asked | Reply:
        if asked.method != "POST" or not asked.target.endswith("ServiceRequest"):
            return asked
        condition = asked.headers["If-None-Exist"]
        if condition in self.stored:
            return Reply(200, {"Content-Type": FHIR_JSON}, json.dumps(self.stored[condition]).encode())
        order = {**json.loads(asked.body), "id": f"order-{len(self.stored)}"}
        self.stored[condition] = order
        self.server.resources.append(order)
        return Reply(500)


@pytest.mark.long
def test_an_order_that_was_stored_before_a_500_is_not_stored_twice(page: Page, address: str) -> None:
    bundle = examples.load("new-l5-foot-drop").at(datetime.now(UTC)).bundle
    records = [entry["resource"] for entry in bundle["entry"]]
    with FhirServer(records) as server, OnceStored(server) as gateway:
        page.goto(f"{address}/simulator/patient?server={gateway.base}&id=new-l5-foot-drop-patient")
        settled(page)
        mri = card(page, "lumbar-mri")
        mri.get_by_role("button", name=re.compile("Urgent lumbar MRI")).click()
        expect(mri.get_by_role("alert")).to_contain_text("It may still have been stored")
        settled(page)
        mri.get_by_role("button", name="Retry").click()
        expect(mri).to_contain_text("Drafted: Urgent lumbar MRI")
        assert len(gateway.stored) == 1
        settled(page)


@pytest.mark.long
def test_a_second_tab_that_is_out_of_date_changes_nothing(page: Page, address: str) -> None:
    bundle = examples.load("new-l5-foot-drop").at(datetime.now(UTC)).bundle
    records = [entry["resource"] for entry in bundle["entry"]]
    with FhirServer(records) as server, OnceStored(server) as gateway:
        url = f"{address}/simulator/patient?server={gateway.base}&id=new-l5-foot-drop-patient"
        other = page.context.new_page()
        for tab in (page, other):
            tab.goto(url)
            settled(tab)
        mri = card(page, "lumbar-mri")
        mri.get_by_role("button", name=re.compile("Urgent lumbar MRI")).click()
        mri.get_by_role("button", name="Retry").click()
        expect(mri).to_contain_text("Drafted: Urgent lumbar MRI")
        settled(page)
        expect(other.locator("#activity")).to_contain_text("changed in another tab")
        settled(other)
        late = card(other, "lumbar-mri")
        late.get_by_role("button", name=re.compile("Urgent lumbar MRI")).click()
        expect(late.get_by_role("alert")).to_contain_text("was changed in another tab")
        settled(other)
        late.get_by_role("button", name="Open the chart again").click()
        settled(other)
        expect(other.locator("#drafts li.unsigned")).to_have_count(1)
        assert len(gateway.stored) == 1


@pytest.mark.long
def test_the_back_button_after_signing_asks_anew(page: Page, between: Between) -> None:
    open_chart(page, between)
    settled(page)
    card(page, "lumbar-mri").get_by_role("button", name=re.compile("Urgent lumbar MRI")).click()
    settled(page)
    page.get_by_role("button", name="Sign orders").click()
    expect(page.locator("#drafts")).to_contain_text("Ordered:")
    settled(page)
    page.get_by_role("link", name="Foot drop simulator").click()
    page.wait_for_url("**/simulator")
    page.go_back()
    settled(page)
    expect(card(page, "lumbar-mri").get_by_role("button", name=re.compile("Urgent lumbar MRI"))).to_be_enabled()
    expect(page.locator("#drafts li")).to_have_count(0)


@pytest.mark.parametrize("width", [pytest.param(PHONE, marks=pytest.mark.long)])
def test_a_page_without_javascript_says_what_it_needs(browser: Browser, address: str, width: int) -> None:
    visit = Visit(browser, address, width, "dark", java_script_enabled=False)
    page = visit.open(EXAMPLE)
    expect(page.locator("noscript p")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Anton Brandt")
    for name in ("Sign orders", "Choose"):
        expect(page.get_by_role("button", name=name)).not_to_be_visible()
    page.context.close()
