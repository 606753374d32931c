"""A registered client: an EHR, the keys for verifying its tokens, and what it may reach."""

from __future__ import annotations

import ipaddress
import ssl
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from service.fhir.address import LOOPBACK, Address, read_address, read_origin, without_secrets
from service.fhir.ranges import Range, range_of
from service.profiles.profile import PROFILES, Profile

# The signature algorithms of JWA with a key pair. Those with a shared secret, and `none`, are excluded (CDS Hooks,
# trusted algorithms), and no setting adds them.
ALGORITHMS = frozenset(
    {"ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"},
)
RECOMMENDED = ("ES384", "RS384")  # by CDS Hooks
LONGEST_LIFE = 3600  # seconds: the best practice of CDS Hooks expects tokens to live no longer
# Its private key is published on purpose: a service that trusts it accepts everybody.
_PUBLIC_ISSUER = "https://sandbox.cds-hooks.org"

ProfileName = Literal["strict", "epic", "oracle", "sandbox", "crd"]


class Tenant(BaseModel):
    """A FHIR server of the client that its requests may name."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    base: str
    subject: Annotated[str, Field(min_length=1)] | None = None
    """This service's client id there; `fhirAuthorization.subject` must be equal to it."""
    name: Annotated[str, Field(min_length=1)] | None = None
    """The required value of the token's claim `tenant`."""
    plain_http: bool = False
    private: bool = False
    """Whether it may be on a private address, or on this machine."""

    @field_validator("base")
    @classmethod
    def _check_address(cls, base: str) -> str:
        address = read_address(base)
        if address is None:
            raise ValueError(f"{without_secrets(base)} is not the https address of a FHIR server")
        return address.url

    @model_validator(mode="after")
    def _check_scheme(self) -> Self:
        if not self.plain_http and self.address.scheme != "https":
            raise ValueError(f"{self.base} is not https; if that is intended, set plain_http = true")
        return self

    @model_validator(mode="after")
    def _check_place(self) -> Self:
        place = _literal_range(self.address.host)
        if place is Range.NOWHERE:
            raise ValueError(f"{self.base} is an address where no FHIR server can be")
        if place is not Range.PUBLIC and not self.private:
            raise ValueError(f"{self.base} is a private address; if that is intended, set private = true")
        return self

    @property
    def address(self) -> Address:
        """The base URL, normalised."""
        address = read_address(self.base)
        assert address is not None, "it was checked"
        return address


