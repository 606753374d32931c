"""The service or the FHIR server stops in the middle of a deed: it is said what is known of it, and it is done once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from service import examples
from tests.support.between import Between
from tests.support.browsing import PHONE, Visit, card, check_accessible, settled
from tests.support.filing_server import FilingServer
from tests.support.http_server import HangUp, Reply

NAME = "new-l5-foot-drop"
SIGN_IN = Reply(200, {"Content-Type": "text/html"}, b"<p>Sign in</p>")
PARTS = {"record": "could not be brought up to date", "cards": "cannot be read", "verdicts": "is not known"}


def awaited(page: Page) -> None:
    """Wait until a deed has ended, whatever became of it."""
    expect(page.locator("body")).to_have_attribute("aria-busy", "false")
    expect(page.locator("body")).to_have_attribute("data-steady", "true")


def press(page: Page, name: str) -> None:
    """Press the first button of this name, and wait until that has ended."""
    page.get_by_role("button", name=re.compile(name)).first.click()
    page.wait_for_timeout(50)
    awaited(page)


def did(page: Page) -> list[str]:
    """What the page says was done, the newest first."""
    return page.locator("#activity li").all_inner_texts()


def accept(page: Page) -> None:
    card(page, "lumbar-mri").get_by_role("button", name=re.compile("Urgent lumbar MRI")).click()
    settled(page)


LEFT = {"^Remove": [], "^Undo: keep": ["draft"], "^Sign orders": ["active"], "^Revoke": ["revoked"]}
"""The deeds, one after the other, and the statuses of the orders that the server then holds."""
DEEDS = [*LEFT]


@pytest.fixture
def filing() -> Iterator[FilingServer]:
    """A FHIR server with the example's patient."""
    bundle = examples.load(NAME).at(datetime.now(UTC)).bundle
    with FilingServer([entry["resource"] for entry in bundle["entry"]]) as server:
        yield server


def opened(browser: Browser, address: str, server: FilingServer) -> Page:
    page = Visit(browser, address, PHONE, "dark").open(f"/patient?server={server.base}&id={NAME}-patient")
    settled(page)
    accept(page)
    return page


@pytest.mark.long
@pytest.mark.parametrize(("before", "after"), [(503, 0), (0, 500), (0, -1)])
def test_a_fhir_server_that_stops_in_each_deed_has_it_done_once(
    browser: Browser, address: str, filing: FilingServer, before: int, after: int
) -> None:
    page = opened(browser, address, filing)
    for deed in DEEDS:
        filing.before, filing.after = before, after
        press(page, deed)
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("Not confirmed")
        if before:
            check_accessible(page)
        filing.before = filing.after = 0
        alert.get_by_role("button", name="Retry").click()
        expect(alert).to_have_count(0)
        awaited(page)
        stored = [order["status"] for order in filing.of("ServiceRequest")]
        assert (
            stored
            == {"^Remove": [], "^Undo: keep": ["draft"], "^Sign orders": ["active"], "^Revoke": ["revoked"]}[deed]
        )
    expect(page.locator("#drafts")).to_contain_text("Revoked: ")
    page.context.close()


@pytest.mark.long
def test_what_another_browser_has_changed_is_left_and_the_chart_is_opened_again(browser: Browser, address: str) -> None:
    bundle = examples.load(NAME).at(datetime.now(UTC)).bundle
    with FilingServer([entry["resource"] for entry in bundle["entry"]], versions=412) as server:
        page = opened(browser, address, server)
        (order,) = server.of("ServiceRequest")
        server.change({**order, "status": "revoked"})  # as the other browser does
        press(page, "^Sign orders")
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("Not done")
        expect(alert).to_contain_text("somebody changed it after this chart was opened")
        check_accessible(page)
        press(page, "^Remove")
        expect(alert.filter(has_text="was changed by somebody else")).to_have_count(1)
        assert [order["status"] for order in server.of("ServiceRequest")] == ["revoked"]
        alert.first.get_by_role("button", name="Open the chart again").click()
        settled(page)
        expect(page.locator("#drafts li")).to_have_count(0)
        accept(page)
        press(page, "^Sign orders")
        expect(page.locator("#drafts")).to_contain_text("Ordered: ")
        page.context.close()


@pytest.mark.long
def test_an_order_of_which_nothing_is_known_is_removed_from_the_server_too(
    browser: Browser, address: str, filing: FilingServer
) -> None:
    page = Visit(browser, address, PHONE, "dark").open(f"/patient?server={filing.base}&id={NAME}-patient")
    settled(page)
    page.get_by_role("combobox", name="Order", exact=True).select_option("order.emg-ncs")
    press(page, "^Choose$")
    filing.after = 500
    press(page, "^Sign orders")
    expect(page.get_by_role("alert")).to_contain_text("Not confirmed")
    assert [order["status"] for order in filing.of("ServiceRequest")] == ["active"]
    filing.after = 0
    press(page, "^Remove")
    expect(page.locator("#drafts li.unsigned")).to_have_count(0)
    assert filing.of("ServiceRequest") == []
    page.context.close()


