"""GET /simulator and what its pages request; registered in development only, never in production."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from flask import Blueprint, Response, abort, request
from markupsafe import Markup

from service import examples, explain
from service.evaluation import Evaluator
from service.hooks import HOOKS, check_hook
from service.markdown import safe_html
from service.rendering import templates
from service.simulator import opening, order_menu
from service.simulator.card_view import card_views
from service.simulator.chart_view import chart_view
from service.simulator.elements import Json, age, person, text
from service.simulator.fhir_store import FhirStore, OvertakenError, StoreError
from service.simulator.relay import Relay, RelayError, services_address
from service.simulator.standing import standing, standings
from service.wire.refusal import ForbiddenRefusedError, MediaTypeRefusedError, RefusedError, outcome
from service.wire.request import read

# The pages load their own script, style and icon, and connect only to this service.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_WORDS = {"critical": "Critical", "warning": "Warning", "info": "Information"}
_TITLES = {
    "patient-view": "Chart opened",
    "order-select": "Order chosen",
    "order-sign": "Before signing",
    "problem-list-item-create": "Problem added",
    "encounter-discharge": "Discharge",
}

_templates = templates("service.simulator")
_templates.filters["safe_markdown"] = safe_html


Stores = Callable[[str], FhirStore]
"""The FHIR server at a base URL. Raises StoreError if it may not be contacted."""


def routes(evaluator: Evaluator, stores: Stores, relay: Relay) -> Blueprint:
    """The simulator's routes. They read and write `stores`, and call other services through `relay`."""
    blueprint = Blueprint(
        "simulator", __name__, url_prefix="/simulator", static_folder="static", static_url_path="/static"
    )

    _add_pages(blueprint, stores)
    _add_fragments(blueprint, evaluator)

    @blueprint.post("/write")
    def write() -> Response:
        _demand_same_origin()
        return _written(_asked(), stores)

    @blueprint.post("/relay")
    def call() -> Response:
        _demand_same_origin()
        return _relayed(_asked(), relay)

    return blueprint


def _add_pages(blueprint: Blueprint, stores: Stores) -> None:
    @blueprint.get("")
    def patients() -> Response:
        asked = request.args
        if wanted := asked.get("find", "").strip():
            return _page("patients.html", **_listing("", "", [], "", wanted))
        return _patients(asked.get("server", "").strip(), asked.get("name", "").strip(), stores)

    @blueprint.get("/examples/<name>")
    def example(name: str) -> Response:
        try:
            return _chart(opening.of_example(name), _start())
        except examples.UnknownExampleError:
            abort(404)

    @blueprint.get("/cases/<rule>/<number>")
    def case(rule: str, number: str) -> Response:
        opened = opening.of_case(rule, number)
        return _chart(opened, _start()) if opened else abort(404)

    @blueprint.get("/patient")
    def patient() -> Response:
        server, identity = request.args.get("server", ""), request.args.get("id", "")
        try:
            return _chart(opening.of_patient(stores(server), identity), _start())
        except StoreError as error:
            return _page("patients.html", 502, **_listing(server, "", [], str(error)))


def _add_fragments(blueprint: Blueprint, evaluator: Evaluator) -> None:
    """The parts of the page that its script replaces after a change."""

    @blueprint.post("/record")
    def record() -> Response:
        asked = _asked()
        told = (asked.get(name) or [] for name in ("records", "changed", "unread"))
        records, changed, unread = told
        view = chart_view(records, changed, datetime.now(UTC).date(), unread)
        return _page("record.html", view=view)

    @blueprint.post("/cards")
    def shown_cards() -> Response:
        asked = _asked()
        rules = () if asked.get("isForeign") else evaluator.book.rules
        return _page("cards.html", cards=card_views(asked.get("cards"), rules), pane=text(asked.get("pane")))

    @blueprint.post("/verdicts")
    def verdicts() -> Response:
        return _page("verdicts.html", **_explained(evaluator))


def _patients(server: str, name: str, stores: Stores) -> Response:
    if not server:
        return _page("patients.html", **_listing("", "", [], ""))
    try:
        return _page("patients.html", **_listing(server, name, stores(server).patients(name), ""))
    except StoreError as error:
        return _page("patients.html", 502, **_listing(server, name, [], str(error)))


