"""The quirks of EHRs (quirks.toml): requests as they write them, signed, and what the service answers."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cards.language.verdict import Indicator
from cards.record.prefetch_keys import PREFETCH_KEYS
from cards.rule_book import rule_book
from service.profiles.codes import plain_topic
from service.profiles.profile import PROFILES
from service.store.database import place
from tests.support import vignettes
from tests.support.fhir_server import FhirServer
from tests.support.patients import FOOT_DROP, NOW
from tests.support.places import DATA, ROOT
from tests.support.profiled import pairs
from tests.support.remembered import rows
from tests.support.signing import AUDIENCE, FHIR_BASE, PUBLIC_URL, VIEW, token
from tests.support.site import HOST, REQUEST, Site, lines, site

Json = dict[str, Any]
WRITTEN = DATA / "quirks"
TABLE = tomllib.loads((Path(__file__).parent / "quirks.toml").read_text(encoding="utf-8"))["quirk"]
RULE_OF = {plain_topic(rule, indicator): rule for rule in rule_book().rules for indicator in Indicator}
SIGN = "/cds-services/foot-drop-order-sign"


def written(name: str) -> Any:
    """What an EHR wrote."""
    return json.loads((WRITTEN / name).read_text(encoding="utf-8"))


@pytest.fixture
def epic(tmp_path: Path) -> Iterator[Site]:
    """The service, with Epic as its client."""
    with site(tmp_path, 'profile = "epic"') as running:
        yield running


def topics(main: Site, request: Json, path: str = VIEW) -> list[str]:
    """The cards that a request gets, by topic."""
    reply = main.post(token(aud=f"{PUBLIC_URL}{path}"), request, path)
    assert reply.status_code == 200, reply.text
    return [RULE_OF[card["source"]["topic"]["code"]] for card in reply.get_json()["cards"]]


def of_server(server: FhirServer, request: Json, token: str = "t1") -> Json:
    """The request with this FHIR server and its access token."""
    granted = {**request.get("fhirAuthorization", {}), "access_token": token, "token_type": "Bearer"}
    return {**request, "fhirServer": server.base, "fhirAuthorization": granted}


def tenant(server: FhirServer, more: str = "") -> str:
    """The settings of a client that has this FHIR server."""
    of_server = f'tenants = [{{ base = "{server.base}", plain_http = true, private = true }}]'
    return f'profile = "epic"\n{of_server}\ndeadline_ms = 5000\n{more}'


def held() -> list[Json]:
    """A patient with foot drop, as a FHIR server holds him."""
    return [record for records in vignettes.records(FOOT_DROP, NOW).values() for record in records]


# ---- the table ----


def test_every_quirk_has_its_row() -> None:
    assert [row["number"] for row in TABLE] == list(range(1, 21))
    named = {name for row in TABLE for name in row.get("written", ())}
    assert named == {path.name for path in WRITTEN.iterdir()}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row['number']} {row['text'][:40]}")
def test_a_quirk_is_shown_or_says_why_not(row: Json) -> None:
    (way,) = row.keys() - {"number", "text", "seen", "written"}
    assert way in ("test", "later", "not_applicable")
    assert row["text"].strip()
    assert row["seen"].strip()
    if way == "test":
        path, _, name = row["test"].partition("::")
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8")


# ---- what is written ----


def test_what_epic_writes_is_read(epic: Site, capfd: pytest.CaptureFixture[str]) -> None:
    """A category that is no list, an identifier without value, extensions, keys and members that nobody knows."""
    assert topics(epic, written("epic-patient-view.json"))[0] == "lumbar-mri"
    line = lines(capfd.readouterr().err)[-1]
    assert (line["unreadable"], line["unseen"]) == (0, 0)


def test_no_results_are_known_to_be_nothing(epic: Site, capfd: pytest.CaptureFixture[str]) -> None:
    asked = written("epic-patient-view.json")
    nothing = asked["prefetch"]["allergies"]
    assert nothing["entry"][0]["resource"]["issue"][0]["details"]["coding"][0]["code"] == "4101"
    for key in ("conditions", "observations"):
        asked["prefetch"][key] = nothing
    assert topics(epic, asked) == []
    assert lines(capfd.readouterr().err)[-1]["unseen"] == 0


@pytest.mark.parametrize("value", written("prefetch-values.json"), ids=lambda value: value["name"])
def test_the_states_of_a_prefetch_key(tmp_path: Path, value: Json, capfd: pytest.CaptureFixture[str]) -> None:
    """What was left out, or is no resource, is read; what the EHR could not read is not asked again; empty is known."""
    state = value["state"]
    asked = written("epic-patient-view.json")
    asked["prefetch"].pop("conditions")
    if "value" in value:
        asked["prefetch"]["conditions"] = value["value"]
    with FhirServer(token="t1") as server, site(tmp_path, tenant(server)) as main:
        reply = main.post(token(), of_server(server, asked))
        assert (reply.status_code == 412) == (state == "in error"), reply.text
        assert bool(server.asked_for("Condition")) == (state in ("not supplied", "no resource"))
    assert lines(capfd.readouterr().err)[-1].get("unreadable", 0) == (state == "no resource")
    if state == "supplied":
        assert reply.get_json()["cards"][0]["source"]["topic"]["code"] == "lumbarmriwarning"


def test_what_prefetch_lacks_is_read_key_by_key(tmp_path: Path) -> None:
    with FhirServer(held(), token="t1") as server, site(tmp_path, tenant(server)) as main:
        asked = of_server(server, {**REQUEST, "prefetch": {**REQUEST["prefetch"]}})
        for key in ("observations", "procedures"):
            del asked["prefetch"][key]
        assert topics(main, asked)[0] == "lumbar-mri"
        assert {request.kind for request in server.requests} == {"Observation", "Procedure"}


def test_the_user_and_the_patient_in_each_spelling(epic: Site) -> None:
    asked = written("epic-patient-view.json")
    patient, user = asked["context"]["patientId"], asked["context"]["userId"].partition("/")[2]
    requesters = []
    for kind in ("PractitionerRole", "Practitioner"):
        for spelling in (patient, f"Patient/{patient}", f"{FHIR_BASE}/Patient/{patient}"):
            context = {**asked["context"], "patientId": spelling, "userId": f"{kind}/{user}"}
            reply = epic.post(token(), {**asked, "context": context})
            assert reply.status_code == 200, spelling
            order = reply.get_json()["cards"][0]["suggestions"][0]["actions"][0]["resource"]
            assert order["subject"] == {"reference": f"Patient/{patient}"}
            requesters.append(order["requester"]["reference"])
    assert requesters == [f"PractitionerRole/{user}"] * 3 + [f"Practitioner/{user}"] * 3


def test_the_medication_of_a_draft_wherever_it_is(tmp_path: Path) -> None:
    """Among the entries (Epic since February 2024), contained, under an absolute address, or on the server."""
    medication = written("epic-order-sign.json")["context"]["draftOrders"]["entry"][1]["resource"]
    with FhirServer([medication], token="t1") as server, site(tmp_path, tenant(server)) as main:
        for place in ("entry", "absolute", "contained", "server"):
            asked = of_server(server, written("epic-order-sign.json"))
            entries = asked["context"]["draftOrders"]["entry"]
            draft = entries[0]["resource"]
            if place == "absolute":
                entries[1]["fullUrl"] = f"{server.base}/Medication/{medication['id']}"
                draft["medicationReference"]["reference"] = entries[1]["fullUrl"]
            elif place == "contained":
                draft["contained"] = [{**entries.pop()["resource"], "id": "m"}]
                draft["medicationReference"]["reference"] = "#m"
            elif place == "server":
                entries.pop()
            assert "nsaid-safety" in topics(main, asked, SIGN), place
            assert bool(server.asked_for("Medication")) == (place == "server")


def test_a_hook_at_the_wrong_service_is_refused_by_name(tmp_path: Path) -> None:
    with site(tmp_path, 'profile = "sandbox"') as main:
        reply = main.post(token(), written("sandbox-other-hook.json"))
        assert reply.status_code == 400
        assert reply.get_json()["issue"][0]["expression"] == ["hook"]


def test_the_audiences_follow_from_the_public_address(epic: Site) -> None:
    """Whatever Host is sent; of feedback the service too, where the EHR may sign for that."""
    for name in ("cds.hospital.example", "localhost", "127.0.0.1"):
        assert epic.status(Host=name) == 200
        assert epic.status(token(aud=f"https://{name}{VIEW}"), Host=name) == (200 if name.startswith("cds") else 401)
    feedback = f"{VIEW}/feedback"
    assert PROFILES["epic"].audiences(feedback) == (feedback, VIEW)
    assert PROFILES["strict"].audiences(feedback) == (feedback,)
    assert PROFILES["epic"].audiences(VIEW) == (VIEW,)
    assert epic.status(token(aud=f"{AUDIENCE}/feedback")) == 401, "a token for feedback calls no service"


def test_scopes_decide_nothing(tmp_path: Path) -> None:
    """Epic's words, the syntax of SMART 1 and of 2, or none: what may be read is tried."""
    own = written("epic-patient-view.json")["fhirAuthorization"]["scope"]
    with FhirServer(held(), token="t1") as server, site(tmp_path, tenant(server)) as main:
        for scope in (own, "patient/Observation.read", "patient/Observation.rs", "", None, ["x"]):
            asked = of_server(server, {**REQUEST, "prefetch": {}, "fhirAuthorization": {"scope": scope}})
            assert topics(main, asked)[0] == "lumbar-mri", scope
        server.misbehave("Condition", status=403)
        assert main.status(request=asked) == 412


