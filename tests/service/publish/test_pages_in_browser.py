"""The pages in a real browser: read at every width, light and dark, on paper, and by who cannot see them.

It needs Debian's chromium; conftest.py leaves this file out where that is missing.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browsing import Visit, check_accessible, settled

PHONE, SMALL = 390, 320
NONE = "/nothing-is-here"
PAGES = ["/", "/rules", "/rules/afo", NONE]
HIDDEN = "[...document.querySelectorAll('details')].filter(one => !one.lastElementChild.checkVisibility()).length"


def opened(browser: Browser, address: str, path: str, width: int, scheme: str) -> tuple[Visit, Page]:
    """A visit to a page that is none of the simulator's."""
    visit = Visit(browser, address, width, scheme)
    visit.page.goto(f"{address}{path}")
    return visit, visit.page


@pytest.mark.long
def test_from_the_start_page_a_rule_is_found_and_its_case_played(browser: Browser, address: str) -> None:
    visit, page = opened(browser, address, "/", PHONE, "dark")
    expect(page.get_by_role("main")).to_contain_text("Not validated for clinical use")
    check_accessible(page)
    page.get_by_role("link", name="Rules").click()
    page.get_by_role("link", name="A foot drop that is not long-standing").click()
    expect(page.locator(".pairs")).to_contain_text("84 days: speaks")
    check_accessible(page)
    page.get_by_text("Show the pairs").click()
    page.locator(".pair a").first.click()
    settled(page)
    expect(page.locator(".card[data-topic=discharge-advice]")).to_be_visible()
    visit.check_quiet()
    page.context.close()


@pytest.mark.long
def test_what_is_secondary_is_folded_on_a_phone_and_printed_on_paper(browser: Browser, address: str) -> None:
    visit, page = opened(browser, address, "/rules/discharge-advice", PHONE, "dark")
    assert page.evaluate(HIDDEN) == page.locator("details").count() > 0
    assert page.locator(".fold > summary:visible").count() == page.locator(".fold").count() > 5
    page.set_viewport_size({"width": 1280, "height": 900})
    assert page.locator(".fold > summary:visible").count() == 0
    expect(page.get_by_role("rowheader", name="Bibliographic citation")).to_be_visible()
    assert page.evaluate(HIDDEN) == page.locator("details:not(.fold)").count() > 0, "codes stay folded"
    page.set_viewport_size({"width": PHONE, "height": 900})
    page.emulate_media(media="print")
    assert page.evaluate(HIDDEN) == 0
    assert page.locator(".fold > summary:visible").count() == 0
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.get_by_role("link", name="Open in the simulator").first.is_visible()
    expect(page.locator(".signing")).to_be_visible()
    visit.check_quiet()
    page.context.close()


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [SMALL, PHONE, 820, 1280])
def test_every_page_is_readable_at_every_width(browser: Browser, address: str, width: int, scheme: str) -> None:
    for path in PAGES:
        visit, page = opened(browser, address, path, width, scheme)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        check_accessible(page)
        if path != NONE:  # whose status stands in the console
            visit.check_quiet()
        page.context.close()


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [SMALL, PHONE, 820, 1280])
def test_the_pictures_fit_and_are_said_in_words(browser: Browser, address: str, width: int, scheme: str) -> None:
    visit = Visit(browser, address, width, scheme)
    page = visit.chart("improving-after-decompression")
    pictures = page.locator(".pictures")
    for drawing in pictures.get_by_role("img").all():
        box = drawing.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    assert pictures.get_by_role("img").count() == 2
    pictures.get_by_text("The pictures in words").click()
    expect(pictures.get_by_text("operation: Lumbar decompression")).to_be_visible()
    visit.check_quiet()
    page.context.close()


@pytest.mark.long
def test_an_example_is_searched_without_a_script(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": PHONE, "height": 900})
    page = context.new_page()
    page.goto(f"{address}/simulator")
    page.get_by_label("Search the examples").fill("CAUDA pacemaker")
    page.keyboard.press("Enter")
    expect(page.locator(".tiles a")).to_have_count(1)
    expect(page.get_by_role("status")).to_contain_text("1 of the examples has all of these words")
    page.get_by_role("link", name="Show all").click()
    assert page.locator(".tiles a").count() > 1
    context.close()
