"""A rule or a card that raises costs itself: it could not be evaluated, the log says where, and the others speak."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from cards.language.verdict import Card, Indicator, Plan, Suggestion, Verdict
from cards.record.chart import Chart
from cards.rule_book import RuleBook, rule_book
from service import faults
from service.app import create_app, evaluator
from service.settings import Settings
from service.wire.request import read
from tests.support import vignettes
from tests.support.patients import FOOT_DROP, NOW
from tests.support.rules import book_with

Json = dict[str, Any]

SECRET = "of-the-patient"
WORSE: Json = {
    **FOOT_DROP,
    "observations": [
        {"code": "mrc-ankle-dorsiflexion", "value": 4, "daysAgo": 3, "side": "left"},
        {"code": "mrc-ankle-dorsiflexion", "value": 2, "daysAgo": 0, "side": "left"},
    ],
}
EMG: Json = {
    "resourceType": "ServiceRequest",
    "id": "d1",
    "status": "draft",
    "intent": "order",
    "subject": {"reference": "Patient/p1"},
    "code": {"coding": [{"system": "http://loinc.org", "code": "18749-2"}]},
}


@pytest.fixture
def isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faults are isolated, as in `serve`."""
    monkeypatch.setattr(faults, "IS_ISOLATED", True)


def _raises(chart: Chart, *_: object) -> Verdict:
    raise RuntimeError(f"{SECRET} {chart.patient_id}")


def _book(*faulty: str, **other: Callable[..., Verdict]) -> RuleBook:
    """The rules of the service, of which some raise, or say something else."""
    return book_with(dict.fromkeys(faulty, _raises) | {id.replace("_", "-"): advise for id, advise in other.items()})


def _post(book: RuleBook, request: Json) -> TestResponse:
    client = create_app(now=NOW, dev=True, book=book).test_client()
    return client.post(f"/cds-services/foot-drop-{request['hook']}", json=request)


def _spoken(reply: TestResponse) -> dict[str, Json]:
    assert reply.status_code == 200, reply.text
    return {card["source"]["topic"]["code"]: card for card in reply.get_json()["cards"]}


def _verdicts(book: RuleBook, request: Json) -> dict[str, Verdict]:
    evaluating = evaluator(Settings(dev=True), NOW, book)
    return evaluating.evaluate(read(json.dumps(request).encode())).decision.verdicts


def _faults(log: str) -> list[Json]:
    return [entry for line in log.splitlines() if (entry := json.loads(line))["event"] == "fault"]


@pytest.mark.usefixtures("isolated")
def test_a_rule_that_raises_costs_its_own_card_alone(capsys: pytest.CaptureFixture[str]) -> None:
    request = vignettes.request(WORSE, "patient-view", NOW)
    before = _spoken(_post(_book(), request))
    assert "data-check" in before
    capsys.readouterr()
    after = _spoken(_post(_book("data-check"), request))
    assert {id: card["summary"] for id, card in before.items() if id != "data-check"}.items() <= {
        id: card["summary"] for id, card in after.items()
    }.items()
    assert "data-check" not in after
    log = capsys.readouterr().err
    (fault,) = _faults(log)
    assert (fault["rule"], fault["place"], fault["error"]) == ("data-check", "advice", "RuntimeError")
    assert "test_faults.py" in fault["at"][-1]
    assert SECRET not in log
    assert "p1" not in log


@pytest.mark.usefixtures("isolated")
def test_its_verdict_is_that_it_could_not_be_evaluated() -> None:
    request = vignettes.request(WORSE, "patient-view", NOW)
    verdict = _verdicts(_book("afo"), request)["afo"]
    assert (verdict.kind, verdict.why) == (  # type: ignore[union-attr]
        "could-not-evaluate",
        "a fault in the service kept this rule from being evaluated",
    )


@pytest.mark.usefixtures("isolated")
def test_a_rule_that_asks_for_the_imaging_need_says_that_nobody_knows_it() -> None:
    request = vignettes.request(WORSE, "order-select", NOW)
    request["context"]["draftOrders"] = {"resourceType": "Bundle", "entry": [{"resource": EMG}]}
    request["context"].pop("selections", None)
    assert isinstance(_verdicts(_book(), request)["do-not-delay-imaging"], Card)
    imaging = [imaging.rule for imaging in rule_book().precedence.imaging]
    verdict = _verdicts(_book(*imaging), request)["do-not-delay-imaging"]
    assert not isinstance(verdict, Card)
    assert verdict.kind == "could-not-evaluate"
    assert "imaging rules" in verdict.why


@pytest.mark.usefixtures("isolated")
@pytest.mark.parametrize("hook", ["patient-view", "encounter-discharge", "problem-list-item-create"])
def test_every_rule_may_raise_and_there_is_still_an_answer(hook: str) -> None:
    request = vignettes.request(WORSE, hook, NOW)
    assert _spoken(_post(_book(*rule_book().rules), request)) == {}


def _card(**parts: Any) -> Callable[..., Verdict]:
    card = Card(indicator=Indicator.CRITICAL, summary="Loud.", detail="Detail.", because=(), **parts)
    return lambda *_: card


@pytest.mark.usefixtures("isolated")
def test_a_card_whose_orders_cannot_be_written_is_shown_without_them(capsys: pytest.CaptureFixture[str]) -> None:
    request = vignettes.request(WORSE, "patient-view", NOW)
    unwritable = Plan(key="order.bladder-scan", indication="condition.no-such")  # no other card offers it
    written = _card(suggestions=(Suggestion(label="Order it", plans=(unwritable,)),))
    cards = _spoken(_post(_book(data_check=written), request))
    assert cards["data-check"]["summary"] == "Loud."
    assert "suggestions" not in cards["data-check"]
    assert len(cards) > 1
    assert [(fault["rule"], fault["place"]) for fault in _faults(capsys.readouterr().err)] == [("data-check", "card")]


@pytest.mark.usefixtures("isolated")
def test_a_card_that_cannot_be_written_at_all_costs_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    request = vignettes.request(WORSE, "patient-view", NOW)
    unwritable = _card(return_advice=object())
    before = _spoken(_post(_book(), request))
    cards = _spoken(_post(_book(data_check=unwritable), request))
    assert cards
    assert cards.keys() <= before.keys() - {"data-check"}
    assert {fault["rule"] for fault in _faults(capsys.readouterr().err)} == {"data-check"}


def test_without_isolation_as_in_the_tests_a_fault_is_seen() -> None:
    request = vignettes.request(WORSE, "patient-view", NOW)
    assert _post(_book("afo"), request).status_code == 500
    unwritable = _card(return_advice=object())
    assert _post(_book(data_check=unwritable), request).status_code == 500


@pytest.mark.usefixtures("isolated")
def test_orders_that_cannot_be_settled_cost_no_card(capsys: pytest.CaptureFixture[str]) -> None:
    """Two cards offer an order that is in no catalogue: nobody can say where it stands."""
    strange = _card(suggestions=(Suggestion(label="Order it", plans=(Plan(key="order.no-such"),)),))
    cards = _spoken(
        _post(_book(data_check=strange, neuraxis_mri=strange), vignettes.request(WORSE, "patient-view", NOW))
    )
    assert {"data-check", "neuraxis-mri"} <= cards.keys()
    assert _faults(capsys.readouterr().err)
