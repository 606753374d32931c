"""Tokens of every kind, through HTTP: what proves nothing is refused alike, and what is right is accepted."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import jwt
import pytest
import responses

from tests.corpora import accepted_tokens, crafted_tokens
from tests.corpora.crafted_tokens import raw
from tests.corpora.refused_tokens import URL, forged, headers, malformed, wrong_claims
from tests.corpora.writing_tokens import HEADER, Json, b64, signed
from tests.support.sampling import one_in
from tests.support.signing import VIEW, claims, ec_key, key_set, public, rsa_key, token
from tests.support.site import HOST, Site, lines, site


@cache
def corpus() -> dict[str, str]:
    """The tokens, by what is wrong with them."""
    kinds = (headers, forged, wrong_claims, *crafted_tokens.KINDS)
    return {f"{kind.__name__}: {number} {name}": of for kind in kinds for number, (name, of) in enumerate(kind())}


@pytest.fixture(scope="module")
def main(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One service for the whole corpus: a token that were accepted would be seen as one."""
    with site(tmp_path_factory.mktemp("site")) as running:
        yield running


def answer(main: Site, authorization: str) -> tuple[int, bytes, str]:
    """What is answered to a header Authorization: the status, the body and what the caller has to do."""
    environ = {"HTTP_AUTHORIZATION": authorization}
    reply = main.http.post(VIEW, data=b"{}", content_type="application/json", headers=HOST, environ_overrides=environ)
    return reply.status_code, reply.data, reply.headers.get("WWW-Authenticate", "")


def test_there_are_enough() -> None:
    assert len(corpus()) >= 400
    assert len(set(corpus().values())) == len(corpus())


def test_no_such_token_is_accepted_and_nothing_of_it_is_logged(main: Site, capfd: pytest.CaptureFixture[str]) -> None:
    """All are refused alike, before anything of the request is looked at."""
    assert main.status(signed(HEADER, claims())) == 200, "signed so, a right token is accepted"
    constant = answer(main, "")
    assert constant[0] == 401
    capfd.readouterr()
    assert [name for name, of in corpus().items() if answer(main, f"Bearer {of}") != constant] == []
    said = lines(capfd.readouterr().err)
    assert len(said) == len(corpus())
    assert all(line["refused"] for line in said)
    assert {key for line in said for key in line} == {
        "event", "level", "timestamp", "method", "status", "milliseconds", "client", "refused", "request_id",
        "service",
    }  # fmt: skip


def test_nothing_but_one_token_is_taken_for_one(main: Site) -> None:
    constant = answer(main, "")
    for name, text in (malformed() | crafted_tokens.carriers(token())).items():
        assert answer(main, text) == constant, name


def test_every_right_token_is_accepted_once(main: Site) -> None:
    right = dict(accepted_tokens.accepted())
    assert len(right) >= 150
    assert [name for name, of_token in right.items() if main.status(of_token) != 200] == []
    assert [name for name, of_token in list(right.items())[::10] if main.status(of_token) != 401] == []
    for form, text in accepted_tokens.carriers().items():
        assert answer(main, text)[0] == 400, f"the token is right, and the body is no request: {form}"


def test_a_signature_written_otherwise_is_the_same_token(main: Site) -> None:
    """Of each signature of ECDSA there is a twin, (r, n - s), that anybody can make."""
    head, payload, signature = signed(HEADER, claims()).split(".")
    both = jwt.utils.base64url_decode(signature)
    r, s = int.from_bytes(both[:48], "big"), int.from_bytes(both[48:], "big")
    twin = b64(raw(r, crafted_tokens.ORDER - s))
    assert main.status(f"{head}.{payload}.{signature}") == 200
    assert main.status(f"{head}.{payload}.{twin}") == 401
    other = signed(HEADER, claims()).rpartition(".")[0]
    assert main.status(f"{other}.{twin}") == 401


def test_a_weak_key_in_the_set_of_a_client_is_no_key(tmp_path: Path) -> None:
    """e = 1 makes every padded digest a signature; a short modulus can be factored."""
    modulus = public(rsa_key())["n"]
    short, point = public(rsa_key("short", 1024)), public(ec_key())
    keys: list[Json] = [
        {"kty": "RSA", "n": modulus, "e": "AQ", "kid": "one"},
        {"kty": "RSA", "n": modulus, "e": "Ag", "kid": "two"},
        {"kty": "RSA", "n": modulus, "e": "AA", "kid": "zero"},
        {**short, "kid": "short"},
        {**point, "y": point["x"], "kid": "off the curve"},
        {**point, "x": b64(bytes(48)), "y": b64(bytes(48)), "kid": "the origin"},
        {**point, "crv": "P-256", "kid": "another curve"},
        {**point, "kid": "for encryption", "use": "enc"},
        {**point, "kid": "for another algorithm", "alg": "ES256"},
        public(ec_key(), kid="es"),
    ]
    with site(tmp_path, keys=json.dumps({"keys": keys}).encode()) as main:
        assert main.status(token()) == 200
        for key in keys[:-1]:
            header = {**HEADER, "alg": "ES384" if key["kty"] == "EC" else "RS384", "kid": key["kid"]}
            private = ec_key() if key["kty"] == "EC" else rsa_key("short", 1024) if key["kid"] == "short" else rsa_key()
            assert main.status(signed(header, claims(), header["alg"], private)) == 401, key["kid"]
            if key["kty"] == "RSA":
                assert main.status(crafted_tokens.padded_alone(header)) == 401, key["kid"]


