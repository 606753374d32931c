"""`serve` with settings that would let somebody else in, or tell of patients: it does not start, and says which one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support import commands
from tests.support.signing import FHIR_BASE, ISSUER, PUBLIC_URL, ec_key, key_set, public, rsa_key

Json = dict[str, Any]

# What is unsafe; the settings in place of the usual ones (of the client after "main."), and what the sentence names.
UNSAFE: dict[str, tuple[Json, str]] = {
    "nobody is registered": ({"main": None}, "client"),
    "no store of used tokens": ({"data_dir": None}, "data_dir"),
    "a database that is none of ours": ({"store_url": "mysql://user:secret-value@db.example/x"}, "store_url"),
    "development in the file": ({"dev": True}, "dev"),
    "tokens that may be used again for a day": ({"replay_grace_s": 86_400}, "replay_grace_s"),
    "pages of everybody": ({"allow_origins": ["*"]}, "allow_origins"),
    "pages without an origin": ({"allow_origins": ["null"]}, "allow_origins"),
    "every host": ({"hosts": ["*"]}, "hosts"),
    "hosts of a domain": ({"hosts": ["*.example"]}, "hosts"),
    "files as a FHIR server": ({"allow_fhir_servers": ["file:///etc"]}, "allow_fhir_servers"),
    "a password in an address": (
        {"allow_fhir_servers": ["https://u:secret-value@ehr.example/fhir"]},
        "allow_fhir_servers",
    ),
    "a certificate that is none": ({"ca_file": "keys.json"}, "ca_file"),
    "a switch that there is not": ({"verify_tokens": False}, "verify_tokens"),
    "an evaluation without end": ({"evaluation_limit_s": 0}, "evaluation_limit_s"),
    "tokens for plain http": ({"public_url": "http://cds.hospital.example"}, "public_url"),
    "no audience": ({"public_url": None}, "public_url"),
    "a shared secret": ({"main.algorithms": ["HS256"]}, "algorithms"),
    "no signature": ({"main.algorithms": ["none"]}, "algorithms"),
    "any algorithm": ({"main.algorithms": []}, "algorithms"),
    "no keys": ({"main.keys_file": None}, "keys_file"),
    "keys by plain http": ({"main.keys_file": None, "main.keys_urls": ["http://ehr.example/jwks"]}, "keys_urls"),
    "keys of this machine": ({"main.keys_file": None, "main.keys_urls": ["file:///etc/jwks"]}, "keys_urls"),
    "a private key": ({"main.keys_file": "private.json"}, "keys_file"),
    "a shared key": ({"main.keys_file": "shared.json"}, "keys_file"),
    "a short key": ({"main.keys_file": "short.json"}, "keys_file"),
    "the key that is published": ({"main.issuer": "https://sandbox.cds-hooks.org/"}, "issuer"),
    "any issuer": ({"main.issuer": ""}, "issuer"),
    "tokens that live for a day": ({"main.token_lifetime_s": 86_400}, "token_lifetime_s"),
    "records by plain http": ({"main.tenants": [{"base": "http://ehr.example/fhir"}]}, "tenants"),
    "records of two tenants at one place": ({"main.tenants": [{"base": FHIR_BASE}, {"base": FHIR_BASE}]}, "tenants"),
    "tenants of whom one is everybody": (
        {"main.tenants": [{"base": FHIR_BASE, "name": "a"}, {"base": "https://b.example/fhir"}]},
        "tenants",
    ),
    "any page of a client": ({"main.origins": ["*"]}, "origins"),
    "no verification": ({"main.verify": False}, "verify"),
    "an issuer of two clients": ({"other.issuer": ISSUER, "other.keys_file": "keys.json"}, "issuer"),
}


def written(folder: Path, changes: Json) -> Path:
    """A settings file that is safe but for the changes."""
    (folder / "keys.json").write_bytes(key_set(es=ec_key(), rs=rsa_key()))
    for name, key in (
        ("private", {**public(ec_key(), kid="es"), "d": "c2VjcmV0LXZhbHVl"}),
        ("shared", {"kty": "oct", "k": "c2VjcmV0LXZhbHVl", "kid": "es"}),
        ("short", public(rsa_key("short", 1024), kid="rs")),
    ):
        (folder / f"{name}.json").write_text(json.dumps({"keys": [key]}))
    tables: dict[str, Json] = {
        "": {"public_url": PUBLIC_URL, "data_dir": "data"},
        "main": {"issuer": ISSUER, "keys_file": "keys.json", "tenants": [{"base": FHIR_BASE}]},
    }
    for name, value in changes.items():
        table, _, setting = name.rpartition(".")
        if name == "main":
            del tables["main"]
        else:
            tables.setdefault(table, {})[setting] = value
    lines = []
    for table, settings in tables.items():
        lines += [f"[clients.{table}]"] if table else []
        lines += [f"{name} = {_toml(value)}" for name, value in settings.items() if value is not None]
    file = folder / "site.toml"
    file.write_text("\n".join(lines))
    return file


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{name} = {_toml(inner)}' for name, inner in value.items())} }}"
    return f"[{', '.join(map(_toml, value))}]" if isinstance(value, list) else json.dumps(value)


def refused(folder: Path, *words: str, **environment: str) -> str:
    """The one sentence with which `serve` does not start."""
    done = commands.run("serve", "--port", "0", *words, folder=folder, **environment)
    assert done.returncode == 1
    assert done.stdout == "", "it did not listen"
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("foot-drop-cds: ")
    assert "secret-value" not in sentence
    assert "c2VjcmV0" not in sentence
    return sentence


def test_there_are_enough() -> None:
    assert len(UNSAFE) >= 12


@pytest.mark.parametrize("unsafe", UNSAFE)
def test_it_does_not_start(tmp_path: Path, unsafe: str) -> None:
    changes, named = UNSAFE[unsafe]
    assert re.search(rf"\b{named}\b", refused(tmp_path, "--settings", str(written(tmp_path, changes))))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "cds.hospital.example"])
def test_without_tokens_it_serves_this_machine_alone(tmp_path: Path, host: str) -> None:
    assert "--dev" in refused(tmp_path, "--dev", "--host", host)


def test_development_is_no_variable(tmp_path: Path) -> None:
    assert "dev" in refused(tmp_path, "--settings", str(written(tmp_path, {})), FOOT_DROP_CDS_DEV="1")


def test_a_variable_does_not_take_the_store_away(tmp_path: Path) -> None:
    file = written(tmp_path, {})
    assert "store_url" in refused(tmp_path, "--settings", str(file), FOOT_DROP_CDS_STORE_URL="redis://x")
