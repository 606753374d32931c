"""The report as it is presented: the numbers of a period by rule and version, with small ones hidden.

In any count, and any number derived from one, None means hidden. Shares and rates are not rounded.
"""

from __future__ import annotations

from msgspec import Struct

from service.reporting.small_counts import Count


class Reason(Struct, frozen=True):
    """Why cards were overridden: a code (ours or the client's own), its words, and how often."""

    code: str
    display: str
    cards: Count
    is_miss: bool


class Cause(Struct, frozen=True):
    """Why a rule could not be evaluated, and how often."""

    cause: str
    evaluations: Count


class Point(Struct, frozen=True):
    """A day or some weeks from `date`: evaluations, cards and their share, the limits, and whether it is an alarm.

    `alarm` is `above`, `below` or empty; it is given for hidden counts too.
    """

    date: str
    evaluations: Count
    would_fire: Count
    share: float | None
    lower: float | None
    upper: float | None
    alarm: str


class FiringRate(Struct, frozen=True):
    """The share of evaluations in which a rule had a card to show, over time, and the mean of its baseline.

    A point covers `days` days. `mean` is None while there are too few points; `is_trial` is set if the limits are based
    on fewer points than they should be.
    """

    days: int
    mean: float | None
    is_trial: bool
    points: tuple[Point, ...]

    @property
    def alarms(self) -> list[Point]:
        """The points outside the limits."""
        return [point for point in self.points if point.alarm]


class OfRule(Struct, frozen=True, kw_only=True):
    """What happened with one version of a rule.

    `would_fire` counts the cards that were shown and those of a rule in shadow. `encounters` and `users` count those
    for which the rule was evaluated. `shown_to_pilots` counts the cards shown while the rule was in pilot, and `pilots`
    the users who saw them. `misses` counts the cards overridden for a reason that should have silenced the
    rule.
    """

    rule: str
    title: str
    version: str
    evaluations: Count
    not_applicable: Count
    suppressed: Count
    could_not_evaluate: Count
    would_fire: Count
    shown: Count
    in_shadow: Count
    shown_to_pilots: Count
    pilots: Count
    accepted: Count
    overridden: Count
    unanswered: Count
    misses: Count
    encounters: Count
    users: Count
    patients: Count
    would_fire_per_100_encounters: float | None
    shown_per_100_encounters: float | None
    shown_per_user: float | None
    unheeded_patients: Count
    reasons: tuple[Reason, ...]
    causes: tuple[Cause, ...]
    firing_rate: FiringRate


class Latency(Struct, frozen=True):
    """How long evaluations of a service took, in milliseconds: half of them at most `median`, and so on."""

    service: str
    evaluations: Count
    median: float | None
    p95: float | None
    p99: float | None
    longest: float | None


class Missing(Struct, frozen=True):
    """A prefetch key that could not be obtained, and in how many evaluations."""

    key: str
    evaluations: Count


class NotUnderstood(Struct, frozen=True):
    """A code that no value set contains, and in how many of the examined evaluations it occurred."""

    key: str
    system: str
    code: str
    evaluations: int
    looks_like: str


class Report(Struct, frozen=True, kw_only=True):
    """The report of a period. Counts below `counts_below` are hidden."""

    made: str
    zone: str
    since: str
    until: str
    rule: str
    client: str
    counts_below: int
    evaluations: Count
    encounters: Count
    patients: Count
    users: Count
    first: str
    last: str
    rules: tuple[OfRule, ...]
    latency: tuple[Latency, ...]
    missing: tuple[Missing, ...]
    not_understood: tuple[NotUnderstood, ...]
    looked_at: Count
    """The number of evaluations in which codes were examined."""
