"""The report as a page: HTML without scripts that loads nothing from elsewhere, for the screen and for paper."""

from __future__ import annotations

from collections.abc import Sequence

from service.backtest.report.queries import TIERS
from service.backtest.report.report import OfRule, Report, Slice
from service.memory.quiet_time import LENGTHS
from service.rendering import templates
from service.reporting.page import HIDDEN
from service.reporting.plots import Lines, Values, bars, lines

_templates = templates("service.backtest.report", "service.reporting")
_FEWEST_MONTHS = 3  # fewer are not drawn
DIMENSIONS = {"age": "Age", "sex": "Sex", "site": "Site", "month": "Month"}


def page(report: Report, notice: str = "") -> str:
    """The page of a report, below a notice. Raises PlotsMissingError."""
    return _templates.get_template("backtest_report.html").render(
        report=report,
        notice=notice,
        unit=report.unit,
        rates=rates(report),
        in_time=in_time(report),
        months={rule.name: _by_month(rule, report.unit) for rule in report.rules},
        slices=_by_dimension,
        dimensions=DIMENSIONS,
        quiet=", ".join(f"{_length(hours)} for {indicator}" for indicator, hours in _lengths()),
        count=_count,
        rate=rate_words,
        days=days_words,
    )


def rates(report: Report) -> str:
    """The plot of how often each rule speaks."""
    names = list(dict.fromkeys(rule.rule for rule in report.rules if rule.tally.per_1000_moments is not None))
    if not names:
        return ""
    by_tier = {
        tier: {rule.rule: rule.tally.per_1000_moments for rule in report.rules if rule.indicator == tier}
        for tier in TIERS
    }
    series: dict[str, Values] = {tier: [of.get(name) for name in names] for tier, of in by_tier.items()}
    told = "; ".join(
        f"{name}: " + ", ".join(f"{rate_words(of[name])} {tier}" for tier, of in by_tier.items() if name in of)
        for name in names
    )
    return bars(f"Cards per 1,000 {report.unit}", told, names, series, f"cards per 1,000 {report.unit}")


def in_time(report: Report) -> str:
    """The plot of whether cards came before the order, for the rules of which all numbers may be shown."""
    shares: dict[str, tuple[float, float, float]] = {}
    for rule in report.rules:
        one = rule.orders
        if one.before is None or one.same_day is None or one.after is None or one.never is None:
            continue
        if every := one.before + one.same_day + one.after + one.never:
            parts = (one.before, one.same_day + one.after, one.never)
            low, middle, high = (part / every * 100 for part in parts)
            shares[rule.name] = low, middle, high
    if not shares:
        return ""
    names = ("before the order", "on its day or after", "never ordered")
    series = {name: [of[place] for of in shares.values()] for place, name in enumerate(names)}
    told = "; ".join(
        f"{rule}: " + ", ".join(f"{share:.0f} % {name}" for share, name in zip(of, names, strict=True))
        for rule, of in shares.items()
    )
    return bars("Whether the first card came before the first order", told, list(shares), series, "% of patients")


def _by_month(rule: OfRule, unit: str) -> str:
    """The plot of a rule over the months, if half of them and half of its cards may be shown."""
    months = [one for one in rule.slices if one.dimension == "month"]
    values = [one.tally.per_1000_moments for one in months]
    visible = [value for value in values if value is not None]
    drawn = sum(one.tally.cards or 0 for one in months)
    if len(visible) < _FEWEST_MONTHS or len(visible) * 2 < len(months) or drawn * 2 < (rule.tally.cards or 1):
        return ""
    title = f"{rule.name} by month, cards per 1,000 {unit}"
    text = (
        f"From {months[0].name} to {months[-1].name}: between {rate_words(min(visible))} and {rate_words(max(visible))}"
    )
    return lines(title, text, [one.name for one in months], Lines(values=values), f"cards per 1,000 {unit}")


def _by_dimension(rule: OfRule, dimension: str) -> Sequence[Slice]:
    """The slices of a dimension that a table shows; sites and months without any card are left out."""
    is_long = dimension in ("site", "month")
    return [one for one in rule.slices if one.dimension == dimension and not (is_long and one.tally.cards == 0)]


def _lengths() -> list[tuple[str, int]]:
    return [(indicator.value, int(length.total_seconds() // 3600)) for indicator, length in LENGTHS.items()]


def _length(hours: int) -> str:
    return f"{hours} hours" if hours < 24 else f"{hours // 24} days"


def _count(count: int | None) -> str:
    return HIDDEN if count is None else f"{count:,}"


def rate_words(rate: float | None) -> str:
    return HIDDEN if rate is None else f"{rate:.3g}" if rate < 1000 else f"{rate:,.0f}"


def days_words(days: int) -> str:
    """In words, how many days before or after the order."""
    if days == 0:
        return "the same day"
    return f"{abs(days):,} {'day' if abs(days) == 1 else 'days'} {'before' if days > 0 else 'after'}"
