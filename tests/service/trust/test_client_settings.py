"""What a client's table in the settings may say, and what is refused at start, by file and key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from service.settings import RefusedSettingsError, Settings, load
from service.trust.client import RECOMMENDED
from tests.support.signing import FHIR_BASE, ISSUER, PUBLIC_URL, ec_key, key_set, public, registered, rsa_key

URL = 'keys_urls = ["https://ehr.hospital.example/jwks"]'


def written(folder: Path, text: str) -> Settings:
    """The settings of a file that begins with the public URL."""
    file = folder / "site.toml"
    file.write_text(f'public_url = "{PUBLIC_URL}"\n{text}')
    return load(file, {})


def table(more: str, keys: str = URL, issuer: str = ISSUER, name: str = "main") -> str:
    """The table of one client."""
    return f'[clients.{name}]\nissuer = "{issuer}"\n{keys}\n{more}\n'


def test_a_client_with_all_that_may_be_said(tmp_path: Path) -> None:
    more = f"""
algorithms = ["ES384"]
deadline_ms = 900
max_records = 5
origins = ["https://App.example/"]
profile = "epic"
services = ["foot-drop-patient-view"]
tenants = [{{ base = "{FHIR_BASE}/", subject = "cds" }}]
"""
    client = load(registered(tmp_path, more), {}).clients["main"]
    assert client.longest_life == 900
    assert client.origins == ("https://app.example",)
    assert client.sees("foot-drop-patient-view")
    assert not client.sees("foot-drop-order-sign")
    assert [(tenant.base, tenant.subject) for tenant in client.tenants] == [(FHIR_BASE, "cds")]


def test_what_is_not_said(tmp_path: Path) -> None:
    settings = written(tmp_path, table(""))
    client = settings.clients["main"]
    assert client.algorithms == RECOMMENDED == ("ES384", "RS384")
    assert client.longest_life == 300
    assert client.sees("foot-drop-order-sign")
    assert settings.replay_grace_s == 60
    assert not settings.authenticate_discovery


def test_clients_in_the_environment_stand_as_json() -> None:
    main = {"issuer": ISSUER, "keys_urls": ["https://ehr.hospital.example/jwks"], "public_url": PUBLIC_URL}
    settings = load(None, {"FOOT_DROP_CDS_CLIENTS": json.dumps({"main": main})})
    assert settings.clients["main"].issuer == ISSUER
    assert settings.names == {"cds.hospital.example"}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (table("", keys=""), "clients.main: no keys"),
        (table("", issuer=""), "clients.main.issuer"),
        (table("", issuer="https://ehr.example/\\u0000"), "clients.main.issuer"),
        (table("", issuer="https://sandbox.cds-hooks.org"), "clients.main.issuer: the private key"),
        (table("", keys='keys_file = "none.json"'), "clients.main.keys_file: none.json cannot be read"),
        (table("", keys='keys_urls = ["http://ehr.example/jwks"]'), "clients.main.keys_urls"),
        (table("", keys='keys_urls = ["file:///etc/passwd"]'), "clients.main.keys_urls"),
        (table("", keys='keys_urls = ["https://user:secret-value@ehr.example/jwks"]'), "clients.main.keys_urls"),
        (table('algorithms = ["HS256"]'), "clients.main.algorithms"),
        (table('algorithms = ["none"]'), "clients.main.algorithms"),
        (table('algorithms = ["ES384", "None"]'), "clients.main.algorithms"),
        (table("algorithms = []"), "clients.main.algorithms"),
        (table('tenants = [{ base = "http://ehr.example/fhir" }]'), "clients.main.tenants.0: .*plain_http"),
        (table('tenants = [{ base = "ftp://ehr.example/fhir" }]'), "clients.main.tenants.0.base"),
        (table('tenants = [{ base = "https://u:secret-value@ehr.example/fhir" }]'), "clients.main.tenants.0.base"),
        (table('tenants = [{ base = "https://a.example/" }, { base = "https://A.example" }]'), "two tenants"),
        (table('tenants = [{ base = "https://a.example", name = "a" }, { base = "https://b.example" }]'), "tenants"),
        (table('tenants = [{ base = "https://a.example", subject = "" }]'), "clients.main.tenants.0.subject"),
        (table('tenants = [{ base = "https://10.1.2.3/fhir" }]'), "clients.main.tenants.0: .*private = true"),
        (table('tenants = [{ base = "https://[fd00::7]/fhir" }]'), "clients.main.tenants.0: .*private = true"),
        (table('tenants = [{ base = "https://localhost:8443" }]'), "clients.main.tenants.0: .*private = true"),
        (
            table('tenants = [{ base = "https://169.254.169.254", private = true }]'),
            "clients.main.tenants.0: .*no FHIR",
        ),
        (table('tenants = [{ base = "https://[::]/", private = true }]'), "tenants.0: .*no FHIR"),
        (table('ca_file = "none.pem"'), "clients.main.ca_file: none.pem cannot be read"),
        (table('on_error = "cards"'), "clients.main.on_error"),
        (table('origins = ["*"]'), "clients.main.origins"),
        (table('profile = "cerner"'), "clients.main.profile"),
        (table('services = ["foot-drop-none"]'), "clients.main.services"),
        (table("services = []"), "clients.main.services"),
        (table("token_lifetime_s = 3601"), "clients.main.token_lifetime_s"),
        (table("deadline_ms = 0"), "clients.main.deadline_ms"),
        (table('public_url = "cds.example"'), "clients.main.public_url"),
        (table('public_url = "http://cds.example"'), "clients: main .*must be https"),
        (table("verify = false"), "clients.main.verify: there is no such setting"),
        (table("", name='"Main EHR"'), "clients: a client name"),
        (table("") + table("", name="other"), "clients: main and other have the same issuer"),
    ],
)
def test_what_is_wrong_is_refused_by_file_and_key(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(RefusedSettingsError, match=rf"^\S+site\.toml: .*{named}") as refused:
        written(tmp_path, text)
    assert "secret-value" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_client_without_any_public_address_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text(table(""))
    with pytest.raises(RefusedSettingsError, match="clients: main has no public address"):
        load(file, {})


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"no JSON", "not JSON"),
        (b"[]", "not a JWK Set"),
        (b'{"keys": []}', "no public key"),
        (json.dumps({"keys": [{"kty": "oct", "k": "secret-value", "kid": "a"}]}).encode(), "private or shared"),
        (json.dumps({"keys": [{**public(ec_key(), kid="a"), "d": "secret-value"}]}).encode(), "private or shared"),
        (json.dumps({"keys": [public(ec_key())]}).encode(), "no public key"),
        (json.dumps({"keys": [public(ec_key(), kid="a", use="enc")]}).encode(), "no public key"),
        (key_set(a=rsa_key(bits=1024)), "2048"),
    ],
    ids=["no JSON", "no set", "no key", "shared", "private", "no kid", "for encryption", "short"],  # keys are drawn
)
def test_a_file_of_keys_that_proves_nothing_is_refused(tmp_path: Path, body: bytes, why: str) -> None:
    file = registered(tmp_path)
    (tmp_path / "keys.json").write_bytes(body)
    with pytest.raises(
        RefusedSettingsError, match=rf"clients\.main\.keys_file: .*keys\.json cannot be used: .*{why}"
    ) as no:
        load(file, {})
    assert "secret-value" not in str(no.value)
