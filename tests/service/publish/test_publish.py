"""The published FHIR resources, over HTTP and by the command: valid R4, one canonical each, and nothing left open."""

from __future__ import annotations

import re
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from flask.testing import FlaskClient

from cards.orders.catalogue import CATALOGUE
from cards.orders.override_reasons import OVERRIDE_REASONS
from cards.record.prefetch_keys import supplied_by
from cards.rule_book import rule_book
from cards.value_sets.systems import EXAM
from cards.value_sets.value_set import VALUE_SETS
from service.app import create_app
from service.settings import Settings
from tests.support import commands
from tests.support.processes import COMMAND, TIMEOUT

RULES = rule_book().rules

BASE = "https://foot-drop-cds.example/fhir"
KINDS = ("ActivityDefinition", "CodeSystem", "PlanDefinition", "ValueSet")

# R4 required bindings that the models do not check
BINDINGS = {
    "kind": {"ServiceRequest", "DeviceRequest", "MedicationRequest"},
    "intent": {"proposal", "plan", "directive", "order", "original-order", "reflex-order", "filler-order", "option"},
    "priority": {"routine", "urgent", "asap", "stat"},
    "status": {"draft", "active", "retired", "unknown"},
    "content": {"not-present", "example", "fragment", "complete", "supplement"},
}


@pytest.fixture(scope="module")
def published() -> dict[str, list[dict[str, Any]]]:
    """Every resource by kind, as the service answers a search for the kind."""
    client = create_app(dev=True).test_client()
    return {kind: [entry["resource"] for entry in _bundle(client, kind)["entry"]] for kind in KINDS}


def _bundle(client: FlaskClient, kind: str, query: str = "") -> dict[str, Any]:
    reply = client.get(f"/fhir/{kind}{query}")
    assert reply.status_code == 200
    assert reply.mimetype == "application/fhir+json"
    found: dict[str, Any] = reply.get_json()
    get_fhir_model_class("Bundle").model_validate(found)
    assert found["type"] == "searchset"
    assert found["total"] == len(found.get("entry", ()))
    return found


