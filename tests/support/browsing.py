"""The simulator in Debian's chromium: visits to its pages, and what must hold on each page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

LAPTOP, TABLET, PHONE, NARROWEST = 1280, 820, 390, 320
SERIOUS = ("serious", "critical")
REBOUND = "rebound.example"
"""A name that was bound to this machine's address, as a hostile page can do with one of its own."""
# Without these it contacts its maker's hosts by itself; a container cannot give it a sandbox.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; its process ends with the block."""
    expect.set_options(timeout=20_000)  # on a machine that others use too
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()


class Visit:
    """A page, what its console said, and what it asked for."""

    def __init__(self, browser: Browser, address: str, width: int, scheme: Any, **more: Any) -> None:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **more)
        context.set_default_timeout(20_000)
        self.address = address
        self.page: Page = context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        context.on("request", lambda request: self.asked.append(request.url))

    def open(self, path: str) -> Page:
        """The page at a path of the simulator."""
        self.page.goto(f"{self.address}/simulator{path}")
        return self.page

    def chart(self, name: str) -> Page:
        """An example's chart, once its cards are there."""
        self.open(f"/examples/{name}")
        settled(self.page)
        return self.page

    def check_quiet(self) -> None:
        """Nothing in the console, and no request to anywhere else."""
        assert self.said == []
        assert [url for url in self.asked if not url.startswith(f"{self.address}/")] == []


def settled(page: Page) -> None:
    """Wait until everything that was started has finished, and no control has moved for half a second."""
    expect(page.locator("#verdicts .verdicts")).to_be_attached()
    expect(page.locator("body")).to_have_attribute("aria-busy", "false")
    expect(page.locator("body")).to_have_attribute("data-steady", "true")


def card(page: Page, topic: str) -> Any:
    """The card of a rule."""
    return page.locator(f".card[data-topic={topic}]")


def check_accessible(page: Page) -> None:
    """No serious finding of axe, and nothing wider than the window."""
    found = Axe().run(page).response["violations"]
    serious = {each["id"]: [node["html"] for node in each["nodes"]] for each in found if each["impact"] in SERIOUS}
    assert not serious, serious
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, f"{wide} pixels wider than the window"
