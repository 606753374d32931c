"""What was asked of a backtest, as it is written down beside the rows: the report says it, and a run goes on by it."""

from __future__ import annotations

from collections.abc import Collection
from importlib.metadata import version
from typing import Any

import msgspec

from cards.rule_book import rule_book
from service.backtest.as_of import KnownBy
from service.backtest.moments import Plan
from service.settings import Settings

FILE = "run.json"


def asked_for(
    settings: Settings, plan: Plan, known_by: KnownBy, rules: Collection[str] | None, *, is_pseudonymous: bool
) -> dict[str, Any]:
    """What was asked, of which edition of the rules; secrets in the settings are hidden."""
    return {
        "plan": plan,
        "knownBy": known_by,
        "rules": sorted(rules) if rules is not None else None,
        "pseudonymous": is_pseudonymous,
        "settings": msgspec.json.decode(settings.model_dump_json()),
        "versions": {rule.id: rule.version for rule in rule_book().rules.values()},
        "program": version("foot-drop-cds"),
    }
