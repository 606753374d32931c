"""The work of one process: some of the bodies, posted to its own application."""

from __future__ import annotations

import os
import sys
from argparse import Namespace

from flask.testing import FlaskClient

from service import faults
from service.app import create_app
from tests.fuzz import asking, operations
from tests.fuzz.asking import KEPT, Report
from tests.support.patients import NOW

PROCESSES = 2
PARTS = 20


def client() -> FlaskClient:
    """A client of the service as `serve --dev` runs it, but without hiding any fault of a rule."""
    faults.IS_ISOLATED = False
    return create_app(now=NOW, dev=True).test_client()


def part(number: int, chosen: Namespace) -> Report:
    """One of the parts of the bodies to post, the first also with faults contained; the log is discarded."""
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for the rest of the process
    asked, numbers = client(), range(number, chosen.bodies, PARTS)
    report = asking.ask(asked, asking.bodies(chosen.seed, numbers), KEPT)
    if not chosen.no_paths:
        report += asking.ask(asked, asking.every_path(number, PARTS), KEPT)
    if number == 0:
        faults.IS_ISOLATED = True
        report += asking.ask(asked, asking.bodies(chosen.seed, numbers), KEPT)
    return report


def of_the_document(chosen: Namespace) -> operations.Report:
    """Every operation of the OpenAPI document; the log is discarded."""
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for the rest of the process
    return operations.ask(create_app(now=NOW, dev=True), chosen.examples, chosen.seed)
