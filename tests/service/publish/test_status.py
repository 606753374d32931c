"""The FHIR status of what is published follows the sign-off: by the command, and over HTTP day by day."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from cards.rule_book import rule_book
from service.app import create_app, signing
from service.settings import Settings, load
from tests.support.commands import run
from tests.support.patients import NOW
from tests.support.signing import registered

RULE = rule_book().rules["lumbar-mri"]
OF_IT = f"PlanDefinition/{RULE.id}"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Those of a site that has signed one rule, until tomorrow."""
    settings = load(registered(tmp_path), {})
    tomorrow = (NOW + timedelta(days=1)).date()
    signing(settings, NOW).add(RULE.id, "A. Clinician", "Consultant", "Example Hospital", "", tomorrow)
    return settings


def published(settings: Settings, days: int = 0) -> dict[str, dict[str, Any]]:
    """What is served so many days later, by kind and id."""
    client = create_app(settings, now=NOW + timedelta(days=days), dev=True).test_client()
    kinds = ("PlanDefinition", "ActivityDefinition", "ValueSet", "CodeSystem")
    resources = [entry["resource"] for kind in kinds for entry in client.get(f"/fhir/{kind}").get_json()["entry"]]
    for resource in resources:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    by_id = {f"{one['resourceType']}/{one['id']}": one for one in resources}
    assert client.get(f"/fhir/{OF_IT}").get_json() == by_id[OF_IT]
    return by_id


def test_a_signed_rule_is_active_until_its_sign_off_expires(settings: Settings) -> None:
    signed = published(settings)
    assert signed[OF_IT]["status"] == "active"
    assert signed[OF_IT]["approvalDate"] == NOW.date().isoformat()
    others = [one for name, one in signed.items() if name.startswith("PlanDefinition/") and name != OF_IT]
    assert {(one["status"], "approvalDate" in one) for one in others} == {("draft", False)}
    late = published(settings, days=2)
    assert {one["status"] for one in late.values()} == {"draft"}
    assert "approvalDate" not in late[OF_IT]


@pytest.mark.long
def test_what_only_signed_rules_use_is_active(settings: Settings) -> None:
    used = [one.reads for one in rule_book().rules.values()]
    alone = {key.replace(".", "-") for key in RULE.reads if sum(key in keys for keys in used) == 1}
    signed = {name for name, one in published(settings).items() if one["status"] == "active"}
    assert {name for name in signed if name.startswith("ValueSet/")} <= {f"ValueSet/{key}" for key in alone}
    assert not any(name.startswith("CodeSystem/") for name in signed), "it is of all rules"
    for rule in rule_book().rules:
        if rule != RULE.id:
            signing(settings, NOW).add(rule, "A. Clinician", "Consultant", "Example Hospital")
    all_signed = published(settings)
    of_rules = {name for name in all_signed if name.startswith(("PlanDefinition/", "CodeSystem/"))}
    assert {all_signed[name]["status"] for name in of_rules} == {"active"}


@pytest.mark.long
def test_a_void_sign_off_makes_no_rule_active(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "signoff.toml"
    text = file.read_text()
    digest = text.partition('sha256 = "')[2].partition('"')[0]
    file.write_text(text.replace(digest, "0" * len(digest)))
    assert run("publish", "out", folder=tmp_path).returncode == 0
    assert json.loads((tmp_path / "out" / "fhir" / f"{OF_IT}.json").read_text())["status"] == "draft"
