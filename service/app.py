"""The application: the only place where the parts are put together."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from contextlib import closing
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from cards.record.body import MAX_BYTES
from cards.record.codes import Codes
from cards.rule_book import RuleBook, rule_book
from service import cds_services
from service.errors import StartError
from service.evaluation import Evaluation, Evaluator
from service.expansions import read_expansions
from service.fhir.address import allow_list
from service.fhir.client import THREADS, FhirReader
from service.fhir.transport import FHIR_SERVER, HttpClient
from service.hooks import check_hook
from service.memory.in_process import InProcess
from service.memory.memory import Memory
from service.middleware import log
from service.middleware.cors import with_cors
from service.middleware.host import with_host
from service.middleware.overload import with_overload
from service.operations.families import OTHER
from service.operations.health import Health
from service.operations.metrics import METRICS
from service.operations.tracing import TRACING
from service.operations.watching import watched
from service.profiles.codes import check_rules
from service.publish import html
from service.publish.home import refused as refused_page
from service.publish.routes import routes as published
from service.serving.gateway import BODY_SECONDS
from service.settings import Settings
from service.signoff.site import Clock, Site
from service.store.hashing import Hash, keyed_hash, no_hash, own_key
from service.wire.refusal import RefusedError, outcome
from service.wire.request import HookRequest, read

if TYPE_CHECKING:
    from service.reporting.keeping import Kept
    from service.trust.callers import Callers

_GUARDING = [("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")]
_SLASHES = re.compile("/+")
_WORDS = {
    404: "nothing is served at this address; GET /cds-services lists the services",
    405: "this method is not supported at this address",
    408: f"the body did not come within {BODY_SECONDS} seconds",
    413: f"the body is larger than {MAX_BYTES // (1024 * 1024)} MiB",
    421: "the Host header does not name this service; the settings public_url and hosts hold its names",
    500: "a fault in the service prevented the evaluation of the request",
    503: "the service has too much to do at the moment: call again in a second",
}


class Application(Flask):
    """The service as a WSGI application; it keeps its store open until it is closed."""

    memory: Memory
    callers: Callers | None
    health: Health
    reports: Kept | None = None

    def close(self) -> None:
        """Write everything that is still waiting to be written, and close what is open."""
        self.memory.close()
        if self.reports:
            self.reports.close()
        if self.callers:
            self.callers.close()


def create_app(
    settings: Settings | None = None, *, now: Clock = None, dev: bool = False, book: RuleBook | None = None
) -> Application:
    """The service as a WSGI application.

    `now` is the moment at which everything happens, or a function that returns it; by default the clock. `dev` is
    `serve --dev`: FHIR servers and pages on loopback are allowed, and reading may take longer. `book` holds rules
    other than those in cards/rules.
    """
    settings = settings or Settings()
    if dev and not settings.dev:
        settings = settings.model_copy(update={"dev": True})
    app = Application(__name__, static_folder=None)
    # One byte more than we read: a chunked body over the limit is cut there and then recognised as too large.
    app.config["MAX_CONTENT_LENGTH"] = MAX_BYTES + 1
    app.url_map.merge_slashes = False
    _answer_errors(app)
    site = signing(settings, now, book)
    reader = fhir_reader(settings)
    evaluating = evaluator(settings, now, reader=reader, site=site)
    app.callers = None if settings.dev or not settings.clients else _callers(settings, reader, evaluating.book)
    app.memory = _memory(settings, evaluating)
    app.register_blueprint(
        cds_services.routes(evaluating, app.memory, app.callers, authenticate_discovery=settings.authenticate_discovery)
    )
    app.register_blueprint(published(site, is_signed=app.callers is not None))
    if settings.report_token and app.callers:  # with --dev nothing is in a store
        from service.reporting.keeping import Kept
        from service.reporting.routes import routes as reporting

        app.reports = Kept(settings)
        app.register_blueprint(reporting(settings, app.reports, evaluating.book.rules, evaluating.now))
    if settings.dev:
        _add_simulator(app, evaluating, settings)
    app.health = app.callers.health() if app.callers else Health(None, {})
    # Around Flask, not in Flask's own hooks: what every reply needs costs a tenth as much here.
    served = with_cors(with_overload(app.wsgi_app, _overloaded), settings.allows_origin)
    served = with_host(served, settings.is_called, _misdirected)
    served = watched(_framed(served))
    if settings.otlp_endpoint:
        served = TRACING.traced(served)
    served = log.logged(served)
    app.wsgi_app = app.health.answering(served)  # type: ignore[method-assign,assignment]
    return app


def _callers(settings: Settings, reader: FhirReader, book: RuleBook) -> Callers:
    """The callers accepted by the settings; each client reads its own FHIR servers, on the threads of `reader`.

    Raises StartError if a client cannot tell the rules apart.
    """
    # Loaded only if clients are registered: the database and the cryptography take a third of a second.
    from service.modes.last_known import LastKnown
    from service.modes.modes import Modes
    from service.modes.table import reading
    from service.store.database import Database, place
    from service.store.used_tokens import UsedTokens
    from service.trust.callers import Callers, registered
    from service.trust.remote_keys import PEER

    if any(client.deviations.plain_codes for client in settings.clients.values()):
        try:
            check_rules(book.rules)
        except ValueError as error:
            raise StartError(f"the rules cannot be told apart by a client of the profile epic: {error}") from None
    clients = []
    for name, client in settings.clients.items():
        keys = http_client(settings, peer=PEER, ca_file=client.ca_file)
        allowed = allow_list([tenant.base for tenant in client.tenants], allow_loopback=False)
        fhir = http_client(settings, THREADS, ca_file=client.ca_file, private=client.private_hosts)
        clients.append(registered(name, client, settings.public_url or "", keys, reader.beside(allowed, fhir)))
        if client.on_error == "empty":
            log.logger().warning("failures are hidden", client=name, why='on_error = "empty"')
    store = place(settings.store_address, settings.data_dir)
    used = UsedTokens(Database(store), settings.replay_grace_s)
    modes = Modes(reading(Database(store)), last_known=LastKnown(settings.data_dir))
    return Callers(clients, used, settings.allow_origins, modes)


def _memory(settings: Settings, evaluating: Evaluator) -> Memory:
    """The memory of answers and feedback: in the store, or in the process if the service is only tried out."""
    if not settings.has_store:
        return Memory(
            InProcess(),
            keyed_hash(token_hex()),
            str,
            rules=evaluating.book.rules,
            now=evaluating.now,
            tells_log=settings.log_identifiers,
        )
    from service.memory.lasting import Lasting
    from service.memory.own_words import in_own_words, own_words
    from service.store.database import place

    own_words()  # before the workers are forked
    url = place(settings.store_address, settings.data_dir)
    return Memory(
        Lasting(url, settings.keep_days, evaluating.now),
        hashing(settings),
        in_own_words,
        rules=evaluating.book.rules,
        now=evaluating.now,
        keeps_answers=settings.keep_answers,
        keeps_comments=settings.keep_comments,
        tells_log=settings.log_identifiers,
    )


def hashing(settings: Settings) -> Hash:
    """How patients and users are identified in the store; not at all without a key and without a folder for one.

    Raises StartError if identifiers are to be logged but there is no key.
    """
    if settings.hash_key:
        return keyed_hash(settings.hash_key.get_secret_value())
    if settings.data_dir is None and settings.log_identifiers:
        raise StartError("log_identifiers: the hashes need a key: set hash_key, or data_dir, where one is made")
    return keyed_hash(own_key(settings.data_dir)) if settings.data_dir else no_hash


def evaluated(settings: Settings, client: str, body: bytes, now: Clock = None) -> tuple[HookRequest, Evaluation]:
    """A request and its evaluation for a client, with the sign-offs, the client's modes and its quiet cards.

    Raises RefusedError, RefusedSignoffError, StartError.
    """
    reader = fhir_reader(settings)
    evaluating = evaluator(settings, now, reader=reader)
    memory, callers = _memory(settings, evaluating), _callers(settings, reader, evaluating.book)
    with closing(memory), closing(callers):
        caller = callers.of(client)
        asked = read(body, profile=caller.profile)
        check_hook(asked.hook)
        return asked, cds_services.evaluated_for(evaluating, memory, asked, caller)


def _add_simulator(app: Flask, evaluating: Evaluator, settings: Settings) -> None:
    from service.simulator.fhir_store import FhirStore  # never loaded in production
    from service.simulator.relay import PEER, Relay
    from service.simulator.routes import routes

    allowed = allow_list(settings.allow_fhir_servers, allow_loopback=True)
    stores = partial(FhirStore, allowed=allowed, http=http_client(settings))
    app.register_blueprint(routes(evaluating, stores, Relay(http_client(settings, peer=PEER))))


def http_client(
    settings: Settings,
    connections: int = 1,
    peer: str = FHIR_SERVER,
    *,
    ca_file: Path | None = None,
    private: Collection[str] | None = None,
) -> HttpClient:
    """An HTTP client for FHIR servers, or another peer, by these settings; `ca_file` takes precedence over theirs."""
    trusted = ca_file or settings.ca_file
    return HttpClient(
        connections,
        ca_file=str(trusted) if trusted else None,
        proxy=settings.proxy.get_secret_value() if settings.proxy else None,
        allow_loopback=settings.dev,
        private=private,
        peer=peer,
    )


def fhir_reader(settings: Settings) -> FhirReader:
    """The reader of the FHIR servers of these settings."""
    allowed = allow_list(settings.fhir_servers, allow_loopback=settings.dev)
    return FhirReader(allowed, http=http_client(settings, THREADS), threads=THREADS)


def evaluator(
    settings: Settings,
    now: Clock = None,
    book: RuleBook | None = None,
    reader: FhirReader | None = None,
    site: Site | None = None,
) -> Evaluator:
    """The evaluator that turns hook requests into verdicts, by these settings. Raises RefusedSignoffError."""
    site = site or signing(settings, now, book)
    return Evaluator(
        site.codes,
        reader or fhir_reader(settings),
        settings.zone,
        settings.deadline,
        now,
        site.book,
        settings.max_records,
        public_url=settings.public_url or "",
        standings=site.standings,
    )


def signing(settings: Settings, now: Clock = None, book: RuleBook | None = None) -> Site:
    """The rules with the site's own codes, and which of them are signed, by these settings."""
    return Site(
        book or rule_book(),
        Codes(settings.codes, settings.medicine_classes, read_expansions(settings.codes_from)),
        settings.signoff_file,
        all_speak=settings.dev or settings.allow_unsigned,
        zone=settings.zone,
        now=now,
    )


