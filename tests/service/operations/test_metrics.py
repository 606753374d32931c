"""The metrics as Prometheus reads them, of a service with several workers, which may die."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cards.rule_book import rule_book
from service.hooks import HOOKS, service_id
from service.operations.metrics import CAUSES, OUTCOMES, PLACES
from service.trust.callers import REFUSALS
from tests.support.processes import children, serving, until
from tests.support.racing import status
from tests.support.signing import ec_key, registered, token
from tests.support.site import REQUEST, lines

CALLS = 12
OTHER = "other"
CLOSED = {
    "service": {*map(service_id, HOOKS), "discovery", "feedback", OTHER},
    "status": {*map(str, range(200, 600)), OTHER},
    "client": {"main", "none", OTHER},
    "rule": {*rule_book().rules, OTHER},
    "indicator": {"info", "warning", "critical", OTHER},
    "place": {*PLACES, OTHER},
    "why": {*REFUSALS, OTHER},
    "outcome": {*OUTCOMES, OTHER},
    "cause": {*CAUSES, OTHER},
}
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Service(NamedTuple):
    """A service that runs, with its metrics and its log."""

    process: subprocess.Popen[str]
    address: str
    metrics: str
    log: Path

    def samples(self) -> Samples:
        """Every number that it tells."""
        with urllib.request.urlopen(self.metrics, timeout=10) as reply:
            families = list(text_string_to_metric_families(reply.read().decode()))
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }

    def number(self, name: str, **labels: str) -> float | None:
        """A number that it tells, None when it does not."""
        return self.samples().get((f"foot_drop_cds_{name}", frozenset(labels.items())))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with two workers and a registered client, after some calls."""
    folder = tmp_path_factory.mktemp("service")
    file = registered(folder, of_service='metrics_address = "127.0.0.1:0"')
    words = ("--port", "0", "--workers", "2", "--settings", str(file))
    with (folder / "log").open("w") as log, serving(folder, *words, log=log) as (process, address):
        assert process.stdout is not None
        metrics = process.stdout.readline().removeprefix("Metrics at ").strip()
        service = Service(process, address, metrics, folder / "log")
        assert [status(address, token()) for _ in range(CALLS)] == [200] * CALLS
        assert status(address, token(ec_key("other"))) == 401
        yield service


def test_what_all_workers_have_answered_is_told_together(running: Service) -> None:
    view = {"service": "foot-drop-patient-view", "client": "main"}
    answered = running.number("requests_total", **view, status="200")
    assert answered is not None
    assert answered >= CALLS
    assert [status(running.address, token()) for _ in range(CALLS)] == [200] * CALLS
    assert running.number("requests_total", **view, status="200") == answered + CALLS
    assert running.number("requests_total", **view, status="401") == 1
    assert running.number("request_seconds_count", service="foot-drop-patient-view") == answered + CALLS + 1
    assert running.number("tokens_refused_total", why="the signature is wrong") == 1
    assert running.number("cards_total", rule="lumbar-mri", indicator="critical") is not None
    told = running.samples()
    assert sum(value for (name, _), value in told.items() if name == "foot_drop_cds_cards_total") >= CALLS
    assert running.number("in_flight") == 0
    assert running.number("waiting") == 0


@pytest.mark.long
def test_what_the_service_needs_is_told_without_any_probe(running: Service) -> None:
    until(lambda: running.number("ready") is not None)
    assert running.number("store_up") == 1
    assert running.number("keys_known", client="main") == 1
    assert running.number("ready") == 1


def test_labels_hold_names_of_closed_lists_and_nothing_of_a_request(running: Service) -> None:
    for (name, labels), _ in running.samples().items():
        for label, value in labels:
            if name != "foot_drop_cds_info" and label != "le":
                assert value in CLOSED[label], (name, label)


def test_no_number_falls_when_a_worker_dies(running: Service) -> None:
    before = running.samples()
    workers = children(running.process)
    os.kill(workers[0], signal.SIGKILL)
    until(lambda: running.number("worker_restarts_total", cause="signal") == 1)
    assert [status(running.address, token()) for _ in range(CALLS)] == [200] * CALLS
    after = running.samples()
    counted = [key for key in before if key[0].endswith(("_total", "_count", "_bucket", "_sum"))]
    assert len(counted) > 100
    assert [key for key in counted if after[key] < before[key]] == []
    view = {"service": "foot-drop-patient-view", "client": "main", "status": "200"}
    key = ("foot_drop_cds_requests_total", frozenset(view.items()))
    assert after[key] == before[key] + CALLS


@pytest.mark.long
def test_they_are_told_at_their_path_alone(running: Service) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(running.metrics.removesuffix("metrics") + "cds-services", timeout=10)


def test_the_log_names_requests_by_an_id_and_nobody(running: Service) -> None:
    said = running.log.read_text()
    assert REQUEST["context"]["patientId"] not in {word for line in lines(said) for word in map(str, line.values())}
    requests = [line for line in lines(said) if line["event"] == "request"]
    assert len({line["request_id"] for line in requests}) == len(requests) > CALLS
    assert json.dumps(REQUEST["context"]) not in said
