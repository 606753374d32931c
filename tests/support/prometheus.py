"""A real Prometheus with the shipped configuration, and metrics for it to scrape."""

from __future__ import annotations

import http.client
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.support.http_server import Asked, HttpServer, Reply
from tests.support.machine import PROMETHEUS
from tests.support.places import ROOT
from tests.support.processes import TIMEOUT, free_port, until

CONFIGURATION = ROOT / "deploy" / "prometheus"
_STATUSES = ("200", "412", "500")
_SERVICE = "foot-drop-patient-view"

# Every metric of the service, with labels as the service gives them: a counter grows at each scrape, a gauge is 1.
COUNTERS = [
    *(f'requests_total{{service="{_SERVICE}",status="{status}",client="main"}}' for status in _STATUSES),
    *(f'request_seconds_bucket{{service="{_SERVICE}",le="{le}"}}' for le in ("0.1", "1.0", "+Inf")),
    "overloaded_total",
    'hidden_failures_total{client="main"}',
    'cards_total{rule="afo",indicator="info"}',
    'could_not_evaluate_total{rule="afo"}',
    'faults_total{rule="afo",place="advice"}',
    'tokens_refused_total{why="the token has expired"}',
    'fhir_requests_total{client="main",outcome="ok"}',
    'fhir_requests_total{client="main",outcome="late"}',
    *(f'fhir_seconds_bucket{{client="main",le="{le}"}}' for le in ("0.1", "1.0", "+Inf")),
    'worker_restarts_total{cause="signal"}',
    "log_lines_lost_total",
    "answers_not_kept_total",
]
GAUGES = ["in_flight", "waiting", "store_up", 'keys_known{client="main"}', "ready", 'info{version="1.0.0"}']


class Exposition(HttpServer):
    """A service that exposes all metrics to Prometheus."""

    def __init__(self) -> None:
        super().__init__(self._tell)

    def _tell(self, _: Asked) -> Reply:
        lines = [f"foot_drop_cds_{name} {len(self.asked) * 10}" for name in COUNTERS]
        lines += [f"foot_drop_cds_{name} 1" for name in GAUGES]
        return Reply(headers={"Content-Type": "text/plain; version=0.0.4"}, body="\n".join([*lines, ""]).encode())


class Prometheus:
    """A running Prometheus, and ways to query it."""

    def __init__(self, port: int) -> None:
        self._port = port

    def get(self, path: str, **query: str) -> Any:
        """The answer of its API."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT)
        try:
            connection.request("GET", f"/api/v1/{path}?{urlencode(query)}")
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        assert answer["status"] == "success", f"{query}: {answer.get('error')}"
        return answer["data"]

    def values(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """The current values of an expression, by labels."""
        result = self.get("query", query=expression)["result"]
        return [(series["metric"], float(series["value"][1])) for series in result]

    def has_scraped(self, times: int) -> bool:
        """Whether it has read the metrics this many times."""
        try:
            return any(value >= times for _, value in self.values("count_over_time(foot_drop_cds_info[1m])"))
        except (OSError, http.client.HTTPException, ValueError):
            return False


@contextmanager
def prometheus(folder: Path, target: str) -> Iterator[Prometheus]:
    """Prometheus with the shipped configuration, except the target and the scrape interval."""
    port = free_port()
    text = (CONFIGURATION / "prometheus.yml").read_text(encoding="utf-8")
    for old, new in {"127.0.0.1:9464": target, "_interval: 15s": "_interval: 200ms"}.items():
        assert old in text, old
        text = text.replace(old, new)
    (folder / "prometheus.yml").write_text(text, encoding="utf-8")
    (folder / "alerts.yml").write_bytes((CONFIGURATION / "alerts.yml").read_bytes())
    words = ["--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address=127.0.0.1:{port}"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([PROMETHEUS, *words], cwd=folder, stdout=log, stderr=log)
        try:
            running = Prometheus(port)
            until(lambda: process.poll() is not None or running.has_scraped(3))
            assert process.poll() is None, (folder / "log").read_text()
            yield running
        finally:
            process.terminate()
            process.wait(TIMEOUT)
