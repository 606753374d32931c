"""Nothing of a patient or a token stands in an error, a log or a file, on whichever way a request fails."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from service import faults
from service.app import create_app
from tests.corpora import canaries
from tests.corpora.canaries import CANARIES, Sent
from tests.support import commands
from tests.support.fhir_server import FhirServer
from tests.support.patients import NOW
from tests.support.rules import book_with
from tests.support.signing import FHIR_BASE, VIEW, ec_key, pem, registered, token
from tests.support.site import site

Json = dict[str, Any]
# Not X-Request-Id: what the caller names its request is repeated and logged on purpose.
_FROM = {
    "User-Agent": canaries.HEADER, "Referer": f"https://ehr.example/?{canaries.QUERY}", "Cookie": canaries.HEADER,
    "X-Forwarded-For": canaries.HEADER,
    "Origin": f"https://{canaries.HOST}.example", "Authorization": f"Bearer {canaries.SUB}",
}  # fmt: skip
WAYS: dict[str, Sent] = {
    f"{kind.__name__}: {name}": sent
    for kind in (canaries.unreadable, canaries.incomplete, canaries.of_another_patient, canaries.at_the_wrong_door)
    for name, sent in kind().items()
}


def leaks(*said: str | bytes) -> list[str]:
    """The canaries in what was said, however it is written."""
    texts = [part if isinstance(part, str) else part.decode("utf-8", "replace") for part in said]
    everything = "\n".join(texts).lower()
    return [name for name in CANARIES if name in everything]


def told(reply: TestResponse) -> str:
    """All of a reply."""
    return f"{reply.status} {reply.headers} {reply.get_data(as_text=True)}"


@pytest.fixture
def silent(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Says that no canary stands in what it is given, in the log, nor in a file: also when the test ends."""

    def check(*said: str | bytes) -> None:
        captured = capfd.readouterr()
        files = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file() and file.suffix != ".json"]
        assert leaks(*said, captured.out, captured.err, *files) == []

    yield check
    check()


def send(app: Flask, sent: Json) -> TestResponse:
    """Send it, with canaries in the headers that a log might hold."""
    headers = {**_FROM, **sent.get("headers", {})}
    return app.test_client().open(**{**sent, "headers": headers})


def test_there_are_forty_canaries_and_each_is_seen() -> None:
    assert len(set(CANARIES)) == 40
    assert len(WAYS) >= 60
    sent = json.dumps([canaries.request(), _FROM])
    unsent = {canaries.STRANGER, canaries.JTI, canaries.KID, canaries.NAMED, canaries.RAISED, canaries.UPSTREAM}
    assert set(leaks(sent)) == set(CANARIES) - unsent, "the others are those of tokens, faults and servers"
    assert leaks(sent.upper(), b"\xff") == leaks(sent)


def test_no_refusal_tells_anything(app: Flask, silent: Callable[..., None]) -> None:
    for name, (status, sent) in WAYS.items():
        reply = send(app, sent)
        assert reply.status_code == status, name
        silent(told(reply))


def test_an_answer_is_logged_without_a_word_of_it(app: Flask, silent: Callable[..., None]) -> None:
    reply = send(app, {"path": VIEW, "method": "POST", "json": canaries.request("patient-view")})
    assert reply.status_code == 200
    assert reply.get_json()["cards"]
    silent(str(reply.headers))


_OUTCOME = {
    "resourceType": "OperationOutcome",
    "issue": [{"code": canaries.UPSTREAM, "diagnostics": canaries.UPSTREAM}],
}
_ANOTHERS = {"resourceType": "Condition", "subject": {"reference": f"Patient/{canaries.STRANGER}"}}
MANNERS: dict[str, Json] = {
    **{f"status {status}": {"status": status} for status in (301, 400, 401, 403, 404, 410, 422, 429, 500, 503)},
    "a page": {"html": True},
    "rubbish": {"body": canaries.UPSTREAM.encode()},
    "an outcome": {"body": json.dumps(_OUTCOME).encode()},
    "another type": {"body": json.dumps({"resourceType": canaries.UPSTREAM, "id": canaries.UPSTREAM}).encode()},
    "another patient's": {
        "body": json.dumps({"resourceType": "Bundle", "entry": [{"resource": _ANOTHERS}]}).encode(),
    },
    "a list": {"body": json.dumps([canaries.UPSTREAM]).encode()},
    "cut": {"cut": True},
    "elsewhere": {"redirect": f"https://{canaries.UPSTREAM}.example/{canaries.PATH}"},
    "the next page elsewhere": {"next": f"https://{canaries.UPSTREAM}.example/{canaries.PATH}"},
    "an odd header": {"odd_header": canaries.UPSTREAM},
    "too much": {"huge": 40 * 1024 * 1024},
}


