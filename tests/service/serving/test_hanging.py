"""A worker that does not go on is replaced, though it computes nothing; nobody else waits for it for ever."""

from __future__ import annotations

import http.client
import json
import urllib.request
from pathlib import Path

import pytest

from tests.support.processes import TIMEOUT, children, serving
from tests.support.unusual_app import COMMAND


@pytest.mark.long
def test_who_waits_for_ever_is_ended_and_the_log_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOT_DROP_CDS_DEADLINE_MS", "10")
    monkeypatch.setenv("FOOT_DROP_CDS_EVALUATION_LIMIT_S", "0.1")
    with (tmp_path / "log").open("w") as log, serving(tmp_path, command=COMMAND, log=log) as (process, address):
        [worker] = children(process)
        with pytest.raises((OSError, http.client.HTTPException)):
            urllib.request.urlopen(f"{address}/hang", timeout=TIMEOUT)
        with urllib.request.urlopen(f"{address}/cds-services", timeout=TIMEOUT) as reply:
            assert reply.status == 200
        assert worker not in children(process)
    said = map(json.loads, (tmp_path / "log").read_text().splitlines())
    [ended] = [line for line in said if line["event"] == "worker ended"]
    assert ended["signal"] == "SIGPROF"
    assert ended["why"] == "it did not continue within deadline_ms, evaluation_limit_s and some seconds"
    assert any("unusual_app.py" in place for place in ended["at"])
