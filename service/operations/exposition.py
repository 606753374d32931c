"""The metrics in Prometheus format, served by a separate process, so that a scrape occupies no worker."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from importlib.metadata import PackageNotFoundError, version
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import MetricsHandler

from service.operations.families import OTHER, Family, Histogram, Labels
from service.operations.metrics import METRICS_PATH, PREFIX, Metrics

_SILENT_SECONDS = 5  # a client that sends no request for this long is cut off


_MANY = 100  # series of a family: with more, only those that were counted are reported
_KINDS = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily, "histogram": HistogramMetricFamily}


class _Collector:
    """The numbers on the board, as objects of prometheus-client."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        """Every reported family, and the version."""
        about = GaugeMetricFamily(f"{PREFIX}info", "The version of the service", labels=["version"])
        about.add_metric([_version()], 1)
        yield about
        for family in self._metrics.told():
            yield self._metric(family)

    def _metric(self, family: Family) -> Metric:
        metric: Metric = _KINDS[family.type](f"{PREFIX}{family.name}", family.help, labels=family.labels)
        for labels, numbers in family.numbers(self._metrics.board):
            if any(numbers) or (OTHER not in labels and len(family.series) <= _MANY):
                _add(metric, labels, numbers)
        return metric


def _add(metric: Any, labels: Labels, numbers: list[float]) -> None:
    if not isinstance(metric, HistogramMetricFamily):
        metric.add_metric(labels, numbers[0])
        return
    bounds = [*map(str, Histogram.bounds), "+Inf"]
    metric.add_metric(labels, list(zip(bounds, accumulate(numbers[:-1]), strict=True)), numbers[-1])


class _Exposition(MetricsHandler):
    timeout = _SILENT_SECONDS
    server_version = "foot-drop-cds"
    sys_version = ""

    def do_GET(self) -> None:
        """Serve the metrics at their path, and nothing elsewhere."""
        if self.path.partition("?")[0] == METRICS_PATH:
            super().do_GET()
        else:
            self.send_error(404)


class _Teller(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore errors: a client that disconnects early is not a fault."""


def tell(metrics: Metrics, listener: socket.socket, parent: int) -> None:
    """Serve the metrics until the end of the process or of its parent.

    `parent` is a pipe whose other end only the parent holds.
    """
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(metrics))
    server = _Teller(listener.getsockname()[:2], _Exposition.factory(registry), bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    server.serve_forever()


def _end_with(parent: int) -> None:
    os.read(parent, 1)
    os._exit(0)


def _version() -> str:
    try:
        return version("foot-drop-cds")
    except PackageNotFoundError:  # it runs from the source tree
        return "unknown"
