"""Feedback over HTTP: its shapes, what is refused, and that one bad entry costs the others nothing."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from flask.testing import FlaskClient

from service.app import Application
from service.memory.feedback import MOST_ENTRIES
from service.memory.in_process import MOST, InProcess
from service.memory.rows import Feedback
from tests.support.patients import Ask
from tests.support.places import DATA

Json = dict[str, Any]
URL = "/cds-services/foot-drop-patient-view/feedback"
STAMP = "2026-03-02T10:00:00Z"
OVERRIDDEN: Json = {"card": "07eb52a7-d872-4e18-a783-46a2cd6d68ca", "outcome": "overridden", "outcomeTimestamp": STAMP}
ACCEPTED: Json = {**OVERRIDDEN, "outcome": "accepted", "acceptedSuggestions": [{"id": "2f7235f4"}]}
REASON: Json = {"code": "patient-declined", "system": "https://foot-drop-cds.example/fhir/CodeSystem/override-reasons"}
OTHER: Json = {"code": "contraindicated", "display": "bad", "system": "http: //example.org/override-reasons"}
# As Epic's documentation shows them.
EPIC = {
    "reason": {"overrideReasons": {"reason": OTHER, "userComment": "User Entered Free Text"}},
    "extension": {
        "overrideReasons": {
            "extension": {
                "com.epic.cdshooks.feedback.overrideReason.reasonCategory": "45",
                "com.epic.cdshooks.feedback.overrideReason.reasonDisplay": "Does not meet criteria",
            },
            "userComment": "User Entered Free Text",
        }
    },
}


@pytest.fixture
def taken(app: Application) -> InProcess:
    """What the service remembers, nothing so far."""
    app.memory.keeping = remembered = InProcess()
    return remembered


def send(client: FlaskClient, *entries: object) -> Any:
    """The reply to a message of these entries."""
    return client.post(URL, json={"feedback": list(entries)})


def only(taken: InProcess) -> Feedback:
    """The one entry that was kept."""
    (event,) = taken.feedback.values()
    return event


@pytest.mark.parametrize("entry", [ACCEPTED, OVERRIDDEN], ids=["accepted", "overridden"])
def test_what_became_of_a_card_is_acknowledged_with_an_empty_object(
    client: FlaskClient, taken: InProcess, entry: Json
) -> None:
    reply = send(client, entry)
    assert (reply.status_code, reply.get_json()) == (200, {})
    event = only(taken)
    assert (event.card, event.outcome) == (entry["card"], entry["outcome"])
    assert event.suggestions == ("2f7235f4" if entry is ACCEPTED else "")
    assert event.at == 1_772_445_600_000


@pytest.mark.parametrize("file", sorted((DATA / "client_requests").glob("feedback-*.json")), ids=lambda file: file.stem)
def test_what_the_public_sandbox_sends_is_taken(client: FlaskClient, taken: InProcess, file: Any) -> None:
    body = json.loads(file.read_text())["body"]
    assert client.post(URL, json=body).get_json() == {}
    assert only(taken).card == body["feedback"][0]["card"]


@pytest.mark.parametrize("name", ["overrideReason", "overrideReasons"])
@pytest.mark.parametrize("reason", [REASON, OTHER, {"code": "4711"}, {"display": "no code"}], ids=str)
def test_a_reason_is_kept_whoever_made_it(client: FlaskClient, taken: InProcess, name: str, reason: Json) -> None:
    assert send(client, {**OVERRIDDEN, name: {"reason": reason, "userComment": "why"}}).status_code == 200
    event = only(taken)
    members = (reason.get("code", ""), reason.get("system", ""), reason.get("display", ""))
    assert (event.reason, event.system, event.display) == members
    assert event.comment == "", "a comment is kept only where the settings say so"


@pytest.mark.parametrize("shape", EPIC)
def test_what_epic_sends_is_taken(client: FlaskClient, taken: InProcess, shape: str) -> None:
    assert send(client, {**OVERRIDDEN, **EPIC[shape]}).status_code == 200
    event = only(taken)
    assert event.reason == ("contraindicated" if shape == "reason" else "")
    held = EPIC[shape]["overrideReasons"].get("extension", "")
    assert (json.loads(event.extension) if event.extension else "") == held


@pytest.mark.parametrize(
    ("stamp", "at"),
    [
        ("1985-04-12T23:20:50.52Z", 482_196_050_520),
        ("2026-03-02T10:00:00+00:00", 1_772_445_600_000),
        ("2026-03-02t10:00:00z", 1_772_445_600_000),
        ("2026-03-02T12:00:00.123456789+02:00", 1_772_445_600_123),
        ("2026-03-02T10:00:00", 1_772_445_600_000),
    ],
)
def test_a_time_in_any_form_of_rfc_3339_is_read(client: FlaskClient, taken: InProcess, stamp: str, at: int) -> None:
    assert send(client, {**OVERRIDDEN, "outcomeTimestamp": stamp}).status_code == 200
    assert only(taken).at == at


@pytest.mark.parametrize(
    "stamp",
    [
        "yesterday",
        "",
        7,
        None,
        "9999-99-99",
        "0001-01-01T00:00:00+23:59",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-01:00",
        [STAMP],
    ],
    ids=str,
)
def test_an_answer_whose_time_cannot_be_read_is_no_worse(client: FlaskClient, taken: InProcess, stamp: object) -> None:
    for _ in range(2):
        assert send(client, {**OVERRIDDEN, "outcomeTimestamp": stamp}).status_code == 200
    assert only(taken).at <= only(taken).received, "it happened before it came"


BAD: dict[str, tuple[object, str]] = {
    "another outcome": ({**OVERRIDDEN, "outcome": "ignored"}, "feedback[0].outcome"),
    "an outcome that is no text": ({**OVERRIDDEN, "outcome": ["accepted"]}, "feedback[0].outcome"),
    "no outcome": ({"card": "a", "outcomeTimestamp": STAMP}, "feedback[0].outcome"),
    "no card": ({"outcome": "overridden", "outcomeTimestamp": STAMP}, "feedback[0].card"),
    "a card that is no text": ({**OVERRIDDEN, "card": 7}, "feedback[0].card"),
    "an empty card": ({**OVERRIDDEN, "card": " "}, "feedback[0].card"),
    "a card that is too long": ({**OVERRIDDEN, "card": "a" * 201}, "feedback[0].card"),
    "nothing accepted": ({**ACCEPTED, "acceptedSuggestions": []}, "feedback[0].acceptedSuggestions"),
    "no suggestions": ({**OVERRIDDEN, "outcome": "accepted"}, "feedback[0].acceptedSuggestions"),
    "a suggestion without id": ({**ACCEPTED, "acceptedSuggestions": [{}]}, "feedback[0].acceptedSuggestions"),
    "an empty reason": ({**OVERRIDDEN, "overrideReason": {}}, "feedback[0].overrideReason"),
    "a reason that is a text": ({**OVERRIDDEN, "overrideReason": "no"}, "feedback[0].overrideReason"),
    "an empty reason of Epic": ({**OVERRIDDEN, "overrideReasons": {}}, "feedback[0].overrideReasons"),
    "a number": (7, "feedback[0]"),
    "null": (None, "feedback[0]"),
    "a list": ([OVERRIDDEN], "feedback[0]"),
    "one that is too large": ({**OVERRIDDEN, "extension": "x" * 300_000}, "feedback[0]"),
}


@pytest.mark.parametrize("name", BAD)
def test_an_entry_that_breaks_the_rules_is_refused_by_its_member(
    client: FlaskClient, taken: InProcess, name: str
) -> None:
    entry, member = BAD[name]
    reply = send(client, entry)
    assert reply.status_code == 400
    (issue,) = reply.get_json()["issue"]
    assert issue["expression"] == [member]
    assert issue["diagnostics"].startswith(member)
    assert not taken.feedback


def test_one_bad_entry_costs_the_others_nothing(
    client: FlaskClient, taken: InProcess, capfd: pytest.CaptureFixture[str]
) -> None:
    good = [{**OVERRIDDEN, "card": f"card-{number}"} for number in range(len(BAD))]
    mixed = [entry for pair in zip(good, (entry for entry, _ in BAD.values()), strict=True) for entry in pair]
    reply = send(client, *mixed)
    assert (reply.status_code, reply.get_json()) == (200, {})
    assert {event.card for event in taken.feedback.values()} == {entry["card"] for entry in good}
    line = json.loads(capfd.readouterr().err)
    said = {name: line[name] for name in ("feedback", "again", "unknown_cards", "refused_entries")}
    assert said == {"feedback": 17, "again": 0, "unknown_cards": 17, "refused_entries": 17}
    assert line["why"].startswith("feedback[1]"), "the client is not told, so the log is"


def test_the_same_message_again_changes_nothing(client: FlaskClient, taken: InProcess) -> None:
    later = {**OVERRIDDEN, "outcomeTimestamp": "2026-03-02T11:00:00Z"}
    for entries in ([OVERRIDDEN, ACCEPTED, later], [later, OVERRIDDEN], [ACCEPTED], [OVERRIDDEN] * 5):
        assert send(client, *entries).status_code == 200
    assert len(taken.feedback) == 3
    capitals = {**OVERRIDDEN, "card": OVERRIDDEN["card"].upper(), "outcomeTimestamp": "2026-03-02T10:00:00.000+00:00"}
    assert send(client, capitals).status_code == 200
    assert len(taken.feedback) == 3, "it is the same, written otherwise"


def test_an_unknown_card_and_a_known_one_are_answered_alike(
    client: FlaskClient, taken: InProcess, ask: Ask, foot_drop: Json
) -> None:
    shown = ask(foot_drop).get_json()["cards"][0]
    known, unknown = send(client, {**OVERRIDDEN, "card": shown["uuid"]}), send(client, OVERRIDDEN)
    assert (known.status_code, known.data) == (unknown.status_code, unknown.data)
    own = {"X-Request-Id"}  # each reply has its own
    assert [one for one in known.headers if one[0] not in own] == [one for one in unknown.headers if one[0] not in own]
    assert len(taken.feedback) == 2


def test_each_card_and_suggestion_that_is_sent_is_remembered(taken: InProcess, ask: Ask, foot_drop: Json) -> None:
    cards = ask(foot_drop).get_json()["cards"]
    (answered,) = taken.answered.values()
    kept = [(card.uuid, card.rule, card.indicator) for card in answered.cards]
    assert kept == [(card["uuid"], card["source"]["topic"]["code"], card["indicator"]) for card in cards]
    suggestions = [(one["uuid"], one["label"]) for card in answered.cards for one in json.loads(card.suggestions)]
    assert suggestions == [(one["uuid"], one["label"]) for card in cards for one in card.get("suggestions", ())]
    evidence = [len(json.loads(card.evidence)) for card in answered.cards]
    assert evidence == [len(next(iter(card["extension"].values()))["facts"]) for card in cards]
    verdicts = {verdict.rule: verdict.outcome for verdict in answered.verdicts}
    assert len(verdicts) > len(cards)
    assert {rule for rule, outcome in verdicts.items() if outcome == "card"} == {rule for _, rule, _ in kept}


def test_a_request_without_cards_is_remembered_too(taken: InProcess, ask: Ask, no_foot_drop: Json) -> None:
    assert ask(no_foot_drop).get_json() == {"cards": []}
    (answered,) = taken.answered.values()
    assert answered.evaluation.hook == "patient-view"
    assert {verdict.outcome for verdict in answered.verdicts} == {"not-applicable"}
    assert answered.cards == ()


def test_while_it_is_tried_out_the_newest_alone_are_remembered(
    client: FlaskClient, taken: InProcess, ask: Ask, no_foot_drop: Json
) -> None:
    ask(no_foot_drop)
    (answered,) = taken.answered.values()
    for number in range(MOST + 5):
        evaluation = type(answered.evaluation)(**{**_members(answered.evaluation), "id": str(number)})
        taken.put(partial(type(answered), evaluation, answered.verdicts))
    assert len(taken.answered) == MOST
    assert send(client, *({**OVERRIDDEN, "card": str(number)} for number in range(MOST + 5))).status_code == 200
    assert len(taken.feedback) == MOST


def _members(row: Any) -> Json:
    return {name: getattr(row, name) for name in row.__struct_fields__}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"feedback": []}', 200),
        (b'{"feedback": [], "extension": {"a": 1}}', 200),
        (b"{}", 400),
        (b'{"feedback": null}', 400),
        (b'{"feedback": "no"}', 400),
        (b'{"feedback": 7}', 400),
        (b"[]", 400),
        (b"", 400),
        (b'{"feedback": [', 400),
        (b'{"feedback": [NaN]}', 400),
        (b"\xff", 400),
        (b'{"feedback": ' + b"[" * 1000 + b"]" * 1000 + b"}", 400),
        (b'{"feedback": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
        (b'{"feedback": [' + b",".join([b"{}"] * MOST_ENTRIES) + b"]}", 400),
        (b'{"feedback": [' + b",".join([b"{}"] * (MOST_ENTRIES + 1)) + b"]}", 413),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_message(client: FlaskClient, taken: InProcess, body: bytes, status: int) -> None:
    reply = client.post(URL, data=body, content_type="application/json")
    assert reply.status_code == status
    assert reply.get_json().get("resourceType", "") == ("" if status == 200 else "OperationOutcome")


@pytest.mark.parametrize("strange", ['"\\u0000\\u001b[2J"', '"\\ud800"', '"\\u202e"'])
def test_characters_that_no_text_holds_cost_themselves_alone(
    client: FlaskClient, taken: InProcess, strange: str
) -> None:
    body = json.dumps({"feedback": [{**OVERRIDDEN, "overrideReason": {"reason": {"code": "a", "display": "HERE"}}}]})
    reply = client.post(URL, data=body.replace('"HERE"', strange), content_type="application/json")
    assert reply.status_code == 200
    assert only(taken).reason == "a"
    assert only(taken).display.isprintable()


def test_an_extension_that_cannot_be_kept_costs_itself_alone(client: FlaskClient, taken: InProcess) -> None:
    deep = '{"a":' * 4000 + "1" + "}" * 4000
    for held in ('"no object"', '{"a": "%s"}' % ("x" * 5000), '{"a": 12345678901234567890123}', deep):
        entry = json.dumps({**OVERRIDDEN, "overrideReason": {"userComment": "why", "extension": "HERE"}})
        body = '{"feedback": [%s], "padding": "%s"}' % (entry.replace('"HERE"', held), "x" * 70_000)  # noqa: UP031
        assert client.post(URL, data=body, content_type="application/json").status_code in (200, 400)
    assert len(taken.feedback) == 2, "with a number of any size, and without any; what is nested too deep is no entry"


def test_what_stands_in_the_place_of_a_list_is_one(client: FlaskClient, taken: InProcess) -> None:
    body = {"feedback": {**ACCEPTED, "acceptedSuggestions": {"id": "A"}}}
    assert client.post(URL, json=body).status_code == 200
    assert only(taken).suggestions == "a"


@pytest.mark.parametrize("path", [URL.replace("patient-view", "nowhere"), f"{URL}/more"])
def test_feedback_is_taken_for_our_services_alone(client: FlaskClient, path: str) -> None:
    assert client.post(path, json={"feedback": [OVERRIDDEN]}).status_code == 404
    assert client.get(URL).status_code == 405
