"""GET /openapi.json: every route that is served, in OpenAPI 3.1, for generating a client or trying the service.

It states what is required, not all that is understood: an optional member of another type than here is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from cards.record.body import MAX_BYTES
from service.hooks import HOOKS, service_id
from service.publish.canonical import PUBLISHER
from service.wire.schemas import FEEDBACK, SCHEMAS, TEXT, request

Json = dict[str, Any]

PATH = "/openapi.json"
_SERVICES = "/cds-services"
_OF_FLASK = re.compile(r"<(?:\w+:)?(\w+)>")

_REFUSALS = {
    400: "The body is not a request of this hook.",
    401: "The caller is not known. Every such reply is the same.",
    403: "The client may not ask for this FHIR server, or from this page.",
    404: "Nothing is served at this address, or not to this client.",
    408: "The body did not arrive in time.",
    412: "A required prefetch key was not sent and could not be read.",
    413: f"The body is larger than {MAX_BYTES // (1024 * 1024)} MiB.",
    415: "The body is not sent as application/json, or is compressed.",
    421: "The Host header does not name this service.",
    422: "A record belongs to a patient other than that of the request.",
    500: "A fault in the service.",
    503: "The service cannot answer at the moment; Retry-After says when to call again.",
}
_ANYWHERE = (421, 500)
_TO_CALLERS = (401, 403, 503)  # where clients are registered
_TO_A_BODY = (400, 404, 408, 413, 415)


def document(paths: Iterable[str], rules: Iterable[str], kinds: Iterable[str], *, is_signed: bool) -> Json:
    """The document of those routes among `paths` (in Flask's notation) that are described here.

    `is_signed` says whether callers have to prove who they are.
    """
    described = _paths(list(rules), list(kinds), is_signed=is_signed)
    served = {written(path) for path in paths}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": PUBLISHER,
            "version": version(PUBLISHER),
            "summary": "A CDS Hooks service for foot drop from a spinal nerve source",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {path: operations for path, operations in described.items() if path in served},
        "components": {
            "schemas": SCHEMAS,
            "responses": {str(status): _refusal(words) for status, words in _REFUSALS.items()},
            "securitySchemes": {
                "client": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": _TOKEN}
            },
        },
    }


def written(path: str) -> str:
    """A path in Flask's notation, converted to that of OpenAPI."""
    return _OF_FLASK.sub(r"{\1}", path)


_TOKEN = "A JWT that a registered client signs for this address only, and uses once (CDS Hooks, Trusting CDS Clients)."


def _paths(rules: list[str], kinds: list[str], *, is_signed: bool) -> dict[str, Json]:
    kind, rule = _in_path("kind", {"enum": kinds}), _in_path("identity", {"enum": rules})
    published = _answers({"application/fhir+json": {"type": "object"}}, 404, media_type="application/fhir+json")
    start = _answers({"application/json": {"type": "object"}, "text/html": {"type": "string"}})
    page = _answers({"text/html": {"type": "string"}})
    of_rule = _answers({"text/html": {"type": "string"}}, 404)
    attributes = _answers({"application/json": {"type": "object"}}, 404)
    paths = {
        _SERVICES: _get(
            "The services, with the prefetch of each",
            _answers(_json("Discovery"), *(_TO_CALLERS if is_signed else ())),
        ),
        "/": _get("What is served; a page for clients that prefer HTML", start),
        PATH: _get("This document", _answers({"application/json": {"type": "object"}})),
        "/fhir/{kind}": _get("The published resources of a kind", published, kind, _URL),
        "/fhir/{kind}/{identity}": _get("A published resource", published, kind, _in_path("identity", TEXT)),
        "/rules": _get("The rules, as a page", page),
        "/rules/{identity}": _get("A rule, as a page", of_rule, rule),
        "/rules/{identity}/source-attributes": _get("The source attributes of a rule", attributes, rule),
    }
    paths["/report"] = _get(
        "What became of the rules, for holders of the report's token",
        {**_answers(_REPORT, 400, 401, 503), "202": {"description": "The report is being made: ask again."}},
        *(_in_query(name) for name in ("since", "until", "rule", "client", "format")),
    )
    for hook in HOOKS:
        path = f"{_SERVICES}/{service_id(hook)}"
        paths[path] = _post(f"Call {hook}, and get its cards", request(hook), "Answer", is_signed=is_signed)
        paths[f"{path}/feedback"] = _post("Report what became of cards", FEEDBACK, "Taken", is_signed=is_signed)
    return paths


_URL = {"name": "url", "in": "query", "description": "The canonical URL of a resource", "schema": {"type": "string"}}


_REPORT: Json = {
    "text/html": {"type": "string"},
    "text/csv": {"type": "string"},
    "application/json": {"type": "object"},
}


def _in_query(name: str) -> Json:
    return {"name": name, "in": "query", "schema": {"type": "string"}}


def _in_path(name: str, schema: Json) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"} | schema}


def _get(summary: str, responses: Json, *parameters: Json) -> Json:
    return {"get": {"summary": summary, "responses": responses} | ({"parameters": parameters} if parameters else {})}


def _post(summary: str, body: Json, answer: str, *, is_signed: bool) -> Json:
    refused = (*_TO_A_BODY, 412, 422, *(_TO_CALLERS if is_signed else ()))
    operation = {
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": _answers(_json(answer), *refused),
    }
    return {"post": operation | ({"security": [{"client": []}]} if is_signed else {})}


def _json(schema: str) -> Json:
    return {"application/json": {"$ref": f"#/components/schemas/{schema}"}}


def _answers(content: Json, *refused: int, media_type: str = "") -> Json:
    """The responses of an operation; `media_type` is that of its refusals, if it differs from that of the others."""
    answered: Json = {
        "200": {"description": "Answered", "content": {name: {"schema": schema} for name, schema in content.items()}}
    }
    for status in sorted({*refused, *_ANYWHERE}):
        is_other = media_type and status == 404
        answered[str(status)] = (
            _refusal(_REFUSALS[status], media_type) if is_other else {"$ref": f"#/components/responses/{status}"}
        )
    return answered


def _refusal(words: str, media_type: str = "application/json") -> Json:
    return {"description": words, "content": {media_type: {"schema": {"$ref": "#/components/schemas/Refusal"}}}}
