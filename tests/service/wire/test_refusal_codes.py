"""The issue code and the severity of each refusal, over HTTP."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from service.app import create_app
from tests.support import vignettes
from tests.support.patients import FOOT_DROP, NOW
from tests.support.refusals import refusal

URL = "/cds-services/foot-drop-patient-view"
MIB = 1024 * 1024


def told(issue: dict[str, Any]) -> tuple[str, str]:
    return issue["code"], issue["severity"]


def test_400_is_invalid(client: FlaskClient) -> None:
    assert told(refusal(client.post(URL, json={}), 400)) == ("invalid", "error")
    assert told(refusal(client.post(URL, data=b"{", content_type="application/json"), 400)) == ("invalid", "error")


def test_404_is_not_found(client: FlaskClient) -> None:
    assert told(refusal(client.get("/cds-services/nothing"), 404)) == ("not-found", "error")


def test_405_is_not_supported(client: FlaskClient) -> None:
    assert told(refusal(client.get(URL), 405)) == ("not-supported", "error")


def test_412_is_incomplete_and_names_the_key(client: FlaskClient) -> None:
    for key in ("conditions", "observations"):
        request = vignettes.request(FOOT_DROP, "patient-view", NOW, drop={key})
        issue = refusal(client.post(URL, json=request), 412)
        assert told(issue) == ("incomplete", "error")
        assert issue["expression"] == [f"prefetch.{key}"]


def test_413_is_too_long(client: FlaskClient) -> None:
    reply = client.post(URL, data=b" " * (32 * MIB + 1), content_type="application/json")
    assert told(refusal(reply, 413)) == ("too-long", "error")


def test_415_is_not_supported(client: FlaskClient) -> None:
    assert told(refusal(client.post(URL, data=b"{}", content_type="text/plain"), 415)) == ("not-supported", "error")


def test_422_is_a_conflict(client: FlaskClient) -> None:
    request = vignettes.request(FOOT_DROP, "patient-view", NOW)
    request["context"]["patientId"] = "another"
    assert told(refusal(client.post(URL, json=request), 422)) == ("conflict", "error")


def test_500_is_a_fatal_exception() -> None:
    def broken_clock() -> Any:
        raise LookupError("the clock stands still")

    client = create_app(now=broken_clock, dev=True).test_client()
    issue = refusal(client.post(URL, json=vignettes.request(FOOT_DROP, "patient-view", NOW)), 500)
    assert told(issue) == ("exception", "fatal")
    assert "clock" not in issue["diagnostics"]