class Client(BaseModel):
    """One table of the settings, [clients.NAME]."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    issuer: Annotated[str, Field(min_length=1, max_length=1000)]
    keys_file: Path | None = None
    keys_urls: tuple[str, ...] = ()
    algorithms: Annotated[tuple[str, ...], Field(min_length=1)] = RECOMMENDED
    tenants: tuple[Tenant, ...] = ()
    origins: tuple[str, ...] = ()
    profile: ProfileName = "strict"
    cds_hooks: Literal["2.0", "3.0"] = "2.0"
    services: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    public_url: str | None = None
    deadline_ms: Annotated[int, Field(ge=1, le=60_000)] | None = None
    max_records: Annotated[int, Field(ge=1)] | None = None
    token_lifetime_s: Annotated[int, Field(ge=1, le=LONGEST_LIFE)] | None = None
    ca_file: Path | None = None
    """The certificate authorities trusted for its servers, in place of those of the setting of the same name."""
    quiet_time: bool = True
    """Whether a card that was answered stays quiet for a while (D56)."""
    on_error: Literal["outcome", "empty"] = "outcome"
    """What the client gets if it cannot be answered: an OperationOutcome, or no cards, as if there were no advice."""

    @field_validator("issuer")
    @classmethod
    def _check_issuer(cls, issuer: str) -> str:
        if not issuer.isascii() or not issuer.isprintable() or " " in issuer:
            raise ValueError("it contains a character that a URI cannot contain")
        if issuer.rstrip("/").lower() == _PUBLIC_ISSUER:
            raise ValueError("the private key of the public sandbox is published: its tokens prove nothing")
        return issuer

    @field_validator("keys_file")
    @classmethod
    def _check_keys_file(cls, file: Path | None) -> Path | None:
        if file is not None:
            from service.trust.key_set import read_key_file  # cryptography is loaded only if needed

            read_key_file(file)
        return file

    @field_validator("ca_file")
    @classmethod
    def _check_ca_file(cls, file: Path | None) -> Path | None:
        return check_ca_file(file)

    @field_validator("keys_urls")
    @classmethod
    def _check_keys_urls(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            address = read_address(url)
            if address is None or address.scheme != "https":
                raise ValueError(f"{without_secrets(url)} is not the https address of a JWK Set")
        return urls

    @field_validator("algorithms")
    @classmethod
    def _check_algorithms(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in ALGORITHMS:
                known = ", ".join(sorted(ALGORITHMS))
                raise ValueError(f"an algorithm must be one of {known}: a shared secret or no signature proves nothing")
        return names

    @field_validator("tenants")
    @classmethod
    def _check_tenants(cls, tenants: tuple[Tenant, ...]) -> tuple[Tenant, ...]:
        if len({tenant.address for tenant in tenants}) < len(tenants):
            raise ValueError("two tenants have the same base")
        if any(tenant.name for tenant in tenants) and not all(tenant.name for tenant in tenants):
            raise ValueError("either every tenant has a name (the claim tenant) or none has")
        return tenants

    @field_validator("origins")
    @classmethod
    def _check_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(read_origin(origin) for origin in origins)

    @field_validator("services")
    @classmethod
    def _check_services(cls, services: tuple[str, ...] | None) -> tuple[str, ...] | None:
        from service.hooks import HOOKS, service_id

        known = [service_id(hook) for hook in HOOKS]
        if services is not None and not set(services) <= set(known):
            raise ValueError(f"a service must be one of {', '.join(known)}")
        return services

    @field_validator("public_url")
    @classmethod
    def _check_public_url(cls, url: str | None) -> str | None:
        address = read_address(url or "")
        if url is not None and address is None:
            raise ValueError("it is not an https address such as https://cds.hospital.example")
        return address.url if address else None

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        if self.keys_file is None and not self.keys_urls:
            raise ValueError("no keys: name a JWK Set, as keys_file or as keys_urls")
        return self

    @property
    def longest_life(self) -> int:
        """Seconds that a token may live from `iat` to `exp`."""
        return self.token_lifetime_s or self.deviations.token_life

    @property
    def deviations(self) -> Profile:
        """How its EHR deviates from CDS Hooks."""
        return PROFILES[self.profile]

    @property
    def private_hosts(self) -> frozenset[str]:
        """The hosts of its FHIR servers that may be on private addresses."""
        return frozenset(tenant.address.host for tenant in self.tenants if tenant.private)

    def sees(self, service: str) -> bool:
        """Whether the client may call a service."""
        return self.services is None or service in self.services


def check_ca_file(file: Path | None) -> Path | None:
    """A file of certificate authorities. Raises ValueError if it contains none."""
    try:
        if file is not None:
            ssl.create_default_context(cafile=file)
    except OSError:
        raise ValueError(f"{file} cannot be read, or holds no certificate (PEM)") from None
    return file


def _literal_range(host: str) -> Range:
    """The range of a host given as an address; for a name, it is known only when the name is resolved."""
    if host in LOOPBACK:
        return Range.LOOPBACK
    try:
        return range_of(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return Range.PUBLIC


def check_public_urls(clients: dict[str, Client], service_wide: str | None) -> None:
    """Check that every client has an https address to call, from which its audiences follow. Raises ValueError."""
    for name, client in clients.items():
        address = read_address(client.public_url or service_wide or "")
        if address is None:
            raise ValueError(f"{name} has no public address: set public_url, for it or for the service")
        if address.scheme != "https" and not address.is_loopback:
            raise ValueError(f"{name} is served at {address.url}: public_url must be https")


def check_issuers(clients: dict[str, Client]) -> None:
    """Check that each issuer names only one client, since it identifies a token's client. Raises ValueError."""
    names: dict[str, str] = {}
    for name, client in clients.items():
        other = names.setdefault(client.issuer, name)
        if other != name:
            raise ValueError(f"{other} and {name} have the same issuer; one client may have several tenants")