def _all(published: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [resource for kind in KINDS for resource in published[kind]]


def test_every_resource_is_valid_r4(published: dict[str, list[dict[str, Any]]]) -> None:
    for resource in _all(published):
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        for element, allowed in BINDINGS.items():
            assert resource.get(element, next(iter(allowed))) in allowed, (resource["url"], element)
        assert re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", resource["id"])
        assert re.fullmatch(r"[A-Z][A-Za-z0-9_]{0,254}", resource["name"])
        assert _empties(resource) == []


def _empties(value: Any, path: str = "") -> list[str]:
    """Where a document holds null, an empty text, list or object, which FHIR JSON does not allow."""
    if value in (None, "", [], {}):
        return [path]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [each for name, item in items for each in _empties(item, f"{path}.{name}")]


def test_each_has_one_canonical_and_names_differ_within_a_kind(published: dict[str, list[dict[str, Any]]]) -> None:
    resources = _all(published)
    assert [url for url, times in Counter(each["url"] for each in resources).items() if times > 1] == []
    for resource in resources:
        assert resource["url"] == f"{BASE}/{resource['resourceType']}/{resource['id']}"
    for kind in KINDS:
        names = [each["name"] for each in published[kind]]
        assert len(names) == len(set(names))


def test_what_one_resource_names_is_published(published: dict[str, list[dict[str, Any]]]) -> None:
    known = {each["url"] for each in _all(published)}
    named = {text for each in _all(published) for text in _texts(each) if text.startswith(f"{BASE}/")}
    assert named - known == set()
    assert any("/ValueSet/" in each for each in named)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def test_a_resource_is_read_by_its_id(client: FlaskClient, published: dict[str, list[dict[str, Any]]]) -> None:
    for resource in _all(published):
        reply = client.get(f"/fhir/{resource['resourceType']}/{resource['id']}")
        assert reply.mimetype == "application/fhir+json"
        assert reply.get_json() == resource


def test_a_resource_is_found_by_its_canonical(client: FlaskClient) -> None:
    for query in (f"?url={BASE}/PlanDefinition/afo", f"?url={BASE}/PlanDefinition/afo|1.0.0"):
        (entry,) = _bundle(client, "PlanDefinition", query)["entry"]
        assert entry["resource"]["id"] == "afo"
    assert _bundle(client, "PlanDefinition", "?url=https://elsewhere.example/PlanDefinition/afo")["total"] == 0


@pytest.mark.parametrize(
    "path", ["/fhir/PlanDefinition/none", "/fhir/Patient/1", "/fhir/Patient", "/fhir/ValueSet/%2e"]
)
def test_what_is_not_published_is_not_found(client: FlaskClient, path: str) -> None:
    reply = client.get(path)
    assert reply.status_code == 404
    assert reply.mimetype == "application/fhir+json"
    outcome = reply.get_json()
    get_fhir_model_class("OperationOutcome").model_validate(outcome)
    assert outcome["issue"][0]["code"] == "not-found"


def test_pages_of_other_origins_may_not_read_what_is_published() -> None:
    client = create_app(Settings(allow_origins=("https://ehr.example",), hosts=("localhost",))).test_client()
    for path in ("/fhir/PlanDefinition/afo", "/fhir/PlanDefinition/none", "/rules/afo/source-attributes"):
        assert "Access-Control-Allow-Origin" not in client.get(path, headers={"Origin": "https://ehr.example"}).headers


def test_every_rule_is_a_plan(published: dict[str, list[dict[str, Any]]]) -> None:
    plans = {each["id"]: each for each in published["PlanDefinition"]}
    assert plans.keys() == RULES.keys()
    for rule in RULES.values():
        plan = plans[rule.id]
        (action,) = plan["action"]
        assert plan["status"] == "draft"
        assert "approvalDate" not in plan, "nobody has signed"
        assert plan["version"] == rule.version
        assert plan["date"] == plan["lastReviewDate"] == plan["effectivePeriod"]["start"] == rule.reviewed
        assert [(each["type"], each["name"]) for each in action["trigger"]] == [("named-event", h) for h in rule.hooks]
        assert plan["relatedArtifact"][0].get("url", "") == rule.source.url
        graded = action["documentation"][0]["document"]["extension"]
        assert [each["valueCodeableConcept"]["text"] for each in graded] == [rule.strength, rule.quality]
        assert rule.title in action["condition"][0]["expression"]["expression"]


def test_a_plan_asks_for_what_its_rule_reads(published: dict[str, list[dict[str, Any]]]) -> None:
    for plan in published["PlanDefinition"]:
        rule = RULES[plan["id"]]
        asked: dict[str, int] = defaultdict(int)
        for each in plan["action"][0]["input"]:
            whole = {"Patient": "patient", "Encounter": "encounter", "AllergyIntolerance": "allergy"}.get(each["type"])
            for code_filter in each.get("codeFilter", [{"valueSet": f"{BASE}/ValueSet/{whole}"}]):
                asked[code_filter["valueSet"].rpartition("/")[2]] += 1
        assert asked == {key.replace(".", "-"): len(supplied_by(key)) for key in rule.reads}


def test_every_order_is_an_activity(published: dict[str, list[dict[str, Any]]]) -> None:
    made = {each["id"]: each for each in published["ActivityDefinition"]}
    assert made.keys() == {key.replace(".", "-") for key in CATALOGUE}
    for key, entry in CATALOGUE.items():
        activity = made[key.replace(".", "-")]
        assert activity["title"] == entry.text
        assert (activity.get("code") or activity["productCodeableConcept"])["text"] == entry.text
        assert ("bodySite" in activity) == bool(entry.site)
        assert ("intent" in activity) == ("kind" in activity)
    assert made["order-mri-lumbar"]["kind"] == "ServiceRequest"
    assert made["order-afo"]["kind"] == "DeviceRequest"
    assert made["medication-gabapentin"]["kind"] == "MedicationRequest"


def test_every_code_is_in_its_value_set(published: dict[str, list[dict[str, Any]]]) -> None:
    made = {each["id"]: each for each in published["ValueSet"]}
    assert made.keys() == {key.replace(".", "-") for key in VALUE_SETS}
    for key, value_set in VALUE_SETS.items():
        resource = made[key.replace(".", "-")]
        composed = {
            include["system"]: {each["code"]: each["display"] for each in include["concept"]}
            for include in resource.get("compose", {"include": []})["include"]
        }
        assert composed == {system: dict(codes) for system, codes in value_set.listed.items()}
        for words in (*value_set.names, *(pattern for _, pattern in value_set.all_patterns)):
            assert words in resource["description"]


def test_the_code_systems_are_complete_and_explained(published: dict[str, list[dict[str, Any]]]) -> None:
    made = {each["id"]: each for each in published["CodeSystem"]}
    codes = {id: {each["code"] for each in system["concept"]} for id, system in made.items()}
    assert codes == {
        "cards": set(RULES),
        "override-reasons": set(OVERRIDE_REASONS),
        "exam": {code for value_set in VALUE_SETS.values() for code in value_set.listed.get(EXAM, ())},
    }
    for system in made.values():
        assert system["content"] == "complete"
        assert system["caseSensitive"] is True
        for concept in system["concept"]:
            assert concept["definition"] != concept["display"], concept["code"]


def _publish(folder: Path, *, to: str) -> commands.Done:
    return commands.run("publish", to, folder=folder)


@pytest.mark.long
def test_the_command_writes_what_is_served_and_the_same_every_time(client: FlaskClient, tmp_path: Path) -> None:
    process = subprocess.run([COMMAND, "publish", "first"], cwd=tmp_path, timeout=TIMEOUT, check=False)
    assert (process.returncode, _publish(tmp_path, to="second").returncode) == (0, 0)
    first, second = (
        {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
        for folder in (tmp_path / "first", tmp_path / "second")
    )
    assert first == second
    resources = [name for name in first if name.startswith("fhir/")]
    for name in resources:
        assert client.get(f"/{name.removesuffix('.json')}").get_data() == first[name]
    assert len(resources) == sum(len(_bundle(client, kind)["entry"]) for kind in KINDS)
    for id in RULES:
        attributes = first[f"rules/{id}.source-attributes.json"]
        assert client.get(f"/rules/{id}/source-attributes").get_data() == attributes
    assert _publish(tmp_path, to="first").returncode == 0, "it may write over what it wrote"


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = _publish(tmp_path, to="file/below")
    assert refused.returncode == 1
    assert "file/below cannot be written" in refused.stderr
    assert _publish(tmp_path, to="file").returncode == 2
