"""A rule is off, in shadow, with pilots or live for a client: by the command line, in every worker, within a minute."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from service.modes.modes import LOOK_S, MOST_S, Modes
from service.modes.quiet import Change, Mode
from service.store.database import StoreAwayError
from tests.support import vignettes
from tests.support.commands import Done, run
from tests.support.patients import FOOT_DROP, NOW
from tests.support.signing import PUBLIC_URL, VIEW, registered, token
from tests.support.site import REQUEST, Site, lines, site

RULE = "lumbar-mri"


def rules(running: Site, **context: str) -> set[str]:
    """The rules whose cards are shown."""
    return topics(running, {**REQUEST, "context": {**REQUEST["context"], **context}})


def topics(running: Site, request: dict[str, Any], path: str = VIEW) -> set[str]:
    """The rules whose cards are shown in the answer to a request."""
    reply = running.post(token(aud=f"{PUBLIC_URL}{path}"), request, path=path)
    assert reply.status_code == 200
    return {card["source"]["topic"]["code"] for card in reply.get_json()["cards"]}


def change(folder: Path, mode: str, *more: str, rule: str = RULE, client: str = "main") -> Done:
    return run("rules", "set", rule, "--client", client, "--mode", mode, *more, folder=folder)


def test_each_mode_over_http(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What is set holds in a worker that starts then, and each next change wins."""
    with site(tmp_path) as running:
        all_of_them = rules(running)
    assert RULE in all_of_them
    shown = {}
    for mode, more in (("off", []), ("shadow", []), ("pilot", ["--user", "Practitioner/1"]), ("live", [])):
        done = change(tmp_path, mode, *more, "--by", "A. Clinician")
        assert done.stdout == f"{RULE} is {mode} for main, in every worker within 60 seconds\n"
        with site(tmp_path) as running:
            shown[mode] = rules(running, userId="Practitioner/2")
            if mode == "pilot":
                assert rules(running, userId="Practitioner/1") == all_of_them
    assert {mode for mode, seen in shown.items() if RULE in seen} == {"live"}
    assert all(seen >= all_of_them - {RULE} for seen in shown.values())
    counted = [line.get("shadow") for line in lines(capfd.readouterr().err) if line.get("service")]
    assert counted == [None, None, 1, 1, None, None]  # what is off is not even counted
    kept = "SELECT mode, shown, count(*) FROM cards WHERE rule = 'lumbar-mri' GROUP BY 1, 2 ORDER BY 1, 2"
    with closing(sqlite3.connect(tmp_path / "data" / "store.sqlite")) as file:
        of_mode = file.execute(kept).fetchall()
    assert of_mode == [("live", 1, 2), ("pilot", 0, 1), ("pilot", 1, 1), ("shadow", 0, 1)]
    history = run("rules", "list", "--history", folder=tmp_path).stdout.splitlines()
    assert [line.split()[2] for line in history] == ["off", "shadow", "pilot", "live"]
    assert history[2].startswith(f"main  {RULE}  pilot (Practitioner/1)  20")
    assert history[2].endswith(" by A. Clinician")
    assert len(run("rules", "list", folder=tmp_path).stdout.splitlines()) == 1


@pytest.mark.long
def test_the_last_change_counts_even_if_the_clock_was_set_back(tmp_path: Path) -> None:
    with site(tmp_path) as running:
        assert RULE in rules(running)
    change(tmp_path, "live")
    with closing(sqlite3.connect(tmp_path / "data" / "store.sqlite")) as file, file:
        file.execute("UPDATE rule_modes SET at = at + 86400")
    change(tmp_path, "off")
    with site(tmp_path) as running:
        assert RULE not in rules(running)


@pytest.mark.long
def test_who_switches_a_rule_live_is_told_that_nobody_has_signed_it(tmp_path: Path) -> None:
    registered(tmp_path, of_service="allow_unsigned = false")
    for mode, more in (("live", []), ("pilot", ["--user", "Practitioner/1"])):
        said = change(tmp_path, mode, *more).stdout.splitlines()[1:]
        assert said == [f"It still runs in shadow: nobody has signed it in its present form (signoff show {RULE})"]
    assert len(change(tmp_path, "off").stdout.splitlines()) == 1


@pytest.mark.long
def test_a_mode_of_a_newer_version_shows_nothing_and_holds_up_no_other_change(tmp_path: Path) -> None:
    with site(tmp_path) as running:
        all_of_them = rules(running)
    change(tmp_path, "live")
    with closing(sqlite3.connect(tmp_path / "data" / "store.sqlite")) as file, file:
        file.execute("UPDATE rule_modes SET mode = 'paused'")
    change(tmp_path, "off", rule="emg-ncs")
    with site(tmp_path) as running:
        assert {RULE, "emg-ncs"} <= all_of_them
        assert rules(running).isdisjoint({RULE, "emg-ncs"})
        assert rules(running)


def at(*stays: Any, encounter: str = "e1") -> dict[str, Any]:
    """The request in an encounter that stays there."""
    found = {**REQUEST["prefetch"]["encounter"], "id": encounter, "location": list(stays)}
    return {**REQUEST, "prefetch": {**REQUEST["prefetch"], "encounter": found}}


def stay(location: str, **members: str) -> dict[str, Any]:
    """A stay at a location."""
    return {"location": {"reference": location}, **members}


