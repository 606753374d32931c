"""CDS Hooks 3.0, the draft of June 2026, for a client that asks for it: each difference, and what follows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from cards.orders.validity import r4_fault
from service.hooks import HOOKS, service_id
from tests.support.profiled import actions
from tests.support.signing import FHIR_BASE, PUBLIC_URL, token
from tests.support.site import HOST, REQUEST, Site, site

Json = dict[str, Any]
DISCOVERY = f"{PUBLIC_URL}/cds-services"
# HL7/cds-hooks-library at 5d04c4d: the metadata of the page of each hook.
HOOK_VERSIONS = {
    "patient-view": "1.0",
    "order-select": "1.0",
    "order-sign": "1.0",
    "problem-list-item-create": "0.1.0",
    "encounter-discharge": "1.0",
}


def listed(main: Site, of_token: str | None = None) -> list[Json]:
    """What discovery lists for whoever sends this token."""
    carried = {"Authorization": f"Bearer {of_token}"} if of_token else {}
    services: list[Json] = main.http.get("/cds-services", headers={**HOST, **carried}).get_json()["services"]
    return services


def cards(main: Site) -> list[Json]:
    shown: list[Json] = main.post(token()).get_json()["cards"]
    assert shown
    return shown


def version_in_discovery(main: Site) -> None:
    assert {service["version"] for service in listed(main, token(aud=DISCOVERY))} == {"3.0.0"}


def hook_version_in_discovery(main: Site) -> None:
    versions = {service["hook"]: service["hookVersion"] for service in listed(main, token(aud=DISCOVERY))}
    assert versions == HOOK_VERSIONS
    assert versions.keys() == HOOKS.keys()


def an_id_for_each_hook_version(main: Site) -> None:
    services = listed(main, token(aud=DISCOVERY))
    assert len({service["id"] for service in services}) == len(services)


def errors_are_outcomes(main: Site) -> None:
    replies = [
        main.post(token(), {"hook": "other"}),
        main.post(None),
        main.post(token(), {**REQUEST, "fhirServer": "https://elsewhere.example"}),
        main.post(token(), path="/cds-services/none"),
        main.http.put("/cds-services", headers=HOST),
        main.post(token(), {**REQUEST, "prefetch": {}}),
        main.http.post("/cds-services/foot-drop-patient-view", headers={**HOST, "Authorization": f"Bearer {token()}"}),
        main.post(token(), {**REQUEST, "prefetch": {**REQUEST["prefetch"], "patient": other_patient()}}),
        main.http.get("/cds-services", headers={"Host": "elsewhere.example"}),
    ]
    assert [reply.status_code for reply in replies] == [400, 401, 403, 404, 405, 412, 415, 422, 421]
    for reply in replies:
        assert reply.mimetype == "application/json"
        assert reply.get_json()["resourceType"] == "OperationOutcome"
        assert reply.get_json()["issue"][0].keys() >= {"severity", "code", "diagnostics"}


def other_patient() -> Json:
    return {"resourceType": "Patient", "id": "p2"}


def description_is_markdown(main: Site) -> None:
    for service in listed(main, token(aud=DISCOVERY)):
        assert MarkdownIt("commonmark").render(service["description"]) == f"<p>{service['description']}</p>\n"


def detail_is_markdown(main: Site) -> None:
    for card in cards(main):
        tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(card["detail"])
        assert not [one for one in tokens if one.type.startswith("html")]


def scopes_of_smart_2(main: Site) -> None:
    granted = {"access_token": "t", "token_type": "Bearer", "expires_in": 60, "subject": "cds"}
    for scope in ("patient/Observation.rs patient/Condition.rs", "patient/Observation.read"):
        asked = {**REQUEST, "fhirServer": FHIR_BASE, "fhirAuthorization": {**granted, "scope": scope}}
        assert main.status(request=asked) == 200


def the_client_chooses_which_keys_it_satisfies(main: Site) -> None:
    some = {key: value for key, value in REQUEST["prefetch"].items() if key not in ("reports", "devices")}
    assert main.status(request={**REQUEST, "prefetch": some}) == 200


def what_failed_is_an_outcome(main: Site) -> None:
    failed = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
    for key, status in (("reports", 200), ("conditions", 412)):
        assert main.status(request={**REQUEST, "prefetch": {**REQUEST["prefetch"], key: failed}}) == status


def no_data_is_null_or_an_empty_bundle(main: Site) -> None:
    for value in (None, {"resourceType": "Bundle", "type": "searchset"}):
        nothing = dict.fromkeys(REQUEST["prefetch"], value) | {"patient": REQUEST["prefetch"]["patient"]}
        assert main.post(token(), {**REQUEST, "prefetch": nothing}).get_json() == {"cards": []}


def tokens_of_prefetch(main: Site) -> None:
    for service in listed(main, token(aud=DISCOVERY)):
        for query in service["prefetch"].values():
            assert set(re.findall(r"\{\{(.*?)\}\}", query)) <= {"context.patientId", "context.encounterId"}
            assert "_maxresults" not in query


def no_choice_among_actions(main: Site) -> None:
    for card in cards(main):
        assert all("actionSelectionBehavior" not in suggestion for suggestion in card.get("suggestions", ()))


def no_system_actions(main: Site) -> None:
    assert set(main.post(token()).get_json()) == {"cards"}


def reasons_are_codings_with_a_display(main: Site) -> None:
    reasons = [reason for card in cards(main) for reason in card["overrideReasons"]]
    assert all(reason.keys() == {"system", "code", "display"} for reason in reasons)


def fhir_is_standard_fhir(main: Site) -> None:
    created = [action["resource"] for card in cards(main) for action in actions(card) if action["type"] == "create"]
    assert created
    assert [fault for resource in created if (fault := r4_fault(resource))] == []


# What is new or other in the draft: the check, or why nothing follows from it.
DIFFERENCES: dict[str, Callable[[Site], None] | str] = {
    "discovery: version is a semantic version (STU1, STU2, STU3 in the ballot)": version_in_discovery,
    "discovery: hookVersion, that of the hook library": hook_version_in_discovery,
    "discovery: each hookVersion has an id of its own": an_id_for_each_hook_version,
    "discovery: description is Markdown": description_is_markdown,
    "errors: the body should be an OperationOutcome": errors_are_outcomes,
    "card: detail is Markdown, of which HTML is a part to beware of": detail_is_markdown,
    "card: the vocabulary of override reasons and its categories": reasons_are_codings_with_a_display,
    "suggestion: actionSelectionBehavior, only for who is known to support it": no_choice_among_actions,
    "system action: description may be left out": no_system_actions,
    "FHIR within is standard FHIR JSON": fhir_is_standard_fhir,
    "fhirAuthorization: scopes in the syntax of SMART 2": scopes_of_smart_2,
    "prefetch: the client determines which keys it satisfies": the_client_chooses_which_keys_it_satisfies,
    "prefetch: what failed is an OperationOutcome (since 2.0.1)": what_failed_is_an_outcome,
    "prefetch: no data is null, or an empty Bundle (since 2.0.1)": no_data_is_null_or_an_empty_bundle,
    "prefetch: FHIRPath in tokens, variables, _maxresults": tokens_of_prefetch,
    "prefetch: pages may follow": "so it is in 2.0, and they are read: quirk 16",
    "fhirServer: https for production data": "a setting of the tenant for every client: plain_http",
    "jku: should be sent, and keys rotated": "the client sends it; for all, it must be a configured address",
    "cards are transient": "it is the client's to drop cards",
    "feedback: none for system actions": "there are none",
    "MUST is written SHALL": "the same demand",
    "logical models and invariants": "they are informative, and lack hookVersion: the text decides",
    "the contexts of the hooks stand in the library": "the same contexts",
}


@pytest.fixture(scope="module")
def draft(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The service, with a client of the draft."""
    with site(tmp_path_factory.mktemp("draft"), 'cds_hooks = "3.0"') as running:
        yield running


