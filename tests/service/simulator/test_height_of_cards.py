"""How high the cards of the examples are in a narrow pane of an EHR, in a real browser.

It needs Debian's chromium; conftest.py leaves this file out where that is missing.
"""

from __future__ import annotations

from markupsafe import escape
from playwright.sync_api import Browser

from service.markdown import safe_html
from tests.support import examples_on_disk

WIDTH, FONT, HIGHEST = 350, 14, 420  # pixels; the margins are the browser's own
SHARE = 0.9
HEIGHTS = "[...document.querySelectorAll('article')].map(card => card.getBoundingClientRect().height)"


def test_nine_of_ten_cards_are_low_enough_to_be_read_without_scrolling(browser: Browser) -> None:
    cards = [card for _, _, response in examples_on_disk.read() for card in response["cards"]]
    html = "".join(
        f"<article><strong>{escape(card['summary'])}</strong>{safe_html(card['detail'])}"
        f"<small>{escape(card['source']['label'])}</small></article>"
        for card in cards
    )
    style = f"<style>article {{ width: {WIDTH}px; font: {FONT}px sans-serif; display: flow-root }}</style>"
    page = browser.new_page()
    page.set_content(style + html)
    heights = page.evaluate(HEIGHTS)
    page.close()
    assert len(heights) == len(cards) > 100
    assert sum(height < HIGHEST for height in heights) >= SHARE * len(heights), sorted(heights)[-20:]