def _listing(server: str, name: str, patients: list[Json], fault: str, wanted: str = "") -> dict[str, Any]:
    today = datetime.now(UTC).date()
    people = [
        (text(patient.get("id")), person(patient), text(patient.get("gender")), age(patient, today))
        for patient in patients
    ]
    stories = opening.examples_of(wanted) if not server else []
    return {"server": server, "name": name, "people": people, "examples": stories, "fault": fault, "wanted": wanted}


def _start() -> dict[str, Any]:
    """What else a link to a chart may ask for: a hook, an order to choose, another service on this machine."""
    service = request.args.get("service", "").strip()
    start = {name: request.args.get(name, "") for name in ("hook", "order")}
    try:
        return {**start, "service": services_address(service) if service else "", "refused": ""}
    except RelayError as error:
        return {**start, "service": "", "refused": str(error)}


def _chart(opened: opening.Opening, start: dict[str, Any]) -> Response:
    view = chart_view(opened.records, (), datetime.now(UTC).date(), opened.faults)
    return _page(
        "chart.html",
        opened=opened,
        view=view,
        asked=start,
        start=_data({**msgspec.to_builtins(opened), "asked": start, "hooks": _TITLES, **_menus()}),
        orders=order_menu.orders(),
        problems=order_menu.problems(),
        hooks={hook: _TITLES[hook] for hook in HOOKS},
    )


def _menus() -> dict[str, Any]:
    """The resources behind the menus by key, for the script."""
    choices = [choice for group in order_menu.orders().values() for choice in group] + order_menu.problems()
    return {"menu": {choice.key: choice.resource for choice in choices}, "sides": order_menu.sides()}


def _data(value: Any) -> Markup:
    """JSON that is safe inside a script element, where HTML escapes do not apply."""
    return Markup(msgspec.json.encode(value).decode().replace("<", "\\u003c"))


def _explained(evaluator: Evaluator) -> dict[str, Any]:
    """Each rule's verdict on the hook request in the body, by the same evaluation that answers hooks."""
    asked = read(_body())
    check_hook(asked.hook)
    evaluation = evaluator.evaluate(asked)
    explained = explain.as_json(asked.hook, evaluation)
    known = standings(evaluation)
    for verdict in explained["verdicts"]:
        verdict["standing"] = standing((fact["reference"] for fact in verdict["because"]), known)
    unknown = {key: explain.unknown_sentences(held) for key, held in explained["notUnderstood"].items()}
    return {
        "explained": explained,
        "notes": evaluation.gathered.notes,
        "words": _WORDS,
        "unknown": unknown,
        "not_understood": explain.NOT_UNDERSTOOD,
    }


def _written(asked: Json, stores: Stores) -> Response:
    try:
        store = stores(text(asked.get("server")))
        resource = asked.get("resource")
        version = text(asked.get("version"))
        stored = store.write(text(asked.get("method")), resource if isinstance(resource, dict) else {}, version)
    except StoreError as error:
        status = 412 if isinstance(error, OvertakenError) else 502
        return Response(outcome(status, str(error)), status=status, mimetype="application/json")
    return Response(msgspec.json.encode(stored), mimetype="application/json")


def _relayed(asked: Json, relay: Relay) -> Response:
    try:
        answered = relay.call(text(asked.get("services")), text(asked.get("below")), asked.get("body"))
    except RelayError as error:
        status = 403 if error.is_refused else 502
        return Response(outcome(status, str(error)), status=status, mimetype="application/json")
    return Response(msgspec.json.encode(answered), mimetype="application/json")


def _demand_same_origin() -> None:
    """Raises ForbiddenRefusedError unless the browser says that a page of this service makes the call."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin", "").partition("://")[2]
    if origin != request.headers.get("Host") or site not in (None, "same-origin"):
        raise ForbiddenRefusedError("only the simulator's own pages may write or call")


def _body() -> bytes:
    """The body of type application/json, which a page of another origin cannot send without a preflight."""
    if request.mimetype != "application/json":
        raise MediaTypeRefusedError("Content-Type is not application/json")
    return request.get_data(cache=False)


def _asked() -> Json:
    """The body as a JSON object. Raises RefusedError."""
    try:
        return msgspec.json.decode(_body(), type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        raise RefusedError("the body is not a JSON object") from None


def _page(template: str, status: int = 200, **values: Any) -> Response:
    places = {"root": f"{request.script_root}/simulator", "rules": f"{request.script_root}/rules"}
    html = _templates.get_template(template).render(**places, **values)
    return Response(html, status=status, mimetype="text/html", headers={"Content-Security-Policy": _POLICY})