def test_a_search_too_long_for_an_address_is_posted_and_is_one_where_that_is_refused(tmp_path: Path) -> None:
    many = [f"FLO-{number:05}" for number in range(300)]
    codes = f'[codes."observation.mrc-ankle-dorsiflexion"]\n"https://hospital.example/flowsheet" = {json.dumps(many)}'
    with FhirServer(held(), token="t1") as server, site(tmp_path, tenant(server), codes) as main:
        asked = of_server(server, {**REQUEST, "prefetch": {}})
        assert topics(main, asked)[0] == "lumbar-mri"
        assert [request.method for request in server.asked_for("Observation")] == ["POST"]
        assert set(many) <= set(server.asked_for("Observation")[0].query["code"][0].split(","))
        server.misbehave("Observation", refuse_post=405)
        assert topics(main, asked)[0] == "lumbar-mri"
        assert [request.method for request in server.asked_for("Observation")] == ["POST", "POST", "GET"]


def test_a_server_that_filters_nothing_changes_nothing(tmp_path: Path) -> None:
    """It answers with Observations of every code: those that no rule reads are passed over."""
    other = {**held()[-1], "resourceType": "Observation", "id": "weight", "status": "final"}
    other["code"] = {"coding": [{"system": "http://loinc.org", "code": "8302-2"}], "text": "Body height"}
    records = [*held(), other]
    whole = {"resourceType": "Bundle", "type": "searchset"}
    observed = [{"resource": record} for record in records if record["resourceType"] == "Observation"]
    with FhirServer(held(), token="t1") as server, site(tmp_path, tenant(server)) as main:
        asked = of_server(server, {**REQUEST, "prefetch": {}})
        filtered = topics(main, asked)
        server.misbehave("Observation", body=json.dumps({**whole, "entry": observed}).encode())
        assert topics(main, asked) == filtered != []
        another = {**other, "id": "another", "subject": {"reference": "Patient/p2"}}
        mixed = json.dumps({**whole, "entry": [*observed, {"resource": another}]}).encode()
        server.misbehave("Observation", body=mixed)
        assert main.status(request=asked) == 422, "the parameter that was passed over is the patient"


