"""The page and the source attributes of each rule, and what appraisals.toml says of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from posixpath import normpath
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from msgspec import structs

from cards.decide import decide
from cards.findings.gabapentinoid import DRUGS
from cards.language.appraisals import APPRAISALS, appraisal, read
from cards.language.rule import Rule
from cards.language.sources import branches
from cards.language.verdict import Card, Plan, Silent
from cards.orders.catalogue import CATALOGUE
from cards.record.chart import Chart
from cards.rule_book import rule_book
from service.app import signing
from service.publish import pages
from service.publish.attributes import source_attributes
from service.publish.library import Library
from service.settings import Settings
from tests.support import cases
from tests.support.known import KNOWN
from tests.support.sampling import one_in

RULES = rule_book().rules

VOID = {"meta", "br"}
TEXT = {"h1", "h2", "h3", "h4", "p", "a", "code", "span", "ul", "ol", "li", "dl", "dt", "dd", "strong", "em", "div"}
TABLE = {"table", "thead", "tbody", "tr", "th", "td"}
DRAWN = {"svg", "rect", "line", "text"}
ELEMENTS = (
    {"html", "head", "title", "style", "body", "nav", "main", "article", "details", "summary"}
    | TEXT
    | TABLE
    | DRAWN
    | VOID
)


class Page(HTMLParser):
    """Reads a page strictly: known elements only, each closed where it was opened."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.headings: list[int] = []
        self.sections: dict[str, list[str]] = {}
        self.style = self.lang = self._section = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert tag in ELEMENTS, tag
        assert not {"src", "srcset", "style", "background", "onclick", "onload"} & given.keys()
        self.lang = self.lang or (given.get("lang") or "" if tag == "html" else "")
        if re.fullmatch(r"h\d", tag):
            self.headings.append(int(tag[1]))
            self._section = given.get("id") or self._section
        if tag == "a":
            self.links.append(given["href"] or "")
        if tag == "li":
            self.sections.setdefault(self._section, []).append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            self.style += data
        elif "li" in self.open and "span" not in self.open:
            self.sections[self._section][-1] += data

    def items(self, section: str) -> list[str]:
        """The list items below a heading, without the levels beside them."""
        return [" ".join(item.split()) for item in self.sections.get(section, ())]


Open = Callable[[str], Page]


@pytest.fixture(scope="module")
def get_page(app: Flask) -> Open:
    """Reads the page at a path, each once."""

    @cache
    def get(path: str) -> Page:
        reply = app.test_client().get(path)
        assert reply.status_code == 200
        assert reply.mimetype == "text/html"
        assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
        return Page(reply.get_data(as_text=True))

    return get


@pytest.fixture(scope="module")
def status(app: Flask) -> Callable[[str], int]:
    """The status at a path, each asked once."""

    @cache
    def get(path: str) -> int:
        return app.test_client().get(path).status_code

    return get


@pytest.mark.parametrize("path", one_in(4, ["/rules", *(f"/rules/{id}" for id in RULES)]))
def test_a_page_is_well_formed_loads_nothing_and_its_links_lead_somewhere(
    get_page: Open, status: Callable[[str], int], path: str
) -> None:
    page = get_page(path)
    assert page.lang == "en"
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(page.headings, page.headings[1:], strict=False))
    assert not re.search(r"url\(|@import|expression", page.style)
    for link in page.links:
        assert link.startswith("https://") or status(link) == 200, link


def test_the_index_names_every_rule(get_page: Open) -> None:
    assert sorted(get_page("/rules").links) == sorted(["/", *(f"/rules/{id}" for id in RULES)])


@pytest.mark.parametrize(("rule", "path"), one_in(8, cases.files(), start=2))
def test_a_page_says_the_cases_of_its_rule(client: FlaskClient, get_page: Open, rule: str, path: Path) -> None:
    page = get_page(f"/rules/{rule}")
    written = cases.read(path)
    assert page.items("speaks") == [case["name"] for case in written if "card" in case]
    assert page.items("silent") == [case["name"] for case in written if "silent" in case]
    plan = client.get(f"/fhir/PlanDefinition/{rule}").get_json()
    assert all(case["name"] in plan["usage"] for case in written)


