"""`load`: write the patients of fhir_examples to a FHIR server, each in one transaction."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from cards.record.decoding import NO_JSON
from cards.record.words import printable
from service import examples
from service.errors import ServiceError
from service.fhir.transport import Answer, AnswerError, HttpClient

_FHIR_JSON = "application/fhir+json"
_TIMEOUT = 60  # seconds: a server that has just started takes a long time for its first transaction
_LOOK = 10  # seconds
_PAUSE = 1  # seconds between two looks at a server that is still starting
_LONGEST = 300  # characters of a server's own words
_FAULT = 500  # from this status up it is unknown what the server did
_UNKNOWN = "; it may still have been stored: load again, which overwrites it"


class LoadError(ServiceError):
    """The FHIR server did not accept what it was sent; the message contains its reply."""


def wait(base: str, seconds: float, http: HttpClient | None = None) -> None:
    """Return once the server answers /metadata with its CapabilityStatement. Raises LoadError if it does not."""
    http = http or HttpClient()
    give_up = time.monotonic() + seconds
    while why := _not_ready(http, base):
        if time.monotonic() >= give_up:
            raise LoadError(f"{base} is not ready after {seconds:g} seconds: {why}")
        time.sleep(_PAUSE)


def load(base: str, now: datetime, http: HttpClient | None = None) -> Iterator[str]:
    """Write each example, shifted to `now`, and yield its name once it is stored.

    An example is written whole or not at all, and overwrites what an earlier load has left. Raises LoadError.
    """
    http = http or HttpClient()
    for name in examples.names():
        _write(http, base, name, examples.load(name).at(now).bundle)
        yield name


def _write(http: HttpClient, base: str, name: str, bundle: dict[str, Any]) -> None:
    headers = {"Content-Type": _FHIR_JSON}
    try:
        reply = http.call("POST", base, _TIMEOUT, headers=headers, body=msgspec.json.encode(bundle), read_errors=True)
    except AnswerError as error:
        raise LoadError(f"{name} was not loaded into {base}: {error}{_UNKNOWN}") from None
    if reply.status != 200:
        doubt = _UNKNOWN if reply.status >= _FAULT else ""
        raise LoadError(f"{name} was not loaded: {base} answered {reply.status}{_words(reply)}{doubt}")
    if len(_resource(reply).get("entry", ())) != len(bundle["entry"]):
        raise LoadError(f"{name} was not loaded: {base} did not answer with a transaction-response")


def _not_ready(http: HttpClient, base: str) -> str:
    """Why the server cannot be written to yet; empty if it can."""
    try:
        reply = http.call("GET", f"{base}/metadata", _LOOK)
    except AnswerError as error:
        return f"/metadata is not answered ({error})"
    if reply.status != 200:
        return f"/metadata is answered with {reply.status}"
    if _resource(reply).get("resourceType") != "CapabilityStatement":
        return "/metadata is not a CapabilityStatement"
    return ""


def _resource(reply: Answer) -> dict[str, Any]:
    """The FHIR resource in an answer; empty if it contains something else, such as a web page."""
    try:
        resource = msgspec.json.decode(reply.body)
    except NO_JSON:
        return {}
    return resource if isinstance(resource, dict) else {}


def _words(reply: Answer) -> str:
    """What the first issue of an OperationOutcome says."""
    issues = _resource(reply).get("issue")
    first = issues[0] if isinstance(issues, list) and issues and isinstance(issues[0], dict) else {}
    diagnostics = first.get("diagnostics")
    return f": {printable(diagnostics[:_LONGEST])}" if isinstance(diagnostics, str) else ""
