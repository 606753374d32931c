"""A sample of the calls of `make fuzz` to the published operations; and a check that the document names every route."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask, Response
from flask.testing import FlaskClient

from service.publish import openapi
from tests.fuzz import operations
from tests.support.signing import PUBLIC_URL, bearer
from tests.support.site import HOST, site

VIEW = "/cds-services/foot-drop-patient-view"


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    """The published document."""
    told: dict[str, Any] = app.test_client().get(openapi.PATH).get_json()
    return told


def test_it_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    schemathesis.openapi.from_dict(document).validate()


def test_every_route_but_those_of_the_simulator_stands_in_it(app: Flask, document: dict[str, Any]) -> None:
    served = {
        (openapi.written(rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if not rule.rule.startswith("/simulator")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    described = {(path, method) for path, operations in document["paths"].items() for method in operations}
    assert described == served


@pytest.mark.parametrize(("examples", "path"), [(5, VIEW), pytest.param(60, None, marks=pytest.mark.long)])
def test_an_operation_answers_what_it_says(app: Flask, examples: int, path: str | None) -> None:
    report = operations.ask(app, examples, path=path)
    assert report.wrong == []
    answered = [label for label, statuses in report.statuses.items() if statuses[200]]
    assert len(answered) >= len(report.statuses) - 1, "an id of a resource is hardly guessed"


@pytest.mark.parametrize(("examples", "path"), [(5, VIEW), pytest.param(40, None, marks=pytest.mark.long)])
def test_so_it_does_where_clients_are_registered_and_nobody_else_is_let_in(
    tmp_path: Path, examples: int, path: str | None
) -> None:
    with site(tmp_path) as main:
        report = operations.ask(
            main.app, examples, headers=lambda path: {**HOST, **bearer(aud=f"{PUBLIC_URL}{path}")}, path=path
        )
    assert report.wrong == []
    assert all(statuses[200] for label, statuses in report.statuses.items() if label.startswith("POST"))


@pytest.mark.parametrize(
    ("status", "media_type", "what"),
    [
        (500, "application/json", "Server error"),
        (418, "application/json", "Undocumented status code"),
        (200, "text/html", "Undocumented Content-Type"),
        (200, "application/json", "API accepts requests without authentication"),
    ],
)
def test_what_is_wrong_is_seen(status: int, media_type: str, what: str) -> None:
    """A service that gives the same answer to every call of a signed document."""
    told = openapi.document([VIEW], (), (), is_signed=True)
    app = Flask(__name__)
    app.add_url_rule(openapi.PATH, "document", lambda: told)
    app.add_url_rule(VIEW, "call", lambda: Response('{"cards":[]}', status, mimetype=media_type), methods=["POST"])
    report = operations.ask(app, 1, headers=lambda _: {"Authorization": "Bearer a.b.c"})
    assert what in " ".join(report.wrong)


def test_the_document_is_served_to_anybody(client: FlaskClient) -> None:
    reply = client.get(openapi.PATH)
    assert (reply.status_code, reply.mimetype) == (200, "application/json")
