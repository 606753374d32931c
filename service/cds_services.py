"""GET /cds-services, POST /cds-services/<id> and POST /cds-services/<id>/feedback."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

import msgspec
from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from cards.decide import Decision
from cards.language.verdict import Kind, Silent
from cards.record.body import MAX_BYTES
from service.evaluation import Evaluation, Evaluator, Shadow
from service.hidden import no_cards_instead
from service.hooks import HOOKS, service_id
from service.memory.feedback import read_feedback
from service.memory.memory import Memory
from service.middleware.log import COUNTS
from service.operations.metrics import DISCOVERY, FEEDBACK, METRICS
from service.operations.watching import COUNTED_AS
from service.profiles.profile import STRICT
from service.wire.answer import Sent, answer
from service.wire.refusal import MediaTypeRefusedError, MissingDataRefusedError, RefusedError, TooLargeRefusedError
from service.wire.request import HookRequest, read

if TYPE_CHECKING:  # loaded at run time only if clients are registered
    from service.trust.callers import Caller, Callers
    from service.trust.client import Client

CDS_HOOKS_VERSION = "2.0.1"
DRAFT_VERSION = "3.0.0"
PATH = "/cds-services"

_USAGE = (
    "Prefetch alone is sufficient. Missing keys are read from fhirServer with the access token. If conditions or "
    "observations cannot be obtained, the response is 412; if other keys cannot be obtained, the cards say what "
    "could not be checked."
)


def routes(
    evaluator: Evaluator, memory: Memory, callers: Callers | None = None, *, authenticate_discovery: bool = False
) -> Blueprint:
    """The CDS Hooks routes for one evaluator and one memory; with `callers`, only registered clients may call."""
    blueprint = Blueprint("cds-services", __name__)
    services = {service_id(hook): _service(hook, evaluator.templates[hook]) for hook in HOOKS}
    discovery = _listed(services.values())

    @blueprint.get(PATH)
    def discover() -> Response:
        request.environ[COUNTS]["service"] = DISCOVERY
        client = _discovering(callers, authenticate_discovery)
        if client is None:
            return Response(discovery, mimetype="application/json")
        seen = [service for identity, service in services.items() if client.sees(identity)]
        return Response(
            _listed(map(_of_draft, seen) if client.cds_hooks == "3.0" else seen), mimetype="application/json"
        )

    for hook in HOOKS:
        path = f"{PATH}/{service_id(hook)}"
        blueprint.add_url_rule(path, hook, _service_call(evaluator, memory, callers, hook, path), methods=["POST"])
        view = _feedback_call(memory, callers, service_id(hook), f"{path}/feedback")
        blueprint.add_url_rule(f"{path}/feedback", f"{hook}-feedback", view, methods=["POST"])
    return blueprint


def _discovering(callers: Callers | None, is_demanded: bool) -> Client | None:
    """The client that asks for the list; None if it need not say who it is. Raises RefusedError if a token is demanded.

    A client that need not send a token may do so and gets its own list; a token that is not accepted is then ignored.
    """
    if callers is None or not (is_demanded or "HTTP_AUTHORIZATION" in request.environ):
        return None
    try:
        return callers.caller(request.environ, PATH).client
    except RefusedError:
        if is_demanded:
            raise
        return None


def _service_call(
    evaluator: Evaluator, memory: Memory, callers: Callers | None, hook: str, path: str
) -> Callable[[], Response]:
    """The view of one service."""
    identity = service_id(hook)

    def call() -> Response:
        started = perf_counter()
        request.environ[COUNTS]["service"] = identity
        caller = callers.caller(request.environ, path) if callers else None
        if caller is not None and not caller.client.sees(identity):
            raise NotFound
        if caller is not None and caller.client.on_error == "empty":
            return no_cards_instead(partial(_answered, evaluator, memory, caller, hook, started))
        return _answered(evaluator, memory, caller, hook, started)

    return call


def _answered(evaluator: Evaluator, memory: Memory, caller: Caller | None, hook: str, started: float) -> Response:
    """The cards for the current request. Raises RefusedError."""
    environ = request.environ
    profile = caller.profile if caller is not None else STRICT
    asked = read(_body(environ), hook, profile)
    environ[COUNTS].update(memory.names(caller, asked))
    evaluation = evaluator.evaluate(asked) if caller is None else evaluated_for(evaluator, memory, asked, caller)
    environ[COUNTS].update(
        records=len(evaluation.gathered.records),
        unreadable=evaluation.chart.noticed.total,
        unseen=len(evaluation.chart.unseen),
    )
    _count(evaluation.decision)
    if evaluation.shadow.shown or not evaluator.standings.all_speak:
        environ[COUNTS]["shadow"] = len(evaluation.shadow.shown)
    if evaluation.quiet:
        environ[COUNTS]["quiet"] = len(evaluation.quiet)

    def written(decision: Decision) -> tuple[bytes, list[Sent]]:
        sent: list[Sent] = []
        overlay, url = evaluator.codes.overlay, evaluator.public_url
        return answer(decision, asked, evaluation.now, overlay, url, profile, sent, evaluation.signed), sent

    cards, sent = written(evaluation.decision)
    memory.keep(caller, asked, evaluation, sent, started, _in_shadow(evaluation.shadow, written))
    return Response(cards, mimetype="application/json")


def _in_shadow(shadow: Shadow, written: Callable[[Decision], tuple[bytes, list[Sent]]]) -> list[Sent]:
    """What the rules in shadow would have sent, written together with the others as it would have been."""
    if not shadow.shown:
        return []
    return [sent for sent in written(shadow.decision)[1] if sent.rule.id in shadow.rules]


def evaluated_for(evaluator: Evaluator, memory: Memory, asked: HookRequest, caller: Caller) -> Evaluation:
    """The evaluation for a client, within its permissions. A request that was stripped of its token is reported."""
    caller.check(asked)
    try:
        return evaluator.evaluate(
            asked,
            caller.deadline,
            caller.client.max_records,
            caller.reader,
            caller.modes.of(caller.name),
            memory.quieting(caller, asked),
        )
    except MissingDataRefusedError as error:
        stripped = caller.profile.stripped
        if not stripped or asked.fhirAuthorization is not None:
            raise
        message = f"{error.message}. fhirAuthorization is missing. {stripped}"
        raise MissingDataRefusedError(message, error.field) from None


def _feedback_call(memory: Memory, callers: Callers | None, identity: str, path: str) -> Callable[[], Response]:
    """The view that takes feedback on the cards of one service; once it has answered, the feedback is kept."""

    def call() -> Response:
        environ = request.environ
        environ[COUNTS]["service"], environ[COUNTED_AS] = identity, FEEDBACK
        caller = callers.caller(environ, path) if callers else None
        if caller is not None and not caller.client.sees(identity):
            raise NotFound
        message = read_feedback(_body(environ))
        environ[COUNTS].update(**memory.take(caller, identity, message))
        return Response(b"{}", mimetype="application/json")

    return call


def _count(decision: Decision) -> None:
    for shown in decision.shown:
        METRICS.cards.add(shown.rule.id, shown.card.indicator)
    for rule, verdict in decision.verdicts.items():
        if isinstance(verdict, Silent) and verdict.kind is Kind.COULD_NOT_EVALUATE:
            METRICS.could_not_evaluate.add(rule)


def _listed(services: Iterable[dict[str, Any]]) -> bytes:
    return msgspec.json.encode({"services": list(services)})


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


def _of_draft(service: dict[str, Any]) -> dict[str, Any]:
    """The entry of a service as the draft of CDS Hooks 3.0 has it."""
    return {**service, "version": DRAFT_VERSION, "hookVersion": HOOKS[service["hook"]].version}


def _body(environ: dict[str, Any]) -> bytes:
    """The body, if it is plain JSON of a size that we read. Raises RefusedError."""
    if environ.get("CONTENT_TYPE") != "application/json" and request.mimetype != "application/json":
        raise MediaTypeRefusedError("Content-Type is not application/json")
    if environ.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() not in ("identity", ""):
        raise MediaTypeRefusedError("Content-Encoding is not supported: send the JSON uncompressed")
    length = request.content_length
    if length is None:  # in chunks: read up to one byte over the limit, which shows that it is too large
        return request.get_data(cache=False)
    if length > MAX_BYTES:
        raise TooLargeRefusedError(f"the body is larger than {MAX_BYTES // (1024 * 1024)} MiB")
    body: bytes = environ["wsgi.input"].read(length)  # in one piece: get_data reads many small pieces
    return body