@pytest.mark.parametrize("rule", one_in(8, RULES.values()), ids=lambda rule: rule.id)
def test_a_page_says_on_what_a_rule_stands(client: FlaskClient, get_page: Open, rule: Rule) -> None:
    page, text = get_page(f"/rules/{rule.id}"), client.get(f"/rules/{rule.id}").get_data(as_text=True)
    appraised = appraisal(rule)
    assert not rule.source.url or rule.source.url in page.links
    assert {source.url for source in branches(rule.id) if source.url} <= set(page.links)
    assert all(source.branch in text for source in branches(rule.id))
    assert page.items("conflicts") == list(appraised.conflicts)
    assert page.items("caveats") == list(appraised.caveats)
    assert page.items("changes") == list(appraised.changes)
    assert appraised.changes or rule.id not in KNOWN, "what would change the advice stands on the page"
    assert page.items("not-evaluated") == list(appraised.not_evaluated)
    assert page.items("orders") == [CATALOGUE[key].text for key in rule.suggests]
    for words in (
        "no clinician has signed",
        rule.version,
        rule.reviewed,
        "(NHS" if "(NHS" in rule.source.label else "",
    ):
        assert words in text
    if "contested" in rule.strength:
        assert appraised.conflicts


def test_the_page_of_the_gabapentinoids_says_the_doses_of_their_labels(client: FlaskClient) -> None:
    text = client.get("/rules/gabapentinoid-safety").get_data(as_text=True)
    for drug in DRUGS:
        bands = [(_clearances(band.lowest, band.highest), f"{band.least}-{band.most}") for band in drug.bands]
        assert f"{drug.name} {', '.join(f'{clearance}: {dose}' for clearance, dose in bands)}" in text


def _clearances(lowest: int, highest: int | None) -> str:
    if highest is None:
        return f"{lowest} or more"
    return f"{lowest}-{highest}" if lowest else f"under {highest}"


@pytest.mark.long
def test_saved_pages_find_each_other(tmp_path: Path) -> None:
    Library(signing(Settings())).write(tmp_path)
    for file in (tmp_path / "rules").glob("*.html"):
        for link in Page(file.read_text(encoding="utf-8")).links:
            assert link.startswith("https://") or (tmp_path / normpath(f"rules/{link}")).is_file(), link


def test_below_a_prefix_the_links_stay_below_it(client: FlaskClient) -> None:
    reply = client.get("/rules/afo", environ_overrides={"SCRIPT_NAME": "/cds"})
    links = Page(reply.get_data(as_text=True)).links
    assert all(link.startswith(("https://", "/cds/")) for link in links)


def test_the_words_of_a_rule_cannot_act_as_markup() -> None:
    read = signing(Settings()).dossier("afo")
    rule = structs.replace(read.rule, title="<script>&", strength='"><img src=x>')
    html = pages.page(structs.replace(read, rule=rule), pages.SAVED)
    assert "&lt;script&gt;&amp;" in html
    Page(html)


def test_text_can_be_read_against_the_page_light_and_dark_and_printed(get_page: Open) -> None:
    schemes = re.findall(r":root \{(.*?)\}", get_page("/rules").style, re.DOTALL)
    assert len(schemes) == 3
    for scheme in schemes:
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", scheme))
        inks = [colours[name] for name in ("ink", "dim", "link", "critical", "warning", "info")]
        for ink, ground in product(inks, (colours["paper"], colours["sunken"])):
            darker, lighter = sorted((_luminance(ink), _luminance(ground)))
            assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (ink, ground)


def _luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_an_unknown_rule_is_not_found(client: FlaskClient) -> None:
    for path in ("/rules/none", "/rules/none/source-attributes"):
        reply = client.get(path)
        assert reply.status_code == 404
        assert reply.get_json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("rule", one_in(8, RULES.values(), start=1), ids=lambda rule: rule.id)
def test_the_thirteen_source_attributes(client: FlaskClient, rule: Rule) -> None:
    told = client.get(f"/rules/{rule.id}/source-attributes").get_json()
    assert (told["rule"], told["version"]) == (rule.id, rule.version)
    assert [each["number"] for each in told["attributes"]] == list(range(1, 14))
    page = client.get(f"/rules/{rule.id}").get_data(as_text=True)
    for each in told["attributes"]:
        assert each["value"]
        assert each["name"] in page
        assert ("used" in each) == (each["number"] >= 5)
    used = {each["number"] for each in told["attributes"] if each.get("used")}
    assert used <= {10, 11, 13}, "nothing of the rules reads race, ethnicity, language, orientation, identity, or need"
    assert (11 in used) == ("patient" in rule.reads)
    assert (10 in used) == (rule.reads >= {"patient", "observation.creatinine"})
    assert rule.source.label in told["attributes"][0]["value"]