@pytest.mark.parametrize("difference", [name for name, check in DIFFERENCES.items() if callable(check)])
def test_a_difference_of_the_draft(draft: Site, difference: str) -> None:
    check = DIFFERENCES[difference]
    assert callable(check)
    check(draft)


def test_of_every_other_difference_it_is_said_why_nothing_follows() -> None:
    assert all(callable(check) or check.strip() for check in DIFFERENCES.values())


def test_everybody_else_is_told_of_the_version_in_force(draft: Site, tmp_path: Path) -> None:
    """Whoever sends no token, or one that is not accepted; and a client that has not asked for the draft."""
    for of_token in (None, token(), "x.y.z"):
        services = listed(draft, of_token)
        assert {service["version"] for service in services} == {"2.0.1"}
        assert not any("hookVersion" in service for service in services)
    with site(tmp_path, 'services = ["foot-drop-patient-view"]') as main:
        (service,) = listed(main, token(aud=DISCOVERY))
        assert (service["id"], service["version"]) == (service_id("patient-view"), "2.0.1")
        assert "hookVersion" not in service


def test_a_token_at_discovery_is_taken_once(tmp_path: Path) -> None:
    with site(tmp_path, 'cds_hooks = "3.0"', "authenticate_discovery = true") as main:
        once = {**HOST, "Authorization": f"Bearer {token(aud=DISCOVERY)}"}
        assert [main.http.get("/cds-services", headers=once).status_code for _ in range(2)] == [200, 401]
