"""The alerts of deploy/prometheus: promtool accepts them, and each one fires when it should and not otherwise."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.support.machine import PROMTOOL
from tests.support.places import ROOT
from tests.support.sampling import one_in

FOLDER = ROOT / "deploy" / "prometheus"
ALERTS = FOLDER / "alerts.yml"
(GROUP,) = YAML(typ="safe").load(ALERTS)["groups"]
RULES: dict[str, dict[str, Any]] = {rule["alert"]: rule for rule in GROUP["rules"] if "alert" in rule}
CASES: dict[str, dict[str, Any]] = tomllib.loads(Path(__file__).with_name("alerts.toml").read_text(encoding="utf-8"))


def promtool(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """The output of promtool."""
    return subprocess.run([PROMTOOL, *words], capture_output=True, text=True, timeout=60, check=False)


def test_promtool_accepts_the_configuration_and_its_alerts() -> None:
    done = promtool("check", "config", FOLDER / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"SUCCESS: {len(GROUP['rules'])} rules found" in done.stdout


def test_promtool_sees_what_is_wrong(tmp_path: Path) -> None:
    wrong = tmp_path / "alerts.yml"
    wrong.write_text(ALERTS.read_text().replace("sum by (why)", "sum of (why)"))
    assert promtool("check", "rules", wrong).returncode == 1


def test_every_alert_has_its_cases() -> None:
    assert CASES.keys() == RULES.keys()


@pytest.mark.parametrize("name", one_in(4, RULES))
def test_an_alert_is_given_when_it_should_be_and_not_otherwise(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    step = case.get("step", "1m")
    tests = [
        {
            "name": key,
            "interval": step,
            "input_series": [{"series": full(series), "values": values} for series, values in case[key].items()],
            "promql_expr_test": [
                {
                    "expr": f'ALERTS{{alertname="{name}", alertstate="firing"}}',
                    "eval_time": case["at"],
                    "exp_samples": firing,
                }
            ],
        }
        for key, firing in (("given", [{"labels": labels(name), "value": 1}]), ("not_given", []))
    ]
    file = tmp_path / "tests.yml"
    file.write_text(
        json.dumps({"rule_files": [str(ALERTS)], "evaluation_interval": step, "tests": tests})
    )  # it is YAML
    done = promtool("test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


def labels(name: str) -> str:
    """The series of an alert that is firing."""
    every = {"alertname": name, "alertstate": "firing", **RULES[name]["labels"], **CASES[name]["labels"]}
    written = ", ".join(f'{label}="{value}"' for label, value in every.items())
    return f"ALERTS{{{written}}}"


def full(series: str) -> str:
    """A series by its full name."""
    return series if series.startswith("up{") else f"foot_drop_cds_{series}"


@pytest.mark.parametrize("name", RULES)
def test_an_alert_says_how_urgent_it_is_and_what_to_do(name: str) -> None:
    rule = RULES[name]
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"].keys() == {"summary", "action"}
    used = set(re.findall(r"\$labels\.(\w+)", "".join(rule["annotations"].values())))
    assert used <= CASES[name]["labels"].keys(), "a label that the alert lacks would be left blank"
