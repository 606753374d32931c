"""Words that may occur only in a request and on a card: one for each place in a patient's data and in a token."""

from __future__ import annotations

import gzip
import json
from typing import Any

from cards.record.body import MAX_BYTES
from tests.support import vignettes
from tests.support.patients import FOOT_DROP, NOW

Json = dict[str, Any]

CANARIES = [f"canary{number:02}x" for number in range(40)]
PATIENT, STRANGER = CANARIES[0], CANARIES[1]
(
    _INSTANCE, _USER, _ENCOUNTER, _ACCESS, _SCOPE, _SUBJECT, _MEMBER, _VALUE, _FAMILY, _GIVEN, _NUMBER, _PHONE, _STREET,
    _CITY, _CONTACT, _EXTENSION, _PROBLEM, _NOTE, _ID, _CONTAINED, _DIV, _TAG, _PERFORMER, _KEY, _DRAFT, _DOSAGE,
    _SELECTED, SERVER, SUB, JTI, KID, NAMED, HOST, HEADER, PATH, QUERY, RAISED, UPSTREAM,
) = CANARIES[2:]  # fmt: skip
_DRAFTED = FOOT_DROP | {"draftOrders": [{"id": "d1", "resourceType": "MedicationRequest", "code": "naproxen"}]}

Sent = tuple[int, Json]
"""The status that is expected, and how the client of Flask is to send it."""


def request(hook: str = "order-sign") -> Json:
    """A request of a patient with foot drop, with a canary in every place."""
    written = json.dumps(vignettes.request(_DRAFTED, hook, NOW))
    whole: Json = json.loads(written.replace('"p1"', f'"{PATIENT}"').replace("Patient/p1", f"Patient/{PATIENT}"))
    whole |= {"hookInstance": _INSTANCE, _MEMBER: {_MEMBER: _VALUE}, "extension": {"x": _EXTENSION}}
    whole["fhirServer"] = f"https://{SERVER}.example/{PATH}?{QUERY}"
    whole["fhirAuthorization"] = {"access_token": _ACCESS, "scope": _SCOPE, "subject": _SUBJECT, "expires_in": 300}
    whole["context"] |= {"userId": f"Practitioner/{_USER}", "encounterId": _ENCOUNTER, "selections": [_SELECTED]}
    whole["prefetch"]["patient"] |= {
        "name": [{"family": _FAMILY, "given": [_GIVEN]}],
        "identifier": [{"system": "urn:oid:1.2.3", "value": _NUMBER}],
        "telecom": [{"system": "phone", "value": _PHONE}],
        "address": [{"line": [_STREET], "city": _CITY}],
        "contact": [{"name": {"text": _CONTACT}}],
        "text": {"status": "generated", "div": f"<div>{_DIV}</div>"},
    }
    for number, entry in enumerate(whole["prefetch"]["conditions"]["entry"]):
        entry["resource"]["code"]["text"] = _PROBLEM
        entry["resource"] |= {"id": f"{_ID}-{number}", "note": [{"text": _NOTE}], "meta": {"tag": [{"code": _TAG}]}}
        entry["resource"]["contained"] = [{"resourceType": "Practitioner", "id": "c", "name": [{"text": _CONTAINED}]}]
    for entry in whole["prefetch"]["observations"]["entry"]:
        entry["resource"]["performer"] = [{"display": _PERFORMER}]
    whole["prefetch"][_KEY] = {"resourceType": _KEY}
    for entry in whole["context"].get("draftOrders", {}).get("entry", ()):
        entry["resource"] |= {"note": [{"text": _DRAFT}], "dosageInstruction": [{"text": _DOSAGE}]}
    return whole


def _sent(status: int, body: Any, hook: str = "order-sign", **how: Any) -> Sent:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return status, {
        "path": f"/cds-services/foot-drop-{hook}", "method": "POST", "data": data, "content_type": "application/json"
    } | how  # fmt: skip


def _without(*path: str, value: Any = ..., hook: str = "order-sign") -> Json:
    """The request without a member, or with another value for it."""
    whole = request(hook)
    inner = whole
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    if value is not ...:
        inner[path[-1]] = value
    return whole


