"""Records of one day, of which some have no clock time: which of them is newer is not known (D1, D22)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.support import vignettes
from tests.support.patients import NOW, Ask

Json = dict[str, Any]
DROP = [{"code": "foot-drop", "side": "left", "onsetDaysAgo": 6}]


def without_clock(record: Json) -> None:
    """Leaves of the times of a record the date alone."""
    for name, value in record.items():
        if isinstance(value, str) and name.endswith(("DateTime", "issued", "recordedDate")):
            record[name] = value[:10]


def indicators(ask: Ask, facts: dict[str, list[Json]], *, dated_only: int, of: str) -> dict[str, str]:
    """The cards, by rule, when one record of a prefetch key has no clock time."""
    request = vignettes.request(facts, "patient-view", NOW)
    without_clock(request["prefetch"][of]["entry"][dated_only]["resource"])
    reply = ask(request)
    assert reply.status_code == 200, reply.text
    return {card["source"]["topic"]["code"]: card["indicator"] for card in reply.get_json()["cards"]}


def hours_before(hours: float, *, day: int) -> float:
    """How many days before NOW lies an hour of the day that was `day` days ago."""
    midnight = NOW.replace(hour=0, minute=0) - timedelta(days=day)
    return (NOW - midnight - timedelta(hours=hours)) / timedelta(days=1)


@pytest.mark.parametrize("first", ["anal-tone", "saddle-sensation"])
def test_a_report_later_that_day_does_not_answer_a_flag_without_clock_time(ask: Ask, first: str) -> None:
    facts: dict[str, list[Json]] = {
        "conditions": DROP,
        "observations": [
            {"code": first, "value": "reduced", "daysAgo": hours_before(10, day=3)},
            {"code": "sexual-dysfunction", "value": "present", "daysAgo": hours_before(10, day=3)},
        ],
        "reports": [{"code": "mri-lumbar", "daysAgo": hours_before(17, day=3), "normal": True}],
    }
    assert indicators(ask, facts, dated_only=1, of="observations")["cauda-equina-emergency"] == "critical"


@pytest.mark.parametrize(("day", "is_initial"), [(0, True), (1, False)])
def test_an_injury_without_clock_time_is_in_the_first_day_only_on_its_date(
    ask: Ask, day: int, is_initial: bool
) -> None:
    facts: dict[str, list[Json]] = {
        "conditions": [{"code": "spinal-cord-injury", "onsetDaysAgo": day}],
        "observations": [{"code": "sbp", "value": 100, "daysAgo": 0.007}],
    }
    shown = indicators(ask, facts, dated_only=0, of="conditions")
    assert (shown.get("map-target") == "warning") is is_initial


def test_of_two_answers_of_one_day_the_one_that_lies_in_the_week_counts(ask: Ask) -> None:
    screen = [
        {"code": item, "value": "normal" if item == "saddle-sensation" else "absent", "daysAgo": 1}
        for item in ("saddle-sensation", "bowel-dysfunction")
    ]
    bladder = [{"code": "bladder-dysfunction", "value": "absent", "daysAgo": days} for days in (7.01, 7.0)]
    muscles = [
        {"code": muscle, "value": 5, "daysAgo": 1, "side": "left"} for muscle in ("mrc-inversion", "mrc-hip-abduction")
    ]
    plantar = [{"code": "babinski", "value": "absent", "daysAgo": 1}]
    facts: dict[str, list[Json]] = {"conditions": DROP, "observations": [*bladder, *screen, *muscles, *plantar]}
    assert "localisation-exam" not in indicators(ask, facts, dated_only=1, of="observations")
