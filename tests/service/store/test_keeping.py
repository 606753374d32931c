"""What is remembered is exported, forgotten and copied by the command line, on both databases."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from fhir.resources.R4B import get_fhir_model_class
from sqlalchemy import URL

from cards.rule_book import rule_book
from service.app import create_app
from service.publish.canonical import canonical
from service.settings import PREFIX, load
from service.store.database import prepare
from service.store.hashing import FILE, keyed_hash, own_key
from tests.support.commands import Done, run
from tests.support.patients import NOW
from tests.support.processes import until
from tests.support.r4 import empties
from tests.support.remembered import counts, rows
from tests.support.signing import AUDIENCE, FHIR_BASE, VIEW, token
from tests.support.site import REQUEST, Site, site

Json = dict[str, Any]
OTHER = "https://ehr.hospital.example/other"
TENANTS = f'tenants = [{{ base = "{FHIR_BASE}", name = "a" }}, {{ base = "{OTHER}", name = "b" }}]'
DAY = timedelta(days=1)
OLD = (("evaluations", "at"), ("feedback", "received"))
# The required bindings of R4 that the models do not check.
BOUND = {"action": {"C", "R", "U", "D", "E"}, "outcome": {"0", "4", "8", "12"}}


def about(patient: str, **context: str) -> Json:
    """The request, about a patient of this id."""
    text = json.dumps(REQUEST).replace(json.dumps(REQUEST["context"]["patientId"])[1:-1], patient)
    request: Json = json.loads(text)
    return {**request, "context": {**request["context"], **context}}


def shown(main: Site, request: Json, tenant: str = "a") -> str:
    """The uuid of the first card of an answer."""
    uuid: str = main.post(token(tenant=tenant), request).get_json()["cards"][0]["uuid"]
    return uuid


def answer(main: Site, card: str) -> None:
    """Say that a card was set aside."""
    entry = {"card": card, "outcome": "overridden", "outcomeTimestamp": "2026-03-02T10:00:00Z"}
    signed = token(aud=f"{AUDIENCE}/feedback", tenant="a")
    assert main.post(signed, {"feedback": [entry]}, path=f"{VIEW}/feedback").status_code == 200


@pytest.fixture
def store(url: URL) -> str:
    """The line of the settings that names the database."""
    return f'store_url = "{url.set(drivername=url.get_backend_name()).render_as_string()}"'


@pytest.fixture
def folder(tmp_path: Path, url: URL, store: str) -> Path:
    """Where a service has answered four calls about two patients, and taken feedback on a card of each."""
    with site(tmp_path, TENANTS, store) as main:
        for patient in ("one", "two"):
            answer(main, shown(main, about(patient)))
        shown(main, about("one"), tenant="b")
        shown(main, about("one", encounterId="enc"))
    return tmp_path


def exported(folder: Path, *words: str) -> dict[str, list[Json]]:
    """What the export holds, by type."""
    done = run("store", "export", "--out", "record", *words, folder=folder)
    assert done.returncode == 0, done.stderr
    files = {file.stem: file for file in (folder / "record").iterdir()}
    assert {file.suffix for file in files.values()} == {".ndjson"}
    return {kind: [json.loads(line) for line in file.read_text().splitlines()] for kind, file in files.items()}


def test_the_export_is_valid_r4_and_names_nobody(folder: Path) -> None:
    record = exported(folder, "--not-applicable")
    assert record.keys() == {"GuidanceResponse", "AuditEvent"}
    for kind, resources in record.items():
        assert len({one["id"] for one in resources}) == len(resources)
        for resource in resources:
            get_fhir_model_class(kind).model_validate(resource)
            assert empties(resource) == []
            assert all(resource.get(name, next(iter(codes))) in codes for name, codes in BOUND.items())
    on_view = [rule for rule in rule_book().rules.values() if "patient-view" in rule.hooks]
    assert len(record["GuidanceResponse"]) == 4 * len(on_view)
    known = {f"{canonical('PlanDefinition', rule.id)}|{rule.version}" for rule in on_view}
    assert {one["moduleCanonical"] for one in record["GuidanceResponse"]} == known
    written = json.dumps(record)
    assert '"one"' not in written
    assert "Practitioner/" not in written
    assert (folder / "record" / "AuditEvent.ndjson").stat().st_mode & 0o777 == 0o600


def test_the_export_says_who_was_shown_what(folder: Path) -> None:
    record = exported(folder)
    spoke = [one for one in record["GuidanceResponse"] if "outputParameters" in one]
    hashed = keyed_hash(own_key(folder / "data"))("main", FHIR_BASE, "Patient", "two")
    (lumbar,) = (
        one
        for one in spoke
        if "/lumbar-mri|" in one["moduleCanonical"] and one["subject"]["identifier"]["value"] == hashed
    )
    assert lumbar["status"] in ("success", "data-requested")
    told = {one["name"]: one.get("valueString", one.get("valueBoolean")) for one in lumbar["contained"][0]["parameter"]}
    assert (told["shown"], told["mode"]) == (True, "live")
    assert told["indicator"] == "warning"
    events = record["AuditEvent"]
    said = [event for event in events if event["action"] == "C"]
    assert [event["type"]["display"] for event in said] == ["Feedback on a card"] * 2
    assert told["uuid"] in {event["entity"][0]["what"]["identifier"]["value"] for event in said}
    calls = [event for event in events if event["action"] == "E"]
    assert len(calls) == 4
    client, user, service = calls[0]["agent"]
    assert (client["who"]["identifier"]["value"], client["requestor"], user["requestor"]) == ("main", False, True)
    assert service["who"]["display"].startswith("foot-drop-cds ")
    assert sum(any(one.get("name") == "Encounter" for one in call["entity"]) for call in calls) >= 1


def test_the_export_is_of_a_time(folder: Path) -> None:
    at = NOW.astimezone(UTC)
    assert len(exported(folder, "--since", at.isoformat())["GuidanceResponse"]) > 4
    assert exported(folder, "--until", at.isoformat())["GuidanceResponse"] == []
    assert exported(folder, "--since", (at + DAY).isoformat())["GuidanceResponse"] == []
    assert run("store", "export", "--out", "record", "--since", "yesterday", folder=folder).returncode == 2
    swapped = ("--since", "2026-02-01", "--until", "2026-01-01")
    assert "the period is empty" in run("store", "export", "--out", "record", *swapped, folder=folder).stderr


def forget(folder: Path, patient: str, *words: str, client: str = "main") -> Done:
    """Forget a patient."""
    return run("store", "forget", "--patient", patient, "--client", client, *words, folder=folder)


def test_one_patient_is_forgotten_and_no_other(folder: Path, url: URL) -> None:
    before = counts(url)
    hashed = keyed_hash(own_key(folder / "data"))
    one, two = (hashed("main", FHIR_BASE, "Patient", patient) for patient in ("one", "two"))
    said = forget(folder, "nobody").stdout
    assert said.startswith(
        "Forgotten: 0 evaluations, 0 cards, 0 entries of feedback\nUnder the key of the hashes in use"
    )
    cards = before["cards"] // 4
    said = f"Forgotten: 1 evaluations, {cards} cards, 0 entries of feedback\n"
    assert forget(folder, "one", "--tenant", OTHER).stdout == said
    said = f"Forgotten: 2 evaluations, {2 * cards} cards, 1 entries of feedback\n"
    assert forget(folder, "Patient/one").stdout == said
    assert counts(url) == {**before, "evaluations": 1, "cards": cards, "feedback": 1}
    assert rows(url, "SELECT patient FROM evaluations") == [(two,)]
    if url.get_backend_name() == "sqlite":
        held = b"".join(file.read_bytes() for file in Path(str(url.database)).parent.iterdir())
        assert one.encode() not in held
        assert two.encode() in held


def test_whom_nobody_can_tell_nobody_forgets(folder: Path) -> None:
    assert "there is no client other" in forget(folder, "one", client="other").stderr
    assert "not the http or https address" in forget(folder, "one", "--tenant", "b").stderr
    (folder / "data" / FILE).rename(folder / "key")
    done = forget(folder, "one")
    assert (done.returncode, "the key of the hashes is missing" in done.stderr) == (1, True)
    assert not (folder / "data" / FILE).exists(), "and no other one is made"


def test_what_is_older_than_so_many_days_is_forgotten(folder: Path, url: URL) -> None:
    before = counts(url)
    age = (datetime.now(UTC) - NOW.astimezone(UTC)).days
    assert run("store", "purge", "--older-than", f"{max(age, 1) + 2}d", folder=folder).stdout.startswith(
        "Forgotten: 0 "
    )
    assert counts(url) == before
    for wrong in ("0d", "-1d", "d", "1.5d", "4h", "99999d"):
        assert run("store", "purge", "--older-than", wrong, folder=folder).returncode == 2


def test_the_service_itself_forgets_what_is_older_than_keep_days(folder: Path, url: URL, store: str) -> None:
    _age(url, timedelta(days=2))
    with site(folder, TENANTS, f"{store}\nkeep_days = 3") as main:
        shown(main, about("three"))
        until(lambda: counts(url)["evaluations"] == 5)
    lately = f"UPDATE evaluations SET at = at - {18 * 3_600_000} WHERE at = (SELECT max(at) FROM evaluations)"
    _run(url, lately)  # a service that was in use since: else the clock would be doubted
    with site(folder, TENANTS, f"{store}\nkeep_days = 1") as main:
        shown(main, about("four"))
        until(lambda: counts(url)["evaluations"] == 2)
        until(lambda: counts(url)["feedback"] == 0)


def test_nothing_is_left_of_what_is_old(folder: Path, url: URL) -> None:
    before = counts(url)
    _age(url, timedelta(days=3000))
    done = run("store", "purge", "--older-than", "365d", folder=folder)
    assert done.stdout == (
        f"Forgotten: {before['evaluations']} evaluations, {before['cards']} cards, 2 entries of feedback\n"
    )
    assert set(counts(url).values()) == {0}


def _age(url: URL, age: timedelta) -> None:
    """Make all rows as much older."""
    shift = int(age.total_seconds() * 1000)
    _run(url, *(f"UPDATE {table} SET {column} = {column} - {shift}" for table, column in OLD))


def _run(url: URL, *statements: str) -> None:
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


@pytest.mark.long
def test_in_development_a_database_that_is_named_keeps_what_is_answered(tmp_path: Path, url: URL) -> None:
    address = url.set(drivername=url.get_backend_name()).render_as_string()
    settings = load(environment={f"{PREFIX}STORE_URL": address, f"{PREFIX}DATA_DIR": str(tmp_path)}, dev=True)
    prepare(url)
    app = create_app(settings, now=NOW)
    client = app.test_client()
    card = client.post(VIEW, json=REQUEST).get_json()["cards"][0]["uuid"]
    entry = {"card": card, "outcome": "overridden", "outcomeTimestamp": "2026-03-02T10:00:00Z"}
    assert client.post(f"{VIEW}/feedback", json={"feedback": [entry]}).status_code == 200
    app.close()
    assert rows(url, "SELECT rule, outcome FROM answered_cards WHERE outcome IS NOT NULL") == [
        ("lumbar-mri", "overridden")
    ]
