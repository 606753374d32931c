"""The machine fails: a full disk, no file descriptor left, a clock that jumps. It costs what it must, and passes."""

from __future__ import annotations

import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support import vignettes
from tests.support.fhir_server import FhirServer
from tests.support.patients import FOOT_DROP, NOW
from tests.support.refusals import refusal
from tests.support.signing import token
from tests.support.site import REQUEST, Site, lines, site

Json = dict[str, Any]


@contextmanager
def limited(what: int, most: int) -> Iterator[None]:
    """This process may have no more of it: bytes in a file (no write beyond them succeeds), or file descriptors."""
    before = resource.getrlimit(what)
    ended: list[threading.ExceptHookArgs] = []
    with pytest.MonkeyPatch.context() as patch:  # pytest itself would need a file to say so
        patch.setattr(threading, "excepthook", ended.append)
        resource.setrlimit(what, (most, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(what, before)
    threads = [(thread.thread and thread.thread.name, repr(thread.exc_value)) for thread in ended]
    assert threads == [], "a thread has ended"


def full_disk() -> Any:
    """Nothing can be written, neither to the store nor to the log."""
    return limited(resource.RLIMIT_FSIZE, 0)


def no_descriptors() -> Any:
    """No file, and no connection, can be opened; a server of another test may still wait for those that it has."""
    return limited(resource.RLIMIT_NOFILE, 3)


def reads(server: FhirServer) -> str:
    """The line of the settings that lets a client name this server."""
    return f'tenants = [{{ base = "{server.base}", plain_http = true, private = true }}]'


def without(key: str, base: str) -> Json:
    return vignettes.request(FOOT_DROP, "patient-view", NOW, drop={key}) | {"fhirServer": base}


def test_while_the_disk_is_full_a_worker_checks_tokens_by_itself(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with site(tmp_path) as main:
        during = token()
        assert main.status() == 200
        with full_disk():
            statuses = [main.status(of_token) for of_token in (during, during, token())]
        assert statuses == [200, 401, 200]
        assert [main.status(during), main.status()] == [401, 200]
    assert "Traceback" not in capfd.readouterr().err


def test_without_grace_nobody_is_let_in_while_the_disk_is_full(tmp_path: Path) -> None:
    with site(tmp_path, of_service="replay_grace_s = 0") as main:
        assert main.status() == 200
        with full_disk():
            replies = [main.post(token()) for _ in range(3)]
        assert [reply.status_code for reply in replies] == [503] * 3
        assert {reply.headers["Retry-After"] for reply in replies} == {"5"}


def test_a_store_that_has_room_again_learns_what_was_let_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for module in ("service.trust.callers", "service.store.used_tokens"):  # in this order: one has it from the other
        monkeypatch.setattr(f"{module}.RETRY_S", 0)
    with site(tmp_path) as main:
        during = token()
        main.learn_modes()
        with full_disk():
            assert main.status(during) == 200
        assert main.status() == 200
    with site(tmp_path) as other:
        assert other.status(during) == 401
    assert [line["event"] for line in lines(capfd.readouterr().err) if "store" in line["event"]] == ["store back"]


def test_without_descriptors_no_server_is_read_and_prefetch_is_enough(tmp_path: Path) -> None:
    ehr = FhirServer()  # it listens, and answers further below: it would need descriptors too
    with site(tmp_path, reads(ehr), "deadline_ms = 5000") as main:
        assert main.status() == 200
        with no_descriptors():
            whole = main.post(token(), REQUEST)
            optional = main.post(token(), without("reports", ehr.base))
            required = main.post(token(), without("conditions", ehr.base))
        assert whole.status_code == optional.status_code == 200
        assert "Reports could not be read" in optional.text
        assert refusal(required, 412)["diagnostics"] == "conditions: the FHIR server could not be reached"
        with ehr:
            assert main.status(request=without("reports", ehr.base)) == 200
        assert len(ehr.requests) == 1


def test_without_descriptors_for_its_store_a_worker_checks_tokens_by_itself(tmp_path: Path) -> None:
    with site(tmp_path) as main:
        assert main.status() == 200
        main.app.close()  # as when the database was restarted: the next call connects anew
        with no_descriptors():
            once = token()
            assert [main.status(once), main.status(once)] == [200, 401]


def test_a_clock_that_is_wrong_lets_nobody_in_and_then_all_again(main: Site) -> None:
    """The clocks of the EHR and of the service differ by so much; what was used before stays used."""
    before, now = token(), int(time.time())
    assert main.status(before) == 200
    for seconds in (-86_400, -3_600, -600, -301, 301, 600, 3_600, 86_400):
        assert main.status(token(iat=now + seconds, exp=now + seconds + 120)) == 401
        assert main.status(before) == 401
        assert main.status() == 200


def test_a_minute_is_the_most_that_clocks_may_differ(main: Site) -> None:
    now = int(time.time())
    for seconds, status in ((-170, 200), (-190, 401), (50, 200), (80, 401)):
        assert main.status(token(iat=now + seconds, exp=now + seconds + 120)) == status


def test_a_clock_that_jumps_shortens_and_lengthens_no_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jumps = iter(range(10**9))
    real = time.time
    monkeypatch.setattr("service.trust.token.time", SimpleNamespace(time=real))  # a token's own times are tried above
    monkeypatch.setattr(time, "time", lambda: real() + (-1) ** next(jumps) * 3600)
    with FhirServer() as ehr, site(tmp_path, reads(ehr), "deadline_ms = 300") as main:
        ehr.misbehave("DiagnosticReport", delay=0.05)
        patient = main.post(_good(real), without("reports", ehr.base))
        assert patient.status_code == 200
        assert "Reports could not be read" not in patient.text
        ehr.misbehave("DiagnosticReport", delay=30)
        started = time.monotonic()
        late = main.post(_good(real), without("reports", ehr.base))
        assert "Reports could not be read" in late.text
        assert time.monotonic() - started < 15


def _good(clock: Any) -> str:
    now = int(clock())
    return token(iat=now, exp=now + 120)
