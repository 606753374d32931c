"""Keys at an address: rotation, outages, kids that nobody has, and answers that are no keys."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
import responses

from service.fhir.transport import HttpClient
from service.trust.key_set import LARGEST
from service.trust.remote_keys import COOL_DOWN_S, FRESH_S, PEER, STALE_S, RemoteKeys
from service.trust.token import Why
from tests.support.http_server import HttpServer, Reply
from tests.support.processes import until
from tests.support.signing import claims, ec_key, key_set, rsa_key, token
from tests.support.site import Site, lines, site

URL = "https://ehr.hospital.example/jwks"


class KeyServer(HttpServer):
    """It answers as it is told."""

    def __init__(self) -> None:
        super().__init__(lambda _: self.says)
        self.says = Reply(body=key_set(old=ec_key("old")))

    def publish(self, **keys: object) -> None:
        """Other keys from now on."""
        self.says = Reply(body=key_set(**keys))


class Time:
    """A clock that is set by hand."""

    now = 5000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def server() -> Iterator[KeyServer]:
    """A server of keys; at first of one, `old`."""
    with KeyServer() as running:
        yield running


@pytest.fixture
def clock() -> Time:
    """The clock by which the keys age."""
    return Time()


@pytest.fixture
def keys(server: KeyServer, clock: Time) -> Iterator[RemoteKeys]:
    """The keys there."""
    http = HttpClient(peer=PEER)
    yield RemoteKeys("main", f"http://{server.address}/jwks", http, clock)
    http.close()


def knows(keys: RemoteKeys, kid: str) -> bool:
    """Whether there is a key of this id for ES384."""
    return keys.key(kid, "ES384") is not None


def test_keys_are_fetched_once(server: KeyServer, keys: RemoteKeys) -> None:
    assert all(knows(keys, "old") for _ in range(100))
    assert len(server.asked) == 1
    assert server.asked[0].headers["Accept"] == "application/jwk-set+json, application/json"


def test_a_key_is_for_the_algorithm_of_its_type(server: KeyServer, keys: RemoteKeys) -> None:
    server.publish(es=ec_key(), rs=rsa_key(), p256=ec_key("p256", "secp256r1"))
    assert keys.key("rs", "RS384")
    assert keys.key("rs", "PS256")
    assert keys.key("p256", "ES256")
    for kid, algorithm in (("rs", "ES384"), ("es", "RS384"), ("p256", "ES384"), ("es", "EdDSA")):
        assert keys.key(kid, algorithm) is None


def test_a_new_key_is_taken_at_once(server: KeyServer, keys: RemoteKeys) -> None:
    assert knows(keys, "old")
    server.publish(old=ec_key("old"), new=ec_key("new"))
    assert knows(keys, "new")
    assert knows(keys, "old")
    assert len(server.asked) == 2


def test_another_new_key_is_taken_within_a_minute(server: KeyServer, keys: RemoteKeys, clock: Time) -> None:
    assert knows(keys, "old")
    server.publish(new=ec_key("new"))
    assert knows(keys, "new")
    server.publish(newest=ec_key("newest"))
    assert not knows(keys, "newest")
    clock.now += COOL_DOWN_S
    assert knows(keys, "newest")
    assert COOL_DOWN_S <= 60


def test_a_thousand_invented_kids_a_minute_cause_few_fetches(server: KeyServer, keys: RemoteKeys, clock: Time) -> None:
    assert knows(keys, "old")
    for number in range(1000):
        assert not knows(keys, f"invented-{number}")
        clock.now += 60 / 1000
    assert len(server.asked) - 1 <= 2
    assert knows(keys, "old")


def test_invented_kids_do_not_keep_a_new_key_away(server: KeyServer, keys: RemoteKeys, clock: Time) -> None:
    assert knows(keys, "old")
    server.publish(old=ec_key("old"))
    assert not knows(keys, "invented")
    server.publish(new=ec_key("new"))
    for number in range(61):
        assert not knows(keys, f"invented-{number}")
        clock.now += 1
    assert knows(keys, "new")
    assert len(server.asked) <= 4


def test_an_outage_of_an_hour_costs_no_known_key(server: KeyServer, keys: RemoteKeys, clock: Time) -> None:
    assert knows(keys, "old")
    server.says = Reply(503)
    for _ in range(60):
        clock.now += 60
        assert knows(keys, "old")
        assert not knows(keys, "new")
    _no_thread_left()
    server.publish(new=ec_key("new"))
    clock.now += COOL_DOWN_S
    assert knows(keys, "new")


def test_keys_that_cannot_be_renewed_for_a_day_are_no_keys(server: KeyServer, keys: RemoteKeys, clock: Time) -> None:
    assert knows(keys, "old")
    server.says = Reply(503)
    clock.now += STALE_S + 1
    assert not knows(keys, "old")


def test_a_withdrawn_key_is_refused_after_minutes(server: KeyServer, keys: RemoteKeys, clock: Time) -> None:
    assert knows(keys, "old")
    server.publish(new=ec_key("new"))
    clock.now += FRESH_S
    assert knows(keys, "old"), "no call waits for the refresh"
    clock.now += 1
    knows(keys, "old")
    until(lambda: not knows(keys, "old"))
    assert knows(keys, "new")


@pytest.mark.parametrize(
    "reply",
    [
        Reply(404),
        Reply(302, {"Location": "http://127.0.0.1:1/"}),
        Reply(body=b"<html>"),
        Reply(body=b"{}"),
        Reply(body=b'{"keys": []}'),
        Reply(body=b'{"keys": [{"kty": "oct", "kid": "old", "k": "AAAA"}]}'),
        Reply(body=key_set(old=ec_key("old")) + b" " * 2 * LARGEST),
        Reply(body=key_set(old=ec_key("old")), cut=True),
    ],
    ids=["404", "a redirect", "a page", "no keys", "no key", "a shared secret", "too large", "cut off"],
)
def test_what_is_no_key_set_is_none(
    server: KeyServer, keys: RemoteKeys, clock: Time, reply: Reply, capfd: pytest.CaptureFixture[str]
) -> None:
    server.says = reply
    assert not knows(keys, "old")
    assert not knows(keys, "old")
    assert len(server.asked) == 1, "not again at once"
    (line,) = lines(capfd.readouterr().err)
    assert line["event"] == "keys not fetched"
    assert line["client"] == "main"
    assert server.address not in str(line)
    server.publish(old=ec_key("old"))
    clock.now += COOL_DOWN_S
    assert knows(keys, "old")


@pytest.mark.long
def test_a_server_that_drips_is_waited_for_two_seconds_at_most(server: KeyServer, keys: RemoteKeys) -> None:
    server.says = Reply(body=key_set(old=ec_key("old")), drip=1)
    assert not knows(keys, "old")


def _no_thread_left() -> None:
    until(lambda: not any(thread.name == "keys" for thread in threading.enumerate()))


# ---- by a registered client ----


@pytest.fixture
def main(tmp_path: Path) -> Iterator[Site]:
    """A service that knows the client's keys by their address."""
    with site(tmp_path, f'keys_urls = ["{URL}"]') as running:
        yield running


@responses.activate
def test_a_token_may_name_the_address_that_the_settings_name(main: Site) -> None:
    asked = responses.get(URL, body=key_set(es=ec_key()))
    assert main.status(token()) == 200
    assert main.status(jwt.encode(claims(), ec_key(), "ES384", {"kid": "es", "jku": URL})) == 200
    assert asked.call_count == 1


@responses.activate
def test_no_other_address_is_asked(main: Site, capfd: pytest.CaptureFixture[str]) -> None:
    for jku in ("https://evil.example/jwks", f"{URL}/", URL.upper(), "http://127.0.0.1:1/", "file:///etc/passwd", ""):
        assert main.status(jwt.encode(claims(), ec_key(), "ES384", {"kid": "es", "jku": jku})) == 401
    assert {line["refused"] for line in lines(capfd.readouterr().err)} == {Why.JKU}
    assert len(responses.calls) == 0


@responses.activate
def test_a_forged_token_of_a_stranger_causes_no_fetch(main: Site) -> None:
    assert main.status(token(iss="https://other.example")) == 401
    assert main.status(token(aud="x", typ="at+jwt")) == 401
    assert len(responses.calls) == 0
