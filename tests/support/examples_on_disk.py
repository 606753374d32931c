"""The examples as shipped: name, request and answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.support.places import ROOT

Json = dict[str, Any]


def read() -> Iterator[tuple[str, Json, Json]]:
    """Each folder of fhir_examples."""
    for path in sorted((ROOT / "fhir_examples").glob("*/request.json")):
        request = json.loads(path.read_text(encoding="utf-8"))
        yield path.parent.name, request, json.loads((path.parent / "response.json").read_text(encoding="utf-8"))
