"""What every test may ask for (a service at one moment, a patient with foot drop), and which tests run where."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.runner import runtestprotocol

from tests.support import machine

if TYPE_CHECKING:  # tests import what they need where they need it: the process that hands them out needs none of it
    from flask.testing import FlaskClient
    from playwright.sync_api import Browser
    from werkzeug.test import TestResponse

    from service.app import Application
    from tests.support.patients import Ask

FOLDER = Path(__file__).parent
_LONGEST_NAME = 60  # characters
FEW_DRAWS = 0.05  # of the patients that properties draw in full

# Tests that share a server, an environment or many answers run in one worker (pytest-xdist).
GROUPS = {
    "hapi": ["hapi"],
    "browser": [
        "service/backtest/test_report_in_browser.py",
        "service/publish/test_pages_in_browser.py",
        "service/simulator/browser",
        "service/simulator/test_height_of_cards.py",
    ],
    "image": ["deploy/test_packaging.py"],
    "postgresql": [
        "deploy/test_several_services.py",
        "service/store",
        "service/trust/test_failure_policy.py",
        "service/trust/test_serve_postgresql.py",
    ],
    "nginx": ["deploy/test_nginx.py", "deploy/test_nginx_limits.py", "deploy/test_nginx_tls.py"],
    "spark": ["service/backtest/test_spark.py"],
    "metrics": ["service/operations/test_metrics.py"],
    "backtest report": ["service/backtest/test_report.py"],
    "profiles": ["service/profiles"],
    "prometheus": ["deploy/test_dashboard.py"],
    "public sandbox": ["docs/test_public_sandbox.py"],
    "examples": ["service/test_examples.py"],
    "fuzz": ["fuzz"],
    "publish": ["service/publish/test_pages.py", "service/publish/test_publish.py"],
    "answers": [
        "service/test_requirements_of_answers.py",
        "cards/rules/test_card_words.py",
        "cards/rules/test_limits_of_words.py",
        "cards/orders/test_orders.py",
        "cards/orders/test_orders_of_every_answer.py",
    ],
}
# Tests that start programs, keep a store, sign their calls or try many inputs: `make check` leaves them out.
SLOW = [
    *GROUPS["answers"],
    "cards/test_synthea.py",
    "deploy",
    "docs/test_case_files.py",
    "docs/test_production.py",
    "docs/test_public_sandbox.py",
    "docs/test_readme.py",
    "docs/test_requirements.py",
    "docs/test_vendor_pages.py",
    "fuzz",
    "hapi",
    "house/test_bench_bodies.py",
    "house/test_expressions.py",
    "house/test_machine.py",
    "house/test_mutants.py",
    "service/backtest",
    "service/command",
    "service/fhir/test_bad_servers.py",
    "service/memory",
    "service/middleware/test_cors.py",
    "service/middleware/test_log_fields.py",
    "service/modes",
    "service/operations",
    "service/profiles",
    "service/publish",
    "service/reporting",
    "service/serving",
    "service/signoff",
    "service/simulator",
    "service/store",
    "service/test_bounds_of_answers.py",
    "service/test_canaries.py",
    "service/test_feedback.py",
    "service/test_hook_tables.py",
    "service/test_hostile_requests.py",
    "service/test_strangers.py",
    "service/test_whose.py",
    "service/trust",
    "service/wire/test_injection.py",
]
# Tests that take long, or that test a whole program once more: `make test` leaves them out, `make test-long` runs them.
LONG = [
    "cards/orders/test_orders_of_every_answer.py",
    "deploy/test_dashboard.py",
    "deploy/test_packaging.py",
    "deploy/test_several_services.py",
    "docs/test_production.py",
    "hapi",
    "house/test_mutants.py",
    "service/backtest/test_going_on.py",
    "service/backtest/test_much.py",
    "service/backtest/test_report_compared.py",
    "service/backtest/test_report_in_browser.py",
    "service/backtest/test_storage.py",
    "service/backtest/test_spark.py",
    "service/command/test_loading.py",
    "service/serving/test_crosstalk.py",
    "service/serving/test_killed_feedback.py",
    "service/serving/test_slow_clients.py",
    "service/serving/test_switched_off.py",
    "service/serving/test_workers.py",
    "service/simulator/test_height_of_cards.py",
    "service/test_growth.py",
    "service/test_growth_at_length.py",
    "service/test_memory.py",
    "service/trust/test_loading.py",
    "service/trust/test_serve_postgresql.py",
]

# Files in which a test takes many seconds.
FIRST = (
    *LONG,
    "cards/test_properties.py::test_the_drawn_patients_reach_every_rule",
    "docs/test_readme.py",
    "service/backtest",
    "service/serving",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--draws", type=float, default=0.15, help="How many patients properties draw, as a factor.")
    parser.addoption("--fast", action="store_true", help="What `make check` runs: nothing slow, and few draws.")
    parser.addoption("--anew", action="store_true", help="Draw other patients each time.")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--fast"):
        config.option.markexpr = "not slow and not long"


def pytest_sessionstart(session: pytest.Session) -> None:
    """Forget the settings of this machine, and let errors of rules through, which `serve` logs and survives.

    These are not fixtures, since each of thousands of tests would ask for them.
    """
    config = session.config
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        return  # this process runs no test: it hands them out to workers
    from service import faults
    from service.settings import PREFIX
    from tests.support import charts

    charts.share = FEW_DRAWS if config.getoption("--fast") else config.getoption("--draws")
    charts.anew = config.getoption("--anew")
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]
    faults.IS_ISOLATED = False


def pytest_runtest_setup() -> None:
    """Reset the count of lost log lines: another test may have lost some on a standard error that fails."""
    from service.middleware.log import OUTPUT

    OUTPUT.lost = 0


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Let a worker of pytest-xdist report only calls, and failures of setup and teardown: not five messages a test.

    What a test printed during its setup is in the report of its call too. With `--durations`, and without workers,
    everything is reported as usual.
    """
    if not hasattr(item.config, "workerinput") or item.config.option.durations is not None:
        return None
    for report in runtestprotocol(item, log=False, nextitem=nextitem):
        if report.when == "call" or not report.passed:
            item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def pytest_make_parametrize_id(val: object) -> str | None:
    """A short name for a long value, since pytest puts it into the environment of every process that a test starts."""
    is_long = isinstance(val, str | bytes) and len(val) > _LONGEST_NAME
    return f"{val[:_LONGEST_NAME]!a}, {len(val)} long" if is_long else None  # type: ignore[index,arg-type]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Whether a file need not even be read: slow or long tests that nobody asked for, or tests that cannot run here."""
    if not collection_path.is_relative_to(FOLDER):
        return None
    path = collection_path.relative_to(FOLDER).as_posix()
    is_slow = config.getoption("--fast") and _is_of(path, [*SLOW, *LONG])
    is_long = config.option.markexpr == "not long" and _is_of(path, LONG)
    return True if is_slow or is_long or machine.is_left_out(path) else None


