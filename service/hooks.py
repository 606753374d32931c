"""GET /cds-services and POST /cds-services/<id>."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from flask import Blueprint, Response, request
from msgspec import Struct

from cards.record.body import MAX_BYTES
from service.evaluation import Evaluator
from service.middleware.log import COUNTS
from service.wire.answer import answer
from service.wire.refusal import MediaTypeRefusedError, RefusedError, TooLargeRefusedError
from service.wire.request import read

CDS_HOOKS_VERSION = "2.0.1"


class Hook(Struct, frozen=True):
    """A hook that we answer: what its service is called and what it says."""

    title: str
    description: str


HOOKS = {
    "patient-view": Hook(
        "Foot drop: what the chart asks for",
        "Recognises foot drop from a spinal nerve source and its danger signs when a chart is opened, and "
        "suggests imaging, electrodiagnosis, an orthosis and surgical advice that have not been arranged yet. It does "
        "not detect cauda equina syndrome without foot drop, and it does not read free text.",
    ),
    "order-select": Hook(
        "Foot drop: orders as they are selected",
        "Warns if an order for a patient with foot drop should wait for urgent imaging or is unsafe.",
    ),
    "order-sign": Hook(
        "Foot drop: orders before they are signed",
        "The final check of orders for a patient with foot drop: only what must be seen before signing.",
    ),
    "problem-list-item-create": Hook(
        "Foot drop: a new problem",
        "What a new problem calls for if it concerns foot drop, cauda equina, the cord, cancer or spinal infection.",
    ),
    "encounter-discharge": Hook(
        "Foot drop: before the patient leaves",
        "What is outstanding for a patient who is discharged with foot drop, and when to return.",
    ),
}

_USAGE = (
    "Prefetch alone is sufficient. Missing keys are read from fhirServer with the access token. If conditions or "
    "observations cannot be obtained, the response is 412; if other keys cannot be obtained, the cards say what "
    "could not be checked."
)


def service_id(hook: str) -> str:
    """The id of the service that answers a hook."""
    return f"foot-drop-{hook}"


def check_hook(hook: str) -> None:
    """Raises RefusedError for a hook that we do not answer."""
    if hook not in HOOKS:
        raise RefusedError(f"this hook is not supported; this service answers: {', '.join(HOOKS)}", "hook")


def routes(evaluator: Evaluator) -> Blueprint:
    """The routes of CDS Hooks, over one evaluator."""
    blueprint = Blueprint("cds-services", __name__)
    discovery = msgspec.json.encode({"services": [_service(hook, evaluator.templates[hook]) for hook in HOOKS]})

    @blueprint.get("/cds-services")
    def discover() -> Response:
        return Response(discovery, mimetype="application/json")

    for hook in HOOKS:
        identity = service_id(hook)
        blueprint.add_url_rule(f"/cds-services/{identity}", hook, _service_call(evaluator, hook), methods=["POST"])
    return blueprint


def _service_call(evaluator: Evaluator, hook: str) -> Callable[[], Response]:
    """The view of one service."""
    identity = service_id(hook)

    def call() -> Response:
        environ = request.environ
        asked = read(_body(environ), hook)
        evaluation = evaluator.evaluate(asked)
        environ[COUNTS].update(
            service=identity,
            records=len(evaluation.gathered.records),
            unreadable=evaluation.chart.noticed.total,
            unseen=len(evaluation.chart.unseen),
        )
        cards = answer(evaluation.decision, asked, evaluation.now, evaluator.codes.overlay, evaluator.public_url)
        return Response(cards, mimetype="application/json")

    return call


def _service(hook: str, templates: Mapping[str, str]) -> dict[str, Any]:
    return {
        "hook": hook,
        "title": HOOKS[hook].title,
        "description": HOOKS[hook].description,
        "id": service_id(hook),
        "prefetch": templates,
        "usageRequirements": _USAGE,
        "version": CDS_HOOKS_VERSION,
    }


def _body(environ: dict[str, Any]) -> bytes:
    """The body, when it is plain JSON of a size that we read. Raises RefusedError."""
    if environ.get("CONTENT_TYPE") != "application/json" and request.mimetype != "application/json":
        raise MediaTypeRefusedError("Content-Type is not application/json")
    if environ.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() not in ("identity", ""):
        raise MediaTypeRefusedError("Content-Encoding is not supported: send the JSON uncompressed")
    length = request.content_length
    if length is None:  # in chunks: read up to one byte over the limit, by which it is known to be too large
        return request.get_data(cache=False)
    if length > MAX_BYTES:
        raise TooLargeRefusedError(f"the body is larger than {MAX_BYTES // (1024 * 1024)} MiB")
    body: bytes = environ["wsgi.input"].read(length)  # in one piece: get_data reads many small ones
    return body
