"""Every example of fhir_examples: fresh, valid R4, and answered unchanged, whenever it is asked.

The stored answers were written by the service itself: that they stay unchanged does not show that they are right.
What is independent of it are the vignettes, the cases and the tables of codes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import pytest
import requests
from fhir.resources.R4B import get_fhir_model_class
from flask.testing import FlaskClient

from cards.orders.validity import r4_fault
from cards.record.codes import Codes
from cards.rule_book import rule_book
from service import examples
from service.app import create_app
from service.examples import Example, differences, mask, names
from service.fhir.templates import templates
from service.hooks import HOOKS, service_id
from tests.support import cases, example_patients, make_examples
from tests.support.fhir_server import FhirServer
from tests.support.known import KNOWN, of_known_rules
from tests.support.patients import NOW
from tests.support.sampling import one_in

RULES = rule_book().rules

Json = dict[str, Any]

NAMES = list(names())
MOMENTS = [NOW, datetime(2028, 2, 29, 10, tzinfo=UTC)]
BRANCHES = 60
# R4's required bindings, which fhir.resources does not check (requests and Observations: validity.r4_fault).
BINDINGS = {
    ("Patient", "gender"): {"male", "female", "other", "unknown"},
    ("Encounter", "status"): {"planned", "arrived", "triaged", "in-progress", "onleave", "finished", "cancelled"},
    ("DiagnosticReport", "status"): {"registered", "partial", "preliminary", "final", "amended", "corrected"},
    ("Procedure", "status"): {"preparation", "in-progress", "not-done", "on-hold", "stopped", "completed"},
    ("Device", "status"): {"active", "inactive", "entered-in-error", "unknown"},
}
CLINICAL = {
    "clinicalStatus": {"active", "recurrence", "relapse", "inactive", "remission", "resolved"},
    "verificationStatus": {"unconfirmed", "provisional", "differential", "confirmed", "refuted", "entered-in-error"},
}

OF_CASES = [each for each in example_patients.patients()[1] if "case" in each]

named = pytest.mark.parametrize("name", NAMES)
load = cache(examples.load)  # which reads the index each time


@pytest.fixture(
    params=[MOMENTS[0], *(pytest.param(moment, marks=pytest.mark.long) for moment in MOMENTS[1:])],
    ids=lambda moment: f"{moment:%Y-%m-%d}",
)
def moment(request: pytest.FixtureRequest) -> datetime:
    """The moment of the files, and another that they are moved to."""
    return request.param  # type: ignore[no-any-return]


@cache
def at(name: str, moment: datetime) -> Example:
    """An example at a moment; moved once."""
    return load(name).at(moment)


@cache
def _service(moment: datetime) -> FlaskClient:
    return create_app(now=moment, dev=True).test_client()


@pytest.fixture
def service(moment: datetime) -> FlaskClient:
    """The service at that moment."""
    return _service(moment)


@pytest.fixture(scope="session")
def servers() -> Iterator[Callable[[datetime], FhirServer]]:
    """A FHIR server to which every Bundle was sent at a moment; made once, whatever the order of the tests."""
    with ExitStack() as stack:

        @cache
        def start(moment: datetime) -> FhirServer:
            held = (resource for name in NAMES for resource in resources(at(name, moment)))
            return stack.enter_context(FhirServer(held))

        yield start


@pytest.fixture
def server(servers: Callable[[datetime], FhirServer], moment: datetime) -> FhirServer:
    """The FHIR server at that moment."""
    return servers(moment)


def ask(service: FlaskClient, asked: Json) -> Json:
    """The answer to a request, masked."""
    reply = service.post(f"/cds-services/{service_id(asked['hook'])}", json=asked)
    assert reply.status_code == 200, reply.get_data(as_text=True)
    return of_known_rules(mask(reply.get_json()))


def resources(example: Example) -> list[Json]:
    """The resources of the Bundle."""
    return [entry["resource"] for entry in example.bundle["entry"]]


def inside(document: Any, member: str) -> Iterator[Any]:
    """Every value that stands under this name, at any depth."""
    if isinstance(document, dict):
        yield from (value for name, value in document.items() if name == member)
        document = list(document.values())
    if isinstance(document, list):
        for each in document:
            yield from inside(each, member)


def indicator(case: cases.Case) -> str:
    """How loud the card is that a case expects."""
    return str(case["card"] if isinstance(case["card"], str) else case["card"]["indicator"])


def spoken(example: Example) -> list[tuple[str, str]]:
    """The rule and the indicator of each card of the expected answer."""
    return [(card["source"]["topic"]["code"], card["indicator"]) for card in example.response["cards"]]


def fault(resource: Json) -> str | None:
    """Why a resource is not valid R4: the model, or a required binding."""
    kind = resource["resourceType"]
    get_fhir_model_class(kind).model_validate(resource)
    for (bound, element), codes in BINDINGS.items():
        if bound == kind and element in resource and resource[element] not in codes:
            return f"{element} is {resource[element]}"
    if kind == "Condition":
        for element, codes in CLINICAL.items():
            if resource[element]["coding"][0]["code"] not in codes:
                return f"{element} is not in its binding"
    if kind in ("Observation", "ServiceRequest", "DeviceRequest", "MedicationRequest", "Communication"):
        return r4_fault(resource)
    return None


# ---- The files


@cache
def written() -> dict[str, str]:
    """The files of the script."""
    return make_examples.files(KNOWN)


def test_the_files_are_what_the_script_writes() -> None:
    assert make_examples.stale(written()) == []


@pytest.mark.slow
def test_a_file_that_is_stale_or_left_over_is_seen() -> None:
    changed = {path: text for path, text in written().items() if path != f"{NAMES[0]}/bundle.json"}
    changed["README.md"] += "\n"
    assert make_examples.stale(changed) == sorted([f"{NAMES[0]}/bundle.json", "README.md"])


def test_there_is_a_patient_for_every_branch_and_the_page_lists_each() -> None:
    assert len(NAMES) >= BRANCHES
    page = (make_examples.ROOT / "README.md").read_text(encoding="utf-8")
    for name, title in names().items():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
        assert f"| [{name}]({name}) | {title} |" in page


def test_no_id_stands_in_two_examples() -> None:
    found = [(each["resourceType"], each["id"]) for name in NAMES for each in resources(load(name))]
    assert len(found) == len(set(found))


# ---- The answers


@named
def test_prefetch_is_answered_as_the_file_says(service: FlaskClient, moment: datetime, name: str) -> None:
    example = at(name, moment)
    assert ask(service, example.request) == example.response


@pytest.mark.slow
@pytest.mark.parametrize("name", one_in(8, NAMES, start=0))
def test_a_fhir_server_that_holds_every_bundle_gives_the_same(
    service: FlaskClient, server: FhirServer, moment: datetime, name: str
) -> None:
    example = at(name, moment)
    asked = {member: value for member, value in example.request.items() if member != "prefetch"}
    before = len(server.requests)
    assert ask(service, asked | {"fhirServer": server.base}) == example.response
    assert len(server.requests) > before


@pytest.mark.slow
@pytest.mark.parametrize("time", one_in(4, ["23:58", "00:01", "09:59", "13:37"]))
def test_at_any_time_of_day_and_asked_a_minute_late_only_the_dates_differ(time: str) -> None:
    now = datetime.fromisoformat(f"2026-12-31T{time}:30+00:00")
    service = create_app(now=now + timedelta(minutes=1), dev=True).test_client()
    for name in NAMES:
        example = load(name).at(now)
        assert list(differences(example.response, ask(service, example.request))) == [], name


@pytest.mark.slow
@pytest.mark.parametrize("name", one_in(8, NAMES, start=1))
def test_prefetch_is_what_the_templates_find(server: FhirServer, moment: datetime, name: str) -> None:
    example = at(name, moment)
    context, prefetch = example.request["context"], example.request["prefetch"]
    assert "fhirServer" not in example.request
    for key, template in templates(rule_book().read_by(example.request["hook"]), Codes()).items():
        query = re.sub(r"\{\{context\.(\w+)\}\}", lambda token: context.get(token[1], "none"), template)
        reply = requests.get(f"{server.base}/{query}", timeout=10)
        if key in ("patient", "encounter"):
            assert prefetch.get(key) == (reply.json() if reply.status_code == 200 else None)
        else:
            assert list(inside(prefetch[key], "resource")) == list(inside(reply.json(), "resource"))
            assert prefetch[key]["type"] == "searchset"
            assert prefetch[key]["total"] == len(prefetch[key]["entry"])


def test_every_rule_speaks_with_every_indicator_of_its_cases_and_every_hook_is_called() -> None:
    loaded = [load(name) for name in NAMES]
    expected = {
        (rule, indicator(case))
        for rule, path in cases.files()
        if rule in KNOWN
        for case in cases.read(path)
        if "card" in case
    }
    assert expected - {each for example in loaded for each in spoken(example)} == set()
    assert {rule for rule, _ in expected} == KNOWN
    assert {each.request["hook"] for each in loaded} == set(HOOKS)


@pytest.mark.parametrize("patient", OF_CASES, ids=lambda patient: patient["name"])
def test_what_a_case_says_of_its_rule_holds_for_the_whole_patient(patient: example_patients.Patient) -> None:
    case = example_patients.case_of(patient)
    rule = patient["case"].partition(": ")[0]
    assert case is not None
    said = [loud for speaker, loud in spoken(load(patient["name"])) if speaker == rule]
    assert said == ([indicator(case)] if "card" in case else [])
    assert patient["hook"] == case.get("hook", RULES[rule].hooks[0])


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"case": "afo: No such case"}, LookupError),
        ({"case": "no-such-rule: A patient who does not walk"}, LookupError),
        ({"case": "afo: Device requests could not be read: the card is shown, and says so"}, ValueError),
        ({"born": date(1990, 8, 1)}, ValueError),
        ({"sex": "female"}, ValueError),
        ({"sigs": ["one", "too many"]}, ValueError),
    ],
)
def test_a_case_that_a_patient_does_not_fit_is_refused(change: Json, error: type[Exception]) -> None:
    patient = next(each for each in OF_CASES if each["name"] == "duloxetine-with-apixaban")
    (medicine,) = example_patients.facts_of_case(patient, NOW)["medications"]
    assert medicine == {"code": "apixaban", "sig": "5 mg by mouth twice a day"}
    with pytest.raises(error):
        example_patients.facts_of_case(dict(patient) | change, NOW)


# ---- Valid R4


@pytest.mark.slow
@pytest.mark.parametrize("name", one_in(8, NAMES, start=2))
def test_the_bundle_is_a_transaction_of_valid_resources(name: str) -> None:
    bundle = load(name).bundle
    assert bundle["type"] == "transaction"
    get_fhir_model_class("Bundle").model_validate(bundle)
    for entry in bundle["entry"]:
        resource = entry["resource"]
        address = f"{resource['resourceType']}/{resource['id']}"
        assert re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", resource["id"])
        assert entry["request"] == {"method": "PUT", "url": address}
        assert entry["fullUrl"].endswith(f"/{address}")
        assert fault(resource) is None, address


@pytest.mark.slow
@named
def test_every_reference_leads_to_a_resource_of_the_bundle(name: str) -> None:
    example = load(name)
    held = {f"{each['resourceType']}/{each['id']}" for each in resources(example)}
    context = example.request["context"]
    drafts = {f"{each['resourceType']}/{each['id']}" for each in inside(context, "resource")}
    assert set(inside(example.bundle, "reference")) <= held
    assert set(inside(example.request, "reference")) <= held
    assert set(inside(example.response, "reference")) <= held | drafts
    assert {context["userId"], f"Patient/{context['patientId']}"} <= held
    assert f"Encounter/{context['encounterId']}" in held if "encounterId" in context else True


@pytest.mark.slow
@named
def test_what_is_drafted_and_what_is_suggested_is_valid(name: str) -> None:
    example = load(name)
    for resource in (*inside(example.request["context"], "resource"), *inside(example.response, "resource")):
        assert fault(resource) is None, resource
