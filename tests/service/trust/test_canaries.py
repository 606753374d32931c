"""Nothing of a token, nor of the keys or the request that come with it, stands in a log or an answer."""

from __future__ import annotations

import json
import time
from pathlib import Path

import jwt
import pytest
import responses

from tests.support.signing import AUDIENCE, FHIR_BASE, VIEW, claims, ec_key, key_set, public, token
from tests.support.site import HOST, REQUEST, Site, site

URL = "https://ehr.hospital.example/jwks"
NAMES = [f"canary-{number:02}" for number in range(40)]


def _tokens() -> dict[str, str]:
    """Tokens that are refused for one reason each, full of canaries."""
    more = {"sub": NAMES[0], "tenant": NAMES[1], "name": NAMES[2], "jti": NAMES[3]}
    now = int(time.time())
    header = {"kid": "es", "x5u": f"https://{NAMES[4]}.example", "note": NAMES[5]}
    return {
        "the signature is another's": token(ec_key("other"), **more),
        "the audience": token(**more, aud=f"https://{NAMES[6]}.example"),
        "the issuer": token(**more, iss=NAMES[7]),
        "expired": token(**more, iat=now - 300, exp=now - 200),
        "too early": token(**more, iat=now + 500, exp=now + 600),
        "no jti": token(sub=NAMES[0], jti=None),
        "a long jti": token(**{**more, "jti": NAMES[8] * 50}),
        "a long life": token(**more, exp=now + 5000),
        "an unknown kid": token(kid=NAMES[9], **more),
        "another type": token(typ=NAMES[10], **more),
        "jku": jwt.encode(claims(**more), ec_key(), "ES384", {"kid": "es", "jku": f"https://{NAMES[11]}.example"}),
        "jwk": jwt.encode(claims(), ec_key("own"), "ES384", {**header, "jwk": public(ec_key("own"))}),
        "no token": NAMES[12],
        "three parts": f"{NAMES[13]}.{NAMES[14]}.{NAMES[15]}",
        "an audience in a list": token(aud=[NAMES[16]]),
    }


def _requests() -> list[dict[str, object]]:
    """Requests that are refused, or not, after their token was accepted."""
    granted = {"access_token": NAMES[17], "subject": NAMES[18], "scope": NAMES[19]}
    return [
        {**REQUEST, "fhirServer": f"https://{NAMES[20]}.example"},
        {**REQUEST, "fhirServer": FHIR_BASE, "fhirAuthorization": granted},
        {**REQUEST, "hook": NAMES[21]},
        {**REQUEST, "hookInstance": NAMES[22]},
        {**REQUEST, "context": {"patientId": f"{NAMES[24]}!"}},
    ]


@responses.activate
def test_nothing_of_a_token_or_a_claim_is_logged(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    responses.get(URL, body=key_set(es=ec_key()))
    tenants = f'tenants = [{{ base = "{FHIR_BASE}", subject = "cds" }}]'
    said: list[str] = []
    with site(tmp_path, f'keys_urls = ["{URL}"]\n{tenants}') as main:
        sent = _send(main, said)
        twice = token(jti=NAMES[25], sub=NAMES[26], iat=int(time.time()))
        sent += [twice, twice]
        assert [main.status(twice), main.status(twice)] == [200, 401]
        (tmp_path / "data").rename(tmp_path / "gone")
        assert main.status(token(jti=NAMES[27])) == 200
    captured = capfd.readouterr()
    said += [captured.out, captured.err]
    assert len(captured.err.splitlines()) >= 20
    everything = "\n".join(said)
    assert [name for name in NAMES if name in everything] == []
    parts = {part for of_token in sent for part in of_token.split(".") if len(part) > 20}
    assert [part for part in parts if part in everything] == []
    assert AUDIENCE not in captured.err


def _send(main: Site, said: list[str]) -> list[str]:
    """Send all of them; what was answered is added to `said`. The tokens that were sent."""
    tokens = _tokens()
    for name, of_token in tokens.items():
        reply = main.post(of_token)
        assert reply.status_code == 401, name
        said.append(reply.text)
    sent = list(tokens.values())
    for request in _requests():
        sent.append(token(sub=NAMES[28], jti=f"{NAMES[29]}-{len(sent)}"))
        said.append(main.post(sent[-1], request).text)
    broken = {**HOST, "Authorization": f"Bearer {token(jti=NAMES[30])}", "Content-Type": "application/json"}
    said.append(main.http.post(VIEW, data=json.dumps({"hook": NAMES[31]})[:-1], headers=broken).text)
    return sent