@pytest.mark.long
def test_a_draft_that_was_changed_after_it_was_stored_is_signed_as_it_is_now(
    browser: Browser, address: str, filing: FilingServer
) -> None:
    bundle = examples.load("foot-drop-worsening").at(datetime.now(UTC)).bundle
    filing.resources += [entry["resource"] for entry in bundle["entry"]]
    page = Visit(browser, address, PHONE, "light").open(f"/patient?server={filing.base}&id=foot-drop-worsening-patient")
    settled(page)
    press(page, "^Choose$")
    filing.after = 500
    press(page, "^Sign orders")
    press(page, "^Sign anyway")
    filing.after = 0
    card(page, "do-not-delay-imaging").first.get_by_role("button", name=re.compile("Make it stat")).click()
    awaited(page)
    press(page, "^Sign orders")
    if page.get_by_role("button", name=re.compile("^Sign( anyway)?$")).is_visible():
        press(page, "^Sign( anyway)?$")
    assert [(one["status"], one["priority"]) for one in filing.of("ServiceRequest")] == [("active", "stat")]
    page.context.close()


@pytest.mark.long
def test_a_signing_that_is_tried_again_signs_what_was_checked_and_nothing_else(
    browser: Browser, address: str, filing: FilingServer
) -> None:
    page = opened(browser, address, filing)
    filing.before = 503
    press(page, "^Sign orders")
    filing.before = 0
    page.get_by_role("combobox", name="Order", exact=True).select_option("order.emg-ncs")
    press(page, "^Choose$")
    page.locator(".ordering").get_by_role("button", name="Retry").click()
    expect(page.locator("#sign-status")).to_have_text("1 order is signed.")
    awaited(page)
    expect(page.locator("#drafts li.unsigned")).to_have_count(1)
    assert [order["status"] for order in filing.of("ServiceRequest")] == ["active"]
    filing.before = 503
    press(page, "^Sign orders")
    filing.before = 0
    press(page, "^Remove")  # nor what was removed since
    page.locator(".ordering").get_by_role("button", name="Retry").click()
    expect(page.locator("#sign-status")).to_have_text("0 orders are signed.")
    awaited(page)
    assert [order["status"] for order in filing.of("ServiceRequest")] == ["active"]
    page.context.close()


@pytest.mark.long
def test_a_service_that_stops_in_each_deed_has_it_done_once(page: Page, between: Between) -> None:
    page.goto(f"http://{between.address}/simulator/examples/{NAME}")
    settled(page)
    accept(page)
    for deed in [*DEEDS, "^Add problem"]:
        before = len(did(page))
        between.faulty = {"/simulator/record": HangUp()}
        press(page, deed)
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("Done, not shown")
        between.faulty = {}
        alert.get_by_role("button", name="Retry").click()
        expect(alert).to_have_count(0)
        awaited(page)
        assert len(did(page)) == before + 1
    assert did(page)[:3] == ["Problem added: Foot drop", f"Revoked: {did(page)[1][9:]}", "1 order is signed."]


@pytest.mark.long
def test_a_check_before_signing_that_failed_is_made_again_and_what_is_unspoken_of_is_signed(
    page: Page, between: Between
) -> None:
    page.goto(f"http://{between.address}/simulator/examples/{NAME}")
    settled(page)
    accept(page)
    between.faulty = {"/cds-services/": HangUp()}
    press(page, "^Sign orders")
    expect(page.get_by_role("button", name="Sign without the check")).to_be_visible()
    between.faulty = {}
    page.locator("#signing").get_by_role("button", name="Retry").click()
    expect(page.locator("#sign-status")).to_have_text("1 order is signed.")
    awaited(page)
    expect(page.get_by_role("button", name="Sign without the check")).to_be_hidden()


@pytest.mark.long
@pytest.mark.parametrize("part", PARTS)
def test_a_page_that_comes_in_place_of_a_part_is_no_part(page: Page, between: Between, part: str) -> None:
    page.goto(f"http://{between.address}/simulator/examples/{NAME}")
    settled(page)
    between.faulty = {f"/simulator/{part}": SIGN_IN}
    press(page, "^Urgent lumbar MRI")
    expect(page.get_by_role("alert").first).to_contain_text(PARTS[part])
    expect(page.get_by_role("alert").first).to_contain_text("Another page came")
    expect(page.locator("main")).not_to_contain_text("Sign in")
    expect(page.get_by_role("heading", level=1)).to_have_text("Anton Brandt")


@pytest.mark.long
@pytest.mark.parametrize("asked", [("discharge", "Discharge patient"), ("order-select", "^Choose$")])
def test_a_moment_that_fails_is_told_beside_its_button(page: Page, between: Between, asked: Any) -> None:
    page.goto(f"http://{between.address}/simulator/examples/{NAME}")
    settled(page)
    between.faulty = {"/cds-services/": HangUp()}
    press(page, asked[1])
    line = page.locator(f"[data-asked*={asked[0]}]")
    expect(line).to_contain_text("Not checked.")
    line.get_by_role("button", name="Show why").click()
    expect(page.locator("#cards").get_by_role("alert")).to_be_in_viewport()