@pytest.mark.parametrize("manner", MANNERS.values(), ids=MANNERS)
def test_nothing_of_a_fhir_server_that_fails_is_told(app: Flask, silent: Callable[..., None], manner: Json) -> None:
    whole = canaries.request("patient-view")
    with FhirServer() as server:
        for kind in ("Condition", "Observation"):
            server.misbehave(kind, **manner)
        whole |= {"fhirServer": server.base}
        del whole["prefetch"]["conditions"], whole["prefetch"]["observations"]
        reply = send(app, {"path": VIEW, "method": "POST", "json": whole})
    assert reply.status_code in (200, 412, 422), reply.text
    silent(told(reply))


def _raise(*_: object, **__: object) -> Any:
    try:
        raise LookupError(canaries.RAISED, canaries.PATIENT)
    except LookupError as error:
        raise RuntimeError(f"{canaries.RAISED} {canaries.request()}") from error


@pytest.mark.parametrize(
    "place",
    ["evaluation.decide", "evaluation.gather", "cds_services.read", "cds_services.answer"],
)
def test_a_fault_tells_nothing(silent: Callable[..., None], monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setattr(f"service.{place}", _raise)
    app = create_app(now=NOW, dev=True)
    reply = send(app, {"path": VIEW, "method": "POST", "json": canaries.request("patient-view")})
    assert reply.status_code == 500
    silent(told(reply))


def test_a_fault_of_a_rule_tells_nothing(silent: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "IS_ISOLATED", True)
    rules = dict.fromkeys(("lumbar-mri", "afo", "emg-ncs", "nsaid-safety", "data-check"), _raise)
    for hook in ("patient-view", "order-sign"):
        app = create_app(now=NOW, dev=True, book=book_with(rules))
        reply = send(app, {"path": f"/cds-services/foot-drop-{hook}", "method": "POST", "json": canaries.request(hook)})
        assert reply.status_code == 200
        silent(str(reply.headers))


def test_nothing_of_a_token_is_told_nor_kept(tmp_path: Path, silent: Callable[..., None]) -> None:
    """The store keeps the jti of a token, which is a number and no secret: it must be known again."""
    more = {"sub": canaries.SUB, "name": canaries.NAMED, "scope": canaries.NAMED}
    now = int(time.time())
    refused = {
        "another's signature": token(ec_key("other"), **more), "another kid": token(kid=canaries.KID, **more),
        "expired": token(**more, iat=now - 400, exp=now - 200), "early": token(**more, iat=now + 500, exp=now + 600),
        "audience": token(**more, aud=f"https://{canaries.NAMED}.example"), "issuer": token(**more, iss=canaries.NAMED),
        "type": token(typ=canaries.NAMED), "no jti": token(jti=None, **more), "long jti": token(jti=canaries.JTI * 50),
        "rubbish": f"{canaries.SUB}.{canaries.KID}.{canaries.JTI}",
    }  # fmt: skip
    tenants = f'tenants = [{{ base = "{FHIR_BASE}", subject = "cds" }}]'
    whole = canaries.request("patient-view")
    elsewhere = {"Origin": "https://elsewhere.example"}
    with site(tmp_path, tenants, "replay_grace_s = 0") as main:
        for name, of_token in refused.items():
            reply = main.post(of_token, whole)
            assert reply.status_code == 401, name
            silent(told(reply))
        for request, status, headers in (
            (whole, 403, {}),
            (whole | {"fhirServer": FHIR_BASE}, 403, {}),
            (whole | {"fhirServer": None}, 403, elsewhere),
            (canaries.request("order-sign") | {"fhirServer": None}, 400, {}),
            (whole | {"fhirServer": None}, 200, {}),
        ):
            reply = main.post(token(**more), request, **headers)
            assert reply.status_code == status, reply.text
            silent(str(reply.headers), "" if status == 200 else told(reply))
        main.app.close()
        (tmp_path / "data").rename(tmp_path / "gone")
        reply = main.post(token(**more), whole)
        assert reply.status_code == 503
        silent(told(reply))


def test_the_command_line_tells_of_what_is_wrong_alone(tmp_path: Path, silent: Callable[..., None]) -> None:
    ways = {**canaries.unreadable(), **canaries.incomplete(), **canaries.of_another_patient()}
    del ways["not UTF-8"], ways["UTF-16"]
    for name, (_, sent) in ways.items():
        done = commands.run("explain", "-", folder=tmp_path, said=sent["data"].decode())
        assert done.returncode == 1, name
        assert done.stdout + done.stderr, name
        silent(done.stdout, done.stderr)


def test_a_call_that_cannot_be_signed_tells_nothing_of_the_key(tmp_path: Path, silent: Callable[..., None]) -> None:
    registered(tmp_path)
    written = pem(ec_key())
    secret = written.splitlines()[1].decode()
    for name, body in {
        "cut": written[:100],
        "rubbish": canaries.SUB.encode(),
        "two": written.replace(b"-----", b""),
    }.items():
        file = tmp_path / "key.json"
        file.write_bytes(body)
        done = commands.run("call", "http://127.0.0.1:1", "--key", str(file), folder=tmp_path)
        assert done.returncode != 0, name
        assert secret not in done.stdout + done.stderr, name
        silent(done.stdout, done.stderr)