def unreadable() -> dict[str, Sent]:
    """Bodies that are not requests."""
    whole = json.dumps(request()).encode()
    text = whole.decode()
    bodies: dict[str, bytes] = {
        "cut": whole[: len(whole) // 2],
        "two": whole + whole,
        "in a list": b"[" + whole + b"]",
        "as a text": json.dumps(text).encode(),
        "UTF-16": text.encode("utf-16"),
        "not UTF-8": whole.replace(_DRAFT.encode(), b"\xff\xfe", 1),
        "deep": b'{"a":' * 200 + whole + b"}" * 200,
        "single quotes": whole.replace(b'"', b"'"),
        "a name alone": json.dumps(CANARIES[5]).encode(),
    }
    return {name: _sent(400, body) for name, body in bodies.items()}


def incomplete() -> dict[str, Sent]:
    """Requests whose required members are missing or of the wrong type, and requests whose data is missing."""
    sent: dict[str, Sent] = {}
    for path in (("hook",), ("hookInstance",), ("context",), ("context", "patientId")):
        values: list[Any] = [..., None, 7, [_VALUE], {_MEMBER: _VALUE}, ""]
        for number, value in enumerate(values):
            sent[f"{path} {number}"] = _sent(400, _without(*path, value=value))
    sent["another hook"] = _sent(400, _without("hook", value=_VALUE))
    sent["no FHIR id"] = _sent(400, _without("context", "patientId", value=f"{PATIENT}!"))
    values = [[_VALUE], _VALUE, 7]
    for number, value in enumerate(values):
        sent[f"drafts {number}"] = _sent(400, _without("context", "draftOrders", value=value))
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "diagnostics": _VALUE}]}
    missing: list[Any] = [..., {}, {"conditions": None}, {"conditions": outcome, "observations": outcome}, _VALUE]
    for number, value in enumerate(missing):
        sent[f"prefetch {number}"] = _sent(412, _without("prefetch", value=value))
    sent["prefetch as texts"] = _sent(
        412, _without("prefetch", value={"conditions": _VALUE, "observations": f"<p>{_NOTE}"})
    )
    return sent


def of_another_patient() -> dict[str, Sent]:
    """Requests in which one record is another patient's."""
    sent: dict[str, Sent] = {"patient": _sent(422, _without("prefetch", "patient", "id", value=STRANGER))}
    reference = {"reference": f"Patient/{STRANGER}", "display": _FAMILY}
    for key in ("conditions", "observations"):
        whole = request()
        whole["prefetch"][key]["entry"][0]["resource"]["subject"] = reference
        sent[key] = _sent(422, whole)
    whole = request()
    whole["prefetch"]["conditions"]["entry"][0]["resource"]["contained"][0] |= {
        "resourceType": "Observation",
        "subject": reference,
    }
    sent["contained"] = _sent(422, whole)
    whole = request()
    whole["context"]["draftOrders"]["entry"][0]["resource"]["subject"] = reference
    sent["draft"] = _sent(422, whole)
    return sent


def at_the_wrong_door() -> dict[str, Sent]:
    """Calls that are refused because of their address, method, media type, size or host."""
    whole = json.dumps(request()).encode()
    hook = "/cds-services/foot-drop-order-sign"
    sent: dict[str, Sent] = {
        "too large": _sent(413, whole[:-1] + b" " * (MAX_BYTES - len(whole) + 2) + b"}"),
        "a text": _sent(415, whole, content_type=f"text/plain; {HEADER}={HEADER}"),
        "no type": _sent(415, whole, content_type=""),
        "compressed": _sent(415, gzip.compress(whole), headers={"Content-Encoding": "gzip"}),
        "compressed by a name": _sent(415, whole, headers={"Content-Encoding": HEADER}),
        "another host": _sent(421, whole, headers={"Host": f"{HOST}.example"}),
        "no host": _sent(421, whole, headers={"Host": f"{HOST}@localhost"}),
        "another service": _sent(404, whole, path=f"/cds-services/{PATH}"),
        "another place": _sent(404, whole, path=f"/{PATH}/{PATH}"),
        "a method of its own": _sent(405, whole, method=HEADER.upper()),
    }
    for path in (
        f"/rules/{PATH}",
        f"/rules/{PATH}/source-attributes",
        f"/fhir/{PATH}",
        f"/fhir/PlanDefinition/{PATH}",
        f"/{PATH}",
    ):
        sent[path] = 404, {"path": path, "query_string": {QUERY: QUERY}}
    for method in ("GET", "PUT", "PATCH", "DELETE", "OPTIONS"):
        sent[method] = (
            (200 if method == "OPTIONS" else 405),
            {"path": hook, "method": method, "query_string": {QUERY: QUERY}},
        )
    sent["discovery"] = _sent(405, whole, path="/cds-services", query_string={QUERY: QUERY})
    return sent