def _framed(inner: log.Wsgi) -> log.Wsgi:
    """Ignore `//` and a final `/` in the path, without a redirect, which a preflight may not follow.

    No cache on the way keeps a reply, and no browser reads it as another type than it states.
    """

    def call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if "//" in path or path.endswith("/"):
            environ["PATH_INFO"] = _SLASHES.sub("/", path).rstrip("/") or "/"

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            return start_response(status, headers + _GUARDING, *error)

        return inner(environ, start)

    return call


def _answer_errors(app: Flask) -> None:
    """Answer every error with an OperationOutcome or a page that contains nothing from a patient's record."""
    faults = log.logger()

    @app.errorhandler(RefusedError)
    def refused(error: RefusedError) -> Response:
        reply = _outcome(error.status, error.message, error.field)
        reply.headers.extend(error.headers)
        return reply

    @app.errorhandler(HTTPException)
    def not_served(error: HTTPException) -> Response:
        status = error.code or 500
        reply = _told(status, _WORDS.get(status, error.name))
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            reply.headers["Allow"] = ", ".join(sorted(error.valid_methods))
        return reply

    @app.errorhandler(Exception)
    def failed(error: Exception) -> Response:
        METRICS.faults.add(OTHER, OTHER)
        faults.error("fault", **log.fault(error))
        return _told(500, _WORDS[500])


def _told(status: int, message: str) -> Response:
    """An error as a page for a person with a browser, or as an OperationOutcome for every other caller."""
    if html.wants_html(request):
        return refused_page(status, message, request.script_root)
    return _outcome(status, message)


def _misdirected(_: dict[str, Any]) -> Response:
    return _outcome(421, _WORDS[421])


def _overloaded(_: dict[str, Any]) -> Response:
    reply = _outcome(503, _WORDS[503])
    reply.headers["Retry-After"] = "1"
    return reply


def _outcome(status: int, message: str, expression: str = "") -> Response:
    # Not application/fhir+json: the caller is a CDS client, which need not know the media type of FHIR.
    return Response(outcome(status, message, expression), status=status, mimetype="application/json")
