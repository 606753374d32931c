"""Settings from a TOML file and the environment; unknown or unsafe ones are refused at start."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, tzinfo
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, Field, SecretStr, ValidationError, ValidationInfo, field_validator

from cards.record.codes import Codes
from cards.record.errors import OverlayError
from cards.record.newest import MOST_RECORDS
from cards.record.words import printable
from cards.value_sets.value_set import VALUE_SETS
from service.errors import StartError
from service.expansions import read_expansions
from service.fhir.address import LOOPBACK, read_address, read_host, read_origin, without_secrets
from service.running import Running
from service.store.hashing import FEWEST
from service.trust.client import Client, check_ca_file, check_issuers, check_public_urls

PREFIX = "FOOT_DROP_CDS_"
FILE_VARIABLE = f"{PREFIX}SETTINGS"
DEFAULT_FILE = Path("foot-drop-cds.toml")
SIGNOFF_FILE = "signoff.toml"

_TABLES = frozenset({"clients", "codes", "codes_from"})
_CLIENT_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_STORES = ("postgresql://", "sqlite:///")
# Half a second is what an EHR waits (CDS Hooks, performance); a developer at a debugger waits longer.
DEADLINE_MS = 450
DEV_DEADLINE_MS = 5000


class RefusedSettingsError(StartError):
    """The settings cannot be used; the message names the setting and says why."""


class Settings(Running):
    """What a site can set. `dev` comes only from the command line."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    codes: dict[str, dict[str, list[str]]] = Field(default_factory=dict)
    codes_from: dict[str, str] = Field(default_factory=dict)
    medicine_classes: tuple[str, ...] = ()
    deadline_ms: Annotated[int, Field(ge=1, le=60_000)] | None = None
    max_records: Annotated[int, Field(ge=1)] = MOST_RECORDS
    evaluation_limit_s: Annotated[float, Field(gt=0, le=3600)] = 5
    allow_fhir_servers: tuple[str, ...] = ()
    allow_origins: tuple[str, ...] = ()
    public_url: str | None = None
    hosts: tuple[str, ...] = ()
    ca_file: Path | None = None
    proxy: SecretStr | None = None  # it may hold a password
    time_zone: str = "UTC"
    clients: dict[str, Client] = Field(default_factory=dict)  # must follow public_url, which they may need
    authenticate_discovery: bool = False
    data_dir: Path | None = None
    store_url: SecretStr | None = None  # it may hold a password
    replay_grace_s: Annotated[int, Field(ge=0, le=3600)] = 60
    hash_key: SecretStr | None = None
    keep_answers: bool = True
    keep_days: Annotated[int, Field(ge=1, le=36_500)] = 365
    keep_comments: bool = False
    signoff_file: Path | None = None  # `load` names one next to the settings
    allow_unsigned: bool = False
    dev: bool = False

    @field_validator("allow_fhir_servers", "allow_origins", "hosts", "medicine_classes", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """The list in an environment variable, which is a JSON list or words separated by commas."""
        if not isinstance(value, str):
            return value
        if value.lstrip().startswith("["):
            return json.loads(value)
        return [word.strip() for word in value.split(",") if word.strip()]

    @field_validator("allow_fhir_servers")
    @classmethod
    def _check_fhir_servers(cls, servers: tuple[str, ...]) -> tuple[str, ...]:
        for server in servers:
            if read_address(server) is None:
                raise ValueError(f"{without_secrets(server)} is not the http or https address of a FHIR server")
        return servers

    @field_validator("allow_origins")
    @classmethod
    def _check_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(read_origin(origin) for origin in origins)

    @field_validator("public_url")
    @classmethod
    def _check_public_url(cls, url: str | None) -> str | None:
        if url is None:
            return None
        address = read_address(url)
        if address is None:
            raise ValueError("it is not an http or https address such as https://cds.hospital.example")
        return address.url

    @field_validator("hosts")
    @classmethod
    def _check_hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        names = [read_host(host) for host in hosts]
        for host, name in zip(hosts, names, strict=True):
            if name is None or name != host.lower():
                raise ValueError(f"{without_secrets(host)} is not the name of a host such as cds.hospital.example")
        return tuple(filter(None, names))

    @field_validator("ca_file")
    @classmethod
    def _check_ca_file(cls, file: Path | None) -> Path | None:
        return check_ca_file(file)

    @field_validator("proxy")
    @classmethod
    def _check_proxy(cls, proxy: SecretStr | None) -> SecretStr | None:
        if proxy is None:
            return None
        scheme, mark, rest = proxy.get_secret_value().partition("://")
        address = read_address(f"{scheme}{mark}{rest.rpartition('@')[2]}")
        if address is None or address.path:
            raise ValueError("it is not the address of a proxy such as http://proxy.hospital.example:3128")
        return proxy

    @field_validator("time_zone")
    @classmethod
    def _check_time_zone(cls, name: str) -> str:
        try:
            _zone(name)
        except (ValueError, OSError, LookupError):
            raise ValueError(f"{name} is not a time zone such as Europe/Zurich") from None
        return name

    @field_validator("clients")
    @classmethod
    def _check_clients(cls, clients: dict[str, Client], info: ValidationInfo) -> dict[str, Client]:
        for name in clients:
            if not _CLIENT_NAME.fullmatch(name):
                raise ValueError(
                    "a client name is 1 to 40 lower-case letters, digits and hyphens, not starting with a hyphen"
                )
        check_issuers(clients)
        if "public_url" in info.data:  # otherwise it is refused itself
            check_public_urls(clients, info.data["public_url"])
        return clients

    @field_validator("store_url")
    @classmethod
    def _check_store_url(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(_STORES):
            raise ValueError("it is not the address of a database: postgresql://user@host/name or sqlite:///file")
        return url

    @field_validator("hash_key")
    @classmethod
    def _check_hash_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key.get_secret_value()) < FEWEST:
            raise ValueError(f"it is shorter than {FEWEST} characters: openssl rand -hex 32 writes one")
        return key

    @field_validator("codes")
    @classmethod
    def _check_codes(cls, overlay: dict[str, dict[str, list[str]]]) -> dict[str, dict[str, list[str]]]:
        try:
            Codes(overlay)
        except OverlayError as error:
            raise ValueError(str(error)) from None
        return overlay

    @field_validator("codes_from")
    @classmethod
    def _check_codes_from(cls, files: dict[str, str]) -> dict[str, str]:
        read_expansions(files)
        return files

    @field_validator("medicine_classes")
    @classmethod
    def _check_medicine_classes(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        keys = tuple(f"medication.{name.removeprefix('medication.')}" for name in names)
        for key in keys:
            if key not in VALUE_SETS or not VALUE_SETS[key].names_class:
                known = ", ".join(key.removeprefix("medication.") for key, one in VALUE_SETS.items() if one.names_class)
                raise ValueError(f"{key} has no other names of its class; choose from {known}")
        return keys

    @property
    def zone(self) -> tzinfo:
        """The time zone in which days are counted and times without an offset are read."""
        return _zone(self.time_zone)

    @property
    def deadline(self) -> float:
        """Seconds that reading from the FHIR server may take."""
        return (self.deadline_ms or (DEV_DEADLINE_MS if self.dev else DEADLINE_MS)) / 1000

    @property
    def longest_deadline(self) -> float:
        """The longest deadline of any client, in seconds."""
        return max(self.deadline, *((client.deadline_ms or 0) / 1000 for client in self.clients.values()), 0)

    @property
    def fhir_servers(self) -> tuple[str, ...]:
        """The base URLs that may be read; a client may name only its own."""
        bases = (tenant.base for client in self.clients.values() for tenant in client.tenants)
        return (*self.allow_fhir_servers, *bases)

    @property
    def store_address(self) -> str | None:
        """The address of the database, which may contain a password; None means the file in `data_dir`."""
        return self.store_url.get_secret_value() if self.store_url else None

    @property
    def has_store(self) -> bool:
        """Whether there is a database: for registered clients, and in development if one is named."""
        return self.store_url is not None if self.dev else bool(self.clients)

    @property
    def names(self) -> frozenset[str]:
        """The host names of the service: those of each `public_url` and of `hosts`, and with `dev` loopback."""
        urls = [self.public_url, *(client.public_url for client in self.clients.values())]
        own = [address.host for url in urls if (address := read_address(url or "")) is not None]
        return frozenset({*own, *self.hosts, *(LOOPBACK if self.dev else ())})

    def is_called(self, header: str) -> bool:
        """Whether a Host header holds one of the names, on any port."""
        return read_host(header) in self.names

    def allows_origin(self, origin: str) -> bool:
        """Whether a page from this origin may call: an origin in the lists, or with `dev` any on loopback."""
        if origin in self.allow_origins or any(origin in client.origins for client in self.clients.values()):
            return True
        address = read_address(origin) if self.dev else None
        return address is not None and address.is_loopback and not address.path


def load(
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    dev: bool = False,
    more_fhir_servers: tuple[str, ...] = (),
    more_origins: tuple[str, ...] = (),
) -> Settings:
    """The settings: the environment beats the file, and the command line adds to both.

    Without `file`, the file is the one that FOOT_DROP_CDS_SETTINGS names, or ./foot-drop-cds.toml if it
    exists. Raises RefusedSettingsError.
    """
    environment = os.environ if environment is None else environment
    named = file or (Path(environment[FILE_VARIABLE]) if environment.get(FILE_VARIABLE) else None)
    document = _read_file(named) if named else _read_file(DEFAULT_FILE) if DEFAULT_FILE.exists() else {}
    if "dev" in document or f"{PREFIX}DEV" in environment:
        raise RefusedSettingsError("dev: development mode can only be chosen on the command line (serve --dev)")
    variables = _read_environment(environment)
    beside = (named or DEFAULT_FILE).with_name(SIGNOFF_FILE)
    try:
        settings = Settings(**{"signoff_file": beside, **document, **variables, "dev": dev})
        if not more_fhir_servers and not more_origins:
            return settings
        return Settings(
            **{
                **settings.model_dump(),
                "allow_fhir_servers": settings.allow_fhir_servers + more_fhir_servers,
                "allow_origins": settings.allow_origins + more_origins,
            }
        )
    except ValidationError as error:
        file = None if not document else named or DEFAULT_FILE
        raise RefusedSettingsError("; ".join(_sentences(error, file, variables))) from None


def refuse_unsafe(settings: Settings, host: str) -> None:
    """Raise RefusedSettingsError for a combination that would expose patient data."""
    if not settings.dev:
        _refuse_incomplete(settings)
    elif not is_loopback(host):
        raise RefusedSettingsError(f"--dev requires no token, so it listens on loopback only, not on {host}")


def _refuse_incomplete(settings: Settings) -> None:
    if not settings.clients:
        raise RefusedSettingsError(
            "no client is registered, so nobody could call: register an EHR (foot-drop-cds clients add), "
            "or try the service on this machine (serve --dev)"
        )
    if settings.store_url is None and settings.data_dir is None:
        raise RefusedSettingsError(
            "there is no store for used tokens: name a folder (data_dir) or a database (store_url)"
        )


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise RefusedSettingsError(f"{path} cannot be read") from None
    except RecursionError:
        raise RefusedSettingsError(f"{path} is nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        raise RefusedSettingsError(f"{path} is not TOML: {error}") from None


def _read_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """The settings among the variables, by name; a table in the file is JSON here."""
    values: dict[str, Any] = {}
    for variable, value in environment.items():
        name = variable.upper()
        if not name.startswith(PREFIX) or name == FILE_VARIABLE:
            continue
        setting = name.removeprefix(PREFIX).lower()
        if setting not in Settings.model_fields:
            raise RefusedSettingsError(f"{variable}: there is no such setting")
        values[setting] = _from_json(variable, value) if setting in _TABLES else value
    return values


def _from_json(variable: str, value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        raise RefusedSettingsError(f"{variable} is not JSON") from None


def _sentences(error: ValidationError, file: Path | None, variables: Mapping[str, Any]) -> list[str]:
    """What is wrong, by file and setting, without the values, since one may be a secret."""
    sentences = []
    for refused in error.errors(include_input=False, include_url=False):
        name = ".".join(str(part) for part in refused["loc"])
        setting = str(refused["loc"][0]) if refused["loc"] else ""
        where = f"{file}: " if file and setting not in variables else ""
        is_unknown = refused["type"] == "extra_forbidden"
        why = "there is no such setting" if is_unknown else refused["msg"].removeprefix("Value error, ")
        sentences.append(f"{where}{printable(name)}: {why}")
    return sentences


def _zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)  # UTC works even if no zone files are installed
