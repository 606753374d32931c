"""What a registered client is answered when something goes wrong: each row of the failure policy, on each database.

The rows are those of docs/production.md; what is overloaded stands with the workers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from cards.language.verdict import Verdict
from cards.record.chart import Chart
from service import faults
from service.operations.metrics import Metrics
from tests.support import vignettes
from tests.support.fhir_server import FhirServer
from tests.support.machine import POSTGRESQL
from tests.support.patients import FOOT_DROP, NOTHING, NOW
from tests.support.postgresql import postgresql
from tests.support.refusals import refusal
from tests.support.rules import book_with
from tests.support.sampling import one_in
from tests.support.signing import VIEW, ec_key, token
from tests.support.site import HOST, REQUEST, Site, lines, site

Json = dict[str, Any]
KINDS = ["sqlite", *([pytest.param("postgresql", marks=pytest.mark.slow)] if POSTGRESQL else [])]
EMPTY: Json = {"cards": []}
SECRET = "of-the-patient"


@pytest.fixture(scope="module", params=KINDS)
def store(request: pytest.FixtureRequest) -> Iterator[str]:
    """The line of the settings that names the database."""
    if request.param == "sqlite":
        yield ""
        return
    with postgresql() as running:
        yield f'store_url = "{running.url}"'


@pytest.fixture(scope="module")
def listening() -> Iterator[FhirServer]:
    """The client's FHIR server, on which nothing is on record."""
    with FhirServer([{"resourceType": "Patient", "id": "p1"}]) as server:
        yield server


@pytest.fixture
def ehr(main: Site, listening: FhirServer) -> Iterator[FhirServer]:
    """The same; it is as it should be, and known to answer, when the test ends."""
    yield listening
    listening.behave()
    assert posted(main, asked(FOOT_DROP, "reports", fhirServer=listening.base)).status_code == 200


def reads(server: FhirServer) -> str:
    """The line of the settings that lets a client name this server."""
    return f'tenants = [{{ base = "{server.base}", plain_http = true, private = true }}]'


@pytest.fixture(scope="module")
def main(tmp_path_factory: pytest.TempPathFactory, store: str, listening: FhirServer) -> Iterator[Site]:
    """The service, with the client `main`."""
    with site(tmp_path_factory.mktemp("site"), reads(listening), f"deadline_ms = 5000\n{store}") as running:
        yield running


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory, store: str, listening: FhirServer) -> Iterator[Site]:
    """The same, with `on_error = "empty"`."""
    table = f'{reads(listening)}\non_error = "empty"'
    with site(tmp_path_factory.mktemp("quiet"), table, f"deadline_ms = 5000\n{store}") as running:
        yield running


def asked(facts: Json = FOOT_DROP, *missing: str, **members: Any) -> Json:
    """A request without these prefetch keys."""
    return vignettes.request(facts, "patient-view", NOW, drop=set(missing)) | members


def dead() -> Json:
    """A request about somebody with foot drop who has died."""
    request = asked()
    request["prefetch"]["patient"] = {**request["prefetch"]["patient"], "deceasedBoolean": True}
    return request


def holding(**prefetch: Any) -> Json:
    """A request that holds these values in its prefetch, and nothing else."""
    return {**REQUEST, "prefetch": dict.fromkeys(vignettes.PREFETCH_KEYS) | prefetch}


def error(code: str = "exception") -> Json:
    """What a server answers instead of data."""
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code}]}


def posted(main: Site, request: Json) -> TestResponse:
    return main.post(token(), request)


def cards(main: Site, request: Json) -> list[Json]:
    """The cards of an answer that is one."""
    reply = posted(main, request)
    assert reply.status_code == 200, reply.text
    said: list[Json] = reply.get_json()["cards"]
    return said


