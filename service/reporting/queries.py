"""The queries for a report: the database computes every sum, so that little data leaves it.

The statements run on SQLite and PostgreSQL alike; the parts that differ are in `_Words`. All queries of one report
see the same state of the store.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from service.reporting.asking import Asked

_SHOWN = "cards.shown"  # if not, its rule runs in shadow
_TO_PILOTS = f"{_SHOWN} AND cards.mode = 'pilot'"
_MOST_LINEUPS = 60  # bits in an integer
_MOST_CODES = 100  # listed
_DAY_MS = 86_400_000
_USERS = 5  # who were shown a rule's card about one patient within a day, none of whom answered

Row = Sequence[Any]


def _short(who: str) -> str:
    """The first 64 bits of a hash: two are hardly ever the same, and they sort faster than the whole hash."""
    return f"substr({who}, 1, 16)"


class _Words:
    """The SQL that differs between the databases."""

    def __init__(self, connection: Connection) -> None:
        is_sqlite = connection.dialect.name == "sqlite"
        self.whole = "CAST({} AS INTEGER)" if is_sqlite else "CAST(floor({}) AS BIGINT)"
        """Rounds a positive number down to an integer."""
        joined = (
            "group_concat(rule || ' ' || version, ',')"
            if is_sqlite
            else ("string_agg(rule || ' ' || version, ',' ORDER BY rule)")
        )
        ordered = "SELECT * FROM verdicts ORDER BY verdict_set, rule" if is_sqlite else "SELECT * FROM verdicts"
        self.lineups = f"SELECT verdict_set, {joined} AS lineup FROM ({ordered}) AS ordered GROUP BY verdict_set"
        """The rules in each set of verdicts, with their versions."""


class Queries:
    """The sums of a period, over a connection that sees one state of the store."""

    def __init__(self, connection: Connection, asked: Asked) -> None:
        self._connection = connection
        self._words = _Words(connection)
        self._values: dict[str, Any] = {"start": asked.start, "end": asked.end, "width": asked.width}
        self._of_rule = self._client = ""
        if asked.client:
            self._client = "AND {table}.client = :client"
            self._values["client"] = asked.client
        if asked.rule:
            self._of_rule = "AND {table}.rule = :rule"
            self._values["rule"] = asked.rule

    def totals(self) -> Row:
        """The number of evaluations, and the moments of the first and last."""
        return self._rows(f"SELECT count(*), min(at), max(at) FROM evaluations WHERE {self._within('evaluations')}")[0]

    def people(self) -> int:
        """The number of patients in the evaluations."""
        return int(
            self._rows(
                f"""SELECT count(*) FROM (
                      SELECT {_short("patient")} FROM evaluations
                      WHERE {self._within("evaluations")} AND patient <> '' GROUP BY 1) AS every"""
            )[0][0]
        )

    def outcomes(self) -> list[Row]:
        """The number of verdicts by rule, version, piece of the period and outcome."""
        return self._rows(
            f"""WITH grouped AS (
                  SELECT verdict_set, (at - :start) / :width AS piece, count(*) AS times
                  FROM evaluations WHERE {self._within("evaluations")} GROUP BY 1, 2)
                SELECT rule, version, piece, outcome, sum(times) FROM grouped JOIN verdicts USING (verdict_set)
                WHERE 1 = 1 {self._rule("verdicts")} GROUP BY 1, 2, 3, 4"""
        )

    def causes(self) -> list[Row]:
        """How often a rule could not be evaluated, by rule, version and reason."""
        return self._rows(
            f"""WITH grouped AS (
                  SELECT verdict_set, count(*) AS times
                  FROM evaluations WHERE {self._within("evaluations")} GROUP BY 1)
                SELECT rule, version, reason, sum(times) FROM grouped JOIN verdicts USING (verdict_set)
                WHERE outcome = 'could-not-evaluate' {self._rule("verdicts")} GROUP BY 1, 2, 3"""
        )

    def cards(self) -> list[Row]:
        """The number of cards, of those shown and of those shown in pilot, by rule, version and piece of the period."""
        return self._rows(
            f"""SELECT rule, version, (at - :start) / :width AS piece, count(*),
                       sum(CASE WHEN {_SHOWN} THEN 1 ELSE 0 END), sum(CASE WHEN {_TO_PILOTS} THEN 1 ELSE 0 END)
                FROM cards WHERE {self._within("cards")} {self._rule("cards")} GROUP BY 1, 2, 3"""
        )

    def patients(self) -> list[Row]:
        """The number of patients with a card, by rule and version."""
        return self._rows(
            f"""SELECT rule, version, count(DISTINCT {_short("patient")})
                FROM cards JOIN evaluations ON evaluations.id = cards.evaluation
                WHERE {self._within("cards")} {self._rule("cards")} AND patient <> '' GROUP BY 1, 2"""
        )

    def pilots(self) -> list[Row]:
        """The number of users who were shown a card while the rule was in pilot, by rule and version."""
        return self._rows(
            f"""SELECT rule, version, count(DISTINCT {_short("asker")})
                FROM cards JOIN evaluations ON evaluations.id = cards.evaluation
                WHERE {self._within("cards")} {self._rule("cards")} AND {_TO_PILOTS} AND asker <> '' GROUP BY 1, 2"""
        )

    def answers(self) -> list[Row]:
        """The number of cards shown and answered, each counted once, by rule, version, outcome and reason.

        A card that was answered several times counts as accepted if it ever was, else by the last reason.
        """
        return self._rows(
            f"""WITH ranked AS (
                  SELECT cards.rule, cards.version, feedback.outcome, feedback.reason, feedback.display,
                         row_number() OVER (
                           PARTITION BY cards.uuid
                           ORDER BY CASE feedback.outcome WHEN 'accepted' THEN 0 ELSE 1 END, feedback.at DESC,
                                    feedback.id) AS place
                  FROM cards JOIN feedback ON feedback.card = cards.uuid AND feedback.client = cards.client
                  AND (feedback.tenant = cards.tenant OR feedback.tenant = '' OR cards.tenant = '')
                  WHERE {self._within("cards")} {self._rule("cards")} AND {_SHOWN})
                SELECT rule, version, outcome, reason, max(display), count(*) FROM ranked WHERE place = 1
                GROUP BY 1, 2, 3, 4"""
        )

    def unheeded(self) -> list[Row]:
        """The number of patients for whom five users saw a card in 24 hours and none answered, by rule and version."""
        return self._rows(
            f"""WITH shown AS (
                  SELECT cards.uuid, cards.client, cards.rule, cards.version, cards.at, patient, asker
                  FROM cards JOIN evaluations ON evaluations.id = cards.evaluation
                  WHERE {self._within("cards")} {self._rule("cards")} AND {_SHOWN} AND patient <> '' AND asker <> ''),
                often AS (
                  SELECT rule, patient FROM shown GROUP BY 1, 2 HAVING count(DISTINCT asker) >= {_USERS}),
                told AS (
                  SELECT shown.*, EXISTS (
                    SELECT 1 FROM feedback WHERE feedback.card = shown.uuid AND feedback.client = shown.client
                  ) AS is_answered
                  FROM shown JOIN often ON often.rule = shown.rule AND often.patient = shown.patient),
                days AS (
                  SELECT last.uuid, last.rule, last.version, last.patient
                  FROM told AS last JOIN told AS before ON before.rule = last.rule AND before.patient = last.patient
                  AND before.at > last.at - {_DAY_MS} AND before.at <= last.at
                  GROUP BY 1, 2, 3, 4
                  HAVING count(DISTINCT before.asker) >= {_USERS}
                  AND sum(CASE WHEN before.is_answered THEN 1 ELSE 0 END) = 0)
                SELECT rule, version, count(DISTINCT patient) FROM days GROUP BY 1, 2"""
        )

    def seconds(self) -> list[Row]:
        """The number of evaluations by service and duration, in steps of 0.1 ms (1 % for longer durations)."""
        step = "CASE WHEN milliseconds < 100 THEN 0.1 WHEN milliseconds < 1000 THEN 1.0 ELSE 10.0 END"
        return self._rows(
            f"""SELECT service, {step} AS step, {self._words.whole.format(f"milliseconds / ({step})")} AS steps,
                       count(*), max(milliseconds)
                FROM evaluations WHERE {self._within("evaluations")} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"""
        )

    def missing(self) -> list[Row]:
        """The number of evaluations by the prefetch keys that could not be obtained, separated by spaces."""
        return self._rows(
            f"""SELECT missing, count(*) FROM evaluations
                WHERE {self._within("evaluations")} AND missing <> '' GROUP BY 1"""
        )

    def unknown_codes(self) -> list[Row]:
        """The number of answers examined in which a code was, by prefetch key, system and code; without a code: all."""
        client = self._client.format(table="unknown_codes")
        return self._rows(
            f"""SELECT place, system, code, max(looks_like), count(*) FROM unknown_codes
                WHERE day > :start - {_DAY_MS} AND day < :end {client}
                GROUP BY 1, 2, 3 ORDER BY 5 DESC, 1, 2, 3 LIMIT {_MOST_CODES + 1}"""
        )

    def asked_of(self, who: str) -> tuple[int, dict[tuple[str, str], int] | None]:
        """How many encounters or users there are, and in or for how many each rule and version was evaluated.

        `who` is their column. Evaluations have only a few different combinations of rules. These are collected as the
        bits of an integer for each encounter or user, and equal integers are counted together. The counts by rule are
        None if there are too many combinations.
        """
        lineups = [row[0] for row in self._rows(f"SELECT lineup FROM ({self._lineups()}) AS every GROUP BY 1")]
        few = lineups[:_MOST_LINEUPS] or [""]
        values = {f"lineup{number}": lineup for number, lineup in enumerate(few)}
        bits = ", ".join(f"(CAST(:{name} AS TEXT), CAST({1 << bit} AS BIGINT))" for bit, name in enumerate(values))
        masks = self._rows(
            f"""WITH bits (lineup, bit) AS (VALUES {bits}),
                sets AS (SELECT verdict_set, coalesce(bit, 0) AS bit
                         FROM ({self._lineups()}) AS every LEFT JOIN bits ON bits.lineup = every.lineup),
                seen AS (SELECT {_short(who)} AS who, bit FROM evaluations JOIN sets USING (verdict_set)
                         WHERE {self._within("evaluations")} AND {who} <> '' GROUP BY 1, 2),
                masks AS (SELECT who, sum(bit) AS mask FROM seen GROUP BY who)
                SELECT mask, count(*) FROM masks GROUP BY 1""",
            values,
        )
        counts = {int(mask): int(count) for mask, count in masks}
        return sum(counts.values()), None if len(lineups) > _MOST_LINEUPS else _by_rule(lineups, counts)

    def _lineups(self) -> str:
        """A query for the rules in each set of verdicts of the period."""
        own = f"evaluations.verdict_set = lineups.verdict_set AND {self._within('evaluations')}"
        return f"SELECT * FROM ({self._words.lineups}) AS lineups WHERE EXISTS (SELECT 1 FROM evaluations WHERE {own})"

    def _within(self, table: str) -> str:
        return f"{table}.at >= :start AND {table}.at < :end {self._client.format(table=table)}"

    def _rule(self, table: str) -> str:
        return self._of_rule.format(table=table)

    def _rows(self, sql: str, more: Mapping[str, Any] | None = None) -> list[Row]:
        values = {**self._values, **(more or {})}
        return [
            tuple(row)
            for row in self._connection.execute(text(sql), {n: v for n, v in values.items() if f":{n}" in sql})
        ]


def _by_rule(lineups: Sequence[str], masks: Mapping[int, int]) -> dict[tuple[str, str], int]:
    rules: dict[tuple[str, str], int] = {}
    for bit, lineup in enumerate(lineups):
        for rule, version in _rules(lineup):
            rules[rule, version] = rules.get((rule, version), 0) | 1 << bit
    return {rule: sum(count for mask, count in masks.items() if mask & its) for rule, its in rules.items()}


def _rules(lineup: str) -> Iterator[tuple[str, str]]:
    for one in lineup.split(","):
        rule, _, version = one.partition(" ")
        yield rule, version
