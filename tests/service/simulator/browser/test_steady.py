"""Nothing moves under the pointer, a control that just moved is not pressed by it, and no screen is too narrow."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browsing import LAPTOP, NARROWEST, PHONE, TABLET, Visit, card, check_accessible, settled
from tests.support.fhir_server import FhirServer

NAME = "Tibialis anterior weakness of unknown origin, " * 7  # over 300 characters
MANY = 500
MOVE = """(selector) => {
    const spacer = document.createElement("div");
    spacer.style.height = "90px";
    document.querySelector(selector).prepend(spacer);
}"""


def middle(locator: Any) -> tuple[float, float]:
    """Where a pointer aims."""
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def control_at(page: Page, place: tuple[float, float]) -> str:
    """What a click there would press."""
    script = "([x, y]) => document.elementFromPoint(x, y)?.closest('button, a, summary')?.textContent.trim() ?? ''"
    return str(page.evaluate(script, list(place)))


@pytest.mark.long
@pytest.mark.parametrize(
    ("width", "has_touch"),
    [
        (LAPTOP, False),
        pytest.param(TABLET, True),
        pytest.param(PHONE, True),
    ],
)
def test_a_double_click_accepts_one_suggestion_and_the_next_card_stays(
    browser: Browser, address: str, width: int, has_touch: bool
) -> None:
    visit = Visit(browser, address, width, "light", has_touch=has_touch)
    page = visit.chart("new-l5-foot-drop")
    mri = card(page, "lumbar-mri")
    button = mri.get_by_role("button", name=re.compile("Urgent lumbar MRI"))
    button.scroll_into_view_if_needed()
    settled(page)
    below = [one.bounding_box() for one in page.locator("#cards article").all()]
    place = middle(button)
    if has_touch:
        page.touchscreen.tap(*place)
        page.touchscreen.tap(*place)
    else:
        page.mouse.dblclick(*place)
    expect(mri).to_contain_text("Drafted: Urgent lumbar MRI")
    assert control_at(page, place) in ("", "Undo")
    settled(page)
    expect(page.locator("#drafts li.unsigned")).to_have_count(1)
    assert [one.bounding_box() for one in page.locator("#cards article").all()][: len(below)] == below
    mri.get_by_role("button", name=re.compile("Undo")).click()
    expect(button).to_be_visible()
    expect(page.locator("#drafts li.unsigned")).to_have_count(0)
    settled(page)
    visit.check_quiet()
    page.context.close()


@pytest.mark.long
def test_a_control_that_has_just_moved_is_pressed_by_the_keyboard_alone(browser: Browser, address: str) -> None:
    visit = Visit(browser, address, LAPTOP, "light")
    visit.page.clock.install()  # so that half a second is not over before the click
    page = visit.chart("new-l5-foot-drop")
    button = card(page, "lumbar-mri").get_by_role("button", name=re.compile("Urgent lumbar MRI"))
    page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
    page.evaluate(MOVE, "#cards")
    page.mouse.click(*middle(button))
    expect(page.locator("#status")).to_contain_text("had just moved")
    expect(button).to_be_visible()
    page.evaluate(MOVE, "#cards")
    button.focus()
    page.keyboard.press("Enter")
    page.clock.resume()
    expect(card(page, "lumbar-mri")).to_contain_text("Drafted: ")
    settled(page)
    page.context.close()


@pytest.mark.long
def test_removed_and_signed_orders_keep_their_lines(browser: Browser, address: str) -> None:
    visit = Visit(browser, address, LAPTOP, "light")
    page = visit.chart("cauda-equina")
    card(page, "cauda-equina-emergency").get_by_role("button", name=re.compile("Emergency lumbar MRI")).click()
    settled(page)
    lines = page.locator("#drafts li")
    expect(lines).to_have_count(2)
    page.locator("#sign").scroll_into_view_if_needed()
    settled(page)
    page.mouse.dblclick(*middle(lines.first.get_by_role("button")))
    expect(page.locator("#drafts li.unsigned")).to_have_count(1)
    expect(lines).to_have_count(2)
    settled(page)
    lines.first.get_by_role("button", name=re.compile("Undo")).click()
    expect(page.locator("#drafts li.unsigned")).to_have_count(2)
    settled(page)
    sign = page.get_by_role("button", name="Sign orders (2)")
    sign.scroll_into_view_if_needed()
    settled(page)
    place = middle(sign)
    page.mouse.dblclick(*place)
    expect(page.locator("#sign-status")).to_contain_text("signed")
    assert control_at(page, place) in ("", "Sign orders")
    settled(page)
    page.context.close()


@pytest.mark.long
def test_the_cards_of_a_signing_stand_beside_its_button(browser: Browser, address: str) -> None:
    visit = Visit(browser, address, PHONE, "dark", has_touch=True)
    page = visit.chart("routine-mri-signed-while-worsening")
    page.get_by_role("button", name=re.compile("Sign orders")).tap()
    delay = page.locator("#sign-cards").locator(".card[data-topic=do-not-delay-imaging]")
    expect(delay).to_be_in_viewport()
    settled(page)
    delay.get_by_role("button", name=re.compile("Make it stat")).tap()
    expect(delay).to_contain_text("Drafted: Make it stat")
    settled(page)
    page.get_by_role("button", name=re.compile("Sign anyway|^Sign$")).tap()
    expect(page.locator("#sign-status")).to_contain_text("signed")
    settled(page)
    check_accessible(page)
    visit.check_quiet()
    page.context.close()


@pytest.mark.long
def test_what_was_checked_before_signing_holds_for_those_drafts_alone(browser: Browser, address: str) -> None:
    visit = Visit(browser, address, LAPTOP, "light")
    page = visit.chart("routine-mri-signed-while-worsening")
    anyway = page.get_by_role("button", name="Sign anyway")
    expect(anyway).to_be_visible()
    card(page, "afo").get_by_role("button", name=re.compile("orthosis")).first.click()
    expect(page.locator("#sign-status")).to_contain_text("The drafts have changed")
    expect(anyway).to_be_hidden()
    settled(page)
    page.get_by_role("button", name=re.compile("Sign orders")).click()
    expect(anyway).to_be_visible()
    settled(page)
    visit.check_quiet()
    page.context.close()


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_record_of_500_problems_with_long_names_is_read_at_320_pixels(
    browser: Browser, address: str, scheme: str
) -> None:
    subject = {"reference": "Patient/p1"}
    patient = {"resourceType": "Patient", "id": "p1", "name": [{"family": NAME}], "birthDate": "1970-01-01"}
    problems = [
        {"resourceType": "Condition", "id": f"c{n}", "subject": subject, "code": {"text": f"{n} {NAME}"}}
        for n in range(MANY)
    ]
    with FhirServer([patient, *problems]) as server:
        visit = Visit(browser, address, NARROWEST, scheme)
        page = visit.open(f"/patient?server={server.base}&id=p1")
        settled(page)
        problems_shown = page.get_by_role("region", name=re.compile("Problems"))
        expect(problems_shown).to_contain_text(str(MANY))
        problems_shown.locator("summary").click()
        expect(problems_shown.locator("li")).to_have_count(MANY)
        settled(page)
        check_accessible(page)
        visit.check_quiet()
        page.context.close()