class TestNothingToAdvise:
    """200, and an empty list."""

    def test_of_somebody_with_nothing_on_record(self, main: Site) -> None:
        assert posted(main, asked(NOTHING)).get_json() == EMPTY

    def test_where_every_key_is_known_to_be_empty(self, main: Site) -> None:
        assert posted(main, holding()).get_json() == EMPTY

    def test_where_the_fhir_server_has_nothing(self, main: Site, ehr: FhirServer) -> None:
        reply = posted(main, {**REQUEST, "prefetch": {}, "fhirServer": ehr.base})
        assert (reply.status_code, reply.get_json()) == (200, EMPTY)

    def test_of_somebody_who_has_died(self, main: Site) -> None:
        assert posted(main, dead()).get_json() == EMPTY


class TestRequiredDataAreUnavailable:
    """412, and the prefetch key by its name."""

    @pytest.mark.parametrize("key", ["conditions", "observations"])
    def test_without_prefetch_and_without_a_server(self, main: Site, key: str) -> None:
        issue = refusal(posted(main, asked(FOOT_DROP, key)), 412)
        assert issue["expression"] == [f"prefetch.{key}"]
        assert issue["diagnostics"].startswith(f"{key}: ")

    @pytest.mark.parametrize("key", ["conditions", "observations"])
    def test_where_the_ehr_sends_an_error_in_its_place(self, main: Site, ehr: FhirServer, key: str) -> None:
        issue = refusal(posted(main, holding(**{key: error()}) | {"fhirServer": ehr.base}), 412)
        assert issue["expression"] == [f"prefetch.{key}"]

    @pytest.mark.parametrize("manner", [{"status": 401}, {"status": 404}, {"status": 503}, {"html": True}])
    def test_where_the_server_refuses(self, main: Site, ehr: FhirServer, manner: Json) -> None:
        ehr.misbehave("Condition", **manner)
        issue = refusal(posted(main, asked(FOOT_DROP, "conditions", fhirServer=ehr.base)), 412)
        assert issue["expression"] == ["prefetch.conditions"]

    def test_where_the_server_is_away(self, tmp_path: Path, store: str) -> None:
        with FhirServer() as away:
            pass
        with site(tmp_path, reads(away), f"deadline_ms = 5000\n{store}") as reading:
            request = asked(FOOT_DROP, "observations", fhirServer=away.base)
            whys = [refusal(posted(reading, request), 412)["diagnostics"] for _ in range(6)]
        assert whys[0] == "observations: the FHIR server could not be reached"
        assert "is not called" in whys[5], "at once, when it has been away for a while"


