"""Every answer to the case files, the vignettes and some drawn patients, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from hypothesis import Phase, given, settings

from cards.rule_book import rule_book
from service.app import create_app
from tests.support import cases, charts, vignettes
from tests.support.charts import Patient, fixed, patients
from tests.support.places import DATA

RULES = rule_book().rules

Json = dict[str, Any]
_ONE_IN = 3  # of the cases: `make test-long` asks all
_VIGNETTES = DATA / "vignettes.json"


@dataclass(frozen=True)
class Answer:
    """A request by its name, and the cards that it got; numbers are kept as the text that was sent."""

    name: str
    request: Json
    cards: list[Json]
    exact: list[Json]

    def actions(self) -> Iterator[Json]:
        """Every action of every suggestion."""
        for card in self.cards:
            for suggestion in card.get("suggestions", ()):
                yield from suggestion["actions"]


def requests() -> Iterator[tuple[str, Json]]:
    """The request of every case, or of a third of them, of every vignette, and of some drawn patients."""
    folders = [cases.RULES, cases.FINDINGS]
    for rule, path in (each for folder in folders for each in cases.files(folder)):
        for case in cases.read(path)[:: 1 if charts.share >= 1 else _ONE_IN]:
            hook = case.get("hook", RULES[rule].hooks[0] if rule in RULES else "patient-view")
            facts = {member: case[member] for member in cases.FACTS if member in case}
            unseen = frozenset(case.get("unseen", ())) - {"conditions", "observations"}
            request = vignettes.request(facts, hook, cases.NOW, dates_only=bool(case.get("dates-only")), drop=unseen)
            yield f"{rule}: {case['name']}", request
    for each in json.loads(_VIGNETTES.read_text(encoding="utf-8")):
        yield each["id"], vignettes.request(each["facts"], each["hook"], cases.NOW)
    for number, patient in enumerate(_drawn()):
        yield f"drawn {number}: {patient}", vignettes.request(patient.facts, patient.hook, cases.NOW)


def _drawn() -> list[Patient]:
    found: list[Patient] = []

    @settings(fixed(150), phases=[Phase.generate])
    @given(patients())
    def draw(patient: Patient) -> None:
        found.append(patient)

    draw()
    return found


@cache
def answers() -> tuple[Answer, ...]:
    """The answers of the service as `serve --dev` runs it, at one moment."""
    client = create_app(now=cases.NOW, dev=True).test_client()
    found = []
    for name, request in requests():
        reply = client.post(f"/cds-services/foot-drop-{request['hook']}", json=request)
        assert reply.status_code == 200, (name, reply.text)
        exact = json.loads(reply.text, parse_float=str)["cards"]
        found.append(Answer(name, request, json.loads(reply.text)["cards"], exact))
    return tuple(found)
