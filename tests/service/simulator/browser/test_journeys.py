"""The simulator in a real browser: what a clinician does with it, at three widths, light and dark.

It needs Debian's chromium; conftest.py leaves this file out where that is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, expect

from cards.orders.override_reasons import MOST_REASONS
from service import examples
from tests.support.browsing import LAPTOP, PHONE, REBOUND, TABLET, Visit, card, check_accessible, settled
from tests.support.fhir_server import FhirServer
from tests.support.http_server import HttpServer, Reply

WRITE = """async (address) => {
    const order = {resourceType: "ServiceRequest", id: "1"};
    const body = JSON.stringify({server: "https://elsewhere.example/fhir", method: "DELETE", resource: order});
    const options = {method: "POST", headers: {"Content-Type": "application/json"}, body};
    try {
        return (await fetch(`${address}/simulator/write`, options)).status;
    } catch {
        return "not let in";
    }
}"""
"""A write as the page's script does it, to a FHIR server that is refused (502) once the page is let in."""


@pytest.fixture(
    params=[
        pytest.param((LAPTOP, "light"), id="laptop"),
        pytest.param((TABLET, "dark"), id="tablet", marks=pytest.mark.long),
        pytest.param((PHONE, "light"), id="phone", marks=pytest.mark.long),
    ]
)
def visit(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Visit]:
    """A visit that ends with a quiet console."""
    visit = Visit(browser, address, *request.param)
    yield visit
    visit.check_quiet()
    visit.page.context.close()


@pytest.mark.long
def test_a_page_of_the_simulator_may_write_and_no_other(browser: Browser, address: str) -> None:
    with HttpServer(lambda _: Reply(headers={"Content-Type": "text/html"}, body=b"<p>Free games</p>")) as other:
        context = browser.new_context()
        page = context.new_page()
        for start, written in (
            (f"{address}/simulator", 502),
            (f"http://{other.address}/", "not let in"),
            (f"http://{other.address}/".replace("127.0.0.1", "localhost"), "not let in"),
        ):
            page.goto(start)
            assert page.evaluate(WRITE, address) == written
        rebound = address.replace("127.0.0.1", REBOUND)
        reply = page.goto(f"{rebound}/simulator")
        assert reply is not None
        assert reply.status == 421
        assert page.evaluate(WRITE, rebound) == 421
        context.close()