def test_a_stripped_request_is_answered_for_the_analyst(epic: Site, tmp_path: Path) -> None:
    stripped = written("epic-stripped.json")
    assert stripped.keys().isdisjoint({"fhirAuthorization", "prefetch"})
    reply = epic.post(token(aud=f"{PUBLIC_URL}{SIGN}"), stripped, SIGN)
    (issue,) = reply.get_json()["issue"]
    assert (reply.status_code, issue["expression"]) == (412, ["context.draftOrders"])
    assert "an Endpoint URI of the app, letter by letter" in issue["diagnostics"]
    view = {**stripped, "hook": "patient-view", "fhirServer": None}
    (issue,) = epic.post(token(), view).get_json()["issue"]
    assert issue["code"] == "incomplete"
    assert "fhirAuthorization is missing. In Epic, check" in issue["diagnostics"]
    wrong = {**stripped, "context": {**stripped["context"], "draftOrders": []}}
    assert epic.status(token(aud=f"{PUBLIC_URL}{SIGN}"), request=wrong, path=SIGN) == 400, "it was not left out"
    (tmp_path / "other").mkdir()
    with site(tmp_path / "other") as strict:
        reply = strict.post(token(aud=f"{PUBLIC_URL}{SIGN}"), stripped, SIGN)
        assert reply.status_code == 400
        assert "Epic" not in strict.post(token(), view).text


