"""docs/epic.md and docs/oracle.md: what they tell an analyst to enter is what the service accepts, sends and prints."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from cards.language.sources import SOURCES
from cards.language.verdict import Indicator
from cards.orders.catalogue import CATALOGUE
from cards.orders.override_reasons import OVERRIDE_REASONS
from cards.record.prefetch_keys import PREFETCH_KEYS
from service.hooks import HOOKS, service_id
from service.profiles.codes import plain_code, plain_topic
from service.profiles.profile import PROFILES
from service.settings import Settings, load
from service.trust.token import Why
from tests.support import house
from tests.support.places import DOCS
from tests.support.profiled import actions, pairs

Json = dict[str, Any]
PAGES = {name: (DOCS / f"{name}.md").read_text(encoding="utf-8") for name in ("epic", "oracle")}
CODE = " ".join(house.texts("service", suffix=".py").values())
RESOURCES = {key.resource_type for key in PREFETCH_KEYS.values()} | {"Medication"}


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a page in a language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGES[page], re.DOTALL)


def entry(page: str, folder: Path) -> Settings:
    """The settings with the entry of a page, and their other contents."""
    file = folder / "foot-drop-cds.toml"
    first, *more = blocks(page, "toml")
    file.write_text("\n".join(['public_url = "https://cds.hospital.example"', first, *more]))
    return load(file, {})


@pytest.mark.parametrize("page", PAGES)
def test_the_entry_is_accepted_and_of_that_profile(page: str, tmp_path: Path) -> None:
    client = entry(page, tmp_path).clients[page]
    assert client.profile == page
    fields = re.findall(r"^\| `(\w+)` \|", PAGES[page], re.MULTILINE)
    known = set(type(client).model_fields) | {"base", "subject"}
    assert {"issuer", "keys_urls", "profile", "services", "base", "subject"} <= set(fields) & known


@pytest.mark.parametrize("page", PAGES)
def test_it_is_said_that_it_was_never_tried(page: str) -> None:
    assert re.search(r"\*\*Status\.\*\* Not tried against (Epic|Oracle's product)\.", PAGES[page])


@pytest.mark.parametrize("page", PAGES)
def test_what_is_seen_is_what_the_service_says(page: str) -> None:
    table = PAGES[page].partition("| what is seen |")[2]
    said = [text for row in table.splitlines()[2:] for text in re.findall(r"`([^`]+)`", row.split("|")[1])]
    assert len(said) > 6
    for text in said:
        parts = [part for part in re.split(r"conditions: | \d{3}$", text) if part] if " " in text else []
        assert text in set(Why) or all(part.removeprefix("the FHIR server ") in CODE for part in parts), text


@pytest.mark.parametrize("page", PAGES)
def test_every_kind_of_record_is_asked_for(page: str) -> None:
    missing = [kind for kind in RESOURCES if not re.search(rf"\b(?:patient/)?{kind}\b", PAGES[page])]
    assert missing == []


def test_epic_has_the_services_of_its_hooks(tmp_path: Path) -> None:
    services = entry("epic", tmp_path).clients["epic"].services or ()
    assert set(services) == {service_id(hook) for hook in ("patient-view", "order-select", "order-sign")}
    assert entry("oracle", tmp_path).clients["oracle"].services == (service_id("patient-view"),)
    assert HOOKS["patient-view"].title in PAGES["oracle"]


def test_the_acknowledgment_reasons_are_those_that_are_sent() -> None:
    told = dict(re.findall(r"^\| `([a-z0-9]+)` \| ([^|]+) \|$", PAGES["epic"], re.MULTILINE))
    assert {plain_code(code): display for code, display in OVERRIDE_REASONS.items()}.items() <= told.items()
    assert f"`{plain_topic('lumbar-mri', Indicator.WARNING)}`" in PAGES["epic"]


def test_every_order_that_epic_is_offered_has_its_key_on_the_page(tmp_path: Path) -> None:
    keys = set(re.findall(r"`((?:order|medication)\.[a-z-]+)`", PAGES["epic"].partition("| key | order |")[2]))
    assert keys == {key for key in CATALOGUE if key.startswith(("order.", "medication.")) and key != "order.afo"}
    (key,) = entry("epic", tmp_path).codes
    assert key in keys


def test_what_epic_is_not_offered_is_named() -> None:
    offered = PROFILES["epic"].carries_out or frozenset()
    plain = {
        action["resource"]["resourceType"]
        for pair in pairs("epic")
        for card in pair.plain.values()
        for action in actions(card)
        if action["type"] == "create"
    }
    for kind in plain | {"Communication"}:
        assert (f"({kind})" in PAGES["epic"]) == (("create", kind) not in offered), kind


def test_oracle_is_told_every_address_to_which_cards_link() -> None:
    (listed,) = blocks("oracle", "text")
    addresses = {f"https://{urlsplit(source.url).netloc}" for source in SOURCES.values() if source.url}
    assert set(listed.split()) == addresses


def test_the_entries_are_toml_of_their_own() -> None:
    for page in PAGES:
        for text in blocks(page, "toml"):
            assert tomllib.loads(text)