def pytest_report_header() -> list[str]:
    """What is left out on this machine."""
    return machine.sentences()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Give a test its group before xdist looks for it, and mark slow and long tests."""
    for mark in _marks(item.path):
        item.add_marker(mark)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files with tests of many seconds first: started last, one would leave the other worker idle."""
    items.sort(key=lambda item: not item.nodeid.removeprefix("tests/").startswith(FIRST))


@cache
def _marks(path: Path) -> list[pytest.MarkDecorator]:
    name = path.relative_to(FOLDER).as_posix()
    groups = [pytest.mark.xdist_group(group) for group, places in GROUPS.items() if _is_of(name, places)]
    slow = [pytest.mark.slow] if _is_of(name, SLOW) else []
    return [*groups, *slow, *([pytest.mark.long] if _is_of(name, LONG) else [])]


def _is_of(path: str, places: list[str]) -> bool:
    return any(path == place or path.startswith(f"{place}/") for place in places)


@pytest.fixture(scope="session")
def app() -> Application:
    """The service as `serve --dev` runs it, at one moment."""
    from service.app import create_app
    from tests.support.patients import NOW

    return create_app(now=NOW, dev=True)


@pytest.fixture
def client(app: Application) -> Iterator[FlaskClient]:
    """A client of that service."""
    with app.test_client() as client:
        yield client


@pytest.fixture
def ask(client: FlaskClient) -> Ask:
    """Posts a request to the service of its hook."""

    def post(request: dict[str, Any], **how: Any) -> TestResponse:
        return client.post(f"/cds-services/foot-drop-{request['hook']}", json=request, **how)

    return post


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's chromium; one for all the tests of a worker, each of which opens its own context."""
    from tests.support.browsing import chromium  # what it needs may be missing; these tests are then left out

    with chromium() as browser:
        yield browser


@pytest.fixture
def foot_drop() -> dict[str, Any]:
    """A patient-view request about a patient for whom cards are shown."""
    from tests.support import vignettes
    from tests.support.patients import FOOT_DROP, NOW

    return vignettes.request(FOOT_DROP, "patient-view", NOW)


@pytest.fixture
def no_foot_drop() -> dict[str, Any]:
    """A patient-view request about a patient with nothing on record."""
    from tests.support import vignettes
    from tests.support.patients import NOTHING, NOW

    return vignettes.request(NOTHING, "patient-view", NOW)
