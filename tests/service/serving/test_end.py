"""At SIGTERM the service says that it ends, still answers for drain_s, finishes what is under way, and ends."""

from __future__ import annotations

import os
import signal
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.processes import TIMEOUT, children, serving, until
from tests.support.unusual_app import COMMAND


def status(url: str) -> tuple[int, bytes]:
    """Status and body of an answer."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_who_sends_requests_learns_of_the_end_and_every_request_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOOT_DROP_CDS_DRAIN_S", "2")
    words = ("--workers", "2")
    with serving(tmp_path, *words, command=COMMAND) as (process, address), ThreadPoolExecutor(2) as threads:
        assert status(f"{address}/health/ready")[0] == 200
        under_way = threads.submit(status, f"{address}/sleep")
        for pid in (*children(process), process.pid):  # as systemd and a terminal do
            os.kill(pid, signal.SIGTERM)
        until(lambda: status(f"{address}/health/ready")[0] == 503)
        assert status(f"{address}/health/ready")[1] == b'{"status": "not ready", "lacking": ["draining"]}'
        assert status(f"{address}/health/live")[0] == 200
        with urllib.request.urlopen(f"{address}/cds-services", timeout=TIMEOUT) as reply:
            assert (reply.status, reply.headers["Connection"]) == (200, "close")
        late = threads.submit(status, f"{address}/sleep")
        assert under_way.result() == (200, b"done")
        assert late.result() == (200, b"done")
        assert process.wait(TIMEOUT) == 0
