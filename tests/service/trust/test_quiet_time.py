"""Quiet after an answer (D56), over HTTP: what quietens a card, for whom and until when, and what ends it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from service.memory import writer
from tests.support import vignettes
from tests.support.commands import run
from tests.support.patients import FOOT_DROP, NOTHING, NOW
from tests.support.processes import until
from tests.support.signing import AUDIENCE, PUBLIC_URL, VIEW, token
from tests.support.site import REQUEST, Site, lines, site

Json = dict[str, Any]
HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)
SADDLE = {"code": "saddle-sensation", "value": "reduced", "daysAgo": 1}
EMERGENCY = {**FOOT_DROP, "observations": [*FOOT_DROP["observations"], SADDLE]}
CRITICAL = vignettes.request(EMERGENCY, "patient-view", NOW)
_NUMBERS = count()


class Patient:
    """One patient of a service, whom nobody has asked about before; `users` ask."""

    def __init__(self, running: Site, request: Json = REQUEST) -> None:
        self.id = f"p-{next(_NUMBERS)}"
        self._site = running
        self._request = request
        self._shown = ""

    def cards(self, user: str = "Practitioner/1", request: Json | None = None, **claims: Any) -> dict[str, Json]:
        """The cards that a user is shown, by rule; each of them is in the store then."""
        asked = request or self._request
        body = json.loads(json.dumps(asked).replace(asked["context"]["patientId"], self.id))
        body["context"]["userId"] = user
        path = VIEW.replace("patient-view", body["hook"])
        reply = self._site.post(token(**{"aud": f"{PUBLIC_URL}{path}", **claims}), body, path=path)
        assert reply.status_code == 200
        cards = reply.get_json()["cards"]
        if cards:
            self._shown = cards[-1]["uuid"]
            until(lambda: stored(self._site, "SELECT 1 FROM cards WHERE uuid = ?", cards[-1]["uuid"]) != [])
        return {card["source"]["topic"]["code"]: card for card in cards}

    def answer(self, card: Json, outcome: str = "overridden", ago: timedelta = SECOND, reason: str = "") -> None:
        """Say what became of a card, so long ago."""
        entry: Json = {"card": card["uuid"], "outcome": outcome, "outcomeTimestamp": (NOW - ago).isoformat()}
        if reason:
            entry["overrideReason"] = {"reason": {"code": reason}}
        if outcome == "accepted":
            entry["acceptedSuggestions"] = [{"id": card["suggestions"][0]["uuid"]}]
        signed = token(aud=f"{AUDIENCE}/feedback")
        assert self._site.post(signed, {"feedback": [entry]}, path=f"{VIEW}/feedback").status_code == 200

    def reason(self, rule: str) -> str:
        """Why the rule was silent in the newest answer about this patient, as it is remembered."""
        sql = """
            SELECT outcome, reason FROM evaluations JOIN verdicts USING (verdict_set)
            WHERE rule = ? AND patient = (
                SELECT shown.patient FROM evaluations AS shown JOIN cards ON evaluation = shown.id WHERE uuid = ?
            )
            ORDER BY evaluations.id DESC LIMIT 1
        """
        ((outcome, reason),) = stored(self._site, sql, rule, self._shown)
        return str(reason) if outcome == "suppressed" else ""


def stored(running: Site, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """What a query of the store answers, or how many rows a statement concerned."""
    with closing(sqlite3.connect(running.settings.data_dir / "store.sqlite")) as file, file:  # type: ignore[operator]
        return file.execute(sql, values).fetchall()


@pytest.fixture(autouse=True, scope="module")
def _written_soon() -> Iterator[None]:
    """Answers are written at once: each test waits for that many times."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "PAUSE_S", 0.002)
        yield