def test_a_chart_is_opened_and_its_cards_are_read(visit: Visit) -> None:
    page = visit.open("")
    check_accessible(page)
    page.get_by_role("link", name=re.compile("New foot drop with sciatica, nothing ordered")).click()
    settled(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Anton Brandt")
    expect(page.get_by_role("table")).to_contain_text("Ankle dorsiflexion")
    mri = card(page, "lumbar-mri")
    expect(mri).to_contain_text("Warning")
    mri.get_by_text("Evidence and guideline").click()
    expect(mri.locator(".markdown strong")).to_have_text("Because")
    expect(mri.get_by_role("link").first).to_have_attribute("rel", "noopener noreferrer")
    expect(page.locator("#verdicts")).to_contain_text("cauda-equina-emergency")
    expect(page.locator("#verdicts")).to_contain_text("not-applicable")
    expect(page.locator("#timing")).to_have_text(re.compile(r"patient-view: answered in \d+ ms"))
    page.get_by_text("Request: change it").click()
    expect(page.locator("#request")).to_have_value(re.compile('"hook": "patient-view"'))
    check_accessible(page)


@pytest.mark.long
def test_a_chosen_order_brings_the_delay_card_and_its_update_is_accepted(visit: Visit) -> None:
    page = visit.chart("foot-drop-worsening")
    page.get_by_role("combobox", name="Order", exact=True).select_option("MRI of the lumbar spine without contrast")
    page.get_by_role("button", name="Choose").click()
    delay = card(page, "do-not-delay-imaging")
    expect(delay).to_contain_text("Critical")
    expect(page.locator("#drafts")).to_contain_text("routine")
    check_accessible(page)
    delay.get_by_role("button", name=re.compile("Make it stat")).click()
    expect(page.locator("#drafts")).to_contain_text("stat")
    expect(page.locator("#drafts li")).to_have_count(1)
    expect(page.locator("#drafts")).to_contain_text("before: routine now: stat")
    expect(delay).to_contain_text("Drafted: Make it stat")
    settled(page)
    expect(page.locator("#unsigned-note")).to_have_text("1 draft is unsigned.")
    page.get_by_role("button", name="Sign orders").click()
    orders = page.get_by_role("region", name=re.compile("Orders"))
    expect(orders).to_contain_text("active")
    expect(orders).to_contain_text("stat")
    settled(page)
    expect(page.locator("#drafts li.unsigned")).to_have_count(0)
    expect(page.locator("#drafts")).to_contain_text("Ordered:")
    expect(card(page, "lumbar-mri")).to_have_count(0)


@pytest.mark.long
def test_an_accepted_suggestion_stands_among_the_orders_and_is_not_said_again(visit: Visit) -> None:
    page = visit.chart("new-l5-foot-drop")
    button = card(page, "lumbar-mri").get_by_role("button", name=re.compile("Urgent lumbar MRI"))
    button.focus()
    page.keyboard.press("Enter")
    orders = page.get_by_role("region", name=re.compile("Orders"))
    expect(orders).to_contain_text("MRI of the lumbar spine without contrast")
    expect(orders.locator(".chip.new")).to_have_count(1)
    expect(card(page, "lumbar-mri")).to_contain_text("Drafted: Urgent lumbar MRI")
    settled(page)
    verdict = page.locator("#verdicts li.outcome-suppressed").filter(has=page.get_by_role("link", name="lumbar-mri"))
    expect(verdict).to_contain_text("drafted")
    expect(page.get_by_role("button", name=re.compile("Undo: Drafted"))).to_be_focused()
    check_accessible(page)
    orders.get_by_role("button", name=re.compile("Revoke")).click()
    expect(card(page, "lumbar-mri").get_by_role("button", name=re.compile("Urgent lumbar MRI"))).to_be_enabled()
    settled(page)


@pytest.mark.long
def test_a_draft_answers_no_emergency_until_it_is_signed(visit: Visit) -> None:
    page = visit.chart("cauda-equina")
    emergency = card(page, "cauda-equina-emergency")
    emergency.get_by_role("button", name=re.compile("Emergency lumbar MRI")).click()
    settled(page)
    expect(page.get_by_role("region", name=re.compile("Orders"))).to_contain_text("drafted, not signed")
    expect(page.locator("#activity")).to_contain_text("drafted, not signed")
    expect(emergency).to_contain_text("Critical")
    page.get_by_role("button", name="Discharge patient").click()
    settled(page)
    expect(emergency).to_contain_text("Critical")
    page.get_by_role("button", name="Sign orders").click()
    settled(page)
    expect(emergency).to_have_count(0)
    check_accessible(page)


@pytest.mark.long
def test_a_card_is_overridden_with_a_reason(visit: Visit) -> None:
    page = visit.chart("new-l5-foot-drop")
    afo = card(page, "afo")
    afo.locator("summary", has_text="Override").click()
    reason = afo.get_by_label("Reason")
    expect(reason).to_have_value("")
    assert reason.locator("option").count() <= 1 + MOST_REASONS
    reason.select_option("Patient declined")
    afo.get_by_label("Comment").fill("Wears one already")
    settled(page)
    afo.get_by_role("button", name="Override").click()
    expect(afo).to_contain_text("Overridden: Patient declined")
    expect(afo.get_by_role("button", name=re.compile("orthosis, left")).first).to_be_disabled()
    expect(page.locator("#activity")).to_contain_text("Overridden (Patient declined)")
    settled(page)
    page.get_by_text("Feedback", exact=True).click()
    expect(page.locator("#feedback")).to_contain_text('"code": "patient-declined"')
    expect(page.locator("#feedback")).to_contain_text('"userComment": "Wears one already"')
    expect(page.locator("#feedback")).to_contain_text("Taken")
    check_accessible(page)
    afo.get_by_role("button", name=re.compile("Undo")).click()
    expect(afo).not_to_contain_text("Overridden")
    expect(afo.get_by_role("button", name=re.compile("orthosis, left")).first).to_be_enabled()


@pytest.mark.long
def test_a_critical_card_is_overridden_for_a_reason_and_after_it_is_confirmed(visit: Visit) -> None:
    page = visit.chart("cauda-equina")
    emergency = card(page, "cauda-equina-emergency")
    emergency.locator("summary", has_text="Override").click()
    settled(page)
    button = emergency.get_by_role("button", name="Override")
    button.click()
    expect(emergency).not_to_contain_text("Overridden")
    emergency.get_by_label("Reason").select_option(index=1)
    button.click()
    expect(emergency).not_to_contain_text("Overridden")
    emergency.get_by_label("Yes, I set this critical card aside").check()
    button.click()
    expect(emergency).to_contain_text("Overridden: ")
    settled(page)


@pytest.mark.long
def test_an_example_of_another_moment_plays_it(visit: Visit) -> None:
    page = visit.chart("gabapentin-over-renal-maximum")
    expect(card(page, "gabapentinoid-safety")).to_be_visible()
    settled(page)
    expect(page.get_by_role("button", name=re.compile("Order chosen"))).to_have_attribute("aria-pressed", "true")
    page = visit.chart("new-problem-saddle-numbness")
    expect(card(page, "cauda-equina-emergency")).to_be_visible()
    settled(page)
    page.get_by_role("button", name="Discharge patient").click()
    expect(page.get_by_role("button", name=re.compile("Discharge \\d"))).to_have_attribute("aria-pressed", "true")
    settled(page)


@pytest.mark.long
@pytest.mark.parametrize("name", ["pacemaker-not-mr-safe", "all-already-ordered", "cauda-equina"])
def test_the_page_sends_what_brings_the_expected_cards(browser: Browser, address: str, name: str) -> None:
    visit = Visit(browser, address, LAPTOP, "light")
    page = visit.chart(name)
    example = examples.load(name).at(datetime.now(UTC))
    expected = [one["summary"] for one in example.response["cards"]]
    assert page.locator("#cards .card h3").all_inner_texts() == expected
    visit.check_quiet()
    page.context.close()


@pytest.mark.long
def test_a_patient_of_a_fhir_server_is_played_with_prefetch_and_without(browser: Browser, address: str) -> None:
    bundle = examples.load("chronic-foot-drop").bundle
    with FhirServer([entry["resource"] for entry in bundle["entry"]]) as server:
        visit = Visit(browser, address, LAPTOP, "light")
        page = visit.open(f"?server={server.base}")
        page.locator(".tiles a").click()
        settled(page)
        shown = page.locator("#cards .card h3").all_inner_texts()
        assert shown
        before = len(server.requests)
        page.get_by_label("Send prefetch").uncheck()
        expect(page.locator("#request")).not_to_have_value(re.compile('"prefetch"'))
        settled(page)
        assert page.locator("#cards .card h3").all_inner_texts() == shown
        assert len(server.requests) > before
        visit.check_quiet()
        page.context.close()


@pytest.mark.long
def test_a_fhir_server_that_fails_is_said_and_the_suggestion_may_be_tried_again(browser: Browser, address: str) -> None:
    bundle = examples.load("new-l5-foot-drop").at(datetime.now(UTC)).bundle
    with FhirServer([entry["resource"] for entry in bundle["entry"]]) as server:
        visit = Visit(browser, address, LAPTOP, "light")
        page = visit.open(f"/patient?server={server.base}&id=new-l5-foot-drop-patient")
        settled(page)
        server.misbehave("ServiceRequest", status=503)
        button = card(page, "lumbar-mri").get_by_role("button", name=re.compile("Urgent lumbar MRI"))
        button.click()
        failure = card(page, "lumbar-mri").get_by_role("alert")
        expect(failure).to_contain_text("503")
        expect(button).to_be_enabled()
        expect(page.get_by_role("region", name=re.compile("Orders"))).to_contain_text("Nothing is ordered")
        settled(page)
        page.get_by_label("Send prefetch").uncheck()
        expect(page.locator("#verdicts")).to_contain_text("Not seen")
        expect(page.locator("#verdicts")).to_contain_text("503")
        expect(page.locator("#cards").get_by_role("alert")).to_contain_text("Not everything could be checked")
        page.context.close()
