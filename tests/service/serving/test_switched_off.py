"""A rule that is switched off is silent within 60 seconds, in all workers, while they have more to do than they can."""

from __future__ import annotations

import json
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

from tests.support.clients_at_once import ClientsAtOnce
from tests.support.commands import run
from tests.support.processes import TIMEOUT, children, serving, until
from tests.support.signing import VIEW, bearer, registered, rsa_key
from tests.support.site import HOST, REQUEST

RULE = "lumbar-mri"
CLIENTS = 4
SECONDS = 60
_BODY = json.dumps(REQUEST).encode()


class Load(ClientsAtOnce):
    """Clients that ask again and again; for each answer: when its request was sent, and whether the rule spoke."""

    def __init__(self, address: str) -> None:
        super().__init__(CLIENTS)
        self._url = f"{address}{VIEW}"
        self._lock = threading.Lock()
        self.answers: list[tuple[float, bool]] = []

    def send(self) -> None:
        """Ask once, with a token of its own."""
        headers = {**HOST, **bearer(rsa_key(), "RS384", "rs"), "Content-Type": "application/json"}
        sent = time.monotonic()
        with urllib.request.urlopen(urllib.request.Request(self._url, _BODY, headers), timeout=TIMEOUT) as reply:
            topics = [card["source"]["topic"]["code"] for card in json.load(reply)["cards"]]
        with self._lock:
            self.answers.append((sent, RULE in topics))

    def since(self, moment: float) -> list[bool]:
        """Whether the rule spoke, in each answer to what was sent since then."""
        with self._lock:
            return [spoke for sent, spoke in self.answers if sent >= moment]


def computed(process: subprocess.Popen[str]) -> list[int]:
    """The CPU time of each worker, in ticks."""
    stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in children(process)]
    return [int(fields[11]) + int(fields[12]) for fields in stats]


def test_a_rule_that_is_switched_off_is_silent_in_all_workers_under_load(tmp_path: Path) -> None:
    words = ("--port", "0", "--workers", "2", "--settings", str(registered(tmp_path)))
    with serving(tmp_path, *words) as (process, address), Load(address) as load:
        until(lambda: len(load.since(0)) > 40)
        assert all(load.since(0))
        done = run("rules", "set", RULE, "--client", "main", "--mode", "off", folder=tmp_path)
        assert done.returncode == 0, done.stderr
        switched = time.monotonic()
        time.sleep(SECONDS)
        before = computed(process)
        until(lambda: len(load.since(switched + SECONDS)) > 100)
        assert not any(load.since(switched + SECONDS))
        assert all(after > then for then, after in zip(before, computed(process), strict=True)), "both have answered"
