"""In a journey through every control, each pressed twice: it is done once, and what is under the pointer stays."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.between import Between
from tests.support.browsing import LAPTOP, PHONE, Visit, card, check_accessible, settled

STRAYED = 3  # pixels
# The card, line or section at a place.
AT = """([x, y]) => {
    const at = document.elementFromPoint(x, y);
    const block = at.closest("article.card, #drafts li, #record li, section, .cds-head");
    const number = [...block.parentElement.children].indexOf(block);
    return block.dataset.topic ?? block.dataset.reference ?? `${block.parentElement.id} ${number}`;
}"""
# How far what is at a place strays from it, in any frame that is painted: a ResizeObserver is called after all
# that is done before a frame, so the width of a probe is changed in each.
WATCH = """([x, y]) => {
    const at = document.elementFromPoint(x, y);
    const { top } = at.getBoundingClientRect();
    const probe = document.body.appendChild(document.createElement("div"));
    probe.style = "position: fixed; width: 1px; height: 1px";
    window.strayed = 0;
    new ResizeObserver(() => {
        const box = at.getBoundingClientRect();
        if (box.width) window.strayed = Math.max(window.strayed, Math.abs(box.top - top));
    }).observe(probe);
    const next = () => {
        probe.style.width = probe.style.width === "1px" ? "2px" : "1px";
        if (probe.isConnected) requestAnimationFrame(next);
    };
    next();
    window.unwatch = () => (probe.remove(), window.strayed);
}"""


class Pointer:
    """A mouse or a finger, and where it is."""

    def __init__(self, page: Page, has_touch: bool) -> None:
        self.page = page
        self.has_touch = has_touch

    def press_twice(self, control: Locator) -> None:
        """Press the same place twice, as who is in a hurry does; what was there is there afterwards."""
        control.scroll_into_view_if_needed()
        settled(self.page)
        box: Any = control.bounding_box()
        place = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
        before = self.page.evaluate(AT, place)
        self.page.evaluate(WATCH, place)
        if self.has_touch:
            self.page.touchscreen.tap(*place)
            self.page.touchscreen.tap(*place)
        else:
            self.page.mouse.dblclick(*place)
        self.page.wait_for_timeout(50)
        settled(self.page)
        assert self.page.evaluate(AT, place) == before
        assert self.page.evaluate("window.unwatch()") <= STRAYED


def journey(page: Page, pointer: Pointer) -> None:
    """Every control of the chart, in the order of a consultation."""

    def press(name: str) -> None:
        pointer.press_twice(page.get_by_role("button", name=re.compile(name)).first)

    drafts = page.locator("#drafts li.unsigned")
    problems = page.get_by_role("region", name=re.compile("^Problems")).locator("li")
    known = problems.count()
    press("^Choose$")
    expect(drafts).to_have_count(1)
    press("^Add problem$")
    expect(problems).to_have_count(known + 1)
    press("^Remove")
    expect(drafts).to_have_count(0)
    press("^Undo: keep")
    expect(drafts).to_have_count(1)
    press("^Discharge patient$")
    afo = card(page, "afo").first
    pointer.press_twice(afo.get_by_role("button").first)
    expect(afo).to_contain_text("Drafted: ")
    pointer.press_twice(page.get_by_role("button", name=re.compile("^Chart opened")))
    advice = card(page, "emg-ncs").first
    advice.locator(".override summary").click()
    settled(page)
    expect(advice).not_to_contain_text("Overridden")
    pointer.press_twice(advice.get_by_role("button", name="Override this card"))
    expect(advice).to_contain_text("Overridden: ")
    pointer.press_twice(advice.get_by_role("button", name=re.compile("^Undo")))
    expect(advice).not_to_contain_text("Overridden")
    press("^Sign orders")
    if page.get_by_role("button", name=re.compile("^Sign( anyway)?$")).is_visible():
        press("^Sign( anyway)?$")
    expect(drafts).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("^Revoke"))).to_have_count(3)
    press("^Revoke")
    expect(page.get_by_role("button", name=re.compile("^Revoke"))).to_have_count(2)


@pytest.mark.long
@pytest.mark.parametrize(("width", "has_touch"), [(LAPTOP, False), (PHONE, True)])
def test_what_is_pressed_twice_is_done_once_and_nothing_moves_from_under_the_pointer(
    browser: Browser, address: str, width: int, has_touch: bool
) -> None:
    visit = Visit(browser, address, width, "light", has_touch=has_touch)
    journey(visit.chart("new-l5-foot-drop"), Pointer(visit.page, has_touch))
    visit.check_quiet()
    visit.page.context.close()


@pytest.mark.long
def test_the_second_click_of_a_double_one_does_nothing_when_the_first_is_done(browser: Browser, address: str) -> None:
    visit = Visit(browser, address, LAPTOP, "light")
    page = visit.chart("new-l5-foot-drop")
    for clicks in (1, 2):
        page.get_by_role("button", name="Choose", exact=True).hover()
        page.mouse.down(click_count=clicks)
        page.mouse.up(click_count=clicks)
        page.wait_for_timeout(50)
        settled(page)
        expect(page.locator("#drafts li.unsigned")).to_have_count(1)
    page.context.close()


@pytest.mark.long
def test_a_control_that_waits_for_the_service_is_pressed_once(page: Page, between: Between) -> None:
    page.goto(f"http://{between.address}/simulator/examples/new-l5-foot-drop")
    settled(page)
    between.faulty = {"/cds-services/": 4.0}
    choose = page.get_by_role("button", name="Choose", exact=True)
    choose.hover()
    choose.focus()
    for _ in range(3):
        page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    check_accessible(page)
    expect(choose).to_have_attribute("aria-busy", "true")
    settled(page)
    expect(page.locator("#drafts li.unsigned")).to_have_count(1)


@pytest.mark.long
def test_a_key_that_is_held_presses_once_and_the_focus_stays_near(browser: Browser, address: str) -> None:
    visit = Visit(browser, address, LAPTOP, "dark")
    page = visit.chart("new-l5-foot-drop")

    def hold(name: str) -> None:
        page.get_by_role("button", name=re.compile(name)).first.focus()
        for _ in range(5):
            page.keyboard.down("Enter")
        page.keyboard.up("Enter")
        page.wait_for_timeout(50)
        settled(page)

    hold("^Choose$")
    expect(page.locator("#drafts li.unsigned")).to_have_count(1)
    hold("^Remove")
    expect(page.get_by_role("button", name=re.compile("^Undo: keep"))).to_be_focused()
    hold("^Undo: keep")
    expect(page.get_by_role("button", name=re.compile("^Remove"))).to_be_focused()
    hold("^Sign orders")
    expect(page.get_by_role("region", name="Before signing")).to_be_focused()
    visit.check_quiet()
    page.context.close()
