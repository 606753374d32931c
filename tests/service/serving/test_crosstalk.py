"""Requests of many patients at once, also while one waits for its FHIR server: each answer is of its own patient."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support import vignettes
from tests.support.fhir_server import FhirServer
from tests.support.patients import FOOT_DROP, NOW
from tests.support.processes import post, serving
from tests.support.sampling import one_in

PATIENTS = 100
AT_ONCE = 20
_BODY = json.dumps(vignettes.request(FOOT_DROP, "patient-view", NOW))


def _request(number: int, server: str) -> dict[str, Any]:
    """A request about one of the patients; for every other one a key is read from the FHIR server."""
    request: dict[str, Any] = json.loads(re.sub(r'"(Patient/)?p1"', rf'"\1patient-{number}"', _BODY))
    if number % 2:
        del request["prefetch"]["devices"]
        request["fhirServer"] = server
    return request


@pytest.mark.parametrize("requests", one_in(2, [200, 1000]))
def test_every_answer_is_of_its_own_patient(tmp_path: Path, requests: int) -> None:
    with FhirServer() as fhir, ThreadPoolExecutor(AT_ONCE) as threads:
        fhir.misbehave("Device", delay=0.02)
        with serving(tmp_path, "--dev", "--port", "0", "--workers", "2") as (_, address):

            def named(number: int) -> set[str]:
                return set(re.findall(r"patient-\d+", json.dumps(post(address, _request(number, fhir.base)))))

            numbers = [number % PATIENTS for number in range(requests)]
            told = list(threads.map(named, numbers))
    assert told == [{f"patient-{number}"} for number in numbers]
    assert len(fhir.asked_for("Device")) == sum(number % 2 for number in numbers)
