"""HAPI finds no error in the record that is exported for others."""

from __future__ import annotations

import json
from pathlib import Path

from tests.hapi.hapi import Hapi
from tests.hapi.test_orders import report, shape
from tests.support.commands import run
from tests.support.signing import AUDIENCE, VIEW, token
from tests.support.site import REQUEST, site


def test_every_shape_of_an_exported_resource_is_valid(hapi: Hapi, tmp_path: Path) -> None:
    with site(tmp_path) as main:
        card = main.post(token()).get_json()["cards"][0]["uuid"]
        poor = {**REQUEST, "prefetch": {**REQUEST["prefetch"], "reports": None, "medications": None}}
        assert main.post(token(), poor).status_code == 200
        entry = {"card": card, "outcome": "overridden", "outcomeTimestamp": "2026-03-02T10:00:00Z"}
        signed = token(aud=f"{AUDIENCE}/feedback")
        assert main.post(signed, {"feedback": [entry]}, path=f"{VIEW}/feedback").status_code == 200
    assert run("store", "export", "--out", "record", "--not-applicable", folder=tmp_path).returncode == 0
    lines = [line for file in (tmp_path / "record").iterdir() for line in file.read_text().splitlines()]
    shapes = {json.dumps(shape(resource)): resource for resource in map(json.loads, lines)}
    assert {resource["resourceType"] for resource in shapes.values()} == {"GuidanceResponse", "AuditEvent"}
    assert report(hapi, shapes.values()) == ""
