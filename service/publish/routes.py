"""GET /, /fhir/..., /rules and /rules/<id>: the published rules over HTTP; GET /openapi.json: all routes."""

from __future__ import annotations

import msgspec
from flask import Blueprint, Response, abort, current_app, request

from service.publish import html, openapi, pages
from service.publish.home import home
from service.publish.library import KINDS, Library
from service.signoff.site import Site
from service.wire.refusal import outcome

_FHIR_JSON = "application/fhir+json"
_NO_SUCH_RESOURCE = f"there is no such resource; this service publishes: {', '.join(KINDS)}"


def routes(site: Site, *, is_signed: bool = False) -> Blueprint:
    """The routes to everything that is published; a resource is built when it is first requested.

    `is_signed` says whether the callers of hooks have to prove who they are.
    """
    blueprint = Blueprint("published", __name__)
    library = Library(site)

    @blueprint.get("/")
    def start() -> Response:
        told = home(site, request.script_root, is_played=_is_played())
        if html.wants_html(request):
            return html.reply(html.rendered("home.html", told=told))
        return Response(msgspec.json.encode(told), mimetype="application/json")

    @blueprint.get("/fhir/<kind>")
    def search(kind: str) -> Response:
        return _resource(library.searchset(kind, request.args.get("url")))

    @blueprint.get("/fhir/<kind>/<identity>")
    def read(kind: str, identity: str) -> Response:
        return _resource(library.resource(kind, identity))

    @blueprint.get("/rules")
    def index() -> Response:
        return html.reply(pages.index(site, pages.served(request.script_root)))

    @blueprint.get("/rules/<identity>")
    def page(identity: str) -> Response:
        if identity not in site.book.rules:
            abort(404)
        return html.reply(library.page(identity, pages.served(request.script_root, is_played=_is_played())))

    @blueprint.get("/rules/<identity>/source-attributes")
    def source_attributes(identity: str) -> Response:
        attributes = library.source_attributes(identity)
        if attributes is None:
            abort(404)
        return Response(attributes, mimetype="application/json")

    @blueprint.get(openapi.PATH)
    def described() -> Response:
        served = [rule.rule for rule in current_app.url_map.iter_rules()]
        told = openapi.document(served, site.book.rules, KINDS, is_signed=is_signed)
        return Response(msgspec.json.encode(told), mimetype="application/json")

    return blueprint


def _resource(resource: bytes | None) -> Response:
    if resource is None:
        return Response(outcome(404, _NO_SUCH_RESOURCE), status=404, mimetype=_FHIR_JSON)
    return Response(resource, mimetype=_FHIR_JSON)


def _is_played() -> bool:
    """Whether the simulator is served too."""
    return "simulator" in current_app.blueprints