@pytest.fixture(scope="module")
def main(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service with a store."""
    with site(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture
def patient(main: Site) -> Patient:
    """A patient with foot drop."""
    return Patient(main)


@pytest.mark.parametrize(
    ("rule", "length", "request_"),
    [
        ("cauda-equina-emergency", 4 * HOUR, CRITICAL),
        ("lumbar-mri", 7 * DAY, REQUEST),
        ("emg-ncs", 30 * DAY, REQUEST),
    ],
    ids=["critical", "warning", "info"],
)
def test_a_card_stays_quiet_for_the_time_of_its_indicator(
    main: Site, rule: str, length: timedelta, request_: Json
) -> None:
    one, other = Patient(main, request_), Patient(main, request_)
    before = one.cards()
    one.answer(before[rule], ago=length - SECOND)
    assert one.cards().keys() == before.keys() - {rule}
    other.answer(other.cards()[rule], ago=length)
    assert other.cards().keys() == before.keys()


@pytest.mark.parametrize("outcome", ["accepted", "overridden"])
def test_the_verdict_says_what_quietened_it_and_until_when(patient: Patient, outcome: str) -> None:
    patient.answer(patient.cards()["lumbar-mri"], outcome, reason="patient-declined")
    assert "lumbar-mri" not in patient.cards("Practitioner/2"), "for every user"
    until(lambda: "quiet" in patient.reason("lumbar-mri"))
    became = "acted on" if outcome == "accepted" else "overridden"
    assert patient.reason("lumbar-mri") == (
        f"it was {became} (patient-declined) on 2026-03-02 09:59, when it was warning: "
        "quiet until 2026-03-09 09:59, unless a new fact comes or it grows louder"
    )


def test_what_the_client_writes_as_reason_is_not_repeated(patient: Patient) -> None:
    patient.answer(patient.cards()["lumbar-mri"], reason="Zwicky-Canary")
    patient.cards()
    until(lambda: "quiet" in patient.reason("lumbar-mri"))
    assert patient.reason("lumbar-mri").startswith("it was overridden on 2026-03-02 09:59")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"observations": [{**FOOT_DROP["observations"][0], "value": 1}]}, "a lower grade"),
        ({"observations": [*FOOT_DROP["observations"], SADDLE]}, "a red flag"),
        ({"conditions": FOOT_DROP["conditions"][:1]}, "a fact is gone"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_it_speaks_again_when_its_facts_change(patient: Patient, changed: Json, why: str) -> None:
    later = vignettes.request({**FOOT_DROP, **changed}, "patient-view", NOW)
    for card in patient.cards().values():
        patient.answer(card)
    assert patient.cards() == {}
    changed_cards = patient.cards(request=later)
    assert changed_cards.keys() & {"lumbar-mri", "cauda-equina-emergency"}
    for card in changed_cards.values():
        patient.answer(card)
    assert patient.cards() == {}, "these facts were answered too"


def test_it_speaks_again_when_it_grows_louder(main: Site, patient: Patient) -> None:
    """By time alone, from the same facts: here the answer was given to information."""
    card = patient.cards()["lumbar-mri"]
    patient.answer(card)
    assert "lumbar-mri" not in patient.cards()
    stored(main, "UPDATE cards SET indicator = 'info' WHERE uuid = ?", card["uuid"])
    assert "lumbar-mri" in patient.cards()


def test_what_is_critical_is_quiet_for_its_user_alone(main: Site) -> None:
    patient = Patient(main, CRITICAL)
    rule = "cauda-equina-emergency"
    patient.answer(patient.cards("Practitioner/1")[rule])
    assert rule not in patient.cards("Practitioner/1")
    until(lambda: "quiet for this user until 2026-03-02 13:59" in patient.reason(rule))
    seen = patient.cards("Practitioner/2")
    assert rule in seen
    patient.answer(seen[rule], ago=0 * SECOND)
    assert all(rule not in patient.cards(f"Practitioner/{number}") for number in (1, 2))
    assert rule in patient.cards("")
    patient.answer(patient.cards("")[rule])
    assert rule in patient.cards(""), "nobody knows whether it is the same user"


def test_an_answer_that_comes_later_than_now_quietens_nothing(main: Site, patient: Patient) -> None:
    """The clock was ahead when it came, and has been set back: it would be quiet until then, and a week."""
    card = patient.cards()["lumbar-mri"]
    patient.answer(card)
    for ahead, is_quiet in ((timedelta(minutes=4), True), (timedelta(minutes=6), False), (400 * DAY, False)):
        moment = int((NOW + ahead).timestamp() * 1000)
        stored(main, "UPDATE feedback SET at = ?, received = ? WHERE card = ?", moment, moment, card["uuid"])
        assert ("lumbar-mri" not in patient.cards()) is is_quiet


def test_the_newest_answer_decides(patient: Patient) -> None:
    """A card that was set aside in haste and acted on later was acted on; in whatever order that comes in."""
    card = patient.cards()["lumbar-mri"]
    patient.answer(card, "accepted", ago=HOUR)
    patient.answer(card, ago=8 * DAY)
    assert "lumbar-mri" not in patient.cards()
    until(lambda: "acted on" in patient.reason("lumbar-mri"))
    patient.answer(card, ago=2 * SECOND, reason="reassess-within-24-hours")
    patient.cards()
    until(lambda: "quiet until 2026-03-03 09:59" in patient.reason("lumbar-mri"))


def test_accepting_a_draft_silences_no_emergency(main: Site) -> None:
    """It may never be signed, or be thrown away (D100); the signed order silences the rule itself."""
    patient = Patient(main, CRITICAL)
    before = patient.cards()
    patient.answer(before["cauda-equina-emergency"], ago=HOUR)
    patient.answer(before["cauda-equina-emergency"], "accepted")
    assert patient.cards().keys() == before.keys()


def test_nor_anything_at_discharge(main: Site) -> None:
    patient = Patient(main)
    leaving = vignettes.request(FOOT_DROP, "encounter-discharge", NOW)
    card = patient.cards()["lumbar-mri"]
    patient.answer(card, "accepted", ago=2 * SECOND)
    assert "lumbar-mri" in patient.cards(request=leaving)
    patient.answer(card)
    assert "lumbar-mri" not in patient.cards(request=leaving)


def test_who_will_reassess_within_a_day_is_reminded_after_a_day(patient: Patient) -> None:
    patient.answer(patient.cards()["lumbar-mri"], ago=DAY, reason="reassess-within-24-hours")
    assert "lumbar-mri" in patient.cards()


def test_a_clock_that_is_ahead_makes_nothing_quiet_for_longer(patient: Patient) -> None:
    patient.answer(patient.cards()["lumbar-mri"], ago=-1000 * DAY)
    patient.cards()
    until(lambda: "quiet until 2026-03-09 10:00" in patient.reason("lumbar-mri"))


@pytest.mark.parametrize("other", [{"client": "other"}, {"tenant": "https://other.example/fhir"}])
def test_an_answer_of_another_client_or_tenant_quietens_nothing(main: Site, patient: Patient, other: Json) -> None:
    card = patient.cards()["lumbar-mri"]
    patient.answer(card)
    (column, value), *_ = other.items()
    stored(main, f"UPDATE feedback SET {column} = ? WHERE card = ?", value, card["uuid"])
    assert "lumbar-mri" in patient.cards()


def test_nor_does_one_about_another_patient(main: Site, patient: Patient) -> None:
    patient.answer(patient.cards()["lumbar-mri"])
    assert "lumbar-mri" in Patient(main).cards()


def test_what_is_quiet_counts_as_shown(main: Site, capfd: pytest.CaptureFixture[str]) -> None:
    """The emergency keeps its place: what it dropped stays dropped, and its order is not offered elsewhere."""
    patient = Patient(main, CRITICAL)
    before = patient.cards()
    patient.answer(before["cauda-equina-emergency"])
    capfd.readouterr()
    after = patient.cards()
    assert after.keys() == before.keys() - {"cauda-equina-emergency"}
    labels = [[[one["label"] for one in card.get("suggestions", [])] for card in cards] for cards in
              ([before[rule] for rule in after], after.values())]  # fmt: skip
    assert labels[0] == labels[1]
    (line,) = (line for line in lines(capfd.readouterr().err) if line.get("service"))
    assert line["quiet"] == 1


def test_explain_says_it_for_a_client(tmp_path: Path) -> None:
    with site(tmp_path) as running:
        patient = Patient(running)
        patient.answer(patient.cards()["lumbar-mri"])
    file = tmp_path / "request.json"
    file.write_text(json.dumps(REQUEST).replace(REQUEST["context"]["patientId"], patient.id))
    words = ("explain", str(file), "--now", NOW.isoformat(), "--format", "json")
    said = {}
    for more in ((), ("--client", "main")):
        explained = json.loads(run(*words, *more, folder=tmp_path).stdout)
        said[more] = next(one for one in explained["verdicts"] if one["rule"] == "lumbar-mri")
    assert said[()]["outcome"] == "card"
    quiet = said["--client", "main"]
    assert (quiet["outcome"], quiet["indicator"]) == ("suppressed", "warning")
    assert "quiet until 2026-03-09 09:59" in quiet["why"]
    done = run(*words, "--client", "another", folder=tmp_path)
    assert (done.returncode, "there is no client another" in done.stderr) == (2, True)


def test_a_client_may_do_without(tmp_path: Path) -> None:
    with site(tmp_path, "quiet_time = false") as running:
        patient = Patient(running)
        before = patient.cards()
        patient.answer(before["lumbar-mri"])
        assert patient.cards().keys() == before.keys()


def test_of_two_services_each_knows_the_answers_of_the_other(main: Site, tmp_path: Path) -> None:
    patient = Patient(main)
    another = Site(main.settings)
    patient.answer(patient.cards()["lumbar-mri"])
    there = Patient(another)
    there.id = patient.id
    assert "lumbar-mri" not in there.cards()
    another.app.close()


def test_while_the_store_is_away_cards_are_shown(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with site(tmp_path) as running:
        patient = Patient(running)
        patient.answer(patient.cards()["lumbar-mri"])
    with site(tmp_path) as running:
        assert Patient(running, vignettes.request(NOTHING, "patient-view", NOW)).cards() == {}  # the modes are known
        (tmp_path / "data").rename(tmp_path / "gone")
        capfd.readouterr()
        body = json.loads(json.dumps(REQUEST).replace(REQUEST["context"]["patientId"], patient.id))
        replies = [running.post(token(), body).get_json()["cards"] for _ in range(3)]
        assert [len(cards) for cards in replies] == [5, 5, 5]
        said = [line["event"] for line in lines(capfd.readouterr().err)]
        assert said.count("quiet time not read") == 1, "it is not asked again at once"
        (tmp_path / "gone").rename(tmp_path / "data")


def test_of_which_of_several_servers_the_patient_is_must_be_known(tmp_path: Path) -> None:
    """Two FHIR servers may each have a patient of this id."""
    tenants = 'tenants = [{ base = "https://a.example/fhir" }, { base = "https://b.example/fhir" }]'
    with site(tmp_path, tenants) as running:
        patient = Patient(running)
        before = patient.cards()
        patient.answer(before["lumbar-mri"])
        assert patient.cards().keys() == before.keys()


def _ordering(dose: int) -> Json:
    facts = {
        **FOOT_DROP,
        "observations": [*FOOT_DROP["observations"], {"code": "egfr", "value": 20, "daysAgo": 1}],
        "draftOrders": [
            {"resourceType": "MedicationRequest", "code": "gabapentin", "dailyDoseMg": dose, "id": "d1"},
        ],
    }
    return vignettes.request(facts, "order-select", NOW)


def test_an_order_that_is_written_otherwise_is_a_new_fact(main: Site) -> None:
    patient = Patient(main, _ordering(1800))
    rule = "gabapentinoid-safety"
    for card in patient.cards().values():
        patient.answer(card)
    assert rule not in patient.cards()
    assert rule in patient.cards(request=_ordering(3600))


def test_an_order_like_the_one_that_was_changed_is_another(main: Site) -> None:
    """Who accepted that the dose is lowered has no such draft any more: the next one is written by somebody anew."""
    patient = Patient(main, _ordering(1800))
    rule = "gabapentinoid-safety"
    patient.answer(patient.cards()[rule], "accepted")
    assert rule in patient.cards()


def test_what_five_users_were_shown_and_none_answered_is_counted(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Where it is looked for anew: at the start of a worker, and each hour."""
    with site(tmp_path) as running:
        patient = Patient(running)
        for number in range(5):
            shown = patient.cards(f"Practitioner/{number % 4}")
        patient.answer(shown["lumbar-mri"])
        assert "cards unheeded" not in capfd.readouterr().err
        assert "afo" in patient.cards("Practitioner/5"), "it is counted, and not hidden"
    with site(tmp_path) as running:
        Patient(running).cards()
    said = [line for line in lines(capfd.readouterr().err) if line["event"] == "cards unheeded"]
    assert {line["rule"]: line["count"] for line in said} == dict.fromkeys(shown.keys() - {"lumbar-mri"}, 1)
