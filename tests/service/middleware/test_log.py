"""The log: one JSON line a request on standard error, and never anything of a patient."""

from __future__ import annotations

import json
from typing import Any

import pytest

from service.app import create_app
from tests.support.patients import NOW
from tests.support.refusals import refusal
from tests.support.rules import book_with_invalid

URL = "/cds-services/foot-drop-patient-view"


def test_a_fault_is_500_and_neither_reply_nor_log_tells_of_the_patient(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, no_foot_drop: dict[str, Any]
) -> None:
    def break_down(*_: object) -> None:
        raise LookupError("Jane Secret, MRN 4711")

    monkeypatch.setattr("service.evaluation.decide", break_down)
    reply = create_app(now=NOW, dev=True).test_client().post(URL, json=no_foot_drop)
    refusal(reply, 500)
    logged = capsys.readouterr().err
    assert "Secret" not in reply.get_data(as_text=True) + logged
    fault, request = (json.loads(line) for line in logged.splitlines())
    assert fault["error"] == "LookupError"
    assert any("break_down" in place for place in fault["at"])
    assert request["status"] == 500


def test_an_order_that_is_not_valid_is_left_out_and_the_log_says_so(
    capsys: pytest.CaptureFixture[str], foot_drop: dict[str, Any]
) -> None:
    foot_drop["context"]["encounterId"] = "encounter-secret"
    reply = (
        create_app(now=NOW, dev=True, book=book_with_invalid("order.mri-lumbar"))
        .test_client()
        .post(URL, json=foot_drop)
    )
    cards = {card["source"]["topic"]["code"]: card for card in reply.get_json()["cards"]}
    assert "suggestions" in cards["emg-ncs"]
    assert "suggestions" not in cards["lumbar-mri"]
    said = capsys.readouterr()
    assert said.out == ""
    assert "secret" not in said.err
    warnings = [line for line in map(json.loads, said.err.splitlines()) if line["level"] == "warning"]
    assert {line["order"] for line in warnings} == {"order.mri-lumbar"}


def test_the_log_holds_names_and_numbers_only(capsys: pytest.CaptureFixture[str], foot_drop: dict[str, Any]) -> None:
    foot_drop["context"]["encounterId"] = "encounter-secret"
    foot_drop["context"]["userId"] = "Practitioner/user-secret"
    foot_drop |= {"fhirAuthorization": {"access_token": "token-secret"}, "fhirServer": "http://x.example"}
    client = create_app(now=NOW, dev=True).test_client()
    client.post(URL, json=foot_drop, headers={"Authorization": "Bearer jwt-secret"})
    client.post("/cds-services/path-secret", json={})
    client.open("/cds-services", method="METHODSECRET")
    logged = capsys.readouterr().err
    assert "secret" not in logged.lower()
    first = json.loads(logged.splitlines()[0])
    assert first["method"] == "POST"
    assert first["service"] == "foot-drop-patient-view"
    assert first["status"] == 200
    assert first["milliseconds"] >= 0
    assert first["records"] > 0
