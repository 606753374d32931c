"""The id of a request: the caller's own if it is fit to be logged, in the reply and in every line about the request."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from service.app import create_app
from tests.support.patients import NOW

URL = "/cds-services/foot-drop-patient-view"


@pytest.mark.parametrize("given", ["1", "a b/c:{}", "00-4bf92f35-00f0-01", "x" * 128])
def test_that_of_the_caller_comes_back(client: FlaskClient, capfd: pytest.CaptureFixture[str], given: str) -> None:
    for path in (URL, "/cds-services", "/nowhere"):
        assert client.get(path, headers={"X-Request-Id": given}).headers["X-Request-Id"] == given
    assert {json.loads(line)["request_id"] for line in capfd.readouterr().err.splitlines()} == {given}


@pytest.mark.parametrize("given", ["", "x" * 129, "é", "a\tb", "a\x7f", None])
def test_what_is_not_fit_is_replaced(client: FlaskClient, given: str | None) -> None:
    headers = {} if given is None else {"X-Request-Id": given}
    ids = {client.get("/cds-services", headers=headers).headers["X-Request-Id"] for _ in range(3)}
    assert len(ids) == 3
    assert all(len(one) == 32 and int(one, 16) >= 0 for one in ids)


def test_every_line_about_a_request_holds_it(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, no_foot_drop: dict[str, Any]
) -> None:
    def break_down(*_: object) -> None:
        raise LookupError

    monkeypatch.setattr("service.evaluation.decide", break_down)
    client = create_app(now=NOW, dev=True).test_client()
    for given in ("first", "second"):
        client.post(URL, json=no_foot_drop, headers={"X-Request-Id": given})
    said = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [(line["event"], line["request_id"]) for line in said] == [
        ("fault", "first"),
        ("request", "first"),
        ("fault", "second"),
        ("request", "second"),
    ]
