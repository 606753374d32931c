"""The page that `make backtest-example` makes, in a browser: readable by everybody, in light and dark, and quiet."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from service.backtest.report.report import Outcomes, Report
from tests.support import backtest_example, example_population
from tests.support.backtest_example import NOTICE
from tests.support.browsing import SERIOUS, Visit
from tests.support.commands import run
from tests.support.exports import backtest
from tests.support.places import ROOT

PATIENTS = 600
FORMS = ("--format", "html", "--format", "json")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a backtest of an invented population and its report in `out`."""
    folder = tmp_path_factory.mktemp("example")
    assert backtest(folder, example_population.write(folder / "export", PATIENTS, records=3)).returncode == 0
    assert run("backtest-report", "out", "--notice", NOTICE, *FORMS, folder=folder).returncode == 0
    return folder


@pytest.mark.parametrize(("scheme", "width"), [("dark", 1280), ("light", 320)])
def test_everybody_can_read_it_and_it_asks_for_nothing(folder: Path, browser: Browser, scheme: str, width: int) -> None:
    visit = Visit(browser, "file://", width, scheme)
    page = visit.page
    page.goto((folder / "out" / "report.html").as_uri())
    assert page.locator("figure svg").count() >= 2
    assert page.locator(".notice").inner_text() == NOTICE
    faults = Axe().run(page).response["violations"]
    assert [fault["id"] for fault in faults if fault["impact"] in SERIOUS] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert visit.said == []
    assert [url for url in visit.asked if not url.startswith("file://")] == []


def test_no_sum_tells_what_is_hidden_in_another_table(folder: Path) -> None:
    report = msgspec.json.decode((folder / "out" / "report.json").read_bytes(), type=Report)
    hidden = {one.rule for one in report.rules if one.tally.cards is None}
    assert hidden
    assert {one.card for one in report.outcomes if one.rule in hidden} == {None}
    assert all(_parts(one).count(None) > 1 for one in report.outcomes if one.rule in hidden)
    for tier in report.tiers[1:]:
        of_tier = [one for one in report.rules if one.indicator == tier.indicator]
        assert tier.tally.cards is not None
        seen = [one.tally.cards for one in of_tier if one.tally.cards is not None]
        assert len(seen) == len(of_tier) or tier.tally.cards - sum(seen) >= report.counts_below


def _parts(one: Outcomes) -> tuple[int | None, ...]:
    return (one.card, one.not_applicable, one.suppressed, one.could_not_evaluate)


def test_the_document_shows_it_under_the_heading(folder: Path) -> None:
    (folder / "docs").mkdir()
    backtest_example.show(folder / "out", folder / "docs")
    report = msgspec.json.decode((folder / "out" / "report.json").read_bytes(), type=Report)
    for shown in ((folder / "docs"), ROOT / "docs"):
        text = (shown / "backtest_example.md").read_text(encoding="utf-8")
        assert text.startswith(f"# {NOTICE}\n")
        for picture in ("rates", "in_time"):
            assert f"(backtest_example_{picture}.svg)" in text
            assert "var(" not in (shown / f"backtest_example_{picture}.svg").read_text(encoding="utf-8")
    assert f"{report.patients:,} patients" in (folder / "docs" / "backtest_example.md").read_text(encoding="utf-8")
