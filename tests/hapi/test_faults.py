"""A server that is down, slow, closed to us or without the patient: cards that can be shown are shown, never a 500."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from flask.testing import FlaskClient

from service.app import create_app
from service.settings import Settings
from tests.hapi.asking import FOOT_DROP, Explained, ask, card, example, rules, without_prefetch
from tests.hapi.hapi import Hapi
from tests.support.http_server import Gateway, Reply
from tests.support.patients import NOW

Json = dict[str, Any]

SETTINGS = Settings(dev=True, deadline_ms=1500)


@contextmanager
def away(_: Hapi) -> Iterator[str]:
    """Nothing listens there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{free.getsockname()[1]}/fhir"


@contextmanager
def hanging(hapi: Hapi) -> Iterator[str]:
    """The server accepts connections and does not answer."""
    hapi.stop()
    try:
        yield hapi.base
    finally:
        hapi.go_on()


@contextmanager
def _answering(hapi: Hapi, reply: Reply) -> Iterator[str]:
    with Gateway(hapi.port, lambda _: reply) as gateway:
        yield gateway.base


def closed(hapi: Hapi) -> AbstractContextManager[str]:
    """Every request is answered 401."""
    return _answering(hapi, Reply(401, {"WWW-Authenticate": "Bearer"}))


def signing_in(hapi: Hapi) -> AbstractContextManager[str]:
    """Every request is answered with a page to sign in at."""
    return _answering(hapi, Reply(200, {"Content-Type": "text/html"}, b"<!DOCTYPE html><title>Sign in</title>"))


fault = pytest.mark.parametrize(
    ("server", "why"),
    [
        (away, "the FHIR server could not be reached"),
        (hanging, "the FHIR server did not answer in time"),
        (closed, "the FHIR server answered 401"),
        (signing_in, "the FHIR server answered with a web page or XML instead of FHIR JSON"),
    ],
)
Server = Callable[[Hapi], AbstractContextManager[str]]


@pytest.fixture(scope="module")
def impatient() -> FlaskClient:
    """A service that waits only a short time."""
    return create_app(SETTINGS, now=NOW).test_client()


@fault
def test_the_cards_that_the_prefetch_allows_are_shown_and_the_rest_is_named(
    hapi: Hapi, impatient: FlaskClient, server: Server, why: str
) -> None:
    wanted = example(FOOT_DROP)
    prefetch = {key: value for key, value in wanted.request["prefetch"].items() if key not in ("orders", "reports")}
    with server(hapi) as base:
        request = {**wanted.request, "prefetch": prefetch, "fhirServer": base}
        answer, told = ask(impatient, request), Explained(request, SETTINGS)
    assert set(rules(answer)) | told.outcomes("could-not-evaluate") >= set(rules(wanted.response))
    assert card(answer, "lumbar-mri")
    assert {"orders", "reports"} <= set(told.not_seen)
    assert told.notes["orders"] == told.notes["reports"]
    assert told.notes["orders"].partition(";")[0] == why


@fault
def test_without_problems_and_observations_the_answer_says_why_there_is_none(
    hapi: Hapi, impatient: FlaskClient, server: Server, why: str
) -> None:
    with server(hapi) as base:
        reply = impatient.post(
            "/cds-services/foot-drop-patient-view", json=without_prefetch(example(FOOT_DROP).request, base)
        )
    assert reply.status_code == 412
    assert f"conditions: {why}; observations: {why}" in reply.get_data(as_text=True)


# ---- A patient who no longer exists


@pytest.fixture
def deleted(hapi: Hapi) -> Json:
    """A request about a patient who has been deleted with all their records."""
    text = json.dumps([example(FOOT_DROP).bundle, example(FOOT_DROP).request]).replace(FOOT_DROP, "deleted-patient")
    bundle, request = json.loads(text)
    hapi.load(bundle)
    gone = [{"request": {"method": "DELETE", "url": each["request"]["url"]}} for each in bundle["entry"]]
    hapi.load({**bundle, "entry": gone})
    hapi.asked()
    return {**request, "fhirServer": hapi.base}


def test_a_deleted_patient_costs_no_card_that_the_prefetch_allows(
    hapi: Hapi, service: FlaskClient, deleted: Json
) -> None:
    prefetch = {key: value for key, value in deleted["prefetch"].items() if key not in ("patient", "encounter")}
    request = {**deleted, "prefetch": prefetch}
    answer, told = ask(service, request), Explained(request)
    assert set(rules(answer)) | told.outcomes("could-not-evaluate") >= set(rules(example(FOOT_DROP).response))
    assert card(answer, "lumbar-mri")
    assert told.notes["patient"] == told.notes["encounter"] == "the FHIR server answered 410"
    assert {each.status for each in hapi.asked() if each.path.startswith("/fhir/Patient/")} == {410}


def test_a_patient_deleted_with_everything_is_named_and_no_fault(service: FlaskClient, deleted: Json) -> None:
    request = {name: value for name, value in deleted.items() if name != "prefetch"}
    assert ask(service, request) == {"cards": []}
    assert Explained(request).notes["patient"] == "the FHIR server answered 410"


# ---- A patient who was merged into another


def test_a_merged_patient_is_named_and_nothing_is_called_absent(hapi: Hapi, service: FlaskClient) -> None:
    text = json.dumps([example(FOOT_DROP).bundle, example(FOOT_DROP).request]).replace(FOOT_DROP, "merged-patient")
    bundle, request = json.loads(text)
    (patient,) = [each["resource"] for each in bundle["entry"] if each["resource"]["resourceType"] == "Patient"]
    other = {**patient, "id": "merged-into"}
    hapi.ask("PUT", "Patient/merged-into", other)
    link = [{"other": {"reference": "Patient/merged-into"}, "type": "replaced-by"}]
    hapi.ask("PUT", f"Patient/{patient['id']}", {**patient, "active": False, "link": link})
    asked = without_prefetch(request, hapi.base)
    assert ask(service, asked) == {"cards": []}
    told = Explained(asked)
    assert told.outcomes("could-not-evaluate")
    assert not told.outcomes("not-applicable")
    assert "was replaced by another" in told.notes["conditions"]
