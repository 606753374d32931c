"""Traces: a span a request and a reading, in the trace of the caller, with nothing of a patient."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.fhir_server import FhirServer
from tests.support.http_server import HttpServer, Reply
from tests.support.processes import TIMEOUT, serving, until

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
NAMES = {
    "http.request.method", "http.response.status_code", "foot_drop_cds.service", "foot_drop_cds.request_id",
    "foot_drop_cds.records", "foot_drop_cds.unreadable", "foot_drop_cds.unseen",
}  # fmt: skip
CANARIES = ("canary-patient", "canary-user", "canary-token", "canary-state")


def spans(receiver: HttpServer) -> list[Any]:
    """What has come."""
    messages = [ExportTraceServiceRequest.FromString(asked.body) for asked in receiver.asked]
    return [
        span
        for message in messages
        for resource in message.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def test_spans_continue_the_trace_of_the_caller_and_name_no_patient(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_foot_drop: dict[str, Any]
) -> None:
    del no_foot_drop["prefetch"]
    context = {**no_foot_drop["context"], "patientId": CANARIES[0], "userId": f"Practitioner/{CANARIES[1]}"}
    granted = {"access_token": CANARIES[2], "token_type": "Bearer", "expires_in": 300, "scope": "x", "subject": "y"}
    receiver = HttpServer(lambda _: Reply())
    with receiver, FhirServer() as server:
        request = {**no_foot_drop, "context": context, "fhirServer": server.base, "fhirAuthorization": granted}
        monkeypatch.setenv("FOOT_DROP_CDS_OTLP_ENDPOINT", f"http://{receiver.address}")
        with serving(tmp_path, "--dev", "--port", "0") as (_, address):
            headers = {
                "Content-Type": "application/json",
                "traceparent": f"00-{TRACE}-{PARENT}-01",
                "tracestate": f"x={CANARIES[3]}",
            }
            url = f"{address}/cds-services/foot-drop-patient-view"
            asked = urllib.request.Request(url, json.dumps(request).encode(), headers)
            with urllib.request.urlopen(asked, timeout=TIMEOUT) as reply:
                assert reply.status == 200
        until(lambda: len(spans(receiver)) >= 2)
    reading, answering = spans(receiver)
    assert receiver.asked[0].target == "/v1/traces"
    assert (reading.name, answering.name) == ("read from the FHIR server", "foot-drop-patient-view")
    assert {span.trace_id.hex() for span in (reading, answering)} == {TRACE}
    assert answering.parent_span_id.hex() == PARENT
    assert reading.parent_span_id == answering.span_id
    assert {attribute.key for attribute in answering.attributes} == NAMES
    sent = b"".join(asked.body for asked in receiver.asked)
    assert [canary for canary in CANARIES if canary.encode() in sent] == []
