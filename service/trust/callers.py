"""The callers: who is calling, whether the call is allowed, and what the caller may ask for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from msgspec import Struct

from service.fhir.address import read_address
from service.fhir.client import FhirReader
from service.fhir.transport import HttpClient
from service.middleware.log import COUNTS
from service.modes.modes import Modes
from service.operations.health import Health
from service.profiles.profile import Profile
from service.store.database import StoreAwayError
from service.store.used_tokens import RETRY_S, UsedTokens
from service.trust.client import Client, Tenant
from service.trust.key_set import read_key_file
from service.trust.remote_keys import ClientKeys, RemoteKeys
from service.trust.token import RefusedTokenError, Registered, Unverified, Why, read_token, verify
from service.wire.refusal import ForbiddenRefusedError, StoreAwayRefusedError, UnknownCallerRefusedError
from service.wire.request import HookRequest

STORE_AWAY = "the store is away"
REFUSALS = (*(why.value for why in Why), STORE_AWAY)
"""Why a token is refused, for the log and the metrics."""


class Caller(Struct, frozen=True):
    """A client that has proved who it is, the tenants that it may act for, and the reader of their FHIR servers.

    `modes` say which rules are quiet for it.
    """

    name: str
    client: Client
    tenants: tuple[Tenant, ...]
    reader: FhirReader
    modes: Modes

    @property
    def deadline(self) -> float | None:
        """Seconds that reading from its FHIR server may take; None means the same as for others."""
        return self.client.deadline_ms / 1000 if self.client.deadline_ms else None

    @property
    def profile(self) -> Profile:
        """How its EHR deviates from CDS Hooks."""
        return self.client.deviations

    def check(self, request: HookRequest) -> None:
        """Raise ForbiddenRefusedError for a FHIR server or a subject that does not belong to the client."""
        if request.fhirServer is None:
            return
        address = read_address(request.fhirServer)
        tenant = next((tenant for tenant in self.tenants if tenant.address == address), None)
        if tenant is None:
            raise ForbiddenRefusedError("fhirServer is not a FHIR server of this client", "fhirServer")
        granted = request.fhirAuthorization
        if tenant.subject is not None and granted is not None and granted.subject != tenant.subject:
            raise ForbiddenRefusedError(
                "the access token was not issued to this service: a different subject is registered",
                "fhirAuthorization.subject",
            )


class Callers:
    """Accepts registered clients, each only with its own tokens, and each token only once."""

    def __init__(
        self, registered: Iterable[Registered], used: UsedTokens, origins: Collection[str], modes: Modes
    ) -> None:
        self._by_issuer = {one.client.issuer: one for one in registered}
        self._used = used
        self.modes = modes
        self._origins = frozenset(origins)

    def of(self, name: str) -> Caller:
        """A client of the settings, for all its tenants, as if it had called: used to explain an answer to it."""
        one = next(one for one in self._by_issuer.values() if one.name == name)
        return Caller(one.name, one.client, one.client.tenants, one.reader, self.modes)

    def health(self) -> Health:
        """The checks for whether calls can be answered: used tokens, modes of the rules, and keys of each client."""
        keys = {one.name: one.keys.are_known for one in self._by_issuer.values()}
        return Health(self._used.look, keys, self.modes.are_known)

    def close(self) -> None:
        """Close the connection to the store."""
        self._used.close()

    def caller(self, environ: Mapping[str, Any], path: str) -> Caller:
        """The caller of this path. The client, and the reason for a refusal, go into the log.

        Raises UnknownCallerRefusedError, ForbiddenRefusedError for a page that is not the client's, and
        StoreAwayRefusedError if it cannot be determined whether the token is new.
        """
        counts = environ[COUNTS]
        try:
            unverified = read_token(environ.get("HTTP_AUTHORIZATION", ""))
            self._name(unverified, counts)
            token = verify(unverified, self._by_issuer, path)
            if not self._used.is_first(token.caller.client.issuer, token.jti, token.expires):
                raise RefusedTokenError(Why.REPLAY)
        except RefusedTokenError as error:
            counts["refused"] = error.why.value
            raise UnknownCallerRefusedError from None
        except StoreAwayError:
            counts["refused"] = STORE_AWAY
            raise StoreAwayRefusedError(RETRY_S) from None
        caller = token.caller
        self._check_origin(environ.get("HTTP_ORIGIN"), caller.client)
        tenants = tuple(one for one in caller.client.tenants if token.tenant is None or one.name == token.tenant)
        return Caller(caller.name, caller.client, tenants, caller.reader, self.modes)

    def _name(self, token: Unverified, counts: dict[str, Any]) -> None:
        """Put the client that a token claims to come from into the log, by its name in the settings."""
        if token.issuer in self._by_issuer:
            counts["client"] = self._by_issuer[token.issuer].name

    def _check_origin(self, origin: str | None, client: Client) -> None:
        if origin is not None and origin not in client.origins and origin not in self._origins:
            raise ForbiddenRefusedError("pages of this origin may not call for this client")


def registered(name: str, client: Client, public_url: str, keys: HttpClient, reader: FhirReader) -> Registered:
    """A client of the settings with its keys. Raises ValueError if its key file has become unusable."""
    file = read_key_file(client.keys_file) if client.keys_file else None
    remote = {url: RemoteKeys(name, url, keys) for url in client.keys_urls}
    return Registered(name, client, ClientKeys(file, remote), client.public_url or public_url, reader)
