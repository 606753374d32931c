"""Calls another CDS service on this machine for the simulator's pages, whose policy lets them call only us.

Only loopback addresses are called, and below them only the paths of CDS Hooks. So a stranger's page cannot send this
service elsewhere, and a user of the simulator reaches nothing that a browser on this machine does not.
"""

from __future__ import annotations

import re
import time

import msgspec
from msgspec import Struct

from service.errors import ServiceError
from service.fhir.address import read_address, without_secrets
from service.fhir.transport import AnswerError, Budget, HttpClient

PEER = "the service"
PATIENCE = 20  # seconds that an answer may take; the pages wait a little longer
MOST_BYTES = 4 * 1024 * 1024  # of an answer
_PATH = "/cds-services"
_BELOW = re.compile(r"(?:/[A-Za-z0-9._~-]{1,100}(?:/feedback)?)?")
_JSON = "application/json"


class RelayError(ServiceError):
    """The service may not be called, or did not answer; the message says which."""

    def __init__(self, message: str, *, is_refused: bool = False) -> None:
        super().__init__(message)
        self.is_refused = is_refused


class Relayed(Struct):
    """What a service answered, whatever it is, and the milliseconds until it was read."""

    status: int
    type: str
    body: str
    milliseconds: float


class Relay:
    """Calls CDS services on loopback."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    def call(self, services: str, below: str, body: object) -> Relayed:
        """POST `body` to a path below a discovery, or GET the path if there is no body. Raises RelayError."""
        url = f"{services_address(services)}{below}"
        if not _BELOW.fullmatch(below):
            raise RelayError("the id of a service contains only letters, digits, dots and hyphens", is_refused=True)
        content = None if body is None else msgspec.json.encode(body)
        method, headers = ("GET", {}) if content is None else ("POST", {"Content-Type": _JSON})
        begun = time.perf_counter()
        try:
            answer = self._http.call(
                method,
                url,
                PATIENCE,
                Budget(2 * MOST_BYTES),
                headers={"Accept": _JSON, **headers},
                body=content,
                read_errors=True,
            )
        except AnswerError as error:
            raise RelayError(str(error)) from None
        words = answer.body.decode("utf-8", "replace")
        return Relayed(answer.status, answer.media_type, words, (time.perf_counter() - begun) * 1e3)


def services_address(url: str) -> str:
    """The address to call for a discovery on this machine, `http://localhost:PORT/.../cds-services`.

    Raises RelayError for any other.
    """
    address = read_address(url)
    if address is None or not address.is_loopback or not address.path.endswith(_PATH):
        shown = without_secrets(url)[:200]
        raise RelayError(
            f"{shown} is not called: the simulator calls only a service on this machine, such as http://localhost:9000{_PATH}",
            is_refused=True,
        )
    return address.url
