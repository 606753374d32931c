"""Every sentence with which the service refuses a request, and the help of every command, as one text.

`python -m tests.support.sentences` writes it to tests/service/sentences.txt, for a person to read aloud.
"""

from __future__ import annotations

import copy
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from click import Command, Group
from click.testing import CliRunner
from werkzeug.test import TestResponse

from cards.record.body import MAX_BYTES
from service.app import create_app
from service.command.cli import main
from service.memory.feedback import MOST_ENTRIES
from tests.support import vignettes
from tests.support.http_server import Asked, HttpServer, Reply
from tests.support.places import ROOT
from tests.support.signing import AUDIENCE, FHIR_BASE, PUBLIC_URL, token
from tests.support.site import site

FILE = ROOT / "tests" / "service" / "sentences.txt"
RENEW = "python -m tests.support.sentences"

Json = dict[str, Any]

_NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
_VIEW = "/cds-services/foot-drop-patient-view"
_JSON = "application/json"
_WIDTH = 100  # columns of the help
_FOOT_DROP: Json = {
    "patient": {"age": 60, "sex": "female"},
    "conditions": [{"code": "foot-drop", "clinical": "active", "verification": "confirmed", "onsetDaysAgo": 3}],
}
_DRAFT = {"resourceType": "ServiceRequest", "id": "d1", "subject": {"reference": "Patient/p1"}, "code": {"text": "MRI"}}


def text() -> str:
    """The refusals by status, then the help of each command."""
    sentences = sorted({(reply.status_code, _diagnostics(reply)) for reply in refusals()})
    helps = "\n".join(_help(*words) for words in _commands(main))
    lines = "".join(f"{status}  {sentence}\n" for status, sentence in sentences)
    return f"Read this aloud. It is written by `{RENEW}`.\n\nRefused requests\n\n{lines}\nHelp\n\n{helps}"


def _diagnostics(reply: TestResponse) -> str:
    (issue,) = reply.get_json()["issue"]
    return str(issue["diagnostics"])


def _commands(command: Command, *words: str) -> Iterator[tuple[str, ...]]:
    """The help of a command, and of its subcommands."""
    yield words
    for name, below in command.commands.items() if isinstance(command, Group) else ():
        yield from _commands(below, *words, name)


def _help(*words: str) -> str:
    shown = CliRunner().invoke(main, [*words, "--help"], prog_name="foot-drop-cds", terminal_width=_WIDTH)
    assert shown.exit_code == 0, shown.output
    return f"$ foot-drop-cds {' '.join([*words, '--help'])}\n\n{shown.output}"


def refusals() -> Iterator[TestResponse]:
    """A reply for each way in which a request is refused."""
    client = create_app(now=_NOW, dev=True).test_client()
    for body in _BODIES:
        yield client.post(_VIEW, data=body, content_type=_JSON)
    for request in _requests():
        yield client.post(f"/cds-services/foot-drop-{request.pop('to', request['hook'])}", json=request)
    for reply in _FHIR_REPLIES:
        with HttpServer(_always(reply)) as fhir:
            yield client.post(_VIEW, json={**_without("conditions"), "fhirServer": fhir.base})
    yield client.post(_VIEW, data=b"{}", content_type="text/plain")
    yield client.post(_VIEW, data=b"{}", content_type=_JSON, headers={"Content-Encoding": "gzip"})
    yield client.delete(_VIEW)
    yield client.get("/nowhere")
    for entry in _ENTRIES:
        yield client.post(f"{_VIEW}/feedback", json={"feedback": [entry]})
    messages: list[Any] = [{}, {"feedback": 7}, [], {"feedback": [7] * (MOST_ENTRIES + 1)}]
    for message in messages:
        yield client.post(f"{_VIEW}/feedback", json=message)
    yield client.get("/rules/none")
    yield client.get("/fhir/Patient/1")
    yield client.post("/simulator/record", data=b"[]", content_type=_JSON)
    yield client.post("/simulator/verdicts", json={**_request(), "hook": "appointment-book"})
    for server, method in (("https://elsewhere.example/fhir", "POST"), ("http://localhost:8090/fhir", "PATCH")):
        order = {"resourceType": "ServiceRequest"}
        asked = {"server": server, "method": method, "resource": order}
        yield client.post("/simulator/write", json=asked, headers={"Origin": "http://localhost"})
    yield client.post("/simulator/write", json={})
    for below in ("", "/a/b"):
        services = f"http://{'localhost:9' if below else 'elsewhere.example'}/cds-services"
        called: dict[str, Any] = {"services": services, "below": below, "body": {}}
        yield client.post("/simulator/relay", json=called, headers={"Origin": "http://localhost"})
    yield client.get("/cds-services", headers={"Host": "ehr.example"})
    yield from _refused_callers()
    yield from _stripped()
    yield create_app(now=_no_clock, dev=True).test_client().post(_VIEW, json=_request())


