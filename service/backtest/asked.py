"""What a backtest was asked for, as written next to the rows: the report says it, and a resumed run must match it."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import msgspec
from msgspec import Struct

from cards.rule_book import rule_book
from service.backtest.as_of import KnownBy
from service.backtest.moments import Plan
from service.settings import Settings

FILE = "run.json"


class Asked(Struct, frozen=True, kw_only=True):
    """What every engine is asked for. Rows are kept only for `rules`; None keeps all."""

    export: str
    settings: Settings
    plan: Plan
    known_by: KnownBy = KnownBy.RECORDED
    rules: frozenset[str] | None = None
    is_pseudonymous: bool = False


def asked_for(job: Asked) -> dict[str, Any]:
    """What was asked for, and of which edition of the rules; secrets in the settings are hidden."""
    return {
        "plan": job.plan,
        "knownBy": job.known_by,
        "rules": sorted(job.rules) if job.rules is not None else None,
        "pseudonymous": job.is_pseudonymous,
        "settings": msgspec.json.decode(job.settings.model_dump_json()),
        "versions": {rule.id: rule.version for rule in rule_book().rules.values()},
        "program": version("foot-drop-cds"),
    }