class TestClinicallyIncomplete:
    """200 with what can be said; never 412."""

    @pytest.mark.parametrize(
        "prefetch",
        [
            {"conditions": {"resourceType": "Bundle", "entry": []}},
            {"conditions": {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Condition"}}]}},
            {"observations": {"resourceType": "Observation", "id": "o1", "status": "final"}},
            {"patient": {"resourceType": "Patient", "id": "p1"}},
            {"conditions": {"resourceType": "Bundle", "entry": "none"}, "observations": None},
        ],
        ids=["no condition", "a condition of nobody", "an observation of nothing", "no age", "no list"],
    )
    def test_with_little(self, main: Site, prefetch: Json) -> None:
        status = posted(main, holding(**prefetch)).status_code
        is_data = prefetch.get("conditions", {}).get("entry") != "none"
        assert status == (200 if is_data else 412), "what is no data at all was not supplied"

    def test_without_sides_and_dates(self, main: Site) -> None:
        facts = {**NOTHING, "conditions": [{"code": "foot-drop", "clinical": "active", "verification": "confirmed"}]}
        assert cards(main, asked(facts))

    def test_without_an_examination(self, main: Site) -> None:
        assert cards(main, asked({**FOOT_DROP, "observations": []}))


KEYS = {
    "reports": "DiagnosticReport",
    "orders": "ServiceRequest",
    "procedures": "Procedure",
    "medications": "MedicationRequest",
    "allergies": "AllergyIntolerance",
    "devices": "Device",
}
FAILURES: list[Json] = [{"status": 503}, {"status": 403}, {"cut": True}]


class TestOptionalDataFailed:
    """200: the other rules speak, and the cards say what was not seen."""

    @pytest.mark.parametrize(
        ("key", "manner"), one_in(6, product(KEYS, [{"status": 503}, {"status": 403}, {"cut": True}]))
    )
    def test_from_the_server(self, main: Site, ehr: FhirServer, key: str, manner: Json) -> None:
        ehr.misbehave(KEYS[key], **manner)
        spoken = cards(main, asked(FOOT_DROP, key, fhirServer=ehr.base))
        assert spoken
        if key == "reports":
            assert any("Reports could not be read" in card["detail"] for card in spoken)

    def test_in_the_prefetch(self, main: Site) -> None:
        whole = asked()
        whole["prefetch"] |= {"reports": error(), "orders": error("forbidden"), "encounter": "<html>"}
        spoken = " ".join(card["detail"] for card in cards(main, whole))
        assert "Reports" in spoken
        assert "could not be read" in spoken

    def test_all_of_them(self, main: Site) -> None:
        required = {key: value for key, value in asked()["prefetch"].items() if key in ("conditions", "observations")}
        assert cards(main, {**REQUEST, "prefetch": required})


def fails(chart: Chart, *_: object) -> Verdict:
    """A rule with a fault."""
    raise RuntimeError(f"{SECRET} {chart.patient_id}")


class TestOneRuleCrashes:
    """The others answer, and the fault is logged."""

    @pytest.mark.parametrize("rule", one_in(3, ["lumbar-mri", "afo", "data-check"]))
    def test_the_others_speak(
        self,
        tmp_path: Path,
        store: str,
        rule: str,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setattr(faults, "IS_ISOLATED", True)
        with site(tmp_path, "", store, book=book_with({rule: fails})) as faulty:
            spoken = {card["source"]["topic"]["code"] for card in cards(faulty, REQUEST)}
        assert spoken
        assert rule not in spoken
        (fault,) = [line for line in lines(capfd.readouterr().err) if line["event"] == "fault"]
        assert (fault["rule"], fault["error"]) == (rule, "RuntimeError")
        assert SECRET not in str(fault)


class TestWhatIsAskedWrongly:
    """400 for what is no request, 422 for another patient's data, 401 for whoever is not known."""

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"hook": 7}', b"\xff", b"[" * 5000])
    def test_no_request(self, main: Site, body: bytes) -> None:
        headers = {**HOST, "Authorization": f"Bearer {token()}", "Content-Type": "application/json"}
        issue = refusal(main.http.post(VIEW, data=body, headers=headers), 400)
        assert issue["code"] == "invalid"

    @pytest.mark.parametrize("member", ["hook", "hookInstance", "context"])
    def test_a_member_is_missing(self, main: Site, member: str) -> None:
        request = {name: value for name, value in REQUEST.items() if name != member}
        assert refusal(posted(main, request), 400)["expression"] == [member]

    @pytest.mark.parametrize("key", ["patient", "conditions", "observations"])
    def test_another_patient(self, main: Site, key: str) -> None:
        others = vignettes.request(FOOT_DROP, "patient-view", NOW, patient_id="p2")
        request = {**REQUEST, "prefetch": {**REQUEST["prefetch"], key: others["prefetch"][key]}}
        refusal(posted(main, request), 422)

    @pytest.mark.parametrize("key", ["conditions", "reports"])
    def test_another_patient_from_the_fhir_server(self, main: Site, ehr: FhirServer, key: str) -> None:
        kind = {"conditions": "Condition", "reports": "DiagnosticReport"}[key]
        other = {"resourceType": kind, "id": "x1", "subject": {"reference": "Patient/p2"}}
        page = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": other}]}
        ehr.misbehave(kind, body=json.dumps(page).encode())
        refusal(posted(main, asked(FOOT_DROP, key, fhirServer=ehr.base)), 422)

    def test_who_is_not_known(self, main: Site) -> None:
        once = token()
        assert main.status(once) == 200
        replies = [main.post(sent) for sent in (None, "", "a.b.c", token(ec_key("other")), token(exp=1), once)]
        assert {reply.status_code for reply in replies} == {401}
        assert len({reply.data for reply in replies}) == 1


class TestInternalError:
    """500, an OperationOutcome, nothing of the patient, and who calls next is answered."""

    @pytest.mark.parametrize("rule", one_in(3, ["lumbar-mri", "afo", "data-check"]))
    def test_says_nothing(self, tmp_path: Path, store: str, rule: str, capfd: pytest.CaptureFixture[str]) -> None:
        with site(tmp_path, "", store, book=book_with({rule: fails})) as faulty:
            reply = posted(faulty, REQUEST)
            issue = refusal(reply, 500)
            assert (issue["code"], issue["severity"]) == ("exception", "fatal")
            assert faulty.status("a.b.c") == 401
        said = capfd.readouterr().err
        assert SECRET not in reply.text + said
        assert "Traceback" not in reply.text + said
        assert "p1" not in said


class TestOnErrorEmpty:
    """A client may ask for no cards in place of 412, 422 and 500; what it did wrong itself it is told as ever."""

    @pytest.mark.parametrize(
        ("request_sent", "hidden"),
        [
            (asked(FOOT_DROP, "conditions"), 412),
            (holding(observations=error()), 412),
            ({**REQUEST, "fhirAuthorization": {"access_token": "t", "patient": "p2"}}, 422),
            ({**REQUEST, "context": {**REQUEST["context"], "patientId": "p2"}}, 422),
        ],
        ids=["not supplied", "an error in its place", "a token for another", "records of another"],
    )
    def test_a_failure_looks_like_nothing_to_say(
        self, main: Site, quiet: Site, request_sent: Json, hidden: int, capfd: pytest.CaptureFixture[str]
    ) -> None:
        assert posted(main, request_sent).status_code == hidden, "it is off by default"
        capfd.readouterr()
        reply = posted(quiet, request_sent)
        assert (reply.status_code, reply.get_json()) == (200, EMPTY)
        (line,) = lines(capfd.readouterr().err)
        assert (line["status"], line["hidden"], line["client"]) == (200, hidden, "main")

    def test_a_fault_is_logged_and_counted_all_the_same(
        self, tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        counted = Metrics()
        counted.share(1)
        monkeypatch.setattr("service.hidden.METRICS", counted)
        with site(tmp_path, 'on_error = "empty"', store, book=book_with({"afo": fails})) as faulty:
            assert posted(faulty, REQUEST).get_json() == EMPTY
        said = capfd.readouterr().err
        warned, fault, request = lines(said)
        assert (warned["event"], warned["client"]) == ("failures are hidden", "main")
        assert (fault["event"], fault["error"]) == ("fault", "RuntimeError")
        assert request["hidden"] == 500
        assert sum(sum(numbers) for _, numbers in counted.faults.numbers(counted.board)) == 1
        assert SECRET not in said

    def test_cards_come_as_ever(self, main: Site, quiet: Site) -> None:
        assert [card["summary"] for card in cards(quiet, REQUEST)] == [card["summary"] for card in cards(main, REQUEST)]

    def test_what_the_caller_does_wrong_it_is_told(self, quiet: Site) -> None:
        assert quiet.status("a.b.c") == 401
        assert quiet.status(request={"hook": "patient-view"}) == 400
        assert quiet.status(request={**REQUEST, "fhirServer": "https://other.example"}) == 403
        assert quiet.status(path="/cds-services/none") == 404
        headers = {**HOST, "Authorization": f"Bearer {token()}"}
        assert quiet.http.post(VIEW, data=json.dumps(REQUEST), headers=headers).status_code == 415
