"""`clients`: write, list and try the entries of EHRs in the settings."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509

from service.fhir.transport import AnswerError, HttpClient
from service.settings import RefusedSettingsError, load
from service.trust.client import Client, Tenant
from service.trust.key_set import Jwk, KeySet, read_key_file
from service.trust.remote_keys import RemoteKeys
from service.trust.signing import public_jwk


def add(file: Path, name: str, entry: Mapping[str, Any], public_key: Path | None) -> Path | None:
    """Add a client to a settings file, which may be new. A public key in PEM is written as a JWK Set next to it.

    Returns the path of that set, if there is one. Nothing is changed if RefusedSettingsError is raised.
    """
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    if f"[clients.{name}]" in text:
        raise RefusedSettingsError(f"{file}: clients.{name} exists already: change it there")
    keys = _key_set(file, name, public_key) if public_key else None
    table = _table(name, {**entry, "keys_file": str(keys.resolve())} if keys else entry)
    whole = f"{text.rstrip()}\n\n{table}".lstrip()
    trial = file.with_name(f"{file.name}.new")
    try:
        trial.write_text(whole, encoding="utf-8")
        load(trial)
        file.write_text(whole, encoding="utf-8")
    except RefusedSettingsError as error:
        if keys:
            keys.unlink()
        raise RefusedSettingsError(str(error).replace(str(trial), str(file))) from None
    except OSError as error:
        raise RefusedSettingsError(f"{file} cannot be written: {error.strerror}") from None
    finally:
        trial.unlink(missing_ok=True)
    return keys


def add_key(client: Client, public_key: Path) -> str:
    """Add a public key in PEM to a client's JWK Set and return its kid.

    Nothing is changed if RefusedSettingsError is raised.
    """
    file, keys = _own_keys(client)
    try:
        jwk = public_jwk(public_key.read_bytes())
    except ValueError as error:
        raise RefusedSettingsError(f"{public_key} cannot be used: {error}") from None
    if jwk["kid"] in [key.get("kid") for key in keys]:
        raise RefusedSettingsError(f"{file} already has this key: {jwk['kid']}")
    _write_keys(file, [*keys, jwk])
    return str(jwk["kid"])


def remove_key(client: Client, kid: str) -> Path:
    """Remove a key from a client's JWK Set and return the file. Changes nothing if RefusedSettingsError is raised."""
    file, keys = _own_keys(client)
    left = [key for key in keys if key.get("kid") != kid]
    if len(left) == len(keys):
        raise RefusedSettingsError(f"{file} has no key {kid}: `clients check` lists its keys")
    if not left:
        raise RefusedSettingsError(f"{file} has no other key: add the new one first")
    _write_keys(file, left)
    return file


def _own_keys(client: Client) -> tuple[Path, list[Jwk]]:
    """The client's JWK Set on this machine, and its keys."""
    if client.keys_file is None:
        raise RefusedSettingsError("the keys of this client are at an address: the EHR changes them there")
    try:
        read_key_file(client.keys_file)
    except ValueError as error:
        raise RefusedSettingsError(str(error)) from None
    keys: list[Jwk] = json.loads(client.keys_file.read_bytes())["keys"]
    return client.keys_file, keys


def _write_keys(file: Path, keys: list[Jwk]) -> None:
    trial = file.with_name(f"{file.name}.new")
    try:
        trial.write_text(json.dumps({"keys": keys}, indent=2), encoding="utf-8")
        trial.replace(file)  # atomic: a service that starts meanwhile reads the old file or the new one
    except OSError as error:
        trial.unlink(missing_ok=True)
        raise RefusedSettingsError(f"{file} cannot be written: {error.strerror}") from None


def listed(clients: Mapping[str, Client]) -> Iterator[str]:
    """A few lines on each client."""
    for name, client in clients.items():
        yield name
        yield f"  issuer        {client.issuer}"
        yield f"  keys          {', '.join(filter(None, [str(client.keys_file or ''), *client.keys_urls]))}"
        yield f"  algorithms    {', '.join(client.algorithms)}; tokens of at most {client.longest_life} seconds"
        yield f"  FHIR servers  {', '.join(map(_server, client.tenants)) or 'none: only prefetch is used'}"
        yield f"  services      {', '.join(client.services or ['all'])}"
        yield f"  profile       {client.profile}; CDS Hooks {client.cds_hooks}"
        if client.on_error == "empty":
            yield "  on error      no cards: the EHR does not learn that the service could not answer"


def _server(tenant: Tenant) -> str:
    return f"{tenant.base} (private)" if tenant.private else tenant.base


def check(name: str, client: Client, http: HttpClient) -> tuple[bool, list[str]]:
    """Whether the client's keys can be read from all their places, and a line about each key."""
    lines = [f"{name}: tokens of {client.issuer}, of at most {client.longest_life} seconds"]
    is_right = True
    places: list[Path | str] = [*([client.keys_file] if client.keys_file else []), *client.keys_urls]
    for place in places:
        try:
            keys = read_key_file(place) if isinstance(place, Path) else RemoteKeys(name, place, http).fetch()
        except (AnswerError, ValueError) as error:
            is_right = False
            lines.append(f"  {place}: {error}")
            continue
        lines += [f"  {place}", *_keys(keys, client)]
        is_right = is_right and any(_algorithms(key, keys, client) for key in keys.keys)
    return is_right, lines


def _keys(keys: KeySet, client: Client) -> Iterator[str]:
    for key in keys.keys:
        usable = ", ".join(_algorithms(key, keys, client)) or "no algorithm that this client may use"
        yield f"    {key['kid']}  {key['kty']} {key.get('crv', '')}".rstrip() + f"  {usable}  {_until(key)}"


def _algorithms(key: Jwk, keys: KeySet, client: Client) -> list[str]:
    return [algorithm for algorithm in client.algorithms if keys.key(key["kid"], algorithm) is not None]


def _until(key: Jwk) -> str:
    """How long a key is meant to be valid: by its member exp, which some servers use, or by its certificate."""
    try:
        if isinstance(key.get("exp"), int):
            return f"until {datetime.fromtimestamp(key['exp'], UTC):%Y-%m-%d %H:%M} UTC"
        if key.get("x5c"):
            certificate = x509.load_der_x509_certificate(base64.b64decode(key["x5c"][0]))
            return f"its certificate until {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, OSError):
        return "its expiry cannot be read"
    return "no expiry is stated"


def _key_set(file: Path, name: str, public_key: Path) -> Path:
    """A JWK Set with one public key, next to the settings. Raises RefusedSettingsError."""
    keys = file.with_name(f"{name}.jwks.json")
    try:
        jwk = public_jwk(public_key.read_bytes())
        with keys.open("x", encoding="utf-8") as written:
            json.dump({"keys": [jwk]}, written, indent=2)
    except ValueError as error:
        raise RefusedSettingsError(f"{public_key} cannot be used: {error}") from None
    except OSError as error:
        raise RefusedSettingsError(f"{keys} cannot be written: {error.strerror}") from None
    return keys


def _table(name: str, entry: Mapping[str, Any]) -> str:
    lines = [f"{key} = {_toml(value)}" for key, value in entry.items() if value]
    return "\n".join([f"[clients.{name}]", *lines, ""])


def _toml(value: Any) -> str:
    if isinstance(value, str | bool):
        return json.dumps(value, ensure_ascii=False)  # TOML's strings have the same escapes
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }"
    return "[" + ", ".join(_toml(one) for one in value) + "]"
