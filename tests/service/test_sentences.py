"""What the service says when it refuses a request, and the help of its commands, as the stored text has it."""

from __future__ import annotations

import re

from service.command.cli import main
from service.wire import refusal
from service.wire.refusal import RefusedError
from tests.support import sentences


def test_refusals_and_help_are_those_that_were_read_aloud() -> None:
    stored = sentences.FILE.read_text(encoding="utf-8")
    assert sentences.text() == stored, f"read the new sentences aloud, then renew the file: {sentences.RENEW}"


def test_every_status_that_refuses_and_every_command_is_among_them() -> None:
    stored = sentences.FILE.read_text(encoding="utf-8")
    statuses = {int(status) for status in re.findall(r"^(\d{3})  ", stored, re.MULTILINE)}
    classes = [value for value in vars(refusal).values() if isinstance(value, type)]
    refused = {error.status for error in classes if issubclass(error, RefusedError)}
    assert statuses >= refused | {404, 405, 500}
    for command in main.commands:
        assert f"$ foot-drop-cds {command} --help" in stored
