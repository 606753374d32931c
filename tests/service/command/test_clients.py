"""`clients` and `call`: what they write, show and refuse."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import responses
from click.testing import CliRunner, Result

from service.command.cli import main
from service.settings import load
from tests.support.bad_server import TLS, BadServer, says
from tests.support.signing import (
    FHIR_BASE,
    ISSUER,
    PUBLIC_URL,
    VIEW,
    ec_key,
    ed_key,
    key_set,
    pem,
    public,
    public_pem,
    registered,
    rsa_key,
)
from tests.support.site import Site, site

Run = Callable[..., Result]
URL = "https://ehr.hospital.example/jwks"
BEGUN = f'# ours\npublic_url = "{PUBLIC_URL}"\n'


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(main, words)


def added(run: Run, *words: str, name: str = "main") -> Result:
    """What `clients add` says."""
    return run("clients", "add", name, "--issuer", ISSUER, *words)


def test_an_entry_is_added_below_what_is_there(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "foot-drop-cds.toml"
    file.write_text(BEGUN)
    words = ["--keys-url", URL, "--fhir-server", FHIR_BASE, "--subject", 'it\'s "us" \\', "--profile", "epic"]
    done = added(run, *words)
    assert done.exit_code == 0, done.output
    assert file.read_text().startswith(BEGUN)
    client = load(file, {}).clients["main"]
    assert client.keys_urls == (URL,)
    assert client.longest_life == 900
    assert [(one.base, one.subject) for one in client.tenants] == [(FHIR_BASE, 'it\'s "us" \\')]
    assert [path.name for path in tmp_path.iterdir()] == ["foot-drop-cds.toml"]


def test_a_public_key_of_openssl_becomes_a_key_set(run: Run, tmp_path: Path) -> None:
    (tmp_path / "ehr.pub.pem").write_bytes(public_pem(rsa_key()))
    done = added(run, "--public-key", "ehr.pub.pem", "--public-url", PUBLIC_URL, "--settings", "site.toml")
    assert done.exit_code == 0, done.output
    (key,) = json.loads((tmp_path / "main.jwks.json").read_text())["keys"]
    assert {name: key[name] for name in ("kty", "n", "e")} == {
        name: public(rsa_key())[name] for name in ("kty", "n", "e")
    }
    checked = run("clients", "check", "main", "--settings", "site.toml")
    assert checked.exit_code == 0, checked.output
    assert f"{key['kid']}  RSA  RS384" in checked.output


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "no keys"),
        (("--keys-url", "http://ehr.example/jwks"), "clients.main.keys_urls"),
        (("--keys-url", URL, "--fhir-server", "http://ehr.example"), "plain_http"),
        (("--keys-url", URL, "--profile", "cerner"), "clients.main.profile"),
        (("--keys-file", "none.json"), "none.json cannot be read"),
        (("--public-key", "private.pem"), "holds a private key"),
        (("--public-key", "page.pem"), "it is not a public key in PEM"),
    ],
)
def test_what_would_be_refused_is_not_written(run: Run, tmp_path: Path, words: tuple[str, ...], why: str) -> None:
    file = tmp_path / "foot-drop-cds.toml"
    file.write_text(BEGUN)
    (tmp_path / "private.pem").write_bytes(pem(ec_key()))
    (tmp_path / "page.pem").write_text("<html>")
    before = sorted(tmp_path.iterdir())
    done = added(run, *words)
    assert done.exit_code == 1
    assert why in done.output
    assert ".new" not in done.output
    assert file.read_text() == BEGUN
    assert sorted(tmp_path.iterdir()) == before


def test_a_client_is_not_added_twice(run: Run, tmp_path: Path) -> None:
    (tmp_path / "foot-drop-cds.toml").write_text(BEGUN)
    assert added(run, "--keys-url", URL).exit_code == 0
    again = added(run, "--keys-url", URL)
    assert again.exit_code == 1
    assert "clients.main exists already" in again.output
    assert "same issuer" in added(run, "--keys-url", URL, name="other").output


def test_a_server_inside_is_added_as_one(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "foot-drop-cds.toml"
    file.write_text(BEGUN)
    words = ["--keys-url", URL, "--fhir-server", "https://10.1.2.3/fhir"]
    refused = added(run, *words)
    assert refused.exit_code == 1
    assert "is a private address; if that is intended, set private = true" in refused.output
    assert file.read_text() == BEGUN
    assert added(run, *words, "--private").exit_code == 0
    assert [tenant.private for tenant in load(file, {}).clients["main"].tenants] == [True]
    assert "https://10.1.2.3/fhir (private)" in run("clients", "list").output


def test_the_list_names_a_client_that_is_told_of_no_failure(run: Run, tmp_path: Path) -> None:
    registered(tmp_path)
    assert "on error" not in run("clients", "list").output
    registered(tmp_path, 'on_error = "empty"')
    assert "on error      no cards" in run("clients", "list").output


def test_the_list(run: Run, tmp_path: Path) -> None:
    registered(tmp_path, 'services = ["foot-drop-patient-view"]')
    done = run("clients", "list")
    assert done.exit_code == 0
    for shown in ("main", ISSUER, FHIR_BASE, "keys.json", "ES384, RS384", "foot-drop-patient-view", "strict"):
        assert shown in done.output


@responses.activate
def test_the_keys_at_an_address_are_fetched_and_shown(run: Run, tmp_path: Path) -> None:
    registered(tmp_path, f'keys_urls = ["{URL}"]')
    keys: list[dict[str, Any]] = json.loads(key_set(es=ec_key(), rs=rsa_key(), ed=ed_key()))["keys"]
    keys[0]["exp"] = 1_900_000_000
    responses.get(URL, json={"keys": keys})
    done = run("clients", "check")
    assert done.exit_code == 0, done.output
    assert re.search(r"es +EC P-384 +ES384 +until 2030-03-17 17:46 UTC", done.output)
    assert re.search(r"rs +RSA +RS384 +no expiry is stated", done.output)
    assert re.search(r"ed +OKP Ed25519 +no algorithm that this client may use", done.output)


@responses.activate
@pytest.mark.parametrize(("status", "body", "why"), [(503, b"", "answered 503"), (200, b"<html>", "not JSON")])
def test_keys_that_cannot_be_had_are_a_finding(run: Run, tmp_path: Path, status: int, body: bytes, why: str) -> None:
    registered(tmp_path, f'keys_urls = ["{URL}"]')
    responses.get(URL, body=body, status=status)
    done = run("clients", "check", "main")
    assert done.exit_code == 1
    assert why in done.output


def test_keys_behind_a_certificate_of_the_clients_own_authority(run: Run, tmp_path: Path) -> None:
    with BadServer(says(key_set(es=ec_key())), "https", is_secure=True) as server:
        registered(tmp_path, f'keys_urls = ["{server.base}"]')
        refused = run("clients", "check")
        assert "a certificate that is not trusted" in refused.output
        registered(tmp_path, f'keys_urls = ["{server.base}"]\nca_file = "{TLS / "ca.pem"}"')
        done = run("clients", "check")
    assert (refused.exit_code, done.exit_code) == (1, 0), done.output


def test_a_client_that_is_not_there(run: Run, tmp_path: Path) -> None:
    registered(tmp_path)
    assert run("clients", "check", "other").exit_code == 2
    (tmp_path / "foot-drop-cds.toml").write_text("")
    assert run("clients", "check").exit_code == 1


# ---- call ----


@pytest.fixture
def main_site(tmp_path: Path) -> Any:
    """A service that knows the keys of tests by their thumbprints alone."""
    from service.trust.signing import public_jwk

    keys = json.dumps({"keys": [public_jwk(public_pem(key)) for key in (ec_key(), rsa_key(), ed_key())]}).encode()
    with site(tmp_path, 'algorithms = ["ES384", "RS384", "EdDSA"]', keys=keys) as running:
        yield running


@responses.activate
@pytest.mark.parametrize("key", [ec_key, rsa_key, ed_key])
def test_a_signed_call_is_answered(run: Run, tmp_path: Path, main_site: Site, key: Callable[[], Any]) -> None:
    _pass_on(main_site)
    (tmp_path / "ehr.pem").write_bytes(pem(key()))
    done = run("call", f"{PUBLIC_URL}{VIEW}", "--key", "ehr.pem")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["cards"]


@responses.activate
def test_a_call_that_is_refused_is_shown(run: Run, tmp_path: Path, main_site: Site) -> None:
    _pass_on(main_site)
    (tmp_path / "ehr.pem").write_bytes(pem(ec_key("other")))
    done = run("call", f"{PUBLIC_URL}{VIEW}", "--key", "ehr.pem")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["resourceType"] == "OperationOutcome"
    assert "the service answered 401" in done.stderr


def test_what_cannot_be_sent(run: Run, tmp_path: Path) -> None:
    (tmp_path / "ehr.pem").write_bytes(pem(ec_key()))
    (tmp_path / "page.pem").write_text("<html>")
    url = f"{PUBLIC_URL}{VIEW}"
    assert run("call", url, "--key", "ehr.pem").exit_code == 2, "whose token?"
    assert "is not a private key" in run("call", url, "--key", "page.pem", "--issuer", ISSUER).output
    assert "no service" in run("call", PUBLIC_URL, "--key", "ehr.pem", "--issuer", ISSUER).output
    nobody = f"http://127.0.0.1:1{VIEW}"
    assert "could not be reached" in run("call", nobody, "--key", "ehr.pem", "--issuer", ISSUER).output


def _pass_on(main_site: Site) -> None:
    """Requests to the public address reach the service."""

    def answer(request: Any) -> tuple[int, dict[str, str], bytes]:
        headers = {**request.headers, "Host": "cds.hospital.example"}
        reply = main_site.http.post(VIEW, data=request.body, headers=headers)
        return reply.status_code, {}, reply.data

    responses.add_callback(responses.POST, f"{PUBLIC_URL}{VIEW}", answer)


# ---- a key after another ----


def kids(folder: Path) -> list[str]:
    """The keys of the client."""
    return [key["kid"] for key in json.loads((folder / "main.jwks.json").read_text())["keys"]]


@pytest.fixture
def entry(run: Run, tmp_path: Path) -> str:
    """The kid of the one key of a client, and files of further keys beside it."""
    (tmp_path / "foot-drop-cds.toml").write_text(BEGUN)
    for name, key in (("old", ec_key()), ("new", rsa_key())):
        (tmp_path / f"{name}.pem").write_bytes(public_pem(key))
    assert added(run, "--public-key", "old.pem").exit_code == 0
    return kids(tmp_path)[0]


def test_a_new_key_is_added_beside_the_old_one_which_is_then_taken_out(run: Run, tmp_path: Path, entry: str) -> None:
    done = run("clients", "add-key", "main", "--public-key", "new.pem")
    assert done.exit_code == 0, done.output
    both = kids(tmp_path)
    assert both[0] == entry
    assert len(both) == 2
    assert both[1] in done.output
    assert all(kid in run("clients", "check", "main").output for kid in both)
    done = run("clients", "remove-key", "main", entry)
    assert done.exit_code == 0, done.output
    assert kids(tmp_path) == both[1:]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["add-key", "main", "--public-key", "old.pem"], "already has this key"),
        (["add-key", "main", "--public-key", "foot-drop-cds.toml"], "cannot be used"),
        (["add-key", "other", "--public-key", "new.pem"], "there is no client other"),
        (["remove-key", "main", "nobody"], "has no key nobody"),
        (["remove-key", "main", "the one"], "has no other key: add the new one first"),
        (["remove-key", "other", "the one"], "there is no client other"),
    ],
)
def test_what_cannot_be_changed_is_left_as_it_was(
    run: Run, tmp_path: Path, entry: str, words: list[str], said: str
) -> None:
    done = run("clients", *(entry if word == "the one" else word for word in words))
    assert done.exit_code != 0
    assert said in " ".join(done.output.split())
    assert kids(tmp_path) == [entry]


@pytest.mark.parametrize("words", [["add-key", "main", "--public-key", "new.pem"], ["remove-key", "main", "one"]])
def test_keys_at_an_address_are_changed_by_the_ehr(run: Run, tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "foot-drop-cds.toml").write_text(BEGUN)
    (tmp_path / "new.pem").write_bytes(public_pem(rsa_key()))
    assert added(run, "--keys-url", URL).exit_code == 0
    done = run("clients", *words)
    assert done.exit_code == 1
    assert "the EHR changes them there" in done.output