LIKE = (
    f"{URL}/", f"{URL}#", f"{URL}?", f"{URL}?x", f" {URL}", f"{URL}\n", URL.upper(), URL.replace("https", "http"),
    URL.replace("https", "HTTPS"), URL.replace("ehr.", "EHR."), URL.replace(".example", ".example:443"),
    URL.replace(".example", ".example."), URL.replace("//", "//x@"), URL.replace("/jwks", "@evil.example/jwks"),
    URL.replace(".example", ".example.evil.example"), URL.replace("/jwks", "//jwks"), URL.replace("/jwks", "/./jwks"),
    URL.replace("/jwks", "/x/../jwks"), URL.replace("jwks", "jwk%73"), URL.replace("https:", ""), URL.replace("e",
    "\u0435", 1),
    URL.replace(".", "\u3002"), URL.replace("ehr.", "127.0.0.1/"), "https://[::1]/jwks", "file:///jwks", "data:,{}",
    "/jwks",
    URL.replace("jwks", "redirect?to=https://evil.example"), f"https://evil.example/?{URL}",
    f"https://evil.example#{URL}",
)  # fmt: skip


@responses.activate
def test_no_address_but_the_configured_one_is_asked_for_keys(tmp_path: Path) -> None:
    responses.get(URL, body=key_set(es=ec_key()))
    stranger = ec_key("stranger")
    with site(tmp_path, f'keys_urls = ["{URL}"]') as main:
        assert main.status(signed({**HEADER, "jku": URL}, claims())) == 200
        for jku in LIKE:
            assert main.status(signed({**HEADER, "jku": jku}, claims(), key=stranger)) == 401, jku
            assert main.status(signed({**HEADER, "jku": jku}, claims())) == 401, jku
    assert [call.request.url for call in responses.calls] == [URL]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@responses.activate
def test_keys_behind_a_redirect_are_nobodys(tmp_path: Path, status: int) -> None:
    evil = "https://evil.example/jwks"
    responses.get(URL, status=status, headers={"Location": evil}, body=key_set(es=ec_key("stranger")))
    responses.get(evil, body=key_set(es=ec_key("stranger")))
    with site(tmp_path, f'keys_urls = ["{URL}"]') as main:
        assert main.status(token(ec_key("stranger"))) == 401
    assert [call.request.url for call in responses.calls] == [URL]


@pytest.mark.parametrize(("seed", "changes"), one_in(20, [(seed, 500) for seed in range(20)]))
def test_no_change_of_a_right_token_is_accepted(main: Site, seed: int, changes: int) -> None:
    """Changes of one, two or three characters."""
    draw = random.Random(seed)
    right = token()
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.="
    for _ in range(changes):
        changed = list(right)
        for _ in range(draw.randint(1, 3)):
            place = draw.randrange(len(changed))
            changed[place : place + draw.randint(0, 2)] = draw.choices(letters, k=draw.randint(0, 2))
        if "".join(changed) != right:
            assert main.status("".join(changed)) == 401, "".join(changed)
    assert main.status(right) == 200


def test_a_signature_on_another_curve_is_none(tmp_path: Path) -> None:
    key = ec_key("p256", "secp256r1")
    keys = json.dumps({"keys": [public(key, kid="es")]}).encode()
    with site(tmp_path, 'algorithms = ["ES256", "ES384"]', keys=keys) as main:
        head, body = b64(HEADER), b64(claims())
        signature = jwt.get_algorithm_by_name("ES384").sign(f"{head}.{body}".encode(), key)
        assert main.status(f"{head}.{body}.{b64(signature)}") == 401
        assert main.status(token(key, "ES256")) == 200


def test_a_key_of_one_client_is_none_of_another(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_bytes(json.dumps({"keys": [public(ec_key("theirs"), kid="es")]}).encode())
    table = f'[clients.other]\nissuer = "https://other.example"\nkeys_file = "{tmp_path / "other.json"}"'
    with site(tmp_path, table) as main:
        assert main.status(token(ec_key("theirs"), iss="https://other.example")) == 200
        assert main.status(token(ec_key("theirs"))) == 401
        assert main.status(token(iss="https://other.example")) == 401
