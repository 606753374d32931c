"""How the tests call the service: with a FHIR server instead of prefetch; and why each rule spoke or was silent."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any
from urllib.parse import quote

from flask.testing import FlaskClient

from cards.record.codes import Codes
from cards.rule_book import rule_book
from service import examples, explain
from service.app import evaluator
from service.examples import Example
from service.fhir.templates import templates
from service.hooks import service_id
from service.settings import Settings
from service.wire.request import read
from tests.support.patients import NOW

Json = dict[str, Any]

FOOT_DROP = "new-l5-foot-drop"  # nothing is ordered yet, so lumbar-mri, afo, emg-ncs and pain-regimen speak
MANY_RECORDS = "cauda-equina"
# One example of each hook, for tests in which the records make no difference.
ONE_A_HOOK = list({examples.load(name).request["hook"]: name for name in examples.names()}.values())


def example(name: str, now: datetime = NOW) -> Example:
    """An example as the server has it."""
    return examples.load(name).at(now)


def without_prefetch(request: Json, base: str) -> Json:
    """The request of an EHR that leaves reading to the service."""
    return {**{name: value for name, value in request.items() if name != "prefetch"}, "fhirServer": base}


def queries(request: Json, overlay: dict[str, dict[str, list[str]]] | None = None) -> dict[str, str]:
    """The prefetch templates of the hook, with the ids of the request's context; those that lack an id are left out."""
    context = request["context"]
    filled = {}
    for key, template in templates(rule_book().read_by(request["hook"]), Codes(overlay or {})).items():
        if all(token in context for token in re.findall(r"\{\{context\.(\w+)\}\}", template)):
            filled[key] = re.sub(r"\{\{context\.(\w+)\}\}", lambda token: context[token[1]], template)
    return filled


def encoded(query: str) -> str:
    """The query as a careful client writes it: every mark in a value percent-encoded."""
    path, mark, parameters = query.partition("?")
    pairs = [each.partition("=") for each in parameters.split("&")] if mark else []
    return path + mark + "&".join(f"{name}={quote(value, safe='%')}" for name, _, value in pairs)


def ask(service: FlaskClient, request: Json) -> Json:
    """The answer, masked; it is always 200."""
    reply = service.post(f"/cds-services/{service_id(request['hook'])}", json=request)
    assert reply.status_code == 200, reply.get_data(as_text=True)
    return examples.mask(reply.get_json())


def card(answer: Json, rule: str) -> Json | None:
    """The card of a rule, if there is one."""
    return next((each for each in answer["cards"] if each["source"]["topic"]["code"] == rule), None)


def rules(answer: Json) -> list[str]:
    """The rules that have a card."""
    return [each["source"]["topic"]["code"] for each in answer["cards"]]


class Explained:
    """What `explain --format json` says about a request, and its notes on unseen data."""

    def __init__(self, request: Json, settings: Settings | None = None) -> None:
        evaluation = evaluator(settings or Settings(dev=True), NOW).evaluate(read(json.dumps(request).encode()))
        self._words = explain.as_json(request["hook"], evaluation)
        self.notes = evaluation.gathered.notes
        self.not_seen: list[str] = self._words["notSeen"]

    def verdict(self, rule: str) -> Json:
        """The verdict of one rule."""
        found: Json = next(each for each in self._words["verdicts"] if each["rule"] == rule)
        return found

    def outcomes(self, outcome: str) -> set[str]:
        """The rules with this outcome."""
        return {each["rule"] for each in self._words["verdicts"] if each["outcome"] == outcome}