@pytest.mark.parametrize(("rule", "path"), one_in(8, cases.files(), start=3))
def test_what_is_published_of_a_rule_is_what_its_cases_bring_out(
    rule: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The orders that its cards suggest, and whether it asks for the sex and the age."""
    asked: set[str] = set()
    for name in ("sex", "age"):
        monkeypatch.setattr(Chart, name, _watched(name, asked))
    cards = [_card(RULES[rule], case) for case in cases.read(path)]
    suggestions = [suggestion for card in cards if card for suggestion in card.suggestions]
    suggested = {plan.key for suggestion in suggestions for plan in suggestion.plans if isinstance(plan, Plan)}
    assert suggested == set(RULES[rule].suggests)
    used = {each.number for each in source_attributes(RULES[rule]) if each.used}
    assert "sex" not in asked or 10 in used
    assert "age" not in asked or 11 in used


def _card(rule: Rule, case: cases.Case) -> Card | None:
    """The card of a rule, shown or kept in its silence."""
    hook = str(case.get("hook", rule.hooks[0]))
    alone = structs.replace(rule_book(), by_hook={hook: (rule,)})
    verdict = decide(cases.chart(case, hook), alone).verdicts[rule.id]
    return verdict.card if isinstance(verdict, Silent) else verdict


def _watched(name: str, asked: set[str]) -> property:
    given = getattr(Chart, name).fget

    def ask(chart: Chart) -> Any:
        asked.add(name)
        return given(chart)

    return property(ask)


def test_every_appraisal_is_of_a_rule_and_ends_in_its_version() -> None:
    assert APPRAISALS.keys() <= RULES.keys()
    for rule in RULES.values():
        appraised = appraisal(rule)
        newest = appraised.history[0]
        assert (newest.version, newest.date) == (rule.version, rule.reviewed), rule.id
        assert set(rule.suggests) <= CATALOGUE.keys()


def test_a_rule_that_is_not_appraised_has_the_version_it_declares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cards.language.appraisals.APPRAISALS", {})
    rule = RULES["afo"]
    (only,) = appraisal(rule).history
    assert (only.version, only.date) == (rule.version, rule.reviewed)


def test_a_misspelt_member_of_an_appraisal_is_refused() -> None:
    with pytest.raises(ValueError, match="afo: unknown member 'conflict'"):
        read('[afo]\nconflict = ["x"]')


def test_a_page_can_be_printed_and_signed(tmp_path: Path, get_page: Open) -> None:
    """It holds what `signoff show` prints: words with examples, thresholds, departures; and lines, or the record."""
    page = get_page("/rules/emg-ncs")
    assert any("e.g. about 2026-03-23 (3 weeks from today) (example: " in item for item in page.items("words"))
    assert any(item.startswith("DENERVATION = timedelta(days=21)") for item in page.items("thresholds"))
    assert any(item.startswith("D99 Mimics") for item in page.items("departures"))
    assert "@media print" in page.style
    site = signing(Settings(signoff_file=tmp_path / "signoff.toml"))
    unsigned = pages.page(site.dossier("emg-ncs"), pages.SAVED)
    assert "Draft: no clinician has signed this rule yet." in unsigned
    assert '<th scope="row">Name</th><td></td>' in unsigned
    site.add("emg-ncs", "A. Clinician", "Consultant", "Example <Hospital>", "Adults alone.")
    again = signing(Settings(signoff_file=tmp_path / "signoff.toml"))
    signed = pages.page(again.dossier("emg-ncs"), pages.SAVED)
    Page(signed)
    assert "Signed. Version 2.0.0 was approved by A. Clinician, Consultant, for Example &lt;Hospital&gt; on " in signed
    assert '<th scope="row">Conditions</th><td>Adults alone.</td>' in signed
    assert "not an electronic signature in the sense of 21 CFR 11" in signed
    assert "reviewed 2026-11-28, signed</li>" in pages.index(again, pages.SAVED)
    assert b"Signed. Version 2.0.0 was approved by" in (Library(again).source_attributes("emg-ncs") or b"")
