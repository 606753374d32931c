"""Who is let in, who is not, and what is said of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from service.hooks import HOOKS, service_id
from service.trust.token import Why
from tests.support.signing import (
    AUDIENCE,
    FHIR_BASE,
    PUBLIC_URL,
    VIEW,
    ec_key,
    ed_key,
    key_set,
    rsa_key,
    token,
)
from tests.support.site import HOST, REQUEST, Site, lines, site

Json = dict[str, Any]
SERVICES = [f"/cds-services/{service_id(hook)}" for hook in HOOKS]


def test_a_registered_client_is_answered(main: Site) -> None:
    reply = main.post(token())
    assert reply.status_code == 200
    assert reply.get_json()["cards"]


@pytest.mark.parametrize(
    "of_token",
    [
        lambda: token(rsa_key(), "RS384", "rs"),
        lambda: token(aud=["https://elsewhere.example", AUDIENCE]),
        lambda: token(sub="4711", tenant="anything", extra={"a": [None]}),
        lambda: token(nbf=int(time.time()) - 300),
        lambda: token(iat=time.time() - 0.5, exp=time.time() + 60.5),
        lambda: token(iat=int(time.time()) + 30, exp=int(time.time()) + 60),
        lambda: token(iat=int(time.time()) - 240, exp=int(time.time()) - 30),
        lambda: token(iat=int(time.time()), exp=int(time.time()) + 300),
    ],
    ids=["RS384", "aud is a list", "other claims", "nbf", "fractions", "a fast clock", "a slow clock", "five minutes"],
)
def test_what_a_token_may_look_like(main: Site, of_token: Any) -> None:
    assert main.status(of_token()) == 200


def test_every_service_takes_a_token_for_itself_alone(main: Site) -> None:
    for path in SERVICES:
        for called in SERVICES:
            status = main.status(token(aud=f"{PUBLIC_URL}{path}"), path=called)
            assert (status == 401) == (path != called)


def test_a_token_is_taken_once(main: Site, capfd: pytest.CaptureFixture[str]) -> None:
    once = token()
    assert [main.status(once) for _ in range(3)] == [200, 401, 401]
    assert [line.get("refused") for line in lines(capfd.readouterr().err)] == [None, Why.REPLAY, Why.REPLAY]


def test_a_token_whose_request_is_refused_is_used_too(main: Site) -> None:
    once = token()
    assert main.post(once, {"hook": "order-sign"}).status_code == 400
    assert main.status(once) == 401


def test_the_log_says_which_client_and_why(main: Site, capfd: pytest.CaptureFixture[str]) -> None:
    now = int(time.time())
    refused = {
        Why.EXPIRED: token(iat=now - 300, exp=now - 61),
        Why.AUDIENCE: token(aud=f"{AUDIENCE}/"),
        Why.LIFETIME: token(exp=now + 301, iat=now),
        Why.SIGNATURE: token(ec_key("other")),
        Why.KEY: token(kid="unknown"),
        Why.CLAIMS: token(jti=None),
    }
    for of_token in refused.values():
        assert main.status(of_token) == 401
    assert main.status(token(iss="https://other.example")) == 401
    assert main.post(None).status_code == 401
    said = lines(capfd.readouterr().err)
    assert [line["refused"] for line in said] == [*refused, Why.ISSUER, Why.NONE]
    assert [line.get("client") for line in said] == [*["main"] * len(refused), None, None]


def test_every_refusal_is_the_same(main: Site) -> None:
    replies = [
        main.post(of_token, None, VIEW, **{"X-Request-Id": "1"})
        for of_token in (None, "a.b.c", token(ec_key("other")), token(exp=1), token(iss="x"))
    ]
    assert {reply.status_code for reply in replies} == {401}
    assert len({reply.data for reply in replies}) == 1
    assert len({str(reply.headers) for reply in replies}) == 1
    assert replies[0].headers["WWW-Authenticate"] == "Bearer"
    assert replies[0].get_json()["issue"][0]["code"] == "login"


def test_nothing_else_is_looked_at_before_the_token(main: Site) -> None:
    for how in ({"data": b"no JSON"}, {"data": b"{}", "content_type": "text/plain"}, {"data": b" " * 1000}):
        reply = main.http.post(VIEW, headers=HOST, **how)
        assert reply.status_code == 401


def test_only_the_services_that_the_client_sees(tmp_path: Path) -> None:
    with site(tmp_path, 'services = ["foot-drop-patient-view"]') as main:
        assert main.status() == 200
        path = "/cds-services/foot-drop-order-sign"
        assert main.status(token(aud=f"{PUBLIC_URL}{path}"), path=path) == 404
        assert len(main.http.get("/cds-services", headers=HOST).get_json()["services"]) == 5


def test_discovery_needs_a_token_where_the_settings_say_so(tmp_path: Path) -> None:
    with site(tmp_path, 'services = ["foot-drop-patient-view"]', "authenticate_discovery = true") as main:
        assert main.http.get("/cds-services", headers=HOST).status_code == 401
        wrong = {**HOST, "Authorization": f"Bearer {token()}"}
        assert main.http.get("/cds-services", headers=wrong).status_code == 401
        right = {**HOST, "Authorization": f"Bearer {token(aud=f'{PUBLIC_URL}/cds-services')}"}
        services = main.http.get("/cds-services", headers=right).get_json()["services"]
        assert [service["id"] for service in services] == ["foot-drop-patient-view"]


def test_the_fhir_server_is_one_of_the_clients(main: Site) -> None:
    for server in (FHIR_BASE, f"{FHIR_BASE}/", None):
        assert main.status(request={**REQUEST, "fhirServer": server}) == 200
    for server in ("https://ehr.hospital.example", f"{FHIR_BASE}/x", FHIR_BASE.replace("https", "http"), "x", ""):
        reply = main.post(token(), {**REQUEST, "fhirServer": server})
        assert reply.status_code == 403
        assert reply.get_json()["issue"][0]["expression"] == ["fhirServer"]


def test_the_access_token_is_for_this_service(tmp_path: Path) -> None:
    with site(tmp_path, f'tenants = [{{ base = "{FHIR_BASE}", subject = "cds" }}]') as main:
        for subject, status in (("cds", 200), ("other", 403), (None, 403), (7, 403)):
            granted = {"access_token": "t", "subject": subject}
            asked = {**REQUEST, "fhirServer": FHIR_BASE, "fhirAuthorization": granted}
            assert main.status(request=asked) == status
        assert main.status(request={**REQUEST, "fhirServer": FHIR_BASE}) == 200


def test_a_tenant_with_a_name_is_that_of_the_token(tmp_path: Path) -> None:
    tenants = '{ base = "https://a.example", name = "a" }, { base = "https://b.example", name = "b" }'
    with site(tmp_path, f"tenants = [{tenants}]") as main:
        for name, server, status in (
            ("a", "https://a.example", 200),
            ("a", "https://b.example", 403),
            ("c", "https://a.example", 401),
            (None, "https://a.example", 401),
            (["a"], "https://a.example", 401),
        ):
            assert main.status(token(tenant=name), request={**REQUEST, "fhirServer": server}) == status


def test_a_page_of_another_origin_is_refused(tmp_path: Path) -> None:
    origins = 'origins = ["https://app.hospital.example"]'
    with site(tmp_path, origins, 'allow_origins = ["https://try.example"]') as main:
        assert main.status(Origin="https://app.hospital.example") == 200
        assert main.status(Origin="https://try.example") == 200
        assert main.status(Origin="https://evil.example") == 403
        preflight = {**HOST, "Origin": "https://app.hospital.example", "Access-Control-Request-Method": "POST"}
        assert main.http.options(VIEW, headers=preflight).headers["Access-Control-Allow-Headers"]
        refused = main.post(None, Origin="https://app.hospital.example")
        assert refused.headers["Access-Control-Allow-Origin"] == "https://app.hospital.example"


def test_a_client_chooses_its_algorithms(tmp_path: Path) -> None:
    keys = key_set(ed=ed_key(), es=ec_key("two", "secp256r1"), rs=rsa_key())
    with site(tmp_path, 'algorithms = ["EdDSA", "ES256", "PS256"]', keys=keys) as main:
        assert main.status(token(ed_key(), "EdDSA", "ed")) == 200
        assert main.status(token(ec_key("two", "secp256r1"), "ES256", "es")) == 200
        assert main.status(token(rsa_key(), "PS256", "rs")) == 200
        assert main.status(token(rsa_key(), "RS384", "rs")) == 401


def test_epic_may_sign_for_a_quarter_of_an_hour(tmp_path: Path) -> None:
    now = int(time.time())
    with site(tmp_path, 'profile = "epic"') as main:
        assert main.status(token(iat=now, exp=now + 900, nbf=now - 300)) == 200
        assert main.status(token(iat=now, exp=now + 901)) == 401


def test_a_public_url_of_its_own(tmp_path: Path) -> None:
    with site(tmp_path, 'public_url = "https://other.example/cds"') as main:
        assert main.status() == 401
        assert main.status(token(aud=f"https://other.example/cds{VIEW}")) == 200
        assert main.status(token(aud=f"https://other.example/cds{VIEW}"), Host="other.example") == 200


def test_without_the_store_a_worker_answers_for_a_while(tmp_path: Path) -> None:
    with site(tmp_path) as main:
        main.learn_modes()
        (tmp_path / "data").rename(tmp_path / "gone")
        once = token()
        assert [main.status(once), main.status(once), main.status()] == [200, 401, 200]


def test_without_the_store_for_long_nobody_is_let_in(tmp_path: Path) -> None:
    with site(tmp_path, of_service="replay_grace_s = 0") as main:
        (tmp_path / "data").rename(tmp_path / "gone")
        reply = main.post(token())
        assert reply.status_code == 503
        assert reply.headers["Retry-After"] == "5"
        assert reply.get_json()["issue"][0]["code"] == "transient"
        assert main.status(token(ec_key("other"))) == 401, "what is wrong is not looked up"


def test_development_asks_for_no_token_and_takes_any(client: Any) -> None:
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Bearer {token()}"}):
        assert client.post(VIEW, json=REQUEST, headers=headers).status_code == 200


def test_the_answer_is_that_of_development(main: Site, client: Any) -> None:
    def said(reply: Any) -> list[tuple[str, str]]:
        return [(card["summary"], card["indicator"]) for card in reply.get_json()["cards"]]

    assert said(main.post(token())) == said(client.post(VIEW, json=REQUEST)) != []
