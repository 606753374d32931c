"""What a line of the log may hold, how it is written, and by what it names people where a site wants that."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.app import create_app
from service.errors import StartError
from service.middleware import log
from service.settings import Settings, load
from tests.support import house
from tests.support.patients import NOW
from tests.support.signing import registered

URL = "/cds-services/foot-drop-patient-view"
LEVELS = {"info", "warning", "error"}


def said(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The lines of the log."""
    return [json.loads(line) for line in capfd.readouterr().err.splitlines()]


def test_a_field_that_is_not_on_the_list_is_left_out(capfd: pytest.CaptureFixture[str]) -> None:
    log.logger().warning("keys not fetched", client="main", name="Jane Secret", mrn="4711", body={"a": "secret"})
    [line] = said(capfd)
    assert set(line) == {"client", "event", "level", "timestamp"}


def given() -> Iterator[tuple[str, str]]:
    """Every field that a call of a logger names, or that a route notes for the line of its request, and where."""
    for path, text in house.texts("service", suffix=".py").items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("[COUNTS]"):
                yield ast.literal_eval(node.slice), path
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr in LEVELS or ast.unparse(node.func).endswith("[COUNTS].update"):
                yield from ((keyword.arg, path) for keyword in node.keywords if keyword.arg)


def test_whatever_the_service_logs_is_on_the_list() -> None:
    """A field that is missing there would be lost in silence."""
    assert len(set(given())) > 15
    assert [(field, path) for field, path in given() if field not in log.FIELDS] == []


@pytest.fixture
def _configured_again() -> Iterator[None]:
    yield
    log.configure("info", "json")


@pytest.mark.usefixtures("_configured_again")
def test_for_people_a_line_reads_from_left_to_right(
    capfd: pytest.CaptureFixture[str], no_foot_drop: dict[str, Any]
) -> None:
    log.configure("info", "console")
    create_app(now=NOW, dev=True).test_client().post(URL, json=no_foot_drop, headers={"X-Request-Id": "7"})
    line = capfd.readouterr().err
    assert " info request " in line
    assert " status=200 " in line
    assert "request_id=7" in line
    assert line.count("\n") == 1


@pytest.mark.usefixtures("_configured_again")
def test_from_warning_on_requests_are_not_logged(
    capfd: pytest.CaptureFixture[str], no_foot_drop: dict[str, Any]
) -> None:
    log.configure("warning", "json")
    create_app(now=NOW, dev=True).test_client().post(URL, json=no_foot_drop)
    log.logger().warning("store back", away_s=1)
    assert [line["event"] for line in said(capfd)] == ["store back"]


def test_nobody_is_named_unless_a_setting_asks_for_it(
    capfd: pytest.CaptureFixture[str], no_foot_drop: dict[str, Any]
) -> None:
    create_app(now=NOW, dev=True).test_client().post(URL, json=no_foot_drop)
    [line] = said(capfd)
    assert not {"patient", "user"} & set(line)


def test_with_it_the_log_names_them_as_the_memory_does(
    capfd: pytest.CaptureFixture[str], no_foot_drop: dict[str, Any]
) -> None:
    app = create_app(Settings(dev=True, log_identifiers=True), now=NOW)
    for _ in range(2):
        assert app.test_client().post(URL, json=no_foot_drop).status_code == 200
    first, second = said(capfd)
    assert (first["patient"], first["user"]) == (second["patient"], second["user"])
    assert len(first["patient"]) == len(first["user"]) == 64
    assert first["patient"] != first["user"]
    assert no_foot_drop["context"]["patientId"] not in first.values()


def test_without_a_place_for_the_key_nothing_starts(tmp_path: Path) -> None:
    file = registered(tmp_path, of_service="log_identifiers = true")
    text = file.read_text().replace("data_dir = ", 'store_url = "sqlite:///x"  # ')
    file.write_text(text)
    with pytest.raises(StartError, match=r"set hash_key, or data_dir"):
        create_app(load(file, {}), now=NOW)
