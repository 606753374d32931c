"""The sums that DuckDB makes of what a backtest wrote; their answers are bounded, however many patients there are.

Each also counts patients, because their number decides what is small.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from cards.record.words import printable
from service.backtest.report.quiet import Seen
from service.backtest.report.report import DIMENSIONS
from service.backtest.report.results import Results
from service.memory.own_words import in_own_words

MOST_SITES = 30  # the others are counted together
MOST_MONTHS = 36  # older ones are counted together
MOST_CAUSES = 20  # of a rule
OTHERS = "all others"
EARLIER = "earlier"
NOT_RECORDED = "not recorded"
AGES = ((18, "under 18"), (40, "18 to 39"), (65, "40 to 64"), (80, "65 to 79"), (1000, "80 and over"))
SEXES = ("female", "male", "other", "unknown")
_ROWS = 10_000  # read at once
_SITE = "left(coalesce(site, ''), 80)"

Sum = tuple[int, int]
"""How many, and for how many patients."""


class Queries:
    """Queries one result. The tables that it makes are named after `name`, so that two results fit side by side."""

    def __init__(self, base: Any, results: Results, name: str = "now") -> None:
        self._base = base
        self._results = results
        self._name = name
        self.folded: dict[str, int] = {}
        self._prepare()

    def _prepare(self) -> None:
        """Make the tables: the answered moments with their dimensions, and the cards with those of their moments."""
        own, moments = self._name, self._results.table("moments")
        answered = f"FROM {moments} WHERE coalesce(refused, '') = ''"
        self._top("site", _SITE, answered, "count(*) DESC, 1", MOST_SITES)
        self._top("month", "month", answered, "1 DESC", MOST_MONTHS)
        self._base.execute(
            f"CREATE OR REPLACE VIEW {own}_moments AS SELECT patient, moment, encounter, {_AGE} AS age, {_SEX} AS sex, "
            f"{self._kept('month', 'month', EARLIER)} AS month, "
            f"{self._kept('site', _SITE, OTHERS)} AS site {answered}"
        )
        self._base.execute(
            f"CREATE OR REPLACE TEMP TABLE {own}_cards AS "
            f"WITH cards AS (SELECT * FROM {self._results.table('cards')}), held AS ("
            f"SELECT patient, moment, encounter, {', '.join(f'any_value({one}) AS {one}' for one in DIMENSIONS)} "
            f"FROM {own}_moments WHERE patient IN (SELECT patient FROM cards) GROUP BY ALL) "
            "SELECT patient, moment, encounter, rule, version, indicator, contains(suggests, 'order.') AS orders, "
            f"first_order, fingerprint, unseen, {', '.join(map(_told, DIMENSIONS))}, "
            f"(moment AT TIME ZONE {_quoted(self._results.run.zone)})::DATE AS day "
            "FROM cards LEFT JOIN held USING (patient, moment, encounter)"
        )

    def _top(self, name: str, of: str, answered: str, order: str, most: int) -> None:
        """Keep the values of a dimension that are shown one by one, and note how many others there are."""
        place = f"{self._name}_{name}s"
        values = f"SELECT {of} AS value {answered} GROUP BY 1"
        self._base.execute(f"CREATE OR REPLACE TEMP TABLE {place} AS {values} ORDER BY {order} LIMIT {most}")
        self.folded[name] = max(self._one(f"SELECT count(*) FROM ({values})") - most, 0)

    def _kept(self, name: str, of: str, others: str) -> str:
        return f"CASE WHEN {of} IN (SELECT value FROM {self._name}_{name}s) THEN {of} ELSE '{others}' END"

    def _one(self, query: str) -> int:
        return int(self._base.execute(query).fetchall()[0][0])

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self._base.execute(query).fetchall()
        return rows

    def totals(self) -> tuple[int, int, int, str, str]:
        """Moments, their patients, moments that the service would have refused, the first and the last month."""
        moments, patients = self._rows(_by_patient(f"{self._name}_moments"))[0]
        every = self._one(f"SELECT count(*) FROM {self._results.table('moments')}")
        first, last = self._rows(f"SELECT min(month), max(month) FROM {self._results.table('moments')}")[0]
        return int(moments or 0), int(patients), every - int(moments or 0), first or "", last or ""

    def moments_by(self, dimension: str) -> dict[str, Sum]:
        """The moments in each value of a dimension."""
        rows = self._rows(_by_patient(f"{self._name}_moments", dimension))
        return {str(value): (int(number), int(patients)) for value, number, patients in rows}

    def cards(self) -> dict[tuple[str, str, str], Sum]:
        """The cards by rule, version and indicator."""
        return {
            row[:3]: row[3:] for row in self._rows(_by_patient(f"{self._name}_cards", "rule", "version", "indicator"))
        }

    def cards_by(self, dimension: str) -> dict[tuple[str, str], dict[str, Sum]]:
        """The cards of each rule and indicator in each value of a dimension."""
        by_rule: dict[tuple[str, str], dict[str, Sum]] = {}
        for rule, indicator, value, *counts in self._rows(
            _by_patient(f"{self._name}_cards", "rule", "indicator", dimension)
        ):
            by_rule.setdefault((rule, indicator), {})[value] = (int(counts[0]), int(counts[1]))
        return by_rule

    def tiers(self) -> dict[str, tuple[int, int, int]]:
        """Cards, patients and moments with a card, by indicator; `any` counts all of them."""
        told = {}
        for name, where in (("any", "true"), *((name, f"indicator = '{name}'") for name in TIERS)):
            of_patient = (
                f"SELECT patient, count(*) AS cards, count(DISTINCT (moment, encounter)) AS moments "
                f"FROM {self._name}_cards WHERE {where} GROUP BY 1"
            )
            row = self._rows(f"SELECT coalesce(sum(cards), 0), count(*), coalesce(sum(moments), 0) FROM ({of_patient})")
            told[name] = (int(row[0][0]), int(row[0][1]), int(row[0][2]))
        return told

    def outcomes(self) -> dict[tuple[str, str], dict[str, Sum]]:
        """What each rule and version said."""
        by_rule: dict[tuple[str, str], dict[str, Sum]] = {}
        for rule, version, outcome, *counts in self._rows(
            _by_patient(self._results.table("verdicts"), "rule", "version", "outcome")
        ):
            by_rule.setdefault((rule, version), {})[outcome] = (int(counts[0]), int(counts[1]))
        return by_rule

    def causes(self) -> dict[tuple[str, str], list[tuple[str, int, int]]]:
        """Why each rule and version could not be evaluated, in our own words; rare causes are counted together."""
        unable = f"FROM {self._results.table('verdicts')} WHERE outcome = 'could-not-evaluate'"
        self._base.create_function("own_words", in_own_words, ["VARCHAR"], "VARCHAR")
        self._base.execute(
            f"CREATE OR REPLACE TEMP TABLE causes AS SELECT reason, own_words(reason) AS cause "
            f"FROM (SELECT DISTINCT reason {unable})"
        )
        self._base.remove_function("own_words")
        self._base.execute(
            "CREATE OR REPLACE TEMP VIEW unable AS SELECT rule, version, cause, patient "
            f"FROM (SELECT * {unable}) JOIN causes USING (reason)"
        )
        counted = _by_patient("unable", "rule", "version", "cause")
        self._base.execute(
            f"CREATE OR REPLACE TEMP TABLE common AS SELECT rule, version, cause FROM ({counted}) "
            f"QUALIFY row_number() OVER (PARTITION BY rule, version ORDER BY number DESC, cause) <= {MOST_CAUSES}"
        )
        folded = (
            f"(SELECT unable.rule, unable.version, coalesce(common.cause, '{OTHERS}') AS cause, patient "
            "FROM unable LEFT JOIN common USING (rule, version, cause))"
        )
        by_rule: dict[tuple[str, str], list[tuple[str, int, int]]] = {}
        for rule, version, cause, number, patients in self._rows(_by_patient(folded, "rule", "version", "cause")):
            by_rule.setdefault((rule, version), []).append((cause, int(number), int(patients)))
        return {of: sorted(causes, key=lambda one: (-one[1], one[0])) for of, causes in by_rule.items()}

    def first_orders(self) -> dict[tuple[str, str], dict[str, Any]]:
        """How the days of a patient's first card from a rule and of the first order compare, by rule and indicator."""
        first = (
            "SELECT rule, patient, arg_min(indicator, moment) AS indicator, arg_min(orders, moment) AS orders, "
            "min(day) AS day, try_cast(nullif(arg_min(first_order, moment), '') AS DATE) AS ordered "
            f"FROM {self._name}_cards GROUP BY ALL"
        )
        days = f"SELECT *, date_diff('day', day, ordered) AS days FROM ({first})"
        counted = (
            "SELECT rule, indicator, count(*) FILTER (orders AND days > 0), count(*) FILTER (orders AND days = 0), "
            "count(*) FILTER (orders AND days < 0), count(*) FILTER (orders AND days IS NULL), "
            "count(*) FILTER (NOT orders), quantile_disc(days, [0.25, 0.5, 0.75]) FILTER (orders AND days IS NOT NULL) "
            f"FROM ({days}) GROUP BY 1, 2"
        )
        names = ("before", "same_day", "after", "never", "no_order", "quartiles")
        return {row[:2]: dict(zip(names, row[2:], strict=True)) for row in self._rows(counted)}

    def repeated(self) -> Iterator[Seen]:
        """The cards of patients who had several from one rule, by patient, the oldest first."""
        reader = self._base.execute(
            "SELECT patient, epoch_ms(moment), rule, indicator, fingerprint, unseen "
            f"FROM {self._name}_cards QUALIFY count(*) OVER (PARTITION BY patient, rule) > 1 ORDER BY patient, moment"
        )
        while rows := reader.fetchmany(_ROWS):
            for patient, at, *others in rows:
                yield (patient, datetime.fromtimestamp(at / 1000, UTC), *others)


TIERS = ("critical", "warning", "info")
_AGE = (
    f"CASE WHEN age IS NULL THEN '{NOT_RECORDED}' "
    + " ".join(f"WHEN age < {below} THEN '{name}'" for below, name in AGES)
    + " END"
)
_SEX = f"CASE WHEN sex IN {SEXES} THEN sex ELSE '{NOT_RECORDED}' END"


def _by_patient(source: str, *names: str) -> str:
    """How many rows, and how many patients, by some columns; in two steps, the first of which may go to disk."""
    by = "".join(f"{name}, " for name in names)
    inner = f"SELECT {by}patient, count(*) AS rows FROM {source} GROUP BY ALL"
    grouped = f" GROUP BY {', '.join(names)}" if names else ""
    return f"SELECT {by}sum(rows)::BIGINT AS number, count(*) AS patients FROM ({inner}){grouped}"


def _told(dimension: str) -> str:
    return f"coalesce({dimension}, '{NOT_RECORDED}') AS {dimension}"


def site_name(site: str) -> str:
    """The name of a site as it is shown."""
    return printable(site) or NOT_RECORDED


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
