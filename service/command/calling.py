"""`call`: a signed request, as a registered EHR would send it."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from service import examples
from service.errors import ServiceError
from service.fhir.transport import Answer, AnswerError, HttpClient
from service.hooks import HOOKS, service_id
from service.trust.signing import sign

PEER = "the service"
_SECONDS = 30


class CallError(ServiceError):
    """The request cannot be signed or is not answered; the message says why."""


def call(
    url: str, key: bytes, issuer: str, audience: str | None, kid: str | None, body: bytes | None, http: HttpClient
) -> Answer:
    """The answer to a signed request: a POST of `body` to a service, or a GET of discovery. Raises CallError."""
    address = url.rstrip("/")
    is_discovery = address.endswith("/cds-services")
    if not is_discovery and body is None:
        body = _example(address.rpartition("/")[2])
    try:
        token = sign(key, issuer, audience or address, kid)
    except ValueError as error:
        raise CallError(f"the key cannot be used: {error}") from None
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "Content-Type": "application/json"}
    method = "GET" if is_discovery else "POST"
    try:
        return http.call(
            method, address, _SECONDS, headers=headers, body=None if is_discovery else body, read_errors=True
        )
    except AnswerError as error:
        raise CallError(str(error)) from None


def _example(service: str) -> bytes:
    """The first example for a service, at this moment. Raises CallError for a service that we do not have."""
    hook = next((hook for hook in HOOKS if service_id(hook) == service), None)
    if hook is None:
        raise CallError("no service has this address: name the request to send, or call /cds-services for a list")
    now = datetime.now(UTC)
    requests = (examples.load(name).at(now).request for name in examples.names())
    return msgspec.json.encode(next(request for request in requests if request["hook"] == hook))
