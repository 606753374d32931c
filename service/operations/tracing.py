"""OpenTelemetry traces, for sites that want them: a span for each request, and for each reading from a FHIR server.

A span contains what the log says about a request, and no patient data. A thread of the worker sends the spans; they
are lost if their receiver is down, since no request waits for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from service.middleware.log import COUNTS, Wsgi

if TYPE_CHECKING:  # the packages are installed only where the setting is used
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

T = TypeVar("T")

_ATTRIBUTES = ("service", "client", "request_id", "records", "unreadable", "unseen", "refused")
_SEND_SECONDS = 2  # for the receiver to accept spans
_END_SECONDS = 0.5  # for spans that are left at the end
_PATH = "/v1/traces"
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})


class Tracing:
    """Creates and sends spans in the process that calls `start`; before that it does nothing."""

    def __init__(self) -> None:
        self._tracer: Tracer | None = None
        self._provider: TracerProvider | None = None

    def start(self, endpoint: str) -> None:
        """Send spans to this OTLP receiver from now on. Call it after the fork, since it starts a thread."""
        import requests
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        address = endpoint if endpoint.endswith(_PATH) else f"{endpoint.rstrip('/')}{_PATH}"
        session = requests.Session()
        session.trust_env = False  # ignores the machine's proxy and netrc
        exporter = OTLPSpanExporter(endpoint=address, timeout=_SEND_SECONDS, session=session)
        self._provider = TracerProvider(resource=Resource.create({"service.name": "foot-drop-cds"}))
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("foot-drop-cds")

    def stop(self) -> None:
        """Send the remaining spans, if the receiver accepts them quickly."""
        if self._provider is not None:
            self._provider.force_flush(int(_END_SECONDS * 1000))

    def traced(self, inner: Wsgi) -> Wsgi:
        """Create a span for each request; it continues the trace that `traceparent` names."""

        def call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            if self._tracer is None:
                return inner(environ, start_response)
            return self._call(self._tracer, inner, environ, start_response)

        return call

    def _call(self, tracer: Tracer, inner: Wsgi, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        from opentelemetry.trace import SpanKind, StatusCode
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        # Not tracestate: it may hold any words.
        context = TraceContextTextMapPropagator().extract({"traceparent": environ.get("HTTP_TRACEPARENT", "")})
        method = environ["REQUEST_METHOD"]
        with tracer.start_as_current_span("request", context, SpanKind.SERVER, record_exception=False) as span:

            def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
                counts = environ[COUNTS]
                span.update_name(counts.get("service", "other"))
                span.set_attribute("http.request.method", method if method in _METHODS else "_OTHER")
                span.set_attribute("http.response.status_code", int(status[:3]))
                span.set_attributes({f"foot_drop_cds.{name}": counts[name] for name in _ATTRIBUTES if name in counts})
                if status[0] == "5":
                    span.set_status(StatusCode.ERROR)
                return start_response(status, headers, *error)

            return inner(environ, start)

    def reading(self, call: Callable[[], T]) -> T:
        """The result of reading from a FHIR server, within its own span."""
        if self._tracer is None:
            return call()
        with self._tracer.start_as_current_span("read from the FHIR server", record_exception=False):
            return call()


TRACING = Tracing()
"""The tracing of this process."""
