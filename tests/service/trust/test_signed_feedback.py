"""Feedback of registered clients: who may send it, what of it is kept, and that nobody can be read out of the store."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from service.app import create_app
from service.settings import RefusedSettingsError, load
from service.store.hashing import FILE, HashKeyError, keyed_hash, no_hash, own_key
from tests.support.signing import AUDIENCE, FHIR_BASE, VIEW, ec_key, key_set, registered, token
from tests.support.site import HOST, REQUEST, Site, lines, site

Json = dict[str, Any]
FEEDBACK = f"{VIEW}/feedback"
COMMENT = "Discussed with Mrs Canary"
CANARY = "Zwicky-Canary 4711"
OTHER = "https://other.example/fhir"


def entry(card: str, **changes: Any) -> Json:
    """An override of a card."""
    usual = {
        "outcome": "overridden",
        "outcomeTimestamp": "2026-03-02T10:00:00Z",
        "overrideReason": {"userComment": COMMENT},
    }
    return {"card": card, **usual, **changes}


def send(main: Site, *entries: Json, **claims: Any) -> Any:
    """The reply to a message that is signed as it should be, but for `claims`."""
    signed = token(**{"aud": f"{AUDIENCE}/feedback", **claims})
    return main.post(signed, {"feedback": list(entries)}, path=FEEDBACK)


def shown(main: Site, request: Json = REQUEST, **claims: Any) -> str:
    """The uuid of the first card of an answer."""
    uuid: str = main.post(token(**claims), request).get_json()["cards"][0]["uuid"]
    return uuid


def stored(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    """What a query of the store answers."""
    with closing(sqlite3.connect(folder / "data" / "store.sqlite")) as file:
        return file.execute(sql).fetchall()


def test_feedback_is_joined_to_the_card_that_was_shown(tmp_path: Path) -> None:
    with site(tmp_path) as main:
        card = shown(main)
        assert (send(main, entry(card)).data, send(main, entry(card)).status_code) == (b"{}", 200)
    sql = "SELECT uuid, client, tenant, rule, indicator, outcome FROM answered_cards WHERE outcome IS NOT NULL"
    assert stored(tmp_path, sql) == [(card, "main", FHIR_BASE, "lumbar-mri", "warning", "overridden")]
    assert len(stored(tmp_path, "SELECT * FROM cards")) == 5


def test_the_audience_is_the_address_of_the_feedback(main: Site) -> None:
    for audience in (AUDIENCE, f"{AUDIENCE}/feedback/", f"{AUDIENCE.replace('patient-view', 'order-sign')}/feedback"):
        assert send(main, entry("a"), aud=audience).status_code == 401
    assert main.http.post(FEEDBACK, json={"feedback": []}, headers=HOST).status_code == 401
    assert send(main, entry("a")).status_code == 200
    assert main.status(token(aud=f"{AUDIENCE}/feedback")) == 401, "nor is it that of the service"


def test_a_token_is_taken_once_here_too(main: Site) -> None:
    once = token(aud=f"{AUDIENCE}/feedback")
    message = {"feedback": [entry("a")]}
    assert [main.post(once, message, path=FEEDBACK).status_code for _ in range(2)] == [200, 401]


def test_only_for_the_services_that_the_client_sees(tmp_path: Path) -> None:
    with site(tmp_path, 'services = ["foot-drop-order-sign"]') as main:
        assert send(main, entry("a")).status_code == 404


def test_a_card_of_another_client_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other.json").write_bytes(key_set(es=ec_key("other")))
    more = f'[clients.other]\nissuer = "{OTHER}"\nkeys_file = "{tmp_path / "other.json"}"'
    with site(tmp_path, more) as main:
        card = shown(main)
        main.app.memory.close()
        signed = token(ec_key("other"), iss=OTHER, aud=f"{AUDIENCE}/feedback")
        reply = main.post(signed, {"feedback": [entry(card)]}, path=FEEDBACK)
        assert reply.status_code == 403
        assert card not in reply.text
        assert send(main, entry(card)).status_code == 200
    assert stored(tmp_path, "SELECT client FROM feedback") == [("main",)]


def test_a_card_of_another_tenant_is_refused_and_costs_the_others_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    names = f'tenants = [{{ base = "{FHIR_BASE}", name = "a" }}, {{ base = "{OTHER}", name = "b" }}]'
    with site(tmp_path, names) as main:
        card, own = shown(main, tenant="a"), shown(main, tenant="b")
        main.app.memory.close()
        assert send(main, entry(card), tenant="b").status_code == 403
        capfd.readouterr()
        assert send(main, entry(card), entry(own), tenant="b").status_code == 200
        (line,) = lines(capfd.readouterr().err)
        assert (line["feedback"], line["refused_entries"]) == (1, 1)
    assert stored(tmp_path, "SELECT card, tenant FROM feedback") == [(own, OTHER)]


@pytest.mark.parametrize("keeps", [False, True])
def test_comments_are_kept_only_where_the_settings_say_so(
    tmp_path: Path, keeps: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    with site(tmp_path, of_service=f"keep_comments = {str(keeps).lower()}") as main:
        assert send(main, entry("a")).status_code == 200
    assert stored(tmp_path, "SELECT comment FROM feedback") == [(COMMENT if keeps else "",)]
    held = b"".join(file.read_bytes() for file in (tmp_path / "data").iterdir())
    assert (COMMENT.encode() in held) is keeps
    assert "Canary" not in capfd.readouterr().err


def test_answers_are_kept_only_where_the_settings_say_so(tmp_path: Path) -> None:
    with site(tmp_path, of_service="keep_answers = false") as main:
        assert send(main, entry(shown(main))).status_code == 200
    assert stored(tmp_path, "SELECT * FROM evaluations") == []
    assert len(stored(tmp_path, "SELECT * FROM feedback")) == 1


def _named(request: Json) -> Json:
    """The request with canaries for all that names somebody, and in the words of the record."""
    context = {**request["context"], "userId": f"Practitioner/{CANARY}", "encounterId": "enc-canary-4711"}
    prefetch = {**request["prefetch"]}
    for problem in prefetch["conditions"]["entry"]:
        problem["resource"] = {**problem["resource"], "code": {**problem["resource"]["code"], "text": CANARY}}
    return {**request, "context": context, "prefetch": prefetch}


def test_nobody_and_nothing_of_a_record_stands_in_the_store(tmp_path: Path) -> None:
    asked = _named(REQUEST)
    with site(tmp_path) as main:
        shown(main, asked)
        shown(main, asked)
        shown(main, {**asked, "context": {**asked["context"], "encounterId": "another"}})
    held = b"".join(file.read_bytes() for file in (tmp_path / "data").iterdir() if file.name != FILE)
    for canary in ("Zwicky", "4711", asked["context"]["patientId"], "Practitioner/", "enc-canary", "Patient/"):
        assert canary.encode() not in held.replace(asked["hook"].encode(), b"")
    known = stored(tmp_path, "SELECT patient, encounter, asker FROM evaluations")
    assert all(len(digits) == 64 for row in known for digits in row)
    patients, encounters, users = (set(column) for column in zip(*known, strict=True))
    assert (len(patients), len(encounters), len(users)) == (1, 2, 1), "but they can be told apart"
    assert not patients & users


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    file = registered(tmp_path)
    for _ in range(2):
        create_app(load(file, {})).close()
    key = tmp_path / "data" / FILE
    assert key.stat().st_mode & 0o777 == 0o600
    assert own_key(tmp_path / "data") == key.read_text()
    assert [other.name for other in (tmp_path / "data").iterdir()] == [FILE]
    assert keyed_hash(own_key(tmp_path / "data"))("a", "b") != keyed_hash(own_key(tmp_path / "other"))("a", "b")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda file: file.chmod(0o644), "chmod 600"),
        (lambda file: file.write_text("short"), "holds no key"),
        (lambda file: file.write_bytes(b"\xff" * 64), "it is not text"),
        (lambda file: (file.unlink(), file.mkdir(mode=0o700)), "cannot be read or created"),
    ],
    ids=["open to all", "short", "no text", "a folder"],
)
def test_a_key_that_is_none_is_refused_at_the_start(tmp_path: Path, spoil: Any, why: str) -> None:
    own_key(tmp_path)
    spoil(tmp_path / FILE)
    with pytest.raises(HashKeyError, match=why) as refused:
        own_key(tmp_path)
    assert "short" not in str(refused.value).replace("shorter", "")


def test_the_key_may_be_set_and_then_none_is_made(tmp_path: Path) -> None:
    secret = os.urandom(32).hex()
    with site(tmp_path, of_service=f'hash_key = "{secret}"') as main:
        shown(main)
    assert not (tmp_path / "data" / FILE).exists()
    patient = keyed_hash(secret)("main", FHIR_BASE, "Patient", REQUEST["context"]["patientId"])
    assert stored(tmp_path, "SELECT patient FROM evaluations") == [(patient,)]
    with pytest.raises(RefusedSettingsError, match="hash_key: it is shorter") as refused:
        load(registered(tmp_path, of_service='hash_key = "tooshort"'), {})
    assert "tooshort" not in str(refused.value)


def test_without_a_key_nobody_is_known() -> None:
    assert no_hash("main", "Patient", "1") == ""
    assert keyed_hash("k" * 32)("a", "bc") != keyed_hash("k" * 32)("ab", "c")
