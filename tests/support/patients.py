"""The moment of the tests, and two patients at that moment, in the facts of the cases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from werkzeug.test import TestResponse

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)

Ask = Callable[..., TestResponse]
"""The fixture `ask`: posts a request to the service of its hook."""

# New right foot drop, weak dorsiflexion, leg pain: several cards, including the lumbar MRI.
FOOT_DROP: dict[str, Any] = {
    "patient": {"age": 60, "sex": "female"},
    "encounter": {"class": "AMB"},
    "conditions": [
        {"code": "foot-drop", "clinical": "active", "verification": "confirmed", "side": "right", "onsetDaysAgo": 3},
        {
            "code": "radicular-pain",
            "clinical": "active",
            "verification": "confirmed",
            "side": "right",
            "onsetDaysAgo": 8,
        },
    ],
    "observations": [{"code": "mrc-ankle-dorsiflexion", "value": 2, "daysAgo": 1, "side": "right"}],
}
NOTHING: dict[str, Any] = {"patient": {"age": 60, "sex": "female"}}
