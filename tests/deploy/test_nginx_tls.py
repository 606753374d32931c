"""nginx with TLS, and with mutual TLS: no call without the certificate of an accepted client reaches the service."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome

from service.command import demo
from tests.support.certificates import authority, certificate, expire
from tests.support.nginx import PATIENT_VIEW, Proxy, head, proxy_of, read

EHR = "ehr.hospital.example"  # the name in deploy/nginx/mtls.conf


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the certificates of the service and of its callers."""
    folder = tmp_path_factory.mktemp("tls")
    authority(folder, "root", "Root of the service")
    certificate(folder, "tls", "root", "localhost", "subjectAltName=DNS:localhost")
    authority(folder, "ehr-ca", "Authority of the hospital")
    certificate(folder, "right", "ehr-ca", EHR)
    certificate(folder, "of-another-name", "ehr-ca", f"{EHR}.evil")
    certificate(folder, "expired", "ehr-ca", EHR)
    expire(folder, "expired", "ehr-ca")
    authority(folder, "forged-ca", "Authority of the hospital")  # the same name, another key
    certificate(folder, "forged", "forged-ca", EHR)
    authority(folder, "self-signed", EHR)
    return folder


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """The address of `serve --dev`."""
    with demo.started() as address:
        yield address


@pytest.fixture(scope="module")
def proxied(keys: Path, service: str) -> Iterator[Proxy]:
    """nginx with mutual TLS in front of it."""
    with proxy_of(keys, [service], ["tls.conf", "mtls.conf"]) as running:
        yield running


def showing(keys: Path, name: str | None = None) -> ssl.SSLContext:
    """A client that trusts the authority of the service, and presents a certificate."""
    context = ssl.create_default_context(cafile=str(keys / "root.crt"))
    if name is not None:
        context.load_cert_chain(keys / f"{name}.crt", keys / f"{name}.key")
    return context


def asked(proxied: Proxy, context: ssl.SSLContext, request: dict[str, Any]) -> tuple[int, Any]:
    """Status and JSON of the answer to a request."""
    return Proxy(proxied.port, proxied.folder, context).ask("POST", PATIENT_VIEW, json.dumps(request).encode())


def test_the_right_certificate_is_let_in(proxied: Proxy, keys: Path, foot_drop: dict[str, Any]) -> None:
    status, answer = asked(proxied, showing(keys, "right"), foot_drop)
    assert (status, bool(answer["cards"])) == (200, True)


@pytest.mark.parametrize("name", [None, "of-another-name", "expired", "forged", "self-signed"])
def test_any_other_certificate_or_none_is_403(
    proxied: Proxy, keys: Path, name: str | None, foot_drop: dict[str, Any]
) -> None:
    before = proxied.said.count('"status": 200')
    status, outcome = asked(proxied, showing(keys, name), foot_drop)
    assert (status, outcome["issue"][0]["code"]) == (403, "forbidden")
    OperationOutcome.model_validate(outcome)
    assert proxied.said.count('"status": 200') == before


def test_a_service_that_the_client_does_not_know_is_not_talked_to(proxied: Proxy, foot_drop: dict[str, Any]) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        asked(proxied, ssl.create_default_context(), foot_drop)


def test_clear_text_is_400(proxied: Proxy) -> None:
    with proxied.dial(head(b"{}") + b"{}") as connection:
        status, outcome = read(connection)
    assert status == 400
    OperationOutcome.model_validate(outcome)


def test_old_versions_of_tls_are_refused(proxied: Proxy, keys: Path) -> None:
    old = showing(keys, "right")
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        Proxy(proxied.port, proxied.folder, old).ask("GET", "/cds-services")


def test_without_mutual_tls_the_token_alone_decides(tmp_path: Path, keys: Path, service: str) -> None:
    for name in ("tls.crt", "tls.key"):
        (tmp_path / name).write_bytes((keys / name).read_bytes())
    with proxy_of(tmp_path, [service], ["tls.conf"]) as running:
        assert Proxy(running.port, running.folder, showing(keys)).ask("GET", "/cds-services")[0] == 200
