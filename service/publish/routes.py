"""GET /fhir/..., /rules and /rules/<id>: the published knowledge over HTTP."""

from __future__ import annotations

from flask import Blueprint, Response, abort, request

from cards.rule_book import RuleBook
from service.publish import pages
from service.publish.library import KINDS, Library
from service.wire.refusal import outcome

_FHIR_JSON = "application/fhir+json"
_NO_SUCH_RESOURCE = f"there is no such resource; published are {', '.join(KINDS)}"
# The pages carry their own style and load nothing.
_NOTHING_ELSE = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def routes(book: RuleBook) -> Blueprint:
    """The routes of what is published; nothing is made before it is asked for."""
    blueprint = Blueprint("published", __name__)
    library = Library(book)

    @blueprint.get("/fhir/<kind>")
    def search(kind: str) -> Response:
        return _resource(library.searchset(kind, request.args.get("url")))

    @blueprint.get("/fhir/<kind>/<identity>")
    def read(kind: str, identity: str) -> Response:
        return _resource(library.resource(kind, identity))

    @blueprint.get("/rules")
    def index() -> Response:
        return _page(pages.index(book, pages.served(request.script_root)))

    @blueprint.get("/rules/<identity>")
    def page(identity: str) -> Response:
        rule = book.rules.get(identity)
        if rule is None:
            abort(404)
        return _page(pages.page(rule, pages.served(request.script_root)))

    @blueprint.get("/rules/<identity>/source-attributes")
    def source_attributes(identity: str) -> Response:
        found = library.source_attributes(identity)
        if found is None:
            abort(404)
        return Response(found, mimetype="application/json")

    return blueprint


def _resource(found: bytes | None) -> Response:
    if found is None:
        return Response(outcome(404, _NO_SUCH_RESOURCE), status=404, mimetype=_FHIR_JSON)
    return Response(found, mimetype=_FHIR_JSON)


def _page(html: str) -> Response:
    return Response(html, mimetype="text/html", headers={"Content-Security-Policy": _NOTHING_ELSE})
