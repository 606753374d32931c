"""/health/live and /health/ready: what they ask for, to whom they answer, and what they tell."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import responses
from flask.testing import FlaskClient

from service.operations import health
from service.operations.metrics import METRICS
from tests.support.signing import VIEW, ec_key, key_set, token
from tests.support.site import Site, site

URL = "https://ehr.hospital.example/jwks"
STRANGER = {"Host": "10.1.2.3"}


@pytest.fixture(autouse=True)
def _look_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "LOOK_S", -1)


def ready(main: Site) -> tuple[int, dict[str, object]]:
    """What /health/ready says to somebody who calls by address, without a token."""
    reply = main.http.get("/health/ready", headers=STRANGER)
    return reply.status_code, reply.get_json()


def test_in_development_it_is_live_and_ready(client: FlaskClient) -> None:
    assert client.get("/health/live").get_json() == {"status": "live"}
    assert client.get("/health/ready").get_json() == {"status": "ready"}
    assert client.get("/health/ready").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_they_are_read_and_nothing_else(client: FlaskClient, path: str) -> None:
    assert client.head(path).status_code == 200
    reply = client.post(path, json={})
    assert (reply.status_code, reply.headers["Allow"]) == (405, "GET, HEAD")


def test_they_are_no_lines_of_the_log(client: FlaskClient, capfd: pytest.CaptureFixture[str]) -> None:
    client.get("/health/ready")
    assert capfd.readouterr().err == ""


def test_with_a_store_and_keys_it_is_ready(tmp_path: Path) -> None:
    with site(tmp_path) as main:
        assert ready(main) == (200, {"status": "ready"})


@pytest.mark.parametrize(
    ("grace", "status", "said"),
    [(60, 200, {"status": "ready"}), (0, 503, {"status": "not ready", "lacking": ["store"]})],
)
def test_without_the_store_it_is_ready_for_as_long_as_calls_are_answered(
    tmp_path: Path, grace: int, status: int, said: dict[str, object]
) -> None:
    with site(tmp_path, of_service=f"replay_grace_s = {grace}") as main:
        assert main.status() == 200
        shutil.rmtree(tmp_path / "data")
        main.app.close()
        assert ready(main) == (status, said)
        assert main.status() == status
        assert METRICS.store_up.at_here() == 0


@responses.activate
def test_without_any_key_it_is_not_ready_and_no_client_is_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    server = responses.get(URL, status=503)
    with site(tmp_path, f'keys_urls = ["{URL}"]') as main:
        assert ready(main) == (503, {"status": "not ready", "lacking": ["keys"]})
        assert ready(main)[0] == 503
        assert server.call_count == 1, "it is not asked at every look"
        assert METRICS.ready.at_here() == 0
    assert '"client":"main"' in capfd.readouterr().err, "the log names it"


@responses.activate
def test_the_keys_are_fetched_before_the_first_call(tmp_path: Path) -> None:
    server = responses.get(URL, body=key_set(es=ec_key()))
    with site(tmp_path, f'keys_urls = ["{URL}"]') as main:
        assert ready(main)[0] == 200
        assert main.status(token(), path=VIEW) == 200
        assert server.call_count == 1


@responses.activate
def test_one_client_without_keys_does_not_shut_out_the_others(tmp_path: Path) -> None:
    responses.get(URL, status=404)
    other = f'[clients.other]\nissuer = "https://other.example"\nkeys_urls = ["{URL}"]'
    with site(tmp_path, of_service=other) as main:
        assert ready(main)[0] == 200
