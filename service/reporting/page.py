"""The report as a page: HTML without scripts that loads nothing from elsewhere, for the screen and for print."""

from __future__ import annotations

from service.rendering import templates
from service.reporting.control_chart import BASELINE, FEWEST
from service.reporting.plots import Lines, bars, lines
from service.reporting.report import OfRule, Report

HIDDEN = "hidden"
_templates = templates("service.reporting")


def page(report: Report) -> str:
    """The page of a report. Raises PlotsMissingError."""
    charted = [rule for rule in report.rules if _is_charted(rule)]
    return _templates.get_template("report.html").render(
        report=report,
        answers=_answers(report),
        charts=[(rule, _firing_rate(rule)) for rule in charted],
        uncharted=[rule for rule in report.rules if rule not in charted],
        alarming=[rule for rule in report.rules if rule.firing_rate.alarms],
        count=_count,
        rate=_rate,
        percent=_percent,
        moment=_moment,
        every=every,
        baseline=BASELINE,
        fewest=FEWEST,
    )


def _is_charted(rule: OfRule) -> bool:
    """Whether there are limits and at least half of the points can be shown."""
    told = rule.firing_rate
    asked = [point for point in told.points if point.evaluations != 0]
    return told.mean is not None and sum(point.share is not None for point in asked) * 2 >= len(asked)


def every(days: int) -> str:
    """`day`, `week`, or the number of days."""
    return {1: "day", 7: "week"}.get(days, f"{days} days")


def _answers(report: Report) -> str:
    """The plot of what happened to the cards, for those rules whose counts may all be shown."""
    parts = {rule: (rule.accepted, rule.overridden, rule.unanswered) for rule in report.rules if rule.shown}
    seen = {rule: [part for part in of if part is not None] for rule, of in parts.items()}
    whole = {rule: of for rule, of in seen.items() if len(of) == len(parts[rule])}
    if not whole:
        return ""
    names = ("accepted", "overridden", "unanswered")
    shares = {name: [of[place] / sum(of) * 100 for of in whole.values()] for place, name in enumerate(names)}
    told = "; ".join(
        f"{_name(rule)}: " + ", ".join(f"{values[place]:.0f} % {name}" for name, values in shares.items())
        for place, rule in enumerate(whole)
    )
    return bars("What became of the cards that were shown", told, [_name(rule) for rule in whole], shares, "% of cards")


def _firing_rate(rule: OfRule) -> str:
    told = rule.firing_rate
    points = told.points
    alarms = ", ".join(f"{point.date} ({point.alarm})" for point in told.alarms)
    text = (
        f"By {every(told.days)} from {points[0].date} to {points[-1].date}; mean {_percent(told.mean)}; "
        f"outside the limits: {alarms or 'none'}."
    )
    curve = Lines(
        values=[None if point.share is None else point.share * 100 for point in points],
        lower=[None if point.lower is None else point.lower * 100 for point in points],
        upper=[None if point.upper is None else point.upper * 100 for point in points],
        mean=None if told.mean is None else told.mean * 100,
        marked=frozenset(place for place, point in enumerate(points) if point.alarm),
    )
    dates = [point.date for point in points]
    return lines(f"Firing rate of {_name(rule)}", text, dates, curve, "% of evaluations")


def _name(rule: OfRule) -> str:
    return f"{rule.rule} {rule.version}"


def _count(count: int | None) -> str:
    return HIDDEN if count is None else f"{count:,}"


def _rate(rate: float | None) -> str:
    return HIDDEN if rate is None else f"{rate:.3g}" if rate < 100 else f"{rate:.0f}"


def _percent(share: float | None) -> str:
    return HIDDEN if share is None else f"{share * 100:.3g} %"


def _moment(stamp: str) -> str:
    """A moment without its offset, for people to read."""
    return stamp[:16].replace("T", " ")
