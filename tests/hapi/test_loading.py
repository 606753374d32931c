"""`load` against a real HAPI: every example is accepted, again and again, and a refusal is reported in HAPI's words."""

from __future__ import annotations

import pytest

from service import examples
from service.command import loading
from tests.hapi.hapi import Hapi
from tests.support.patients import NOW


def test_every_example_is_taken_and_may_be_loaded_again(hapi: Hapi) -> None:
    loading.wait(hapi.base, 60)
    assert list(loading.load(hapi.base, NOW)) == list(examples.names())
    assert [request.method for request in hapi.asked()] == ["GET"] + ["POST"] * len(examples.names())
    for name in examples.names():
        assert hapi.ask("GET", f"Patient/{name}-patient")["id"] == f"{name}-patient"


def test_hapi_says_why_it_takes_nothing(hapi: Hapi) -> None:
    with pytest.raises(loading.LoadError, match=r"was not loaded: .*/nowhere answered 404: HAPI-\d+"):
        next(loading.load(f"{hapi.base}/nowhere", NOW))


def test_what_is_no_fhir_server_is_not_ready(hapi: Hapi) -> None:
    with pytest.raises(loading.LoadError, match="/metadata is answered with 404"):
        loading.wait(hapi.base.removesuffix("/fhir"), 0)