def test_pages_of_prefetch_are_read_to_the_end_or_said_to_be_a_part(tmp_path: Path) -> None:
    asked = written("epic-patient-view.json")
    conditions = asked["prefetch"]["conditions"]
    first = {**conditions, "entry": [], "total": 1}
    with FhirServer(token="t1") as server, site(tmp_path, tenant(server)) as main:
        server.misbehave("Condition", body=json.dumps(conditions).encode())
        first["link"] = [{"relation": "next", "url": f"{server.base}/Condition?page=2"}]
        asked["prefetch"]["conditions"] = first
        assert topics(main, of_server(server, asked))[0] == "lumbar-mri"
        elsewhere = [{"relation": "next", "url": "https://elsewhere.example/Condition?page=2"}]
        asked["prefetch"]["conditions"] = {**conditions, "total": 2, "link": elsewhere}
        detail = main.post(token(), of_server(server, asked)).get_json()["cards"][0]["detail"]
        assert PREFETCH_KEYS["conditions"].unseen in detail
        assert len(server.requests) == 1


def test_a_page_of_the_client_reads_every_answer(tmp_path: Path) -> None:
    page = "https://try.hospital.example"
    with site(tmp_path, 'profile = "sandbox"\norigins = ["https://try.hospital.example"]') as main:
        replies = [
            main.post(token(), Origin=page),
            main.post(None, Origin=page),
            main.post(token(), {"hook": "order-sign"}, Origin=page),
            main.post(token(), path="/cds-services/none", Origin=page),
            main.http.get("/cds-services", headers={**HOST, "Origin": page}),
            main.http.options(
                VIEW,
                headers={
                    **HOST,
                    "Origin": page,
                    "Access-Control-Request-Method": "POST",
                    "Access-Control-Request-Headers": "authorization,content-type",
                },
            ),
        ]
        assert [reply.status_code for reply in replies] == [200, 401, 400, 404, 200, 204]
        assert {reply.headers["Access-Control-Allow-Origin"] for reply in replies} == {page}
        allowed = replies[-1].headers["Access-Control-Allow-Headers"].lower()
        assert {"authorization", "content-type"} <= set(allowed.replace(" ", "").split(","))


# ---- what is sent, and what comes back ----


@pytest.mark.parametrize("profile", PROFILES)
def test_every_card_names_its_source_and_is_short(profile: str) -> None:
    for pair in pairs(profile):
        for card in pair.shaped.values():
            assert card["source"]["label"].strip()
            assert len(card["summary"].encode("utf-16-le")) // 2 < 140


def feedback(main: Site) -> list[Any]:
    """What is kept of feedback."""
    url = place(main.settings.store_address, main.settings.data_dir)
    return rows(url, "SELECT card, outcome, reason, extension FROM feedback ORDER BY at, outcome DESC")


@pytest.mark.parametrize("audience", [f"{AUDIENCE}/feedback", AUDIENCE])
def test_feedback_in_each_spelling_is_kept_with_our_code(epic: Site, audience: str) -> None:
    """Signed for the endpoint of feedback or for the service; with a code of ours, or a reason of Epic's own."""
    (card, *_) = epic.post(token(), written("epic-patient-view.json")).get_json()["cards"]
    declined = written("epic-feedback-reason.json")
    assert declined["feedback"][0]["overrideReasons"]["reason"]["code"] in {
        reason["code"] for reason in card["overrideReasons"]
    }
    for name in ("epic-feedback-reason.json", "epic-feedback-extension.json"):
        (entry,) = written(name)["feedback"]
        reply = epic.post(token(aud=audience), {"feedback": [{**entry, "card": card["uuid"]}]}, f"{VIEW}/feedback")
        assert (reply.status_code, reply.get_json()) == (200, {})
    kept = feedback(epic)
    assert {(uuid, outcome) for uuid, outcome, *_ in kept} == {(card["uuid"], "overridden")}
    assert {reason for *_, reason, _ in kept} == {"patient-declined", ""}
    assert any("Does not meet criteria" in extension for *_, extension in kept)


def test_a_batch_of_feedback_is_taken_entry_by_entry(epic: Site) -> None:
    """One entry comes twice, one is wrong; and the batch comes again."""
    for _ in range(2):
        reply = epic.post(token(aud=f"{AUDIENCE}/feedback"), written("epic-feedback-batch.json"), f"{VIEW}/feedback")
        assert reply.status_code == 200
    assert [outcome for _, outcome, *_ in feedback(epic)] == ["overridden", "accepted"]


def test_a_code_is_ours_only_where_hyphens_are_left_out(tmp_path: Path) -> None:
    with site(tmp_path) as main:
        reply = main.post(token(aud=f"{AUDIENCE}/feedback"), written("epic-feedback-reason.json"), f"{VIEW}/feedback")
        assert reply.status_code == 200
        assert [reason for *_, reason, _ in feedback(main)] == ["patientdeclined"]
        service_alone = main.post(token(), written("epic-feedback-reason.json"), f"{VIEW}/feedback")
        assert service_alone.status_code == 401, "a token for the service is none for its feedback"
