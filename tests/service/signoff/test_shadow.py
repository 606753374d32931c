"""In production a rule speaks when it is signed: over HTTP, as a hospital runs it."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from service.app import signing
from service.settings import load
from service.signoff import withdrawals
from service.signoff.records import RefusedSignoffError, read
from tests.support import vignettes
from tests.support.answered import RULES
from tests.support.patients import FOOT_DROP, NOW
from tests.support.signing import registered, token
from tests.support.site import HOST, Site, lines, site

NOBODY = "allow_unsigned = false"
RULE = "lumbar-mri"


def sign(folder: Path, rule: str = RULE, expires: date | None = None, of_service: str = NOBODY) -> None:
    """Record the approval of a rule at the moment of the tests."""
    settings = load(registered(folder, of_service=of_service), {})
    signing(settings, NOW).add(rule, "A. Clinician", "Consultant", "Example_Hospital", "", expires)


def cards(running: Site, **how: Any) -> dict[str, str]:
    """The detail of each card, by rule."""
    reply = running.post(token(), **how)
    assert reply.status_code == 200
    return {card["source"]["topic"]["code"]: card["detail"] for card in reply.get_json()["cards"]}


def test_unsigned_rules_run_in_shadow_and_are_counted(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with site(tmp_path, of_service=NOBODY) as running:
        assert cards(running) == {}
    (line,) = (line for line in lines(capfd.readouterr().err) if line.get("service"))
    assert line["shadow"] >= 3


def test_allowed_they_speak_as_drafts(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with site(tmp_path, of_service="allow_unsigned = true") as running:
        shown = cards(running)
    assert len(shown) >= 3
    assert all("; draft, not yet signed" in detail for detail in shown.values())
    assert "shadow" not in capfd.readouterr().err


def test_a_signed_rule_speaks_and_says_by_whom(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    sign(tmp_path)
    with site(tmp_path, of_service=NOBODY) as running:
        shown = cards(running)
    assert list(shown) == [RULE]
    assert "; signed by Example\\_Hospital, 2026" in shown[RULE]
    assert "draft" not in shown[RULE]
    (line,) = (line for line in lines(capfd.readouterr().err) if line.get("service"))
    assert line["shadow"] >= 2


def test_others_beside_it_are_drafts_where_they_are_allowed(tmp_path: Path) -> None:
    sign(tmp_path)
    with site(tmp_path, of_service="allow_unsigned = true") as running:
        shown = cards(running)
    assert "signed by" in shown.pop(RULE)
    assert all("draft, not yet signed" in detail for detail in shown.values())


def test_it_falls_silent_on_the_day_after_the_last(tmp_path: Path) -> None:
    """A service that runs over midnight as well."""
    sign(tmp_path, expires=NOW.date())
    with site(tmp_path, of_service=NOBODY) as running:
        assert list(cards(running)) == [RULE]
        standings = signing(running.settings, NOW).standings
    assert RULE not in standings.hidden(NOW.date())
    assert RULE in standings.hidden(NOW.date() + timedelta(days=1))
    assert RULE not in standings.hidden(NOW.date())
    said = list(standings.sentences(NOW.date() + timedelta(days=1)))
    assert said[0] == f"0 of {len(RULES)} rules are signed; all run in shadow: evaluated, but not shown"
    assert said[1] == f"The sign-off of {RULE} is expired: it expired on {NOW.date()}"


def test_a_withdrawal_silences_a_service_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(withdrawals, "LOOK_S", -1)  # at each request
    sign(tmp_path)
    file = tmp_path / "signoff.toml"
    approved = file.read_text()
    with site(tmp_path, of_service=NOBODY) as running:
        assert list(cards(running)) == [RULE]
        for spoilt in ("[[signed]", None):  # a file that is away or refused takes nothing back
            file.write_text(spoilt) if spoilt else file.unlink()
            assert list(cards(running)) == [RULE]
        file.write_text(approved)
        signing(running.settings, NOW).withdraw(RULE, "B. Chair", "Chair", "Wrong side.")
        assert cards(running) == {}
        sign(tmp_path, expires=NOW.date())  # another approval waits for the next start
        assert cards(running) == {}
        file.write_text("")  # nor may a record that was taken out
        assert cards(running) == {}
    said = [line["event"] for line in lines(capfd.readouterr().err) if "sign-off" in line["event"]]
    assert said == ["sign-offs not read", "sign-offs not read", "sign-off withdrawn"]


def test_a_withdrawal_while_the_service_starts_is_seen(tmp_path: Path) -> None:
    sign(tmp_path)
    file, day, clock = tmp_path / "signoff.toml", NOW.date(), iter((0.0, withdrawals.LOOK_S + 1))
    at_start = read(file, day)
    table = f'rule = "{RULE}"\nname = "B. Chair"\nrole = "Chair"\ndate = {day}\napprovals = 1\nreason = "Wrong side."\n'
    file.write_text(f"{file.read_text()}\n[[withdrawn]]\n{table}")
    withdrawn = withdrawals.Withdrawals(file, at_start, lambda: day, lambda: next(clock, withdrawals.LOOK_S + 2))
    assert "Wrong side." in withdrawn()[RULE]


@pytest.mark.long
def test_the_page_of_a_rule_says_who_withdrew_its_approval(tmp_path: Path) -> None:
    sign(tmp_path)
    file = tmp_path / "signoff.toml"
    with site(tmp_path, of_service=NOBODY) as running:
        signing(running.settings, NOW).withdraw(RULE, "B. Chair", "Chair", "Wrong side.")
    by = "the sign-off is withdrawn, by B. Chair, Chair, on 2026-03-02: Wrong side. Version"
    with site(tmp_path, of_service=NOBODY) as running:
        assert cards(running) == {}
        assert by in running.http.get(f"/rules/{RULE}", headers=HOST).text
        assert f"<code>{RULE}</code>, version" in (index := running.http.get("/rules", headers=HOST).text)
        assert ", withdrawn</li>" in index
        assert running.http.get(f"/fhir/PlanDefinition/{RULE}", headers=HOST).get_json()["status"] == "draft"
    sign(tmp_path)
    assert file.read_text().count("[[signed]]") == 2
    with site(tmp_path, of_service=NOBODY) as running:
        assert list(cards(running)) == [RULE]


def test_a_code_of_the_site_voids_it(tmp_path: Path) -> None:
    sign(tmp_path)
    added = NOBODY + '\n[codes."condition.foot-drop"]\n"http://snomed.info/sct" = ["1234567"]\n'
    with site(tmp_path, of_service=added) as running:
        assert cards(running) == {}
        (said,) = list(signing(running.settings, NOW).standings.sentences(NOW.date()))[1:]
    assert (
        said == f"The sign-off of {RULE} is void: what was signed has changed since (foot-drop-cds signoff show {RULE})"
    )


def test_what_is_refused_is_refused_at_the_start(tmp_path: Path) -> None:
    sign(tmp_path)
    file = tmp_path / "signoff.toml"
    file.write_text(file.read_text().replace("role = ", "rank = "))
    with pytest.raises(RefusedSignoffError, match="rank: there is no such key"), site(tmp_path):
        pass


@pytest.mark.long
def test_a_sign_off_of_a_rule_that_is_gone_keeps_no_service_from_starting(tmp_path: Path) -> None:
    sign(tmp_path)
    file = tmp_path / "signoff.toml"
    file.write_text(file.read_text() + file.read_text().replace(RULE, "of-another-version"))
    with site(tmp_path, of_service=NOBODY) as running:
        assert list(cards(running)) == [RULE]
        said = list(signing(running.settings, NOW).standings.sentences(NOW.date()))
    assert said[1:] == ["The sign-off of of-another-version has no effect: this version has no such rule"]


def test_no_card_gives_way_to_one_in_shadow(tmp_path: Path) -> None:
    """The red flags make cauda-equina-emergency critical; in shadow it takes no place, and drops no card."""
    patient = {
        **FOOT_DROP,
        "observations": [*FOOT_DROP["observations"], {"code": "saddle-sensation", "value": "reduced", "daysAgo": 1}],
    }
    request = vignettes.request(patient, "patient-view", NOW)
    with site(tmp_path, of_service="allow_unsigned = true") as running:
        allowed = cards(running, request=request)
    assert "cauda-equina-emergency" in allowed
    assert "localisation-exam" not in allowed
    sign(tmp_path)
    sign(tmp_path, "localisation-exam")
    with site(tmp_path, of_service=NOBODY) as running:
        assert list(cards(running, request=request)) == [RULE, "localisation-exam"]


def test_in_development_all_speak(client: FlaskClient, foot_drop: dict[str, Any]) -> None:
    shown = client.post("/cds-services/foot-drop-patient-view", json=foot_drop).get_json()["cards"]
    assert all("draft, not yet signed" in card["detail"] for card in shown)
    assert len(shown) >= 3
