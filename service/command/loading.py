"""`load`: the patients of fhir_examples into a FHIR server, each by one transaction."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import requests

from cards.record.words import printable
from service import examples
from service.errors import ServiceError

_FHIR_JSON = "application/fhir+json"
_TIMEOUT = 60  # seconds: a server that has just started takes long over its first transaction
_LOOK = 10  # seconds
_PAUSE = 1  # seconds between two looks at a server that is still starting
_LONGEST = 300  # characters of a server's own words


class LoadError(ServiceError):
    """The FHIR server did not take what it was given; the message says what it said."""


def wait(base: str, seconds: float) -> None:
    """Return once the server answers /metadata with its CapabilityStatement. Raises LoadError when it does not."""
    give_up = time.monotonic() + seconds
    with _session() as session:
        while why := _not_ready(session, base):
            if time.monotonic() >= give_up:
                raise LoadError(f"{base} is not ready after {seconds:g} seconds: {why}")
            time.sleep(_PAUSE)


def load(base: str, now: datetime) -> Iterator[str]:
    """Write each example, moved to `now`, and yield its name when it is there.

    An example is written whole or not at all, and again over what an earlier load has left. Raises LoadError.
    """
    with _session() as session:
        for name in examples.names():
            _write(session, base, name, examples.load(name).at(now).bundle)
            yield name


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # no proxy and no password of this machine, as where the service reads
    session.headers.update({"Accept": _FHIR_JSON})
    return session


def _write(session: requests.Session, base: str, name: str, bundle: dict[str, Any]) -> None:
    headers = {"Content-Type": _FHIR_JSON}
    try:
        # A redirected POST would become a GET, and nothing would be written.
        reply = session.post(base, json=bundle, headers=headers, timeout=_TIMEOUT, allow_redirects=False)
    except requests.RequestException as error:
        raise LoadError(f"{name} was not loaded: {base} did not answer ({type(error).__name__})") from None
    if reply.status_code != requests.codes.ok:
        raise LoadError(f"{name} was not loaded: {base} answered {reply.status_code}{_words(reply)}")
    if len(_resource(reply).get("entry", ())) != len(bundle["entry"]):
        raise LoadError(f"{name} was not loaded: {base} answered no transaction-response")


def _not_ready(session: requests.Session, base: str) -> str:
    """Why the server cannot be written to yet; empty when it can."""
    try:
        reply = session.get(f"{base}/metadata", timeout=_LOOK)
    except requests.RequestException as error:
        return f"/metadata is not answered ({type(error).__name__})"
    if reply.status_code != requests.codes.ok:
        return f"/metadata is answered with {reply.status_code}"
    if _resource(reply).get("resourceType") != "CapabilityStatement":
        return "/metadata is no CapabilityStatement"
    return ""


def _resource(reply: requests.Response) -> dict[str, Any]:
    """The FHIR resource of an answer; empty when it holds something else, a web page for instance."""
    try:
        resource = reply.json()
    except ValueError:
        return {}
    return resource if isinstance(resource, dict) else {}


def _words(reply: requests.Response) -> str:
    """What the first issue of an OperationOutcome says."""
    issues = _resource(reply).get("issue")
    first = issues[0] if isinstance(issues, list) and issues and isinstance(issues[0], dict) else {}
    diagnostics = first.get("diagnostics")
    return f": {printable(diagnostics[:_LONGEST])}" if isinstance(diagnostics, str) else ""