def _refused_callers() -> Iterator[TestResponse]:
    """Replies of a service that requires tokens."""
    tenants = f'tenants = [{{ base = "{FHIR_BASE}", subject = "cds" }}]'
    for seconds in (60, 0):
        with (
            tempfile.TemporaryDirectory() as folder,
            site(Path(folder), tenants, f"replay_grace_s = {seconds}") as main,
        ):
            if seconds:
                yield main.post(None)
                yield main.post(token(), {**_request(), "fhirServer": "https://elsewhere.example/fhir"})
                granted = {"access_token": "t", "subject": "other"}
                yield main.post(token(), {**_request(), "fhirServer": FHIR_BASE, "fhirAuthorization": granted})
                yield main.post(token(), Origin="https://elsewhere.example")
                shutil.rmtree(Path(folder) / "data")
                yield main.post(token(aud=f"{AUDIENCE}/feedback"), {"feedback": [_ANSWER]}, path=f"{_VIEW}/feedback")
            else:
                shutil.rmtree(Path(folder) / "data")
                yield main.post(token())


def _stripped() -> Iterator[TestResponse]:
    """Replies to an Epic client that left out the access token and the drafts."""
    sign = "/cds-services/foot-drop-order-sign"
    with tempfile.TemporaryDirectory() as folder, site(Path(folder), 'profile = "epic"') as main:
        yield main.post(token(), _without("conditions"))
        yield main.post(token(aud=f"{PUBLIC_URL}{sign}"), {**_request(), "hook": "order-sign"}, sign)


def _always(reply: Reply) -> Callable[[Asked], Reply]:
    return lambda _: reply


def _no_clock() -> datetime:
    raise LookupError("the clock is broken")


_ANSWER = {"card": "a", "outcome": "overridden", "outcomeTimestamp": "2026-03-02T10:00:00Z"}
_ENTRIES: tuple[object, ...] = (
    {**_ANSWER, "outcome": "ignored"},
    {**_ANSWER, "card": ""},
    {**_ANSWER, "outcome": "accepted"},
    {**_ANSWER, "overrideReason": {}},
    {**_ANSWER, "overrideReason": "no"},
    {**_ANSWER, "more": "x" * 300_000},
    7,
)
_BODIES = (
    b"not JSON",
    b'{"hook": "\xff"}',
    b"[]",
    b"[" * 101 + b"]" * 101,
    b" " * (MAX_BYTES + 1),
    b'{"hook": 5}',
    b'{"hook": "patient-view", "hookInstance": ["x"]}',
)


_FHIR_REPLIES = (
    Reply(503),
    Reply(302, {"Location": "https://elsewhere.example/fhir"}),
    Reply(200, {"Content-Type": "text/html"}, b"<html>Log in</html>"),
    Reply(200, {"Content-Type": "application/fhir+json"}, b'{"resourceType": "Patient", "id": "p1"}'),
    Reply(200, {"Content-Type": "application/fhir+json"}, b'{"resourceType": "OperationOutcome", "issue": []}'),
)


def _request(hook: str = "patient-view") -> Json:
    return copy.deepcopy(vignettes.request(_FOOT_DROP, hook, _NOW))


def _requests() -> Iterator[Json]:
    """Requests in JSON, each with one fault; `to` names a service other than that of the hook."""
    for member in ("hook", "hookInstance", "context"):
        yield {**_request(), member: None, "to": "patient-view"}
    yield {**_request(), "hook": " ", "to": "patient-view"}
    yield {**_request(), "hook": "order-sign", "to": "patient-view"}
    yield {**_request(), "hookInstance": ""}
    yield {**_request(), "context": "x"}
    for patient in (None, "", "Patient/", 12, "p1&_id=2"):
        yield {**_request(), "context": {"patientId": patient}}
    for hook in ("order-select", "problem-list-item-create"):
        yield {**_request(), "hook": hook, "context": {"patientId": "p1"}}
    yield from _without_data()
    yield from _of_another_patient()


def _without_data() -> Iterator[Json]:
    yield _without("conditions")
    yield {**_without("conditions"), "fhirServer": "https://elsewhere.example/fhir"}
    token: Json = {"access_token": "two\nlines"}
    yield {**_without("conditions"), "fhirServer": "http://localhost:9/fhir", "fhirAuthorization": token}
    token = {"access_token": "t", "expires_in": 0}
    yield {**_without("conditions"), "fhirServer": "http://localhost:9/fhir", "fhirAuthorization": token}
    for conditions in ({"resourceType": "OperationOutcome"}, {"resourceType": "Patient"}):
        request = _request()
        request["prefetch"]["conditions"] = conditions
        yield request


def _without(key: str) -> Json:
    request = _request()
    del request["prefetch"][key]
    return request


def _of_another_patient() -> Iterator[Json]:
    yield {**_request(), "fhirAuthorization": {"access_token": "t", "patient": "p2"}}
    other = {"reference": "Patient/p2"}
    request = _request()
    request["prefetch"]["conditions"]["entry"][0]["resource"]["subject"] = other
    yield request
    request = _request()
    request["prefetch"]["patient"]["id"] = "p2"
    yield request
    request = _request("order-select")
    drafts = {"resourceType": "Bundle", "entry": [{"resource": {**_DRAFT, "subject": other}}]}
    yield {**request, "context": {"patientId": "p1", "draftOrders": drafts, "selections": ["ServiceRequest/d1"]}}


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
    print(f"{FILE.relative_to(ROOT)} written: read it aloud")
