"""The Grafana dashboard and the alerts over a real Prometheus: each expression is understood, each panel is drawn."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import ROOT
from tests.support.processes import free_port, serving, until
from tests.support.prometheus import COUNTERS, GAUGES, Exposition, Prometheus, prometheus
from tests.support.racing import status
from tests.support.signing import registered, token

DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy" / "grafana" / "foot-drop-cds.json").read_text(encoding="utf-8"))
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
DRAWN = [panel for panel in PANELS if panel["type"] != "row"]
# The values that Grafana puts in place of its variables.
VARIABLES = {"$__rate_interval": "1m", "$client": ".*", "$service": ".*"}
NAMES = {f"foot_drop_cds_{one.split('{')[0]}": set(re.findall(r"(\w+)=", one)) for one in [*COUNTERS, *GAUGES]}
TOLD = {re.split(r"[{]|_bucket", series)[0] for series in [*COUNTERS, *GAUGES]}


@pytest.fixture(scope="module")
def watching(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has read all metrics several times."""
    with Exposition() as service, prometheus(tmp_path_factory.mktemp("prometheus"), service.address) as running:
        yield running


def test_the_service_is_found_under_the_job_of_the_alerts(watching: Prometheus) -> None:
    [(labels, up)] = watching.values("up")
    assert (labels["job"], up) == ("foot-drop-cds", 1)


def test_prometheus_evaluates_every_alert(watching: Prometheus) -> None:
    (group,) = watching.get("rules")["groups"]
    assert len(group["rules"]) > 15
    assert {rule["name"]: rule.get("lastError") for rule in group["rules"] if rule["health"] != "ok"} == {}
    for rule in group["rules"]:
        watching.values(rule["query"])


@pytest.mark.long
def test_the_metrics_are_those_of_the_service(tmp_path: Path) -> None:
    place = f"127.0.0.1:{free_port()}"
    settings = registered(tmp_path, of_service=f'metrics_address = "{place}"')
    with (
        serving(tmp_path, "--settings", str(settings), "--port", "0") as (_, address),
        prometheus(tmp_path, place) as running,
    ):
        assert status(address, token()) == 200
        until(lambda: bool(running.values('foot_drop_cds_requests_total{status="200"}')))
        told = labels_of(labels for labels, _ in running.values('{__name__=~"foot_drop_cds_.+"}'))
        (group,) = running.get("rules")["groups"]
    assert {name: labels for name, labels in told.items() if not name.endswith(("_count", "_sum"))} == NAMES
    assert [rule["name"] for rule in group["rules"] if rule["health"] == "err"] == []
    assert [rule["name"] for rule in group["rules"] if rule.get("alerts")] == []


def labels_of(series: Iterable[dict[str, str]]) -> dict[str, set[str]]:
    """The names of the labels of each metric."""
    return {one["__name__"]: one.keys() - {"__name__", "job", "instance"} for one in series}


def test_every_panel_is_drawn(watching: Prometheus) -> None:
    for panel in DRAWN:
        for target in panel["targets"]:
            given = watching.values(filled(target["expr"]))
            assert given, f"{panel['title']}: {target['expr']}"
            assert all(math.isfinite(value) for _, value in given), panel["title"]
            named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            assert all(named <= labels.keys() for labels, _ in given), f"{panel['title']}: {target['legendFormat']}"


def filled(expression: str) -> str:
    """An expression as Grafana sends it."""
    for variable, value in VARIABLES.items():
        expression = expression.replace(variable, value)
    assert "$" not in expression, expression
    return expression


def test_every_metric_is_shown_and_no_other() -> None:
    used = re.findall(
        r"foot_drop_cds_(\w+)", " ".join(target["expr"] for panel in DRAWN for target in panel["targets"])
    )
    assert {name.removesuffix("_bucket") for name in used} == TOLD


def test_the_panels_lie_side_by_side() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    cells = [
        {
            (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
            for x in range(panel["gridPos"]["w"])
            for y in range(panel["gridPos"]["h"])
        }
        for panel in PANELS
    ]
    assert not [one for one, other in combinations(cells, 2) if one & other]
    assert max(x for panel in cells for x, _ in panel) == 23  # the width of Grafana


def test_the_data_source_is_chosen_by_who_imports_it() -> None:
    asking = [*DRAWN, *(target for panel in DRAWN for target in panel["targets"]), *DASHBOARD["annotations"]["list"]]
    assert {one["datasource"]["uid"] for one in asking} == {"${datasource}"}
    variables = {one["name"]: one for one in DASHBOARD["templating"]["list"]}
    assert variables.keys() == {"datasource", "client", "service"}
    assert variables["datasource"]["query"] == "prometheus"