def test_pilots_are_those_in_an_encounter_at_a_place(tmp_path: Path) -> None:
    words = ("--location", "Location/7", "--location", "Location/8", "--user", "Practitioner/9")
    registered(tmp_path)
    assert change(tmp_path, "pilot", *words).returncode == 0
    said = run("rules", "list", folder=tmp_path).stdout
    assert "pilot (Practitioner/9, Location/7, Location/8)" in said
    there = [
        at(stay("Location/7")),
        at(stay("Location/1"), stay("Location/8", status="active")),
        at(stay("https://ehr.hospital.example/fhir/r4/Location/7")),
    ]
    elsewhere = [
        at(stay("Location/70")),
        at(stay("Location/7", status="completed")),
        at(stay("Location/7", status="planned")),
        at(stay("Location/7"), encounter="another"),
        at({"location": {"display": "Location/7"}}, "Location/7", None),
        at(),
        REQUEST,
    ]
    with site(tmp_path) as running:
        for request in there:
            assert RULE in topics(running, request), request["prefetch"]["encounter"]
        for request in elsewhere:
            assert RULE not in topics(running, request), request["prefetch"]["encounter"]
        by_user = {**REQUEST, "context": {**REQUEST["context"], "userId": "Practitioner/9"}}
        assert RULE in topics(running, by_user)


def test_a_place_counts_on_a_hook_that_asks_for_no_encounter(tmp_path: Path) -> None:
    """What comes as prefetch is read there too."""
    rule = "gabapentinoid-safety"
    draft = {"resourceType": "MedicationRequest", "code": "gabapentin", "dailyDoseMg": 4000, "id": "d1"}
    asked = vignettes.request({**FOOT_DROP, "draftOrders": [draft]}, "order-select", NOW)
    encounter = at(stay("Location/7"))["prefetch"]["encounter"]
    there = {**asked, "prefetch": {**asked["prefetch"], "encounter": encounter}}
    registered(tmp_path)
    assert change(tmp_path, "pilot", "--location", "Location/7", rule=rule).returncode == 0
    path = VIEW.replace("patient-view", "order-select")
    with site(tmp_path) as running:
        assert rule in topics(running, there, path)
        assert rule not in topics(running, asked, path)


PLACE, USER = "not a reference such as Location/7", "not a reference such as Practitioner/1"


@pytest.mark.parametrize(
    ("option", "odd", "said"),
    [
        ("--location", "7", PLACE),
        ("--location", "Practitioner/7", PLACE),
        ("--location", "https://ehr.hospital.example/fhir/r4/Location/7", PLACE),
        ("--location", "Location/", PLACE),
        ("--user", "7", USER),
        ("--user", "", USER),
        ("--user", "Practitioner/A. Clinician", USER),
        ("--user", "Practitioner/1\nPractitioner/2", USER),
        ("--user", f"Practitioner/{'1' * 129}", USER),
        ("--by", "A.\x1b[2JClinician", "not one line of 1 to 200 characters"),
        ("--by", "x" * 201, "not one line of 1 to 200 characters"),
    ],
)
def test_a_pilot_that_is_no_reference_is_refused(tmp_path: Path, option: str, odd: str, said: str) -> None:
    registered(tmp_path)
    named = ("--user", "Practitioner/1") if option == "--by" else ()
    done = change(tmp_path, "pilot", *named, option, odd)
    assert done.returncode == 2
    told = " ".join(done.stderr.split())
    assert option in told
    assert said in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"mode": "off", "rule": "lumber-mri"}, "there is no rule lumber-mri"),
        ({"mode": "off", "client": "other"}, "there is no client other"),
        ({"mode": "pilot"}, "--mode pilot needs a --user or a --location"),
        ({"mode": "asleep"}, "'asleep' is not one of"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, words: dict[str, str], said: str) -> None:
    registered(tmp_path)
    done = change(tmp_path, **words)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert not (tmp_path / "data").exists()


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_worker_looks_beside_its_requests_and_never_later_than_a_minute() -> None:
    off = Change(rule=RULE, client="main", mode=Mode.OFF, who="A. Clinician", at=0)
    stored: list[Change] = []
    looks: list[str] = []

    def read() -> list[Change]:
        looks.append(threading.current_thread().name)
        return list(stored)

    clock = Clock()
    modes = Modes(read, clock)
    assert modes.of("main").hidden("") == frozenset()
    stored.append(off)
    clock.now = LOOK_S
    assert modes.of("main").hidden("") == frozenset()
    assert len(looks) == 1  # what was read is young enough
    clock.now = LOOK_S + 1
    modes.of("main")  # waits for nothing
    for thread in threading.enumerate():
        if thread.name == "rule modes":
            thread.join()
    assert looks[1:] == ["rule modes"]
    assert modes.of("main").hidden("") == {RULE}
    assert modes.of("other").hidden("") == frozenset()
    stored.clear()
    clock.now += MOST_S + 1  # nobody has asked for long: the first request waits
    assert modes.of("main").hidden("") == frozenset()
    assert MOST_S + 10 < 60


def test_when_the_store_is_away_what_was_off_stays_off() -> None:
    off = Change(rule=RULE, client="main", mode=Mode.OFF, who="A. Clinician", at=0)
    answers: list[list[Change] | Exception] = [
        [off],
        StoreAwayError("OperationalError"),
        ValueError("a newer mode"),
        OSError(24, "Too many open files"),
        [],
    ]

    def read() -> list[Change]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    clock = Clock()
    modes = Modes(read, clock)
    hidden = []
    for _ in range(5):
        hidden.append(modes.of("main").hidden(""))
        clock.now += MOST_S + 1
    assert hidden == [{RULE}] * 4 + [frozenset()]
